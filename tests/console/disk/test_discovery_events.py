"""Discovery in its thread, with real time and real events of the file system."""

from __future__ import annotations

import shutil
import threading
import time
from pathlib import Path

import pytest

from console.disk import discovery as discovery_module
from console.disk.discovery import Discovery
from console.ledger.filesystem import reports_events, type_of
from console.settings.model import Policy
from flowspec.readiness import Verdict
from tests.discovery_fixture import (  # noqa: F401  (fixtures)
    EVENTS,
    POLICY,
    SETTLE,
    STALLED,
    Clock,
    Heard,
    begin,
    clock,
    discovery,
    end,
    heard,
    item,
    opened,
    runs,
    settle,
    state_change,
    take_run,
)
from tests.waiting import HANGS_AFTER, until


class Running:
    """Discovery in its thread, as the driver has it."""

    def __init__(self, runs: Path, heard: Heard, policy: Policy) -> None:
        self._stop = threading.Event()
        self._heard = heard
        self.discovery = Discovery(runs, heard, policy)
        self._thread = threading.Thread(target=self.discovery.run, args=(self._stop,))

    def __enter__(self) -> Running:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(HANGS_AFTER)
        assert not self._thread.is_alive()

    def seconds_until(self, run: int, verdict: Verdict | None) -> float:
        began, heard = time.monotonic(), self._heard
        until(
            lambda: heard.verdicts.get(run, "unheard") == verdict,
            every=0.005,
            told=lambda: f"{heard.verdicts}, {heard.reasons}",
        )
        return time.monotonic() - began


QUICK = Policy(settle=0.2, stalled_after=STALLED, look_interval=3600.0)  # nothing is found without an event


def test_events_wake_it_at_once(runs, heard):
    if not reports_events(runs):
        pytest.skip(f"{runs} is on a file system without events")
    with Running(runs, heard, QUICK) as running:
        take_run(runs, 6)
        running.seconds_until(6, Verdict.READY)
        (runs / "run7").mkdir()
        (runs / "run7" / "run-0007-00.evt").write_bytes(begin(7) + EVENTS)
        running.seconds_until(7, Verdict.ARRIVING)
        arriving = runs / "run7" / ".run-0007-01.evt.a1B2c3"
        arriving.write_bytes(EVENTS + end(7))
        arriving.rename(runs / "run7" / "run-0007-01.evt")
        assert running.seconds_until(7, Verdict.READY) >= 0.2
        shutil.rmtree(runs / "run7")
        running.seconds_until(7, None)
        assert heard.verdicts == {6: Verdict.READY, 7: None}


def test_it_follows_a_directory_that_was_replaced(runs, heard):
    with Running(runs, heard, Policy(settle=0.1, look_interval=0.1)) as running:
        take_run(runs, 6)
        running.seconds_until(6, Verdict.READY)
        runs.rename(runs.parent / "away")
        runs.mkdir()
        until(lambda: heard.problem, told=lambda: str(heard.verdicts))
        take_run(runs, 7)
        running.seconds_until(7, Verdict.READY)
        running.seconds_until(6, None)


def test_without_events_it_polls(runs, heard, monkeypatch):
    monkeypatch.setattr(discovery_module, "reports_events", lambda _: False)
    with Running(runs, heard, Policy(settle=0.1, look_interval=0.1)) as running:
        take_run(runs, 7)
        running.seconds_until(7, Verdict.READY)
        shutil.rmtree(runs / "run7")
        running.seconds_until(7, None)


def test_reading_a_run_does_not_wake_it_again(runs, heard, monkeypatch):
    looks: list[int] = []
    original = Discovery.look_at
    monkeypatch.setattr(Discovery, "look_at", lambda self, touched: (looks.append(1), original(self, touched)))
    with Running(runs, heard, QUICK) as running:
        take_run(runs, 7)
        running.seconds_until(7, Verdict.READY)
        count = 0
        while count != len(looks):  # events of the taking come late on a busy machine
            count = len(looks)
            time.sleep(0.2)
        deadline = time.monotonic() + 0.5
        while time.monotonic() < deadline:
            for segment in (runs / "run7").iterdir():
                segment.read_bytes()
            assert len(looks) <= count
            time.sleep(0.02)


# ---- file systems


MOUNTS = """\
21 1 8:2 / / rw,relatime shared:1 - ext4 /dev/sda2 rw
25 21 0:22 / /sys rw,nosuid shared:7 - sysfs sysfs rw
40 21 0:40 / /cephfs rw,relatime shared:20 - ceph 10.0.0.1:6789:/ rw,name=x
41 40 8:3 / /cephfs/scratch\\040disk rw shared:21 master:3 - xfs /dev/sdb1 rw
42 21 0:45 / /home rw - nfs4 server:/home rw
43 21 0:46 / /home rw - tmpfs tmpfs rw
broken line
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/", "ext4"), ("/data/runs", "ext4"), ("/cephfs", "ceph"), ("/cephfs/mnt/x", "ceph"), ("/cephfs2/x", "ext4"),
     ("/cephfs/scratch disk/runs", "xfs"), ("/home/x", "tmpfs")],
)  # fmt: skip
def test_the_type_of_the_file_system_is_that_of_the_nearest_mount(path, kind):
    assert type_of(Path(path), MOUNTS) == kind
