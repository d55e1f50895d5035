"""What the ledger says, ready to be shown: the read model of the screens and of `console status`.

Everything is read from the ledger and the driver's lock file; nothing here asks a remote service or lists a directory.
Texts are as the ledger has them: whoever shows them cleans them (`flowspec.text`).
"""

from __future__ import annotations

import bisect
import json
import sqlite3
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from console.disk import space as disk_space
from console.disk.space import Space
from console.ledger import acknowledged, cancel_lines, endpoints, failures, job_reports, logins, presence, sources
from console.ledger import attempts as attempt_rows
from console.ledger import evidence as evidence_rows
from console.ledger import runs as run_rows
from console.ledger.acknowledged import NewFailures
from console.ledger.attempts import Attempt
from console.ledger.cancel_lines import CancelLine
from console.ledger.endpoints import EndpointRow
from console.ledger.job_reports import Report
from console.ledger.presence import Presence
from console.ledger.runs import Run
from console.ledger.sources import Source
from console.ledger.store import Ledger
from console.reading import timing
from console.reading.timing import Timing
from flowspec.late_segments import late_segments
from flowspec.progress import Evidence, fold
from flowspec.quarantine import Waiver
from flowspec.stages import SEGMENT_STAGES, STAGES, Cell, CellState, Place, Stage
from flowspec.states import INACTIVE, OPEN, AttemptState, RunState, suspected

