"""Discovery on real files; where time matters the clock is the test's, except for the tests with real events."""

from __future__ import annotations

import os
import shutil
import struct
import threading
import time
from pathlib import Path

import pytest

from console import discovery as discovery_module
from console import records
from console.discovery import FULL_LOOK_SECONDS, HOT_SECONDS, ROTATION, Discovery
from console.filesystem import reports_events, type_of
from console.ledger import Ledger
from console.settings import Policy
from console.sightings import Known, LedgerListener
from console.states import RunState
from flowspec.readiness import Verdict

SETTLE, STALLED = 1.0, 900.0
POLICY = Policy(settle=SETTLE, stalled_after=STALLED, look_interval=0.2)


def item(kind: int, body: bytes) -> bytes:
    return struct.pack("<III", 12 + len(body), kind, 4) + body


def state_change(kind: int, run: int) -> bytes:
    return item(kind, struct.pack("<IIIII81s", run, 0, 1_782_914_602, 1000, 0, b"a title"))


def begin(run: int) -> bytes:
    return item(12, struct.pack("<HH", 12, 0)) + state_change(1, run)


def end(run: int) -> bytes:
    return state_change(2, run)


EVENTS = item(30, b"\0" * 36) * 100


def take_run(directory: Path, run: int, segments: int = 2) -> None:
    """A complete run, which appears as the last rename of an rsync leaves it."""
    hidden = directory / f".{run}"
    hidden.mkdir()
    for segment in range(segments):
        head, tail = begin(run) if segment == 0 else b"", end(run) if segment == segments - 1 else b""
        (hidden / f"run-{run:04d}-{segment:02d}.evt").write_bytes(head + EVENTS + tail)
    hidden.rename(directory / f"run{run}")


class Heard:
    """A listener that remembers."""

    def __init__(self) -> None:
        self.verdicts: dict[int, Verdict | None] = {}
        self.reasons: dict[int, str] = {}
        self.calls: list[tuple[str, int]] = []
        self.sizes: dict[int, dict[int, int]] = {}
        self.problem: str | None = None
        self.before: dict[int, Known] = {}

    def judged(self, path, judgement, sizes):
        self.verdicts[judgement.run] = judgement.verdict
        self.reasons[judgement.run] = judgement.reason
        self.sizes[judgement.run] = dict(sizes)
        self.calls.append((path.name, judgement.run))
        self.judgement = judgement

    def gone(self, run):
        self.verdicts[run] = None
        self.calls.append(("gone", run))

    def looked(self, problem):
        self.problem = problem

    def known(self, run):
        return self.before.get(run)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def runs(tmp_path):
    directory = tmp_path / "runs"
    directory.mkdir()
    return directory


@pytest.fixture
def heard():
    return Heard()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def discovery(runs, heard, clock):
    return Discovery(runs, heard, POLICY, clock=clock)


@pytest.fixture
def opened(monkeypatch):
    """The names of directories listed and of segments read since the test last cleared it."""
    names: list[str] = []

    def counted(function):
        def call(path, *args):
            names.append(Path(path).name)
            return function(path, *args)

        return call

    monkeypatch.setattr(discovery_module, "scan", counted(discovery_module.scan))
    monkeypatch.setattr(discovery_module, "inspect", counted(discovery_module.inspect))
    return names


def settle(discovery: Discovery, clock: Clock) -> None:
    discovery.look()
    assert discovery.next_due <= clock.now + SETTLE + 0.01
    clock.now = discovery.next_due
    discovery.look_at(())


def test_a_complete_run_is_ready_when_it_has_settled(runs, discovery, heard, clock):
    take_run(runs, 7)
    discovery.look()
    assert heard.verdicts == {7: Verdict.ARRIVING}
    clock.now += SETTLE * 0.9
    discovery.look()
    assert heard.verdicts == {7: Verdict.ARRIVING}
    clock.now = discovery.next_due
    discovery.look_at(())
    assert heard.verdicts == {7: Verdict.READY}
    assert heard.judgement.segments == (0, 1)
    assert heard.sizes[7] == {s: (runs / "run7" / f"run-0007-{s:02d}.evt").stat().st_size for s in (0, 1)}
    assert discovery.next_due == float("inf")


def test_nothing_is_told_twice(runs, discovery, heard, clock):
    take_run(runs, 7)
    settle(discovery, clock)
    told = len(heard.calls)
    for _ in range(5):
        clock.now += 100
        discovery.look()
    assert len(heard.calls) == told


