"""A full disk, on which FRIB's EventEditor neither ends nor heeds SIGTERM: the job ends, and says which disk it is."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.site_fixture import TOOLS, Site, alive
from tests.waiting import HANGS_AFTER, until

# A program that does not end by SIGTERM, with a child in a process group of its own, as mpirun gives its ranks.
HANGS = """
trap '' TERM
echo $$ >>{pids}
set -m
bash -c 'trap "" TERM; echo $$ >>{pids}; while :; do sleep 1; done' &
while :; do sleep 1; done
"""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture
def small_disk(site: Site, tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MB. Who may not mount one has a kit that takes this directory for a full one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", disk], capture_output=True)
    if mounted.returncode != 0:
        with (site.kit / "watch.py").open("a") as watch:
            watch.write(f"\n\ndef is_full(directory):\n    return str(directory.resolve()).startswith({str(disk)!r})\n")
    yield disk
    if mounted.returncode == 0:
        subprocess.run(["umount", "--lazy", disk], check=True)


def all_ended(pids: Path) -> bool:
    return not any(alive(int(pid)) for pid in pids.read_text().split())


def test_a_full_output_disk_ends_a_job_that_would_hang_on_it(site: Site, small_disk: Path) -> None:
    site.add_raw(7, 3)
    (site.top / "fitted").symlink_to(small_disk)
    output, pids = site.top / "fitted" / "run7", site.fakes / "pids"
    site.fake(
        "EventEditor", f"mkdir '{small_disk}/run7'; head -c 3M /dev/zero >'{small_disk}/x'{HANGS}".format(pids=pids)
    )
    reply = site.run("fit", 7, 3)
    assert (reply["rc"], reply["code"], reply["parameters"]) == (
        1,
        "failed.space",
        {"directory": site.printable(output)[-80:]},
    )
    assert reply["cause"].startswith("no space left for the output in /")
    assert site.report(7, "fit-03.json")["cause"].endswith(f"for the output in {site.printable(output)}")
    assert len(pids.read_text().split()) == 2
    assert all_ended(pids)
    assert list(site.node_local.iterdir()) == []


def test_a_full_scratch_ends_a_job_that_would_hang_on_it(site: Site, small_disk: Path) -> None:
    site.add_raw(7, 3)
    site.environment["TMPDIR"] = str(small_disk)
    pids = site.fakes / "pids"
    site.fake("EventEditor", 'head -c 3M /dev/zero >"${4#file://}"' + HANGS.format(pids=pids))
    reply = site.run("fit", 7, 3)
    assert (reply["code"], reply["parameters"]) == ("failed.space", {"directory": str(small_disk)[-80:]})
    assert "no space left for the temporary files in" in reply["cause"]
    assert all_ended(pids)
    assert list(small_disk.iterdir()) == []


def test_a_quota_that_only_the_log_tells_of_ends_a_job_that_would_hang(site: Site) -> None:
    site.add_raw(7, 3)
    pids = site.fakes / "pids"
    site.fake("EventEditor", "head -c 9 /dev/zero >/dev/full; echo more; " + HANGS.format(pids=pids))
    reply = site.run("fit", 7, 3)
    assert (reply["rc"], reply["code"]) == (1, "failed.space")
    assert "No space left on device" in reply["cause"]
    assert all_ended(pids)


def test_a_disk_that_was_full_is_told_though_the_program_ended_with_0(site: Site) -> None:
    site.add_raw(7, 3)
    assert site.run("fit", 7, 3)["rc"] == 0
    site.fake("eeconverter", 'head -c 900 /dev/zero >"$4"; cat /dev/zero >/dev/full; exit 0\n')
    reply = site.run("convert", 7, 3)
    assert (reply["rc"], reply["code"]) == (1, "failed.space")
    assert "return code 0, but" in reply["cause"]
    assert "No space left on device" in reply["cause"]


def test_a_copy_that_found_no_room_is_named_and_not_its_return_code(site: Site) -> None:
    site.add_raw(7, 3)
    site.fake("cp", 'command -p cp -- "$2" /dev/full\n')
    reply = site.run("fit", 7, 3)
    assert (reply["code"], reply["parameters"]) == ("failed.space", {"rc": 1})
    assert reply["cause"].endswith("return code 1: cp: error writing '/dev/full': No space left on device")


def test_a_job_whose_logs_are_on_the_full_disk_still_says_so(site: Site, small_disk: Path) -> None:
    site.add_raw(7, 3)
    for name in ("fitted", "logs"):
        (small_disk / name).mkdir()
        (site.top / name).symlink_to(small_disk / name)
    site.fake(
        "EventEditor", f"head -c 3M /dev/zero >'{small_disk}/x' 2>/dev/null" + HANGS.format(pids=site.fakes / "pids")
    )
    assert site.run("fit", 7, 3)["code"] == "failed.space"
    assert all_ended(site.fakes / "pids")


def test_room_on_the_disks_is_no_reason_to_end_a_job(site: Site) -> None:
    site.add_raw(7, 3)
    wait = f"until [[ -e {site.fakes}/go ]]; do sleep 0.1; done\n"
    site.fake("EventEditor", wait + f'exec {TOOLS}/EventEditor "$@"\n')
    job = site.start("fit", 7, 3)
    progress = site.top / "logs" / "run7" / "fit-03.progress.json"
    until(progress.exists)  # it has been looked at
    (site.fakes / "go").touch()
    said, _ = job.communicate(timeout=HANGS_AFTER)
    assert json.loads(said)["rc"] == 0


def test_a_full_disk_is_named_though_the_job_ended_before_anybody_looked(site: Site, small_disk: Path) -> None:
    job = site.kit / "job.py"
    job.write_text(job.read_text().replace("next_look = 0.0", 'next_look = float("inf")'))
    site.add_raw(7, 3)
    (site.top / "fitted").symlink_to(small_disk)
    with (small_disk / "others").open("wb") as others, contextlib.suppress(OSError):
        others.write(bytes(1 << 22))
    site.fake("EventEditor", 'head -c 3M /dev/zero >"${4#file://}"; cp "${4#file://}" /dev/full\n')
    reply = site.run("fit", 7, 3)
    output = site.top / "fitted" / "run7"
    assert (reply["rc"], reply["code"]) == (1, "failed.space")
    assert reply["parameters"] == {"directory": site.printable(output)[-80:]}
