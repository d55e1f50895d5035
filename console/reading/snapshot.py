"""What the ledger says of all runs, ready to be shown: the read model of the main screen and of `console status`.

Everything is read from the ledger and the driver's lock file; nothing here asks a remote service or lists a directory.
Texts are as the ledger has them: whoever shows them cleans them (`flowspec.text`).
"""

from __future__ import annotations

import bisect
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

from console.disk import space as disk_space
from console.disk.space import Space
from console.ledger import (
    alerts,
    conditions,
    consoles,
    endpoints,
    events,
    hints,
    logins,
    new_failures,
    overview,
    pause,
    presence,
    remarks,
    restarts,
    site,
    sources,
)  # fmt: skip
from console.ledger.consoles import Console
from console.ledger.endpoints import EndpointRow
from console.ledger.events import Event
from console.ledger.new_failures import NewFailures
from console.ledger.pause import Pause
from console.ledger.presence import Presence
from console.ledger.remarks import Remarks
from console.ledger.restarts import Restarts
from console.ledger.sources import Source
from console.ledger.store import Ledger
from console.reading.flow_rows import FlowRow, flow_row
from console.reading.night import Night, NightReader
from console.reading.run_list import ALL, RunList
from flowspec import catalogue, standing
from flowspec.alike import FailureKind, failure_kind
from flowspec.conditions import NO_REASON, Condition, Reason, Topic
from flowspec.late_segments import late_segments
from flowspec.stages import CellState, Stage
from flowspec.states import ON_DISK, RunState

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
    conditions: tuple[Condition, ...]
    progress: Counts
    attempts: int
    result: str | None
    again_at: float | None = None  # when it is retried by itself
    held_by: str | None = None  # who holds it back in the queue
    late: str = ""  # what arrived or changed on the DTN after the launch, as a sentence; '' when nothing did
    late_data: bool = False  # some of it would be taken by a further attempt
    streams: bool = False  # it is worked on while it is recorded, as the profile or somebody says

    @cached_property
    def why(self) -> str:
        """Why it stands where it stands, as a sentence of which the run is the subject, and what arrived late."""
        return "; ".join(filter(None, (standing.why(self.state, self.conditions), self.late)))

    @cached_property
    def because(self) -> str:
        """The same for a column beside the state; what arrived late comes first."""
        row = standing.row(self.state, self.conditions)
        parts = (row, self._so_far) if self.stuck else (self._so_far, row)  # the key to press comes first
        return "; ".join(filter(None, (self.late, *parts)))

    @property
    def begun(self) -> bool:
        """Whether attempts have worked on it."""
        return self.attempts > 0

    @property
    def _so_far(self) -> str:
        """Of a run that is still recorded: how much of it is done already."""
        done = self.progress.get(Stage.CONVERT.value, {}).get(CellState.DONE.value, 0)
        return f"{done} of {self.segments} converted" if self.begun and self.state in ON_DISK else ""

    @cached_property
    def stuck(self) -> bool:
        """It has not ended, and goes on only when a person does something."""
        return standing.stuck(self.state, self.conditions)

    @cached_property
    def urgency(self) -> int:
        """0: it needs somebody. 1: it is queued, and what it waits for needs somebody. 2: neither."""
        again, late = self.again_at is not None, self.late_data
        if not standing.needs_somebody(self.state, self.conditions, again=again, late=late):
            return 2
        return 1 if self.state is RunState.QUEUED else 0

    @cached_property
    def failure(self) -> FailureKind | None:
        """The kind of failure with which it ended; None when it did not fail, or not in an attempt."""
        if self.state is not RunState.FAILED:
            return None
        kinds = (failure_kind(c.reason) for c in self.conditions if c.topic is Topic.OUTCOME)
        return next(filter(None, kinds), None)

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
class Answer:
    """A request and what came of it; state `asked` means that the driver has not looked at it yet."""

    request: int
    verb: str
    run: int | None
    state: str
    answer: str


@dataclass(frozen=True)
class Snapshot:
    """All that the main screen shows, as it was at `at`. Runs are newest first, events and answers too.

    `unread` counts the older runs that were not read yet, by state.
    """

    at: float
    driver: Presence | None
    auto: bool
    runs: tuple[RunRow, ...] = ()
    unread: Mapping[RunState, int] = field(default_factory=dict)
    flow_runs: tuple[FlowRow, ...] = ()
    endpoints: tuple[EndpointRow, ...] = ()
    events: tuple[Event, ...] = ()
    sources: tuple[Source, ...] = ()
    answers: tuple[Answer, ...] = ()
    space: Space | None = None  # on the disk of the results; None until it was looked at
    tokens_end: float | None = None  # as console.ledger.logins has it
    login_who: str = ""  # whose login the driver has; empty when it is nobody's
    hints_off: str = ""  # why Flows is given no hints (console.evidence.hints); empty while it is
    kit_outdated: str = ""  # that the kit at the site is not this console's; empty while it is, or is not known
    restarts: Restarts = field(default_factory=Restarts)  # of endpoints, at the site
    slurm_pending: Reason = NO_REASON  # why Slurm let our jobs wait when it was asked last (console site status)
    new_failures: NewFailures = field(default_factory=NewFailures)
    calls: Event | None = None  # the newest of these
    paused: Pause | None = None  # launching, in the whole experiment
    night: Night = field(default_factory=Night)
    alerts: int = 0  # that are not over, and that nobody has acknowledged
    remarks: Mapping[int, Remarks] = field(default_factory=dict)  # by run: what people say of it
    consoles: tuple[Console, ...] = ()  # that are open

    @cached_property
    def failed_alike(self) -> Mapping[FailureKind, tuple[RunRow, ...]]:
        """The runs that are failed now by the kind of their failure, newest first; only kinds of several."""
        kinds: dict[FailureKind, list[RunRow]] = {}
        for row in self.runs:
            if row.state is RunState.FAILED and row.failure is not None:
                kinds.setdefault(row.failure, []).append(row)
        return {kind: tuple(rows) for kind, rows in kinds.items() if len(rows) > 1}

    def alike(self, run: RunRow) -> tuple[RunRow, ...]:
        """The runs that failed alike, this one among them; none when it is the only one."""
        return self.failed_alike.get(run.failure, ()) if run.failure is not None else ()

    def run(self, number: int | None) -> RunRow | None:
        return find_run(self.runs, number) if number is not None else None