def test_growth_of_a_file_is_seen_although_the_directory_stays_the_same(runs, discovery, heard, clock):
    (runs / "run8").mkdir()
    segment = runs / "run8" / "run-0008-00.evt"
    segment.write_bytes(begin(8) + EVENTS)
    settle(discovery, clock)
    assert heard.verdicts[8] is Verdict.ARRIVING
    assert "END_RUN" in heard.reasons[8]
    clock.now += 5
    with segment.open("ab") as file:
        file.write(EVENTS + end(8))
    settle(discovery, clock)
    assert heard.verdicts[8] is Verdict.READY


def test_a_change_within_the_granularity_of_modification_times_is_seen(runs, discovery, heard, clock):
    take_run(runs, 7)
    settle(discovery, clock)
    before = (runs / "run7").stat()
    (runs / "run7" / "run-0007-03.evt").write_bytes(EVENTS)
    os.utime(runs / "run7", ns=(before.st_atime_ns, before.st_mtime_ns))
    clock.now += 2
    settle(discovery, clock)
    assert "run-0007-02.evt is missing" in heard.reasons[7]


def test_a_stalled_run_is_incomplete_with_its_reason(runs, discovery, heard, clock):
    take_run(runs, 7, segments=3)
    (runs / "run7" / "run-0007-01.evt").unlink()
    settle(discovery, clock)
    assert heard.verdicts[7] is Verdict.ARRIVING
    clock.now += STALLED
    discovery.look()
    assert heard.verdicts[7] is Verdict.INCOMPLETE
    assert "run-0007-01.evt is missing" in heard.reasons[7]


def test_only_what_changed_is_read(runs, discovery, heard, clock, opened):
    for run in range(1, 31):
        take_run(runs, run)
    settle(discovery, clock)
    assert opened.count("run-0007-00.evt") == 1
    opened.clear()
    discovery.look()
    assert len(opened) == 30, "young runs are listed, and none of their segments is read again"
    clock.now += HOT_SECONDS + 1
    discovery.look()
    opened.clear()
    clock.now += 5
    discovery.look()
    assert opened == [], "runs that have been quiet for minutes cost nothing"
    (runs / "run7" / "run-0007-02.evt").write_bytes(EVENTS + end(7))
    clock.now += FULL_LOOK_SECONDS
    discovery.look()
    assert "run7" in opened
    assert opened.count("run-0007-02.evt") == 1
    assert "run-0007-00.evt" not in opened
    assert heard.judgement.segments == (0, 1, 2)


def test_even_old_runs_are_listed_once_in_a_while(runs, discovery, clock, opened):
    take_run(runs, 7)
    settle(discovery, clock)
    clock.now += HOT_SECONDS + 1
    opened.clear()
    for _ in range(ROTATION):
        clock.now += FULL_LOOK_SECONDS
        discovery.look()
    assert opened == ["run7"]


def test_a_mountain_of_old_runs_does_not_hide_the_new_one(runs, discovery, heard, clock, monkeypatch):
    """The first look may find more than can be read in a day."""
    for run in range(1, 31):
        take_run(runs, run)
    slow = discovery_module.inspect

    def read_slowly(*arguments):
        clock.now += 0.4
        return slow(*arguments)

    monkeypatch.setattr(discovery_module, "inspect", read_slowly)
    discovery.look()
    assert set(heard.verdicts) == {30, 29}, "the newest, for about a second"
    take_run(runs, 31)
    discovery.look()
    assert 31 in heard.verdicts
    while discovery.next_due <= clock.now + SETTLE:
        clock.now = max(clock.now, discovery.next_due)
        discovery.look_at(())
    assert heard.verdicts == dict.fromkeys(range(1, 32), Verdict.READY)


def test_a_run_that_two_directories_claim_is_nobodys(runs, discovery, heard, clock):
    take_run(runs, 7)
    settle(discovery, clock)
    shutil.copytree(runs / "run7", runs / "run0007")
    clock.now += HOT_SECONDS + 1
    settle(discovery, clock)
    clock.now += 10
    discovery.look()
    assert heard.verdicts == {7: Verdict.INCOMPLETE}
    assert "run0007 and run7" in heard.reasons[7]
    shutil.rmtree(runs / "run7")
    clock.now += 10
    discovery.look()
    clock.now += SETTLE
    discovery.look()
    assert heard.verdicts == {7: Verdict.READY}
    assert heard.calls[-1] == ("run0007", 7)
    assert ("gone", 7) not in heard.calls


def test_a_vanished_run_is_gone_and_may_come_back(runs, discovery, heard, clock):
    take_run(runs, 7)
    take_run(runs, 8)
    settle(discovery, clock)
    (runs / "run7").rename(runs.parent / "elsewhere")
    discovery.look()
    assert heard.verdicts == {7: None, 8: Verdict.READY}
    (runs.parent / "elsewhere").rename(runs / "run7")
    settle(discovery, clock)
    assert heard.verdicts == {7: Verdict.READY, 8: Verdict.READY}


