"""The rows of runs: the verdict on the run directory, and the state of the run."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from console.ledger import conditions, stuck
from console.ledger.moves import move
from console.ledger.store import Ledger
from flowspec import catalogue, standing
from flowspec.conditions import Condition, Reason, Topic, reason
from flowspec.late_segments import late_segments
from flowspec.states import JUDGED, ON_DISK, VANISHED, WITHDRAWN, RunState

if TYPE_CHECKING:
    from flowspec.readiness import Judgement

UNLISTED = "run.incomplete.unlisted"  # its directory, just now
LATE = "event.changed"  # a segment has arrived or changed after the launch
STREAMING = "streaming"  # in the ledger's meta: on or off, by the profile of the driver
GONE = RunState.GONE.value  # as a verdict: the directory is no longer there


class Closed(NamedTuple):
    """A segment that nothing is written to any more, as it seems: its version, and when that was first seen."""

    version: str
    at: float


@dataclass(frozen=True)
class Run:
    """A run as the ledger has it. `sizes` are bytes per segment on the DTN; times are seconds since the epoch."""

    run: int
    path: str
    verdict: str
    segments: tuple[int, ...]
    sizes: Mapping[int, int]
    bytes: int
    title: str
    started: float | None
    ended: float | None
    fingerprint: str
    launched_fingerprint: str | None
    state: RunState
    progress: Mapping[str, Mapping[str, int]]
    result: str | None
    ready_at: float | None
    finished_at: float | None
    priority: int
    wish: Mapping[str, Any]
    again_at: float | None
    launched_sizes: Mapping[int, int]
    held_by: str | None
    launched_started: float | None
    launched_title: str | None
    queued_by: int | None
    closed: Mapping[int, Closed]
    early: Mapping[int, str]
    streaming: bool | None
    conditions: tuple[Condition, ...]

    @property
    def members(self) -> tuple[int, ...]:
        """The segments that belong to the run: those on disk, and those that were there when it was launched."""
        return tuple(sorted({*self.segments, *self.launched_sizes}))

    @property
    def segment_count(self) -> int:
        return len(self.segments)

    @property
    def begun(self) -> bool:
        """Whether early attempts have worked on it."""
        return bool(self.early)

    @property
    def disk(self) -> Reason:
        """Why the disk's verdict is what it is."""
        return next((c.reason for c in self.conditions if c.topic is Topic.DISK), Reason("words", {"words": ""}))

    @property
    def reason(self) -> str:
        """The same as a sentence."""
        return catalogue.sentence(self.disk)

    @cached_property
    def why(self) -> str:
        """Why it stands where it stands, as a sentence."""
        return standing.why(self.state, self.conditions)

    @property
    def because(self) -> str:
        """The same for a column beside the state."""
        return standing.row(self.state, self.conditions)

    @property
    def stuck(self) -> bool:
        """It has not ended, and goes on only when a person does something."""
        return standing.stuck(self.state, self.conditions)

    def has(self, code: str) -> bool:
        """Whether this condition holds."""
        return standing.has(self.state, self.conditions, code)

    def streamed(self, by_default: bool) -> bool:
        """Whether it is worked on while it is recorded: what was chosen for it goes before the profile."""
        return by_default if self.streaming is None else self.streaming

    @property
    def retaken(self) -> bool:
        """Whether what is on disk is another take of this number than the one that was launched."""
        if self.launched_started is None or self.started is None:
            return False
        return (self.started, self.title) != (self.launched_started, self.launched_title)

    @property
    def inactive(self) -> bool:
        """Globus waits for a consent or a login."""
        return self.has(standing.INACTIVE)

    @property
    def suspected(self) -> bool:
        """A task of it seems to hang or to be lost."""
        return self.has(standing.SUSPECT)


_SELECT = f"SELECT *, {conditions.AS_JSON} AS conditions FROM runs"


def runs(ledger: Ledger, *states: RunState) -> list[Run]:
    """The runs in these states (all, when none is given), newest first."""
    where = f"WHERE state IN ({','.join('?' * len(states))})" if states else ""
    return [_run(row) for row in ledger.rows(f"{_SELECT} {where} ORDER BY run DESC", *(s.value for s in states))]


