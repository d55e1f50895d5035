"""What the ledger says, ready to be shown: the read model of the screens and of `console status`.

Everything is read from the ledger and the driver's lock file; nothing here asks a remote service or lists a directory.
Texts are as the ledger has them: whoever shows them cleans them (`console.text`).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from console import presence, records
from console.ledger import Ledger
from console.presence import Presence
from console.records import Attempt, Run
from console.states import OPEN, AttemptState, RunState
from flowspec.stages import SEGMENT_STAGES, STAGES, Cell, CellState, Place, Stage

STALE_SECONDS = 15.0  # a source that was not heard for longer is no longer believed
ASKED_ALWAYS = ("disk", "flows", "compute")  # the other sources are asked only while there is something to ask
EVENTS_SHOWN = 50
ENDED_ATTEMPTS_SHOWN = 30
REQUESTS_SHOWN = 20

Counts = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class RunRow:
    """A run in the overview: how many segments and bytes are on disk; times are seconds since the epoch."""

    run: int
    state: RunState
    segments: int
    bytes: int
    title: str
    started: float | None
    ended: float | None
    why: str
    progress: Counts
    attempts: int
    result: str | None

    @property
    def because(self) -> str:
        """`why` without the words that stand beside it anyway: the run and its state."""
        return self.why.removeprefix(f"run {self.run} ").removeprefix(f"is {self.state.value}: ")


@dataclass(frozen=True)
class FlowRow:
    """An attempt that is open, or ended lately. `done` of `total` counts the segments of its stage, as they are now."""

    attempt: int
    run: int
    number: int
    flow_run: str | None
    state: AttemptState
    stage: Stage | None
    done: int
    total: int
    since: float
    ended: float | None
    why: str


@dataclass(frozen=True)
class EndpointRow:
    """A compute endpoint; `since` is when it came or went; `detail` is what it reported (running, queued, ...)."""

    endpoint: str
    name: str
    stage: str
    online: bool
    since: float
    detail: Mapping[str, Any]


@dataclass(frozen=True)
class Event:
    event: int
    at: float
    actor: str
    level: str
    run: int | None
    segment: int | None
    text: str

    @property
    def important(self) -> bool:
        return self.level != "info"


@dataclass(frozen=True)
class Source:
    """A source of data: when it was last tried and heard, and what is wrong with it now ('' when nothing is)."""

    name: str
    tried_at: float
    ok_at: float | None
    problem: str

    def age(self, now: float) -> float | None:
        """Seconds since it was last heard; None when it never was."""
        return None if self.ok_at is None else max(0.0, now - self.ok_at)

    def stale(self, now: float) -> bool:
        age = self.age(now)
        return bool(self.problem) or (self.name in ASKED_ALWAYS and (age is None or age > STALE_SECONDS))


@dataclass(frozen=True)
class Answer:
    """A request and what came of it; state `asked` means that the driver has not looked at it yet."""

    request: int
    verb: str
    run: int | None
    state: str
    answer: str


@dataclass(frozen=True)
class Snapshot:
    """All that the main screen shows, as it was at `at`. Runs are newest first, events and answers too."""

    at: float
    driver: Presence | None
    auto: bool
    runs: tuple[RunRow, ...] = ()
    flow_runs: tuple[FlowRow, ...] = ()
    endpoints: tuple[EndpointRow, ...] = ()
    events: tuple[Event, ...] = ()
    sources: tuple[Source, ...] = ()
    answers: tuple[Answer, ...] = ()

    def run(self, number: int | None) -> RunRow | None:
        return next((row for row in self.runs if row.run == number), None)


@dataclass(frozen=True)
class SegmentRow:
    """One segment of a run: `bytes` on the DTN (None when it is not there), a cell per stage, and what to say of it."""

    segment: int
    bytes: int | None
    cells: tuple[Cell, ...]  # in the order of SEGMENT_STAGES
    note: str

    @property
    def bad(self) -> bool:
        return any(cell.bad for cell in self.cells)


@dataclass(frozen=True)
class RunDetail:
    """Everything known of one run. `attempts` are oldest first, `events` newest first."""

    run: Run
    segments: tuple[SegmentRow, ...]
    analyze: Cell
    returned: Cell
    attempts: tuple[Attempt, ...]
    events: tuple[Event, ...]

    @property
    def active(self) -> bool:
        """Whether something is under way: a place that waits then waits for its turn, else for somebody to start it."""
        return any(attempt.state in OPEN for attempt in self.attempts)

    @property
    def first_to_look_at(self) -> int | None:
        """The first segment that failed or is in doubt, else the first."""
        bad = (row.segment for row in self.segments if row.bad)
        return next(bad, self.segments[0].segment if self.segments else None)


class SnapshotReader:
    """Reads snapshots from one ledger; rows that have not changed are the same objects as in the snapshot before."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self._known: dict[int, tuple[tuple[Any, ...], RunRow]] = {}

    def snapshot(self) -> Snapshot:
        ledger = self.ledger
        runs = self._runs()
        by_number = {row.run: row for row in runs}
        return Snapshot(
            at=ledger.now(),
            driver=presence.driver(ledger.path),
            auto=ledger.get("auto", "on") == "on",
            runs=runs,
            flow_runs=tuple(
                _flow_row(row, by_number[row["run"]])
                for row in ledger.rows(_FLOW_RUNS)
                if row["run"] in by_number  # else it came a moment after the runs were read
            ),
            endpoints=tuple(map(_endpoint, ledger.rows("SELECT * FROM endpoints ORDER BY name"))),
            events=tuple(map(_event, ledger.rows("SELECT * FROM events ORDER BY event DESC LIMIT ?", EVENTS_SHOWN))),
            sources=tuple(Source(*row) for row in ledger.rows(_SOURCES)),
            answers=tuple(Answer(*row) for row in ledger.rows(_ANSWERS, REQUESTS_SHOWN)),
        )

    def _runs(self) -> tuple[RunRow, ...]:
        known, rows = self._known, []
        for raw in map(tuple, self.ledger.rows(_RUNS)):
            before = known.get(raw[0])
            if before is None or before[0] != raw:
                known[raw[0]] = before = (raw, _run_row(raw))
            rows.append(before[1])
        return tuple(rows)