EVENTS_SHOWN = 50
ENDED_ATTEMPTS_SHOWN = 30
REQUESTS_SHOWN = 20
OVERLAP_SECONDS = 1.0  # the clock that tells when a run was written may be set back by so much at any time,
READ_ALL_SECONDS = 60.0  # and by more if it is then seen so late

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
    again_at: float | None = None  # when it is retried by itself
    held_by: str | None = None  # who holds it back in the queue
    late: str = ""  # what arrived or changed on the DTN after the launch, as a sentence; '' when nothing did

    @property
    def because(self) -> str:
        """`why` without the words that stand beside it anyway, the run and its state; what is late comes first."""
        why = self.why.removeprefix(f"run {self.run} ").removeprefix(f"is {self.state.value}: ")
        return "; ".join(filter(None, (self.late, why)))

    @property
    def inactive(self) -> bool:
        """Globus waits for a consent or a login."""
        return self.state is RunState.RUNNING and self.why.startswith(INACTIVE)

    @property
    def suspected(self) -> bool:
        """A task of it seems to hang or to be lost."""
        return suspected(self.state, self.why)


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
    space: Space | None = None  # on the disk of the results; None until it was looked at
    tokens_end: float | None = None  # as console.ledger.logins has it
    hints_off: str = ""  # why Flows is given no hints (console.evidence.hints); empty while it is
    new_failures: NewFailures = field(default_factory=NewFailures)

    def run(self, number: int | None) -> RunRow | None:
        place = bisect.bisect_left(self.runs, -number, key=lambda row: -row.run) if number is not None else 0
        found = self.runs[place] if place < len(self.runs) else None
        return found if found is not None and found.run == number else None


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
    """Everything known of one run. `attempts` are oldest first, `events` newest first.

    `cancel` is what must be seen gone of the newest attempt, when that is or was cancelled; `offline` are the compute
    endpoints that are offline, by the stage that they serve. `evidence` is what the cells were folded from, `reports`
    those of jobs that were asked for, `timing` by attempt.
    """

    run: Run
    segments: tuple[SegmentRow, ...]
    analyze: Cell
    returned: Cell
    attempts: tuple[Attempt, ...]
    events: tuple[Event, ...]
    cancel: tuple[CancelLine, ...]
    offline: Mapping[str, str]
    waived: tuple[Waiver, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    reports: tuple[Report, ...] = ()
    timing: Mapping[int, Timing] = field(default_factory=dict)
    web_app: str = ""  # address of a flow run, without its id; '' when there is no such place

    @property
    def active(self) -> bool:
        """Whether something is under way: a place that waits then waits for its turn, else for somebody to start it."""
        return any(attempt.state in OPEN for attempt in self.attempts)

    def address(self, flow_run: str) -> str:
        """Where a person can look at a flow run; only its id, where there is no such place."""
        return f"{self.web_app}{flow_run}" if self.web_app else f"flow run {flow_run}"

    @property
    def first_to_look_at(self) -> int | None:
        """The first segment that failed or is in doubt, else the first."""
        bad = (row.segment for row in self.segments if row.bad)
        return next(bad, self.segments[0].segment if self.segments else None)


class SnapshotReader:
    """Reads snapshots from one ledger; rows that have not changed are the same objects as in the snapshot before.

    Of the runs only those written since the last look are read: most of thousands never change again.
    With `first`, the first snapshot has only so many of the newest runs, as there is little to see of the others yet;
    `complete` tells whether all are there.
    """

    def __init__(self, ledger: Ledger, first: int = -1) -> None:
        self.ledger = ledger
        self.complete = False
        self._first = first
        self._known: dict[int, tuple[tuple[Any, ...], RunRow]] = {}
        self._runs_shown: tuple[RunRow, ...] = ()
        self._newest = 0.0  # `updated` of the run written last
        self._read_all_at = -READ_ALL_SECONDS

    def snapshot(self) -> Snapshot:
        ledger = self.ledger
        runs = self._runs()
        return Snapshot(
            at=ledger.now(),
            driver=presence.driver(ledger.path),
            auto=ledger.get("auto", "on") == "on",
            runs=runs,
            flow_runs=tuple(
                _flow_row(row, self._known[row["run"]][1])
                for row in ledger.rows(_FLOW_RUNS)
                if row["run"] in self._known  # else it came a moment after the runs were read
            ),
            endpoints=endpoints.read(ledger),
            events=tuple(map(_event, ledger.rows("SELECT * FROM events ORDER BY event DESC LIMIT ?", EVENTS_SHOWN))),
            sources=sources.read(ledger),
            answers=tuple(Answer(*row) for row in ledger.rows(_ANSWERS, REQUESTS_SHOWN)),
            space=disk_space.read(ledger),
            tokens_end=logins.tokens_end(ledger),
            hints_off=ledger.get("hints_off"),
            new_failures=acknowledged.read(ledger),
        )

    def _runs(self) -> tuple[RunRow, ...]:
        since, now = min(self._newest, self.ledger.now()) - OVERLAP_SECONDS, time.monotonic()
        self.complete = bool(self._known) or self._first < 0
        if self.complete and now - self._read_all_at >= READ_ALL_SECONDS:
            since, self._read_all_at = 0.0, now
        known, new, changed = self._known, False, {}
        rows = self.ledger.rows(_RUNS, since) if self.complete else self.ledger.rows(_NEWEST_RUNS, 0.0, self._first)
        for *columns, updated in rows:
            raw, self._newest = tuple(columns), max(self._newest, updated)
            before = known.get(raw[0])
            if before is None or before[0] != raw:
                known[raw[0]] = (raw, _run_row(raw))
                changed[raw[0]] = known[raw[0]][1]
                new = new or before is None
        if new:
            self._runs_shown = tuple(known[number][1] for number in sorted(known, reverse=True))
        elif changed:
            self._runs_shown = tuple(changed.get(row.run, row) for row in self._runs_shown)
        return self._runs_shown


def snapshot(ledger: Ledger) -> Snapshot:
    """What the ledger says now."""
    return SnapshotReader(ledger).snapshot()


def detail(ledger: Ledger, number: int) -> RunDetail | None:
    """Everything the ledger knows of a run; None when it does not know the run."""
    run = run_rows.run(ledger, number)
    if run is None:
        return None
    evidence = evidence_rows.evidence(ledger, number)
    matrix = fold(run.members, evidence, run.sizes)
    attempts = attempt_rows.attempts(ledger, number)
    reports = job_reports.of_run(ledger, number)
    waived = failures.waivers(ledger, number)
    rows = ledger.rows("SELECT * FROM events WHERE run = ? ORDER BY event DESC LIMIT ?", number, EVENTS_SHOWN)
    return RunDetail(
        run=run,
        segments=tuple(_segment_row(s, run, matrix, waived.get(s)) for s in run.members),
        analyze=matrix[(Stage.ANALYZE, None)],
        returned=matrix[(Stage.RETURN, None)],
        attempts=tuple(attempts),
        events=tuple(map(_event, rows)),
        cancel=tuple(cancel_lines.read(ledger, attempts[-1].attempt)) if attempts else (),
        offline=cancel_lines.offline_endpoints(ledger),
        waived=tuple(waived.values()),
        evidence=tuple(evidence),
        reports=tuple(reports),
        timing=timing.of_run(ledger, number, reports),
        web_app=ledger.get(logins.WEB_APP),
    )


# ---- rows

_RUNS = """
    SELECT run, state, json_array_length(segments), bytes, title, started, ended, why, progress,
           (SELECT count(*) FROM attempts WHERE attempts.run = runs.run), result, again_at, held_by,
           CASE WHEN launched_sizes NOT IN ('{}', sizes) THEN json_array(json(launched_sizes), json(sizes)) END,
           updated
    FROM runs WHERE updated >= ?"""
_NEWEST_RUNS = f"{_RUNS} ORDER BY run DESC LIMIT ?"

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
    run, state, segments, count, title, started, ended, why, progress, attempts, result, again_at, held, differing = raw
    late = late_segments(*json.loads(differing)).sentence(RunState(state)) if differing else ""
    return RunRow(
        run, RunState(state), segments, count, title, started, ended, why, json.loads(progress), attempts, result,
        again_at, held, late,
    )  # fmt: skip


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


def _event(row: sqlite3.Row) -> Event:
    return Event(row["event"], row["at"], row["actor"], row["level"], row["run"], row["segment"], row["text"])


def _segment_row(segment: int, run: Run, matrix: Mapping[Place, Cell], waiver: Waiver | None) -> SegmentRow:
    cells = tuple(matrix[(stage, segment)] for stage in SEGMENT_STAGES)
    new = bool(run.launched_sizes) and segment not in run.launched_sizes
    notes = (
        f"waived by {waiver.actor}: {waiver.reason}" if waiver else "",
        "arrived after the launch" if new else "",
        _note(cells),
    )
    return SegmentRow(segment, run.sizes.get(segment), cells, "; ".join(filter(None, notes)))


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
