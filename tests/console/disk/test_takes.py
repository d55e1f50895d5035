"""Through the disk and into the ledger: runs with something of another take, and runs that nobody takes any more."""

from __future__ import annotations

import os
import shutil
import struct

import pytest

from console.disk.discovery import Discovery
from console.disk.listener import LedgerListener
from console.disk.pace import PACE
from console.ledger import runs as run_rows
from console.ledger.store import Ledger
from flowspec import permits
from flowspec.states import RunState
from tests.discovery_fixture import (  # noqa: F401  (fixtures)
    BEGAN,
    EVENTS,
    LOOK,
    POLICY,
    SETTLE,
    STALLED,
    begin,
    clock,
    end,
    item,
    pass_time,
    runs,
    state_change,
)

A_DAY = 86_400
MARKER_PATIENCE = 10 * SETTLE
NO_DAQ = "the recording died: .started was left behind, "
ANYWAY = "l launches it all the same"
COPY = "copy it again"
AGAIN = f"{COPY}, or {ANYWAY}"
STOPPED = NO_DAQ + "nothing new for 15 min"


class Disk:
    """Runs on the DTN, discovery, and the ledger into which it writes."""

    def __init__(self, runs, ledger, clock) -> None:
        self.runs, self._ledger, self._clock = runs, ledger, clock
        self._discovery = Discovery(runs, LedgerListener(ledger, lambda: None), POLICY, clock=clock)

    def write(self, run: int, *segments: bytes, started: bool = False) -> None:
        folder = self.runs / f"run{run}"
        folder.mkdir(exist_ok=True)
        for number, data in enumerate(segments):
            (folder / f"run-{run:04d}-{number:02d}.evt").write_bytes(data)
        if started:
            (folder / ".started").touch()

    def append(self, run: int, data: bytes, segment: int = 0) -> None:
        with (self.runs / f"run{run}" / f"run-{run:04d}-{segment:02d}.evt").open("ab") as file:
            file.write(data)

    def wait(self, seconds: float) -> None:
        pass_time(self._discovery, self._clock, seconds)

    def run(self, number: int) -> run_rows.Run:
        run = run_rows.run(self._ledger, number)
        assert run is not None
        return run


@pytest.fixture
def disk(runs, tmp_path, clock):
    return Disk(runs, Ledger(tmp_path / "ledger.db"), clock)


HEAD, LAST = begin(7) + EVENTS, EVENTS + end(7)
OTHER = state_change(1, 7, BEGAN + A_DAY) + EVENTS + end(7, BEGAN + A_DAY)
SCALERS_BEFORE = item(20, struct.pack("<III", 0, 2, BEGAN - A_DAY))
DIRECTORIES = {
    "a segment left by a longer earlier take": (
        (HEAD, LAST, EVENTS + end(7, BEGAN - A_DAY)), "ends in run-0007-01.evt, and run-0007-02.evt has more data"
    ),
    "two of them": ((HEAD, LAST, EVENTS, LAST), "the run ends in run-0007-01.evt, and run-0007-02.evt has more data"),
    "all but the first left by an earlier take": (
        (HEAD, EVENTS, EVENTS + end(7, BEGAN - A_DAY)), "the END_RUN in run-0007-02.evt is older than the BEGIN_RUN"
    ),
    "one in the middle left by an earlier take": (
        (HEAD, EVENTS + SCALERS_BEFORE, LAST), "run-0007-01.evt has scalers of before the BEGIN_RUN of this run"
    ),
    "END_RUN in the first of three": (
        (HEAD + end(7), EVENTS, LAST), "the run ends in run-0007-00.evt, and run-0007-01.evt has more data"
    ),
    "END_RUN in the second of three": (
        (HEAD, LAST, EVENTS), "the run ends in run-0007-01.evt, and run-0007-02.evt has more data"
    ),
    "END_RUN within the first of three": (
        (HEAD + end(7) + EVENTS, EVENTS, LAST), "events follow the last END_RUN in run-0007-00.evt (100)"
    ),
    "END_RUN within the last": ((HEAD, LAST + EVENTS), "events follow the last END_RUN in run-0007-01.evt (100)"),
    "two END_RUNs for one source": (
        (HEAD, LAST + EVENTS + end(7)), "run-0007-01.evt has an END_RUN too many (2 instead of 1); keep one"
    ),
    "a whole take in the middle": ((HEAD, OTHER, LAST), "run-0007-01.evt has a BEGIN_RUN of another take of this run"),
    "a whole take at the end": ((HEAD, LAST, OTHER), "run-0007-02.evt has a BEGIN_RUN of another take of this run"),
    "a whole take behind another in one file": (
        (HEAD + end(7) + OTHER,), "run-0007-00.evt has a BEGIN_RUN of another take of this run"
    ),
    "a take that crashed and one that did not in one file": (
        (HEAD + OTHER,), "run-0007-00.evt has a BEGIN_RUN of another take of this run"
    ),
}  # fmt: skip


@pytest.mark.parametrize(("contents", "words"), DIRECTORIES.values(), ids=DIRECTORIES)
def test_what_another_take_left_behind_is_told_and_launched_only_when_somebody_says_so(disk, contents, words):
    disk.write(7, *contents)
    disk.wait(2 * SETTLE)
    for _ in range(2):
        run = disk.run(7)
        assert (run.state, words in run.why) == (RunState.INCOMPLETE, True), run.why
        assert run.why.startswith("is not launched by itself: ")
        assert permits.refusal("launch", run) is None
        assert permits.forced(run)
        disk.wait(STALLED + PACE.directories)
    shutil.rmtree(disk.runs / "run7")
    disk.write(7, HEAD, EVENTS, LAST)
    disk.wait(PACE.directories + LOOK)
    assert disk.run(7).state is RunState.READY


