"""The progress file beside the log, while a job runs: how much it has written, what it used, since when it stalls."""

from __future__ import annotations

import importlib
import json
import os
import re
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from tests.site_fixture import KIT, Site
from tests.waiting import HANGS_AFTER, until


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Its jobs look more often than a real one's."""
    site = Site(tmp_path)
    watch, job = site.kit / "watch.py", site.kit / "job.py"
    text = re.sub(r"(?m)^PROGRESS_SECONDS = 5.0", "PROGRESS_SECONDS = 0.1", watch.read_text())
    watch.write_text(re.sub(r"(?m)^STALL_SECONDS = 30.0", "STALL_SECONDS = 0.5", text))
    job.write_text(re.sub(r"(?m)^LOOK_SECONDS = 1.0", "LOOK_SECONDS = 0.1", job.read_text()))
    return site


@pytest.fixture
def kit_progress() -> ModuleType:
    """The kit's module, which imports its neighbours by their bare names."""
    sys.path.insert(0, str(KIT))
    try:
        return importlib.import_module("progress")
    finally:
        sys.path.remove(str(KIT))


def progress(site: Site) -> dict[str, Any]:
    path = site.top / "logs" / "run7" / "fit-03.progress.json"
    document: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return document


WAITS = "until [[ -e {go} ]]; do read -rt 0.2 <>{fifo} || true; done\n"  # without a process, and so without work


def start(site: Site, body: str) -> Path:
    site.add_raw(7, 3)
    go, fifo = site.fakes / "go", site.fakes / "fifo"
    site.fake("EventEditor", f"mkfifo {fifo}\n" + body.format(wait=WAITS.format(go=go, fifo=fifo)) + "exit 9\n")
    return go


def test_a_job_that_stands_still_says_since_when_and_one_that_gets_on_does_not(site: Site) -> None:
    write, more = (
        'echo working; head -c 4096 /dev/zero >"${{4#file://}}"\n',
        'echo more >>"${{4#file://}}"; sleep 600\n',
    )
    go = start(site, write + "{wait}" + more)
    job = site.start("fit", 7, 3)
    stalled = until(lambda: (found := progress(site)).get("stalled_since") and found)
    assert (stalled["schema"], stalled["bytes"], stalled["last"]) == (1, 4096, "working")
    assert stalled["cpu_seconds"] is not None
    assert stalled["started"] <= stalled["stalled_since"] < stalled["at"]
    go.touch()
    grown = until(lambda: (found := progress(site)).get("bytes", 0) > 4096 and found)
    assert grown["stalled_since"] is None or grown["stalled_since"] > stalled["stalled_since"]
    site.marker(7).mkdir(parents=True)
    job.communicate(timeout=HANGS_AFTER)
    assert sorted(path.name for path in (site.top / "logs" / "run7").iterdir()) == [
        "cancelled",
        "fit-03.json",
        "fit-03.log",
    ]


def test_a_program_that_works_without_output_does_not_stall(site: Site) -> None:
    go = start(site, "until [[ -e %s ]]; do :; done\n" % (site.fakes / "go"))
    job = site.start("fit", 7, 3)
    first = until(lambda: progress(site))
    later = until(lambda: (found := progress(site)).get("cpu_seconds", 0) > first["cpu_seconds"] + 0.7 and found)
    assert later["stalled_since"] is None
    go.touch()
    job.communicate(timeout=HANGS_AFTER)
    assert progress(site) == {}


# ---- how far it is


def marks(site: Site) -> list[str]:
    return [path.name for path in (site.top / "logs" / "run7").glob("fit-03.*-*")]


def test_a_job_tells_how_much_of_its_input_its_program_has_read_and_how_long_it_takes(site: Site) -> None:
    text = (site.kit / "progress.py").read_text()
    (site.kit / "progress.py").write_text(text.replace("LEAST_SECONDS = 10.0", "LEAST_SECONDS = 0.2"))
    read = 'exec 5<"${{2#file://}}"; head -c {count} <&5 >/dev/null\n'
    go = start(site, read.replace("{count}", "700") + "{wait}" + read.replace("{count}", "900") + "sleep 600\n")
    (site.top / "logs" / "run7").mkdir(parents=True)
    (site.top / "logs" / "run7" / "fit-03.working-99-1").touch()  # of a job that was killed
    job = site.start("fit", 7, 3)
    size = (site.top / "rawdata" / "run7" / "run-0007-03.evt").stat().st_size
    found = until(lambda: (found := progress(site)).get("left") is not None and found)
    assert (found["phase"], found["done"], found["of"]) == ("working", 700, size)
    assert 0 <= found["left"] < 3600
    percent = 100 * 700 // size
    until(lambda: len(marks(site)) == 1 and marks(site)[0].startswith(f"fit-03.working-{percent}-"))
    go.touch()
    until(lambda: any(mark.startswith(f"fit-03.working-{100 * 900 // size}-") for mark in marks(site)))
    site.marker(7).mkdir(parents=True)
    job.communicate(timeout=HANGS_AFTER)
    assert marks(site) == []


def test_a_program_that_reads_no_file_is_at_work_without_a_number(site: Site) -> None:
    start(site, "{wait}")
    job = site.start("fit", 7, 3)
    found = until(lambda: (found := progress(site)).get("phase") == "working" and found)
    assert (found["done"], found["left"]) == (None, None)
    until(lambda: (site.top / "logs" / "run7" / "fit-03.working").exists())
    site.marker(7).mkdir(parents=True)
    job.communicate(timeout=HANGS_AFTER)


def test_copying_and_moving_are_phases_of_their_own(kit_progress: ModuleType, tmp_path: Path) -> None:
    for folder in ("in", "out"):
        (tmp_path / folder).mkdir()
    assert kit_progress.how_far([70, 30], None, [], []) == ("copying", 0, 100)
    (tmp_path / "in" / "a").write_bytes(bytes(70))
    assert kit_progress.how_far([70, 30], tmp_path, [], []) == ("copying", 70, 100)
    (tmp_path / "in" / "b").write_bytes(bytes(30))
    (tmp_path / "out" / "c").write_bytes(bytes(50))
    with (tmp_path / "in" / "b").open("rb", buffering=0) as reading:
        reading.read(10)
        us = [SimpleNamespace(pid=os.getpid())]
        assert kit_progress.how_far([70, 30], tmp_path, [], us) == ("working", 80, 100)
    assert kit_progress.how_far([70, 30], tmp_path, [], us) == ("working", None, 100)
    (tmp_path / "arriving").write_bytes(bytes(20))
    far = kit_progress.how_far([70, 30], tmp_path, [tmp_path / "arriving"], us)
    assert (*far, far.percent) == ("delivering", 20, 50, 40)
