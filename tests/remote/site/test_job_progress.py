"""The progress file beside the log, while a job runs: how much it has written, what it used, since when it stalls."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.site_fixture import Site
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
