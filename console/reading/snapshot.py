"""What the ledger says of all runs, ready to be shown: the read model of the main screen and of `console status`.

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
from functools import cached_property
from typing import Any

from console.disk import space as disk_space
from console.disk.space import Space
from console.ledger import acknowledged, conditions, endpoints, events, hints, logins, overview, presence, sources
from console.ledger.acknowledged import NewFailures
from console.ledger.endpoints import EndpointRow
from console.ledger.events import Event
from console.ledger.presence import Presence
from console.ledger.sources import Source
from console.ledger.store import Ledger
from flowspec import catalogue, standing
from flowspec.conditions import Condition, Reason
from flowspec.late_segments import late_segments
from flowspec.stages import STAGES, CellState, Stage
from flowspec.states import OPEN, AttemptState, RunState

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
    conditions: tuple[Condition, ...]
    progress: Counts
    attempts: int
    result: str | None
    again_at: float | None = None  # when it is retried by itself
    held_by: str | None = None  # who holds it back in the queue
    late: str = ""  # what arrived or changed on the DTN after the launch, as a sentence; '' when nothing did

    @cached_property
    def why(self) -> str:
        """Why it stands where it stands, as a sentence."""
        return standing.why(self.state, self.conditions)

    @cached_property
    def because(self) -> str:
        """The same for a column beside the state; what arrived late comes first."""
        return "; ".join(filter(None, (self.late, standing.row(self.state, self.conditions))))

    @property
    def segment_count(self) -> int:
        return self.segments

    @property
    def inactive(self) -> bool:
        """Globus waits for a consent or a login."""
        return standing.has(self.state, self.conditions, standing.INACTIVE)

    @property
    def suspected(self) -> bool:
        """A task of it seems to hang or to be lost."""
        return standing.has(self.state, self.conditions, standing.SUSPECT)


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
    reason: Reason  # how it ended, or what keeps it; code '' for nothing
    run_why: str = ""  # while it is open: why its run stands where it stands

    @property
    def why(self) -> str:
        return catalogue.sentence(self.reason) if self.reason.code else self.run_why


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
                for row in overview.flow_runs(ledger, ENDED_ATTEMPTS_SHOWN)
                if row["run"] in self._known  # else it came a moment after the runs were read
            ),
            endpoints=endpoints.read(ledger),
            events=tuple(events.newest(ledger, EVENTS_SHOWN)),
            sources=sources.read(ledger),
            answers=tuple(Answer(*row) for row in overview.answers(ledger, REQUESTS_SHOWN)),
            space=disk_space.read(ledger),
            tokens_end=logins.tokens_end(ledger),
            hints_off=catalogue.sentence(hints.why_off(ledger)),
            new_failures=acknowledged.read(ledger),
        )

    def _runs(self) -> tuple[RunRow, ...]:
        since, now = min(self._newest, self.ledger.now()) - OVERLAP_SECONDS, time.monotonic()
        self.complete = bool(self._known) or self._first < 0
        if self.complete and now - self._read_all_at >= READ_ALL_SECONDS:
            since, self._read_all_at = 0.0, now
        known, new, changed = self._known, False, {}
        rows = (
            overview.runs_since(self.ledger, since) if self.complete else overview.newest_runs(self.ledger, self._first)
        )
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


# ---- rows


def _run_row(raw: tuple[Any, ...]) -> RunRow:
    run, state, segments, count, title, started, ended, told, progress, attempts, result, again_at, held, late = raw
    late = late_segments(*json.loads(late)).sentence(RunState(state)) if late else ""
    return RunRow(
        run, RunState(state), segments, count, title, started, ended, conditions.from_json(told),
        json.loads(progress), attempts, result, again_at, held, late,
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
        reason=Reason(row["code"], json.loads(row["parameters"])),
        run_why=run.why if state in OPEN else "",
    )