def run(ledger: Ledger, number: int) -> Run | None:
    row = ledger.row(f"{_SELECT} WHERE run = ?", number)
    return _run(row) if row else None


def since(ledger: Ledger, at: float) -> list[Run]:
    """The runs that began, ended or came to the end of their analysis at this time or later, oldest first."""
    rows = ledger.rows(f"{_SELECT} WHERE started >= ?1 OR ended >= ?1 OR finished_at >= ?1 ORDER BY run", at)
    return [_run(row) for row in rows]


def queued_by(ledger: Ledger, request: int) -> list[Run]:
    """The runs that this request has put into the queue, also those that were started since, oldest first."""
    return [_run(row) for row in ledger.rows(f"{_SELECT} WHERE queued_by = ? ORDER BY run", request)]


def due_again(ledger: Ledger) -> list[int]:
    """The runs whose pause before an automatic retry is over, or whose end was waited for."""
    due = "SELECT run FROM runs WHERE state IN ('failed', 'cancelled') AND again_at <= ? ORDER BY run"
    return [row["run"] for row in ledger.rows(due, ledger.now())]


def any_known(ledger: Ledger) -> bool:
    return ledger.row("SELECT 1 FROM runs LIMIT 1") is not None


def on_disk(ledger: Ledger) -> dict[int, bool]:
    """The runs that had a directory when last looked at, and whether their data are still needed."""
    rows = ledger.rows("SELECT run, state FROM runs WHERE verdict != ?", GONE)
    return {row["run"]: row["state"] != RunState.DONE.value for row in rows}


def add_without_directory(ledger: Ledger, number: int) -> None:
    """A run that the ledger does not know and that has no directory."""
    with ledger.change() as db:
        added = db.execute(
            "INSERT OR IGNORE INTO runs (run, path, verdict, state, updated) VALUES (?,?,?,?,?)",
            (number, "", GONE, RunState.GONE.value, ledger.now()),
        ).rowcount
        if added:
            conditions.put(ledger, number, Topic.DISK, [Reason("run.unseen")])


def record_judgement(ledger: Ledger, path: str, judged: Judgement, sizes: Mapping[int, int]) -> None:
    """Write the judgement of a run. The state follows the verdict until the console has begun to work on it."""
    now = ledger.now()
    with ledger.change() as db:
        before = run(ledger, judged.run)
        target = RunState(judged.verdict.value)
        on_disk = before is None or before.state in ON_DISK
        new_state = before is None or (on_disk and before.state is not target)
        ready_at = now if new_state and target is RunState.READY else before.ready_at if before else None
        db.execute(
            "INSERT INTO runs (run, path, verdict, segments, sizes, bytes, title, started, ended, fingerprint, "
            "closed, state, ready_at, updated) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (run) DO UPDATE SET "
            "path=excluded.path, verdict=excluded.verdict, segments=excluded.segments, "
            "sizes=excluded.sizes, bytes=excluded.bytes, title=excluded.title, started=excluded.started, "
            "ended=excluded.ended, fingerprint=excluded.fingerprint, closed=excluded.closed, "
            "ready_at=excluded.ready_at, updated=excluded.updated",
            (
                judged.run, path, judged.verdict.value, json.dumps(list(judged.segments)),
                json.dumps(dict(sizes)), judged.bytes, judged.title, judged.started, judged.ended, judged.fingerprint,
                json.dumps(_closed(judged, before, now)), RunState.ARRIVING.value, ready_at, now,
            ),
        )  # fmt: skip
        conditions.put(ledger, judged.run, Topic.DISK, [judged.reason])
        retaken = note_take(ledger, judged.run) if before is not None and before.launched_started is not None else None
        parameters = {"run": judged.run, "cause": catalogue.nested(judged.reason)}
        if new_state:
            needed = target in (RunState.INCOMPLETE, RunState.ABNORMAL)
            level, alert = ("warning", _alert(ledger, judged)) if needed else ("info", "")
            move(ledger, judged.run, JUDGED, target, level=level, alert=alert, event=parameters)
        elif before is not None and _withdrawn(before, judged):
            alert = _alert(ledger, judged)
            move(ledger, judged.run, WITHDRAWN, target, level="warning", alert=alert, event=parameters)
        elif retaken is not None:
            text = catalogue.sentence(Reason("event.retaken", {"run": judged.run, "cause": catalogue.nested(retaken)}))
            ledger.event("warning", text, actor="driver", run=judged.run, alert=retaken.code)
        elif before is not None and not on_disk and _changed(before, judged):
            text = catalogue.sentence(Reason("event.changed", parameters))
            late = late_segments(before.launched_sizes, sizes)
            alert = stuck.news(ledger, judged.run, LATE) if late.arrived or late.changed else ""
            ledger.event("warning", text, actor="driver", run=judged.run, alert=alert)


