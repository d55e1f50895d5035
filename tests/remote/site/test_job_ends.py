"""Jobs that are ended: by their time limit, a cancel, or the death of what started them. Nothing outlives them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.site_fixture import Site, alive
from tests.waiting import HANGS_AFTER, until

HANG = "sleep 3600 & echo $! >{0}.new; mv {0}.new {0}; wait; sleep 3600\n"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def leftovers(directory: Path) -> list[str]:
    """Temporary files in a directory of outputs."""
    return [path.name for path in directory.rglob(".*")]


@pytest.mark.parametrize("stubborn", [False, True])
def test_a_hanging_job_is_stopped_at_its_time_limit_with_all_it_started(site: Site, stubborn: bool) -> None:
    site.add_raw(7, 3)
    (site.kit / "site.conf").write_text("FIT_TIME_LIMIT=2\n")
    hung = site.fakes / "pid"
    site.fake("EventEditor", ("trap '' TERM\n" if stubborn else "") + "echo 3 events so far\n" + HANG.format(hung))
    reply = site.run("fit", 7, 3)
    last = "3 events so far"
    assert (reply["rc"], reply["code"], reply["parameters"]) == (124, "failed.time", {"limit": 2, "last": last})
    assert reply["cause"].endswith("stopped at its time limit of 2 s; the log ends with: 3 events so far")
    until(lambda: not alive(int(hung.read_text())))
    assert list(site.node_local.iterdir()) == []
    assert leftovers(site.top) == []


@pytest.mark.parametrize("stubborn", [False, True])
def test_a_cancelled_job_ends_with_all_it_started(site: Site, stubborn: bool) -> None:
    site.add_raw(7, 3)
    hung = site.fakes / "pid"
    site.fake("EventEditor", ("trap '' TERM\n" if stubborn else "") + HANG.format(hung))
    job = site.start("fit", 7, 3)
    until(hung.exists)
    site.marker(7).mkdir(parents=True)
    said, _ = job.communicate(timeout=HANGS_AFTER)
    reply = json.loads(said)
    cause = "cancelled"
    assert reply.pop("peak") > 0
    assert {"cpu", "scratch", "seconds"} >= reply.keys() - {"segment", "node", "rc", "code", "cause"}
    assert (reply["segment"], reply["rc"], reply["code"], reply["cause"]) == (3, 143, "failed.cancelled", cause)
    assert site.report(7, "fit-03.json")["cause"] == reply["cause"]
    assert not alive(int(hung.read_text()))
    assert list(site.node_local.iterdir()) == []
    assert leftovers(site.top) == []
    assert [path.name for path in site.marker(7).iterdir()] == ["fit-03"]


@pytest.mark.parametrize("stage", ["fit", "convert", "analyze"])
def test_a_job_that_is_cancelled_before_it_starts_does_nothing(site: Site, stage: str) -> None:
    site.add_raw(7, 3)
    site.marker(7).mkdir(parents=True)
    reply = site.run(stage, 7, [3] if stage == "analyze" else 3)
    assert reply["rc"] == 143
    assert reply["cause"].endswith("cancelled before it was started")
    name = "analyze" if stage == "analyze" else f"{stage}-03"
    assert [path.name for path in site.marker(7).iterdir()] == [name]
    assert not (site.top / "logs" / "run7" / f"{name}.log").exists()


def test_another_attempt_of_the_run_is_not_cancelled(site: Site) -> None:
    site.add_raw(7, 3)
    site.marker(7).with_name("frib-7-2-ffff").mkdir(parents=True)
    assert site.run("fit", 7, 3)["rc"] == 0


def test_a_job_of_an_attempt_without_a_marker_runs(site: Site) -> None:
    """Its flow run was started before there were markers, and the kit is newer."""
    site.add_raw(7, 3)
    assert site.run("fit", 7, 3, without="marker")["rc"] == 0


@pytest.mark.parametrize("stubborn", [False, True])
def test_nothing_outlives_a_killed_job(site: Site, stubborn: bool) -> None:
    site.add_raw(7, 3)
    hung = site.fakes / "pid"
    site.fake("EventEditor", ("trap '' TERM\n" if stubborn else "") + HANG.format(hung))
    job = site.start("fit", 7, 3)
    until(hung.exists)
    job.kill()
    job.communicate()
    until(lambda: not alive(int(hung.read_text())))
    until(lambda: list(site.node_local.iterdir()) == [])


def test_nothing_outlives_a_killed_worker(site: Site) -> None:
    """The worker's whole process group is killed; job.py is in one of its own and tidies up."""
    site.add_raw(7, 3)
    hung = site.fakes / "pid"
    site.fake("EventEditor", HANG.format(hung))
    request = json.dumps(site.request("fit", 7, 3))
    script = "import subprocess, sys; subprocess.run([sys.executable, *sys.argv[2:]], input=sys.argv[1].encode())"
    worker = subprocess.Popen(
        [sys.executable, "-c", script, request, str(site.kit / "job.py"), "fit"],
        env=site.environment,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
    )
    until(hung.exists)
    os.killpg(worker.pid, signal.SIGKILL)
    worker.wait()
    until(lambda: not alive(int(hung.read_text())))
    until(lambda: list(site.node_local.iterdir()) == [])
