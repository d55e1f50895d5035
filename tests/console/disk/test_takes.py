"""Through the disk and into the ledger: runs with something of another take."""

from __future__ import annotations

import shutil

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
    pass_time,
    runs,
    state_change,
)

A_DAY = 86_400


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
DIRECTORIES = {
    "a segment left by a longer earlier take": (
        (HEAD, LAST, EVENTS + end(7, BEGAN - A_DAY)), "ends in run-0007-01.evt, but run-0007-02.evt has more data"
    ),
    "two of them": ((HEAD, LAST, EVENTS, LAST), "the run ends in run-0007-01.evt, but run-0007-02.evt has more data"),
    "all but the first left by an earlier take": (
        (HEAD, EVENTS, EVENTS + end(7, BEGAN - A_DAY)), "the END_RUN in run-0007-02.evt is older than the BEGIN_RUN"
    ),
    "END_RUN in the first of three": (
        (HEAD + end(7), EVENTS, LAST), "the run ends in run-0007-00.evt, but run-0007-01.evt has more data"
    ),
    "END_RUN in the second of three": (
        (HEAD, LAST, EVENTS), "the run ends in run-0007-01.evt, but run-0007-02.evt has more data"
    ),
    "END_RUN within the first of three": (
        (HEAD + end(7) + EVENTS, EVENTS, LAST), "events follow the last END_RUN in run-0007-00.evt (100)"
    ),
    "END_RUN within the last": ((HEAD, LAST + EVENTS), "events follow the last END_RUN in run-0007-01.evt (100)"),
    "two END_RUNs for one source": (
        (HEAD, LAST + EVENTS + end(7)), "run-0007-01.evt has an END_RUN too many (2 instead of 1): keep one"
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