def _closed(judged: Judgement, before: Run | None, now: float) -> dict[int, Closed]:
    known = before.closed if before is not None else {}
    return {
        segment: known[segment] if segment in known and known[segment].version == version else Closed(version, now)
        for segment, version in judged.closed.items()
    }


def _alert(ledger: Ledger, judged: Judgement) -> str:
    """That somebody is needed for what was judged."""
    return stuck.news(ledger, judged.run, judged.reason.code)


def _withdrawn(before: Run, judged: Judgement) -> bool:
    """What was queued is not what lies there now, and only a person launches that; what was launched goes on, and what
    cannot be listed may be as it was."""
    verdict = judged.verdict.value
    new = RunState(verdict) in WITHDRAWN.targets and verdict != before.verdict and judged.reason.code != UNLISTED
    return new and before.state is RunState.QUEUED and not before.launched_sizes


def note_take(ledger: Ledger, number: int) -> Reason | None:
    """Whether the number of a run that was launched was taken again; the reason, when that is news."""
    now = run(ledger, number)
    if now is None or now.started is None:  # its beginning was not read yet: that tells nothing
        return None
    if not now.retaken:
        conditions.put(ledger, number, Topic.TAKE, [])
        return None
    why = reason(
        "run.retaken", started=now.started, title=now.title,
        launched=now.launched_started, launched_title=now.launched_title,
    )  # fmt: skip
    return why if conditions.put(ledger, number, Topic.TAKE, [why]) else None


def _changed(before: Run, judged: Judgement) -> bool:
    return judged.fingerprint not in (before.fingerprint, before.launched_fingerprint)


def record_gone(ledger: Ledger, number: int) -> None:
    """The run's directory is no longer there; what was launched goes on, what was not is GONE."""
    with ledger.change():
        before = run(ledger, number)
        if before is None or before.verdict == GONE:
            return
        gone = Reason("run.gone")
        ledger.event("warning", f"run {number}: {catalogue.sentence(gone)}", actor="driver", run=number)
        set_run(ledger, number, verdict=GONE)
        conditions.put(ledger, number, Topic.DISK, [gone])
        if before.state in VANISHED.sources:
            move(ledger, number, VANISHED)


def streamed_by_default(ledger: Ledger) -> bool:
    """What the profile of the driver says, for who shows it."""
    return ledger.get(STREAMING) == "on"


def set_run(ledger: Ledger, number: int, **columns: Any) -> None:
    """Update columns of a run; its state only moves (`console.ledger.moves`)."""
    ledger.update("runs", "run", number, **columns, updated=ledger.now())


def _run(row: sqlite3.Row) -> Run:
    values = {name: row[name] for name in Run.__dataclass_fields__}
    values["segments"] = tuple(json.loads(row["segments"]))
    for sizes in ("sizes", "launched_sizes"):
        values[sizes] = {int(segment): size for segment, size in json.loads(row[sizes]).items()}
    values["closed"] = {int(segment): Closed(*found) for segment, found in json.loads(row["closed"]).items()}
    values["early"] = {int(segment): version for segment, version in json.loads(row["early"]).items()}
    values["streaming"] = None if row["streaming"] is None else bool(row["streaming"])
    values["wish"] = json.loads(row["wish"])
    values["state"] = RunState(row["state"])
    values["progress"] = json.loads(row["progress"])
    values["conditions"] = conditions.from_json(row["conditions"])
    return Run(**values)