def snapshot(ledger: Ledger) -> Snapshot:
    """What the ledger says now."""
    return SnapshotReader(ledger).snapshot()


def detail(ledger: Ledger, number: int) -> RunDetail | None:
    """Everything the ledger knows of a run; None when it does not know the run."""
    run = records.run(ledger, number)
    if run is None:
        return None
    matrix = records.matrix(ledger, run)
    rows = ledger.rows("SELECT * FROM events WHERE run = ? ORDER BY event DESC LIMIT ?", number, EVENTS_SHOWN)
    return RunDetail(
        run=run,
        segments=tuple(_segment_row(s, run.sizes.get(s), matrix) for s in run.segments),
        analyze=matrix[(Stage.ANALYZE, None)],
        returned=matrix[(Stage.RETURN, None)],
        attempts=tuple(records.attempts(ledger, number)),
        events=tuple(map(_event, rows)),
    )


# ---- rows

_RUNS = """
    SELECT run, state, json_array_length(segments), bytes, title, started, ended, why, progress,
           (SELECT count(*) FROM attempts WHERE attempts.run = runs.run), result
    FROM runs ORDER BY run DESC"""

_SOURCES = "SELECT name, tried_at, ok_at, problem FROM sources ORDER BY name"
_ANSWERS = "SELECT request, verb, run, state, answer FROM requests ORDER BY request DESC LIMIT ?"

# The open attempts, oldest first, then the newest of those that ended.
_FLOW_RUNS = f"""
    SELECT * FROM (
        SELECT attempt, run, number, flow_run, state, stage, intended_at, started_at, ended_at, why, 0 AS over
        FROM attempts WHERE state IN ({",".join(f"'{state.value}'" for state in OPEN)}) ORDER BY attempt
    ) UNION ALL SELECT * FROM (
        SELECT attempt, run, number, flow_run, state, stage, intended_at, started_at, ended_at, why, 1 AS over
        FROM attempts WHERE state NOT IN ({",".join(f"'{state.value}'" for state in OPEN)})
        ORDER BY attempt DESC LIMIT {ENDED_ATTEMPTS_SHOWN}
    )"""


def _run_row(raw: tuple[Any, ...]) -> RunRow:
    run, state, segments, count, title, started, ended, why, progress, attempts, result = raw
    return RunRow(
        run, RunState(state), segments, count, title, started, ended, why, json.loads(progress), attempts, result
    )


def _flow_row(row: sqlite3.Row, run: RunRow) -> FlowRow:
    stage = Stage(row["stage"]) if row["stage"] in {s.value for s in STAGES} else None
    counted = run.progress.get(stage.value, {}) if stage else {}
    state = AttemptState(row["state"])
    return FlowRow(
        attempt=row["attempt"],
        run=row["run"],
        number=row["number"],
        flow_run=row["flow_run"],
        state=state,
        stage=stage,
        done=counted.get(CellState.DONE.value, 0),
        total=sum(counted.values()),
        since=row["started_at"] or row["intended_at"],
        ended=row["ended_at"],
        why=row["why"] or (run.why if state in OPEN else ""),
    )


def _endpoint(row: sqlite3.Row) -> EndpointRow:
    detail = json.loads(row["detail"])
    return EndpointRow(row["endpoint"], row["name"], row["stage"], bool(row["online"]), row["since"], detail)


def _event(row: sqlite3.Row) -> Event:
    return Event(row["event"], row["at"], row["actor"], row["level"], row["run"], row["segment"], row["text"])


def _segment_row(segment: int, count: int | None, matrix: Mapping[Place, Cell]) -> SegmentRow:
    cells = tuple(matrix[(stage, segment)] for stage in SEGMENT_STAGES)
    return SegmentRow(segment, count, cells, _note(cells))


def _note(cells: tuple[Cell, ...]) -> str:
    """The sentence of the cell that matters most: the first bad one, else the first that is not done."""
    named = [(stage, cell) for stage, cell in zip(SEGMENT_STAGES, cells, strict=True)]
    for stage, cell in named:
        if cell.bad:
            return f"{stage.value}: {cell.why}"
    for stage, cell in named:
        if cell.state is not CellState.DONE:
            return f"{stage.value}: {cell.why}"
    return ""
