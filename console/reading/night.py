"""Whether the night moves: what a tired operator wants to know first, as facts. The words are in `night_words`.

The facts are read from the ledger with each snapshot; whether they mean that it moves depends on the time as well, so
that is judged when they are shown (`judge`).
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import pairwise
from typing import Protocol

from console.ledger import evidence, movement
from console.ledger import runs as run_rows
from console.ledger.pause import Pause
from console.ledger.presence import Presence
from console.ledger.store import Ledger
from console.reading.keeping_up import Gauge, gauge
from flowspec.conditions import Condition
from flowspec.states import OPEN, RECORDED, AttemptState, RunState

USUAL_OF = 11  # results, and runs, of which is computed what is usual between two of them
LATELY = 500  # of so many newest runs is counted how many have come in of late
RATE_SECONDS = 3 * 3600.0  # over which data that come in are compared with results that go out
SLOW_AFTER, STANDS_AFTER = 2.0, 3.0  # in units of what is usual
SLOTS = ("queue.slots", "queue.slots-stuck")


class State(str, Enum):
    """UNKNOWN until all runs were read once."""

    UNKNOWN = ""
    MOVING = "MOVING"
    SLOW = "SLOW"
    STANDS = "STANDS"
    PAUSED = "PAUSED"
    IDLE = "IDLE"


class Why(str, Enum):
    """Why nothing moves."""

    DRIVER = "driver"  # nobody drives, or the driver cannot act
    STUCK = "stuck"  # all that is in flight is stuck
    WAITS = "waits"  # nothing is in flight, and all that waits is stuck
    SILENT = "silent"  # nothing was seen to happen for too long


@dataclass(frozen=True)
class Night:
    """Times in seconds since the epoch, durations in seconds; None: there was none yet, or too few to say.

    `waiting` are queued runs that nobody holds; `failed` those that are not retried by themselves; `stuck` those in
    flight or queued that go on only when a person acts. `last_run` is when the newest run began.
    """

    known: bool = False  # all runs were read: before that nothing is said
    in_flight: int = 0
    stuck_in_flight: int = 0
    waiting: int = 0
    stuck_waiting: int = 0
    held: int = 0
    ready: int = 0  # complete, and nobody has launched them
    failed: int = 0
    slots: int | None = None  # how many may be in flight, when runs wait for one of them
    waits_for: str = ""  # what keeps the newest of those that wait and are stuck
    last_result: float | None = None
    usual_result: float | None = None  # between two results
    usual_work: float | None = None  # from the start of an attempt to its result
    moved: float | None = None  # when something last happened to what is in flight
    busy_since: float | None = None  # the start of the oldest attempt under way whose run is not stuck
    last_run: float | None = None
    usual_run: float | None = None  # between the beginnings of two runs
    runs_in: int = 0  # within RATE_SECONDS
    bytes_in: int = 0
    results_out: int = 0
    bytes_out: int = 0
    after_end: float | None = None  # from END_RUN to the result, in the median of the last ones that were not streamed
    after_end_streamed: float | None = None  # and of those that were
    recorded: Gauge | None = None  # whether work keeps up with the run that is recorded

    @property
    def stuck(self) -> int:
        return self.stuck_in_flight + self.stuck_waiting

    @property
    def patience(self) -> float | None:
        """For how long nothing may happen to what is in flight: a single long stage tells nothing of itself."""
        if self.usual_result is None or self.usual_work is None:
            return None
        return max(STANDS_AFTER * self.usual_result, SLOW_AFTER * self.usual_work)


@dataclass(frozen=True)
class Judgement:
    state: State
    why: Why | None = None


def judge(night: Night, paused: Pause | None, driver: Presence | None, now: float) -> Judgement:
    """Whether it moves."""
    if not night.known:
        return Judgement(State.UNKNOWN)
    if paused is not None:
        return Judgement(State.PAUSED)
    if not night.in_flight and not night.waiting:
        return Judgement(State.IDLE)
    if driver is None or driver.hung or driver.problem:
        return Judgement(State.STANDS, Why.DRIVER)
    if night.in_flight and night.stuck_in_flight == night.in_flight:
        return Judgement(State.STANDS, Why.STUCK)
    if not night.in_flight and night.stuck_waiting == night.waiting:
        return Judgement(State.STANDS, Why.WAITS)
    if night.patience is not None and night.moved is not None and now - night.moved > night.patience:
        return Judgement(State.STANDS, Why.SILENT)
    return Judgement(State.SLOW if _overdue(night, now) else State.MOVING)


def _overdue(night: Night, now: float) -> bool:
    """The next result is: after an hour without data none could have come, and what was just started takes its time."""
    if night.last_result is None or night.usual_result is None or night.usual_work is None or night.busy_since is None:
        return False
    late = now - night.last_result > SLOW_AFTER * night.usual_result
    return late and now - night.busy_since > SLOW_AFTER * night.usual_work


def worked_off(night: Night, now: float) -> float | None:
    """When the backlog is worked off at the usual pace; None when there is none, or it cannot be said."""
    if not night.waiting or night.usual_result is None or night.last_result is None or grows(night):
        return None
    left = night.usual_result * (night.waiting + night.in_flight - night.stuck)
    return max(night.last_result, now - night.usual_result) + left


def grows(night: Night) -> bool:
    """Whether more runs have come in than results have gone out of late."""
    return bool(night.waiting) and night.usual_result is not None and night.runs_in > night.results_out


# ---- read from the ledger


class _Run(Protocol):
    """A row of the snapshot."""

    @property
    def run(self) -> int: ...
    @property
    def state(self) -> RunState: ...
    @property
    def bytes(self) -> int: ...
    @property
    def started(self) -> float | None: ...
    @property
    def ended(self) -> float | None: ...
    @property
    def again_at(self) -> float | None: ...
    @property
    def held_by(self) -> str | None: ...
    @property
    def stuck(self) -> bool: ...
    @property
    def because(self) -> str: ...
    @property
    def conditions(self) -> tuple[Condition, ...]: ...


class _Attempt(Protocol):
    @property
    def run(self) -> int: ...
    @property
    def state(self) -> AttemptState: ...
    @property
    def stuck(self) -> bool: ...
    @property
    def since(self) -> float: ...
    @property
    def ended(self) -> float | None: ...


class NightReader:
    """What of thousands of runs is counted is counted again only when one of them has changed."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._of: Sequence[_Run] | None = None  # the rows that were counted
        self._counts = _Counts()

    def read(self, runs: Sequence[_Run], attempts: Sequence[_Attempt], *, complete: bool) -> Night:
        """Of all runs, the newest first, and the attempts that are open or have ended lately."""
        if not complete:
            return Night()
        if self._of is not runs:
            self._of, self._counts = runs, _counted(runs)
        ledger, now, counts = self._ledger, self._ledger.now(), self._counts
        results = movement.last_results(ledger, USUAL_OF)
        out, bytes_out = movement.results_since(ledger, now - RATE_SECONDS)
        came = [run.bytes for run in runs[:LATELY] if run.ended is not None and now - run.ended < RATE_SECONDS]
        began = [run.started for run in runs[:USUAL_OF] if run.started is not None]
        happened = [movement.last_evidence(ledger), *(at for row in attempts for at in (row.since, row.ended))]
        early = [row for row in attempts if row.state in OPEN and row.run not in counts.running]
        begun = {row.run for row in early}
        stuck = counts.stuck_in_flight | {row.run for row in early if row.stuck}
        under_way = [row.since for row in attempts if row.state in OPEN and row.run not in stuck]
        return Night(
            known=True,
            in_flight=len(counts.running | begun),
            stuck_in_flight=len(stuck),
            waiting=len(counts.waiting - begun),
            stuck_waiting=counts.stuck_waiting,
            held=counts.held,
            ready=counts.ready,
            failed=counts.failed,
            slots=counts.slots,
            waits_for=counts.waits_for,
            last_result=results[0].at if results else None,
            usual_result=_usual([result.at for result in results]),
            usual_work=statistics.median(result.took for result in results) if results else None,
            moved=max((at for at in happened if at is not None), default=None),
            busy_since=min(under_way, default=None),
            last_run=max(began, default=None),
            usual_run=_usual(began),
            runs_in=len(came),
            bytes_in=sum(came),
            results_out=out,
            bytes_out=bytes_out,
            after_end=_after_end(results, streamed=False),
            after_end_streamed=_after_end(results, streamed=True),
            recorded=self._recorded(),
        )

    def _recorded(self) -> Gauge | None:
        """Of the newest run that is recorded."""
        ledger, number = self._ledger, self._counts.recorded
        newest = run_rows.run(ledger, number) if number is not None else None
        if newest is None:
            return None
        known = evidence.evidence(ledger, newest.run) if newest.early else []
        return gauge(newest, known, streams=newest.streamed(run_rows.streamed_by_default(ledger)))