# ---- a run that nobody takes any more


def test_a_run_whose_daq_crashed_is_incomplete_and_taken_again_when_it_grows(disk):
    disk.write(7, HEAD + EVENTS[:-5], started=True)
    disk.wait(STALLED - LOOK)
    assert disk.run(7).state is RunState.TAKING
    assert "it can be launched when it is complete" in permits.refusal("launch", disk.run(7))
    disk.wait(3 * LOOK)
    run = disk.run(7)
    assert run.state is RunState.INCOMPLETE
    assert "run-0007-00.evt (9,724 bytes) cut inside an item at offset 9681" in run.why
    assert run.why.endswith(f"; {STOPPED}; {AGAIN}")
    assert permits.refusal("launch", run) is None
    disk.append(7, EVENTS[-5:] + EVENTS)  # there was no beam, or the DAQ was brought back
    disk.wait(PACE.directories + LOOK)
    assert disk.run(7).state is RunState.TAKING
    disk.append(7, end(7))
    disk.wait(2 * MARKER_PATIENCE)
    assert disk.run(7).state is RunState.READY


@pytest.mark.parametrize("started", [True, False])
def test_a_run_that_was_cut_after_it_was_complete_is_incomplete(disk, started):
    disk.write(7, HEAD, LAST, started=started)
    disk.wait(2 * MARKER_PATIENCE)
    assert disk.run(7).state is RunState.READY
    os.truncate(disk.runs / "run7" / "run-0007-01.evt", len(LAST) - 20)
    disk.wait(PACE.files + LOOK)
    assert disk.run(7).state is (RunState.TAKING if started else RunState.ARRIVING)
    disk.wait(STALLED)
    run = disk.run(7)
    assert (run.state, permits.refusal("launch", run)) == (RunState.INCOMPLETE, None)
    assert "run-0007-01.evt (4,893 bytes) cut inside an item" in run.why
    assert run.why.endswith(f"; {STOPPED}; {AGAIN}" if started else f"there; nothing new for 15 min; {AGAIN}")


def test_a_run_without_a_segment_is_not_taken_for_ever(disk):
    disk.write(7, started=True)
    disk.wait(STALLED - LOOK)
    assert disk.run(7).state is RunState.TAKING
    disk.wait(3 * LOOK)
    run = disk.run(7)
    assert (run.state, run.why) == (
        RunState.INCOMPLETE,
        f"is incomplete: no segment is there; {STOPPED}; copy it again",
    )
    assert permits.refusal("launch", run) == "run 7 has no segment to analyze"


def test_a_run_is_over_when_a_later_one_has_begun(disk):
    disk.write(999, begin(999, BEGAN - A_DAY) + EVENTS + end(999, BEGAN - A_DAY))  # a higher number, but earlier
    disk.write(7, HEAD, started=True)
    disk.wait(STALLED / 2)
    assert disk.run(7).state is RunState.TAKING
    disk.write(8, begin(8, BEGAN + 3600) + EVENTS, started=True)
    disk.wait(2 * LOOK)
    told = f"is incomplete: no END_RUN at the end of run-0007-00.evt; {NO_DAQ}and run 8 has begun; {ANYWAY}"
    assert (disk.run(7).state, disk.run(7).why) == (RunState.INCOMPLETE, told)
    assert permits.refusal("launch", disk.run(7)) is None
    assert disk.run(8).state is RunState.TAKING
    disk.write(9, begin(9, BEGAN + 7200) + EVENTS, started=True)
    disk.wait(2 * PACE.directories)
    assert disk.run(7).why == told, "it does not change with every run that begins"
    assert disk.run(8).why.endswith(f"and run 9 has begun; {ANYWAY}")
    disk.append(7, EVENTS)
    disk.wait(PACE.directories)
    assert disk.run(7).why.endswith(f"and run 9 has begun; {ANYWAY}")
    disk.append(7, end(7))
    disk.wait(PACE.directories + 2 * MARKER_PATIENCE)
    assert disk.run(7).state is RunState.READY


def test_a_later_run_whose_end_is_still_on_its_way_waits_a_moment(disk):
    disk.write(7, HEAD, started=True)
    disk.write(8, begin(8, BEGAN + 3600) + EVENTS, started=True)
    disk.wait(MARKER_PATIENCE - LOOK)
    assert disk.run(7).state is RunState.TAKING
    disk.append(7, end(7))
    disk.wait(LOOK)
    assert disk.run(7).state is RunState.ARRIVING
    disk.wait(2 * MARKER_PATIENCE)
    assert disk.run(7).state is RunState.READY


def test_a_later_run_that_is_gone_does_not_count(disk):
    disk.write(8, begin(8, BEGAN + A_DAY) + EVENTS + end(8, BEGAN + A_DAY))
    disk.wait(2 * SETTLE)
    shutil.rmtree(disk.runs / "run8")
    disk.write(7, HEAD, started=True)
    disk.wait(STALLED / 2)
    assert disk.run(7).state is RunState.TAKING