def find_run(rows: Sequence[RunRow], number: int) -> RunRow | None:
    """The row of a run; the rows are newest first."""
    place = bisect.bisect_left(rows, -number, key=lambda row: -row.run)
    return rows[place] if place < len(rows) and rows[place].run == number else None


class SnapshotReader:
    """Reads snapshots from one ledger; rows that have not changed are the same objects as in the snapshot before.

    With `first`, the first snapshot has only so many of the newest runs, and those after it a slice more of the older
    ones each; `complete` tells whether all are there.
    """

    def __init__(self, ledger: Ledger, first: int = ALL) -> None:
        self.ledger = ledger
        self._runs = RunList(ledger, _run_row, first)
        self._night = NightReader(ledger)
        self._flow_runs_of: tuple[object, object] = (None, None)  # the rows that these were made from
        self._flow_runs_shown: tuple[FlowRow, ...] = ()

    @property
    def complete(self) -> bool:
        return self._runs.complete

    def snapshot(self) -> Snapshot:
        with self.ledger.meta_at_once():
            return self._snapshot()

    def _snapshot(self) -> Snapshot:
        ledger = self.ledger
        # Before the runs: what an event says of a run, its row says too. Who reads "r retries" may press r.
        happened = tuple(events.newest(ledger, EVENTS_SHOWN))
        new = new_failures.read(ledger)
        self._runs.read()
        flow_runs = self._flow_runs()
        return Snapshot(
            at=ledger.now(),
            driver=presence.driver(ledger.path),
            auto=ledger.get("auto", "on") == "on",
            runs=self._runs.rows,
            unread=self._runs.unread,
            flow_runs=flow_runs,
            endpoints=endpoints.read(ledger),
            events=happened,
            sources=sources.read(ledger),
            answers=tuple(Answer(*row) for row in overview.answers(ledger, REQUESTS_SHOWN)),
            space=disk_space.read(ledger),
            tokens_end=logins.tokens_end(ledger),
            login_who=ledger.get(logins.WHO),
            hints_off=catalogue.sentence(hints.why_off(ledger)),
            kit_outdated=catalogue.sentence(site.outdated(ledger)),
            restarts=restarts.read(ledger),
            slurm_pending=site.pending(ledger),
            new_failures=new,
            calls=events.one(ledger, new.rings) if new.rings else None,
            paused=pause.read(ledger),
            night=self._night.read(self._runs.rows, flow_runs, complete=not self._runs.unread),
            alerts=alerts.unseen(ledger),
            remarks=remarks.of_all(ledger),
            consoles=consoles.open_ones(ledger),
        )

    def _flow_runs(self) -> tuple[FlowRow, ...]:
        rows = overview.flow_runs(self.ledger, ENDED_ATTEMPTS_SHOWN)
        made_from = (self._runs.rows, [tuple(row) for row in rows])
        # The list of runs is another object when one of them has changed.
        if made_from[0] is self._flow_runs_of[0] and made_from[1] == self._flow_runs_of[1]:
            return self._flow_runs_shown
        runs = {number: find_run(self._runs.rows, number) for number in {row["run"] for row in rows}}
        if missing := [number for number, run in runs.items() if run is None]:  # not read yet, or new at this moment
            runs |= {raw[0]: _run_row(tuple(raw)[:-1]) for raw in overview.runs_of(self.ledger, missing)}
        shown = (flow_row(row, run) for row in rows if (run := runs[row["run"]]) is not None)
        self._flow_runs_of, self._flow_runs_shown = made_from, tuple(shown)
        return self._flow_runs_shown


def snapshot(ledger: Ledger) -> Snapshot:
    """What the ledger says now."""
    return SnapshotReader(ledger).snapshot()


# ---- rows


@lru_cache(4096)
def _progress(document: str) -> Counts:
    """Most of thousands of runs have the same: all is done."""
    counts: Counts = json.loads(document)
    return counts


def _run_row(raw: tuple[Any, ...]) -> RunRow:
    run, state, segments, count, title, started, ended, told, progress, attempts, result, again_at, *others = raw
    held, late, streams = others
    came = late_segments(*json.loads(late)) if late else None
    row = RunRow(
        run, RunState(state), segments, count, title, started, ended, conditions.from_json(told),
        _progress(progress), attempts, result, again_at, held, came.sentence(RunState(state)) if came else "",
        bool(came and (came.arrived or came.changed)), bool(streams),
    )  # fmt: skip
    _ = row.urgency  # found here, by the thread that reads: the screen puts all rows in order at once
    return row