def _after_end(results: Iterable[movement.Result], *, streamed: bool) -> float | None:
    """A clock that is wrong, and what is done once more years later, tells nothing of what is usual: so the median."""
    took = [r.after_end for r in results if r.streamed is streamed and r.after_end is not None and r.after_end >= 0]
    return statistics.median(took) if took else None


@dataclass
class _Counts:
    running: set[int] = field(default_factory=set)
    stuck_in_flight: set[int] = field(default_factory=set)
    waiting: set[int] = field(default_factory=set)
    stuck_waiting: int = 0
    held: int = 0
    ready: int = 0
    failed: int = 0
    slots: int | None = None
    waits_for: str = ""
    recorded: int | None = None  # the newest that is

    def queued(self, run: _Run) -> None:
        if run.held_by is not None:
            self.held += 1
            return
        self.waiting.add(run.run)
        if run.stuck:
            self.stuck_waiting += 1
            self.waits_for = self.waits_for or run.because
        if self.slots is None:
            self.slots = next((c.reason.parameters.get("limit") for c in run.conditions if c.code in SLOTS), None)


def _counted(runs: Iterable[_Run]) -> _Counts:
    counts = _Counts()
    for run in runs:
        state = run.state
        if state is RunState.DONE:  # most of them
            continue
        if state is RunState.RUNNING or state is RunState.CANCELLING:
            counts.running.add(run.run)
            if run.stuck:
                counts.stuck_in_flight.add(run.run)
        elif state is RunState.QUEUED:
            counts.queued(run)
        elif state in RECORDED:
            counts.recorded = run.run if counts.recorded is None else counts.recorded
        elif state is RunState.READY:
            counts.ready += 1
        elif state is RunState.FAILED:
            counts.failed += run.again_at is None
    return counts


def _usual(times: Sequence[float]) -> float | None:
    """Between two of these times, in the median; None when there are too few to call anything usual."""
    ordered = sorted(times)
    between = [later - earlier for earlier, later in pairwise(ordered)]
    return statistics.median(between) if len(between) >= 2 else None