def test_a_renamed_run_is_another_run(runs, discovery, heard, clock):
    take_run(runs, 7)
    settle(discovery, clock)
    (runs / "run7").rename(runs / "run9")
    settle(discovery, clock)
    assert heard.verdicts[7] is None
    assert heard.verdicts[9] is Verdict.INCOMPLETE
    assert "belongs to run 7" in heard.reasons[9]


def test_a_lost_file_system_is_a_problem_and_no_run_is_gone(runs, discovery, heard, clock):
    take_run(runs, 7)
    settle(discovery, clock)
    away = runs.rename(runs.parent / "away")
    discovery.look()
    assert heard.problem is not None
    assert "No such file" in heard.problem
    runs.mkdir()  # the empty mount point that an unmounted file system leaves
    discovery.look()
    assert "mounted?" in str(heard.problem)
    assert heard.verdicts == {7: Verdict.READY}
    runs.rmdir()
    away.rename(runs)
    discovery.look()
    assert heard.problem is None
    assert heard.verdicts == {7: Verdict.READY}


def test_other_names_are_left_alone(runs, discovery, heard, clock):
    (runs / "run12").write_text("a file")
    (runs / "run13").symlink_to("nowhere")
    (runs / "running").mkdir()
    (runs / "current").mkdir()
    (runs / "run\x1b[31m7").mkdir()
    discovery.look()
    assert heard.calls == []
    assert heard.problem is None


def test_after_a_restart_finished_runs_are_not_read_again(runs, discovery, heard, clock, opened):
    take_run(runs, 7)
    take_run(runs, 8)
    settle(discovery, clock)
    again = Heard()
    same = heard.judgement
    again.before = {same.run: Known(str(runs / f"run{same.run}"), same.verdict.value, same.fingerprint)}
    restarted = Discovery(runs, again, POLICY, clock=clock, wall_clock=lambda: time.time() + 3600)
    opened.clear()
    restarted.look()
    assert set(again.verdicts) == {7, 8} - {same.run}
    assert not any(name.startswith(f"run-{same.run:04d}") for name in opened)
    opened.clear()
    clock.now += 5
    restarted.look()
    assert f"run{same.run}" not in opened
    (runs / f"run{same.run}" / f"run-{same.run:04d}-02.evt").write_bytes(EVENTS)
    clock.now += FULL_LOOK_SECONDS
    restarted.look()
    assert again.verdicts[same.run] is Verdict.ARRIVING


def test_after_a_restart_an_incomplete_run_need_not_stall_again(runs, discovery, heard, clock):
    take_run(runs, 7, segments=3)
    (runs / "run7" / "run-0007-01.evt").unlink()
    discovery.look()
    again = Heard()
    again.before = {7: Known(str(runs / "run7"), "incomplete", heard.judgement.fingerprint)}
    Discovery(runs, again, POLICY, clock=clock).look()
    assert again.verdicts == {7: Verdict.INCOMPLETE}


def test_what_is_found_gets_into_the_ledger(runs, tmp_path, clock):
    woken: list[int] = []
    ledger = Ledger(tmp_path / "ledger.db")
    discovery = Discovery(runs, LedgerListener(ledger, lambda: woken.append(1)), POLICY, clock=clock)
    take_run(runs, 7)
    settle(discovery, clock)
    run = records.run(ledger, 7)
    assert run is not None
    assert (run.state, run.segments, run.path) == (RunState.READY, (0, 1), str(runs / "run7"))
    assert woken
    shutil.rmtree(runs / "run7")
    discovery.look()
    run = records.run(ledger, 7)
    assert run is not None
    assert run.state is RunState.GONE


# ---- with real time


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
        self._thread.join(timeout=5)
        assert not self._thread.is_alive()

    def seconds_until(self, run: int, verdict: Verdict | None, at_most: float = 10.0) -> float:
        began = time.monotonic()
        while self._heard.verdicts.get(run, "unheard") != verdict:
            assert time.monotonic() - began < at_most, f"{self._heard.verdicts}, {self._heard.reasons}"
            time.sleep(0.005)
        return time.monotonic() - began


QUICK = Policy(settle=0.2, stalled_after=STALLED, look_interval=60.0)


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
        assert 0.2 <= running.seconds_until(7, Verdict.READY) < 1.0
        shutil.rmtree(runs / "run7")
        assert running.seconds_until(7, None) < 1.0
        assert heard.verdicts == {6: Verdict.READY, 7: None}


def test_it_follows_a_directory_that_was_replaced(runs, heard):
    with Running(runs, heard, Policy(settle=0.1, look_interval=0.1)) as running:
        take_run(runs, 6)
        running.seconds_until(6, Verdict.READY)
        runs.rename(runs.parent / "away")
        runs.mkdir()
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
        count = len(looks)
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
