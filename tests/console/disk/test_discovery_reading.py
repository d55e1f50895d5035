"""Discovery of what takes long to read or cannot be read, on real files with the test's clock."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from console.disk import inspection, rundirectory
from console.disk.discovery import Discovery
from console.disk.listener import Known, LedgerListener
from console.disk.pace import PACE
from console.ledger import sources
from console.ledger.store import Ledger
from flowspec.readiness import Verdict
from tests.discovery_fixture import (  # noqa: F401  (fixtures)
    EVENTS,
    LOOK,
    POLICY,
    SETTLE,
    STALLED,
    Clock,
    Heard,
    at_rest,
    begin,
    clock,
    discovery,
    end,
    heard,
    opened,
    pass_time,
    runs,
    take_run,
)

# ---- long reading


def big(path: Path, megabytes: int, head: bytes, tail: bytes) -> None:
    path.parent.mkdir()
    with path.open("wb") as file:
        file.write(head)
        for _ in range(megabytes):
            file.write(EVENTS * ((1 << 20) // len(EVENTS)))
        file.write(tail)


def test_a_huge_file_lets_others_have_their_turn_and_is_read_once(runs, discovery, heard, clock, monkeypatch):
    big(runs / "run9" / "run-0009-00.evt", 40, begin(9), end(9))
    take_run(runs, 7)
    offsets: list[int] = []
    pread = os.pread

    def slow(descriptor: int, size: int, offset: int) -> bytes:
        clock.now += 0.1  # ten pieces a second
        offsets.append(offset)
        return pread(descriptor, size, offset)

    monkeypatch.setattr(inspection.os, "pread", slow)
    began = clock.now
    discovery.look()
    assert clock.now - began < 3 * PACE.work, "events are listened to in between"
    assert heard.verdicts[7] is Verdict.ARRIVING
    assert "run-0009-00.evt" in heard.reasons[9]
    assert "examined only up to offset" in heard.reasons[9]
    while heard.verdicts[7] is not Verdict.READY:
        clock.now = max(clock.now, discovery.next_due)
        discovery.look_at(())
    assert clock.now - began < SETTLE + 3 * PACE.work
    assert heard.verdicts[9] is Verdict.ARRIVING
    while heard.verdicts[9] is not Verdict.READY:
        discovery.look_at(())
    size = (runs / "run9" / "run-0009-00.evt").stat().st_size
    of_run_9 = [offset for offset in offsets if offset]
    assert of_run_9 == sorted(set(of_run_9))
    assert len(of_run_9) <= size // (1 << 20) + 1


def test_a_file_that_grows_while_it_is_read_waits_for_the_next_look(runs, discovery, heard, clock, monkeypatch):
    big(runs / "run9" / "run-0009-00.evt", 1, begin(9), b"")
    fstat = os.fstat

    def growing(descriptor: int) -> os.stat_result:
        with (runs / "run9" / "run-0009-00.evt").open("ab") as file:
            file.write(EVENTS)
        return fstat(descriptor)

    monkeypatch.setattr(inspection.os, "fstat", growing)
    discovery.look()
    assert heard.verdicts[9] is Verdict.ARRIVING
    assert discovery.next_due > clock.now


def test_what_takes_longest_to_read_is_not_taken_for_stalled(runs, discovery, heard, clock, monkeypatch):
    big(runs / "run9" / "run-0009-00.evt", 3, begin(9), end(9))
    pread = os.pread

    def very_slow(*arguments: int) -> bytes:
        clock.now += STALLED
        return pread(*arguments)

    monkeypatch.setattr(inspection.os, "pread", very_slow)
    verdicts = set()
    while heard.verdicts.get(9) is not Verdict.READY:
        discovery.look_at(()) if heard.verdicts else discovery.look()
        verdicts.add(heard.verdicts[9])
    assert verdicts == {Verdict.ARRIVING, Verdict.READY}


def test_after_a_restart_an_incomplete_run_is_read_again_behind_all_others_and_in_silence(
    runs, discovery, heard, clock, monkeypatch
):
    big(runs / "run9" / "run-0009-00.evt", 10, begin(9), b"")
    take_run(runs, 7)
    discovery.look()
    again = Heard()
    fingerprint = discovery._directories["run9"].fingerprint
    again.before_this = {9: Known(str(runs / "run9"), "incomplete", fingerprint)}
    pread = os.pread

    def slow(*arguments: int) -> bytes:
        clock.now += 0.1
        return pread(*arguments)

    monkeypatch.setattr(inspection.os, "pread", slow)
    restarted = Discovery(runs, again, POLICY, clock=clock)
    restarted.look()
    assert again.calls == [("run7", 7)]
    while 9 not in again.verdicts:
        clock.now = max(clock.now, restarted.next_due)
        restarted.look_at(())
    assert again.verdicts[9] is Verdict.INCOMPLETE
    assert [run for _, run in again.calls].count(9) == 1


# ---- what is wrong with the directory of the runs


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOENT, "is not there: mount its file system, or correct dtn.runs in the profile"),
        (errno.ENOTDIR, "is no directory: correct dtn.runs in the profile"),
        (errno.EACCES, "cannot be listed: permission denied; whoever drives must be allowed to read and enter it"),
        (errno.EIO, "cannot be listed: Input/output error; look at its file system, it is tried again"),
    ],
)
def test_a_directory_that_cannot_be_listed_is_said_with_the_next_step(
    at_rest, discovery, heard, clock, monkeypatch, number, said
):
    def denied(*_: object) -> object:
        raise OSError(number, os.strerror(number))

    os.utime(at_rest)  # something happened to it
    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", denied)
        clock.now += LOOK
        discovery.look()
        assert heard.problem == f"{at_rest} {said}"
        clock.now += LOOK
        discovery.look()
        assert heard.problem is not None, "it is not forgotten because nothing changes"
    clock.now += LOOK
    discovery.look()
    assert heard.problem is None
    assert set(heard.verdicts.values()) == {Verdict.READY}


def test_the_ledger_tells_of_a_directory_that_is_not_there_until_it_is(runs, tmp_path, clock):
    ledger = Ledger(tmp_path / "ledger.db")
    discovery = Discovery(runs, LedgerListener(ledger, lambda: None), POLICY, clock=clock)

    def problem() -> str:
        clock.now += LOOK
        discovery.look()
        return sources.problem(ledger, "disk")

    runs.rmdir()
    assert problem() == f"{runs} is not there: mount its file system, or correct dtn.runs in the profile"
    runs.write_text("a file")
    assert problem() == f"{runs} is no directory: correct dtn.runs in the profile"
    runs.unlink()
    runs.mkdir()
    assert problem() == ""


def test_a_run_that_cannot_be_listed_is_said_of_the_run(runs, discovery, heard, clock, monkeypatch):
    take_run(runs, 7)
    scan = inspection.os.scandir

    def denied(path):
        if Path(path).name == "run7":
            raise PermissionError(errno.EACCES, "Permission denied")
        return scan(path)

    with monkeypatch.context() as patch:
        patch.setattr(rundirectory.os, "scandir", denied)
        pass_time(discovery, clock, 2 * SETTLE)
        assert heard.verdicts == {7: Verdict.INCOMPLETE}
        assert "cannot be listed: Permission denied" in heard.reasons[7]
        pass_time(discovery, clock, PACE.active)
    pass_time(discovery, clock, PACE.directories + LOOK + SETTLE)
    assert heard.verdicts == {7: Verdict.READY}


@pytest.mark.parametrize(("order", "look"), [("oldest", 0.3), ("oldest", LOOK), ("newest", 0.3), ("newest", LOOK)])
def test_a_backlog_is_ready_in_the_order_of_its_launch_however_long_the_listing_takes(
    runs, clock, monkeypatch, order, look
):
    for run in range(1, 41):
        take_run(runs, run)
    ready = []

    class Ordered(Heard):
        def judged(self, path, judgement, sizes):
            super().judged(path, judgement, sizes)
            if judgement.verdict is Verdict.READY:
                ready.append(judgement.run)

    scan = rundirectory.scan

    def slow(path: Path) -> object:
        clock.now += 0.03
        return scan(path)

    monkeypatch.setattr(rundirectory, "scan", slow)
    discovery = Discovery(runs, Ordered(), POLICY.model_copy(update={"order": order}), clock=clock)
    pass_time(discovery, clock, 60.0, look)
    assert ready == sorted(range(1, 41), reverse=order == "newest")


def test_what_is_due_in_a_moment_is_left_to_its_turn(runs, discovery, heard, clock):
    """Else it would be ready before those that are due already."""
    take_run(runs, 7)
    discovery.look()
    clock.now = discovery.next_due - 0.0005
    discovery.look()
    assert heard.verdicts == {7: Verdict.ARRIVING}
    clock.now = discovery.next_due
    discovery.look_at(())
    assert heard.verdicts == {7: Verdict.READY}
