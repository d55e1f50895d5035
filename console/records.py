"""Runs, attempts, tasks and evidence in the ledger: the only module that knows their SQL."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from console.ledger import Ledger
from console.states import ON_DISK, OPEN, AttemptState, RunState
from flowspec import flowlog
from flowspec.flowlog import Visit
from flowspec.plan import Plan
from flowspec.progress import Evidence, Matrix, Says, Witness, counts, fold
from flowspec.readiness import Judgement
from flowspec.stages import Place, Stage

WHOLE_RUN = -1  # the segment column of evidence for the stages that belong to the run


@dataclass(frozen=True)
class Run:
    """A run as the ledger has it. `sizes` are bytes per segment on the DTN; times are seconds since the epoch."""

    run: int
    path: str
    verdict: str
    reason: str
    segments: tuple[int, ...]
    sizes: Mapping[int, int]
    bytes: int
    title: str
    started: float | None
    ended: float | None
    fingerprint: str
    launched_fingerprint: str | None
    state: RunState
    why: str
    progress: Mapping[str, Mapping[str, int]]
    result: str | None
    ready_at: float | None
    finished_at: float | None
    priority: int
    wish: Mapping[str, Any]
    again_at: float | None
    launched_sizes: Mapping[int, int]
    held_by: str | None

    @property
    def members(self) -> tuple[int, ...]:
        """The segments that belong to the run: those on disk, and those that were there when it was launched."""
        return tuple(sorted({*self.segments, *self.launched_sizes}))


@dataclass(frozen=True)
class Attempt:
    """The n-th flow run for a run: first an intent, then a flow run with an id."""

    attempt: int
    run: int
    number: int
    tag: str
    plan: Plan
    body: Mapping[str, Any]
    label: str
    flow_id: str
    flow_run: str | None
    state: AttemptState
    stage: str | None
    why: str
    actor: str
    intended_at: float
    started_at: float | None
    ended_at: float | None
    log_after: str | None
    visits: Mapping[Stage, Visit]
    cancel_by: str | None
    cancel_at: float | None


# ---- runs


def runs(ledger: Ledger, *states: RunState) -> list[Run]:
    """The runs in these states (all, when none is given), newest first."""
    where = f"WHERE state IN ({','.join('?' * len(states))})" if states else ""
    return [
        _run(row) for row in ledger.rows(f"SELECT * FROM runs {where} ORDER BY run DESC", *(s.value for s in states))
    ]


def run(ledger: Ledger, number: int) -> Run | None:
    row = ledger.row("SELECT * FROM runs WHERE run = ?", number)
    return _run(row) if row else None


def record_judgement(ledger: Ledger, path: str, judged: Judgement, sizes: Mapping[int, int]) -> Run:
    """Write what the disk says of a run. The state follows the verdict until the console has begun to work on it."""
    now = ledger.now()
    with ledger.change() as db:
        before = run(ledger, judged.run)
        on_disk = before is None or before.state in ON_DISK
        state = RunState(judged.verdict.value) if on_disk else before.state if before else RunState.TAKING
        ready_at = before.ready_at if before else None
        if state is RunState.READY and (before is None or before.state is not RunState.READY):
            ready_at = now
        db.execute(
            "INSERT INTO runs (run, path, verdict, reason, segments, sizes, bytes, title, started, ended, fingerprint, "
            "state, why, ready_at, updated) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (run) DO UPDATE SET "
            "path=excluded.path, verdict=excluded.verdict, reason=excluded.reason, segments=excluded.segments, "
            "sizes=excluded.sizes, bytes=excluded.bytes, title=excluded.title, started=excluded.started, "
            "ended=excluded.ended, fingerprint=excluded.fingerprint, state=excluded.state, why=excluded.why, "
            "ready_at=excluded.ready_at, updated=excluded.updated",
            (
                judged.run, path, judged.verdict.value, judged.reason, json.dumps(list(judged.segments)),
                json.dumps(dict(sizes)), judged.bytes, judged.title, judged.started, judged.ended, judged.fingerprint,
                state.value, judged.reason if on_disk else (before.why if before else ""), ready_at, now,
            ),
        )  # fmt: skip
        if before is None or (on_disk and before.state is not state):
            level = "warning" if state in (RunState.INCOMPLETE, RunState.ABNORMAL) else "info"
            told = judged.reason.startswith(f"run {judged.run} ")
            text = judged.reason if told else f"run {judged.run} {state.value}: {judged.reason}"
            ledger.event(level, text, actor="driver", run=judged.run)
        elif judged.fingerprint not in (before.fingerprint, before.launched_fingerprint) and not on_disk:
            text = f"run {judged.run} changed on disk after it was launched: {judged.reason}"
            ledger.event("warning", text, actor="driver", run=judged.run)
        after = run(ledger, judged.run)
    assert after is not None
    return after


def record_gone(ledger: Ledger, number: int) -> None:
    """The run's directory is no longer there; what was launched goes on, what was not is GONE."""
    with ledger.change():
        before = run(ledger, number)
        if before is None or before.verdict == RunState.GONE.value:
            return
        reason = "the run directory is no longer there"
        ledger.event("warning", f"run {number}: {reason}", actor="driver", run=number)
        if before.state in ON_DISK or before.state is RunState.QUEUED:
            set_run(ledger, number, verdict=RunState.GONE.value, reason=reason, state=RunState.GONE, why=reason)
        else:
            set_run(ledger, number, verdict=RunState.GONE.value, reason=reason)


def set_run(ledger: Ledger, number: int, **columns: Any) -> None:
    """Update columns of a run. A hold is of the queue: it ends with any change of state."""
    if "state" in columns:
        columns = {"held_by": None, **columns}
    _update(ledger, "runs", "run", number, {**columns, "updated": ledger.now()})


def set_attempt(ledger: Ledger, attempt: int, **columns: Any) -> None:
    """Update columns of an attempt."""
    _update(ledger, "attempts", "attempt", attempt, columns)


def _update(ledger: Ledger, table: str, key: str, value: int, columns: Mapping[str, Any]) -> None:
    stored = {name: json.dumps(v) if isinstance(v, dict) else v for name, v in columns.items()}
    assignments = ", ".join(f"{name} = ?" for name in stored)
    with ledger.change() as db:
        db.execute(f"UPDATE {table} SET {assignments} WHERE {key} = ?", (*stored.values(), value))


# ---- attempts


def open_attempts(ledger: Ledger) -> list[Attempt]:
    """Attempts that have not ended, oldest first."""
    rows = ledger.rows("SELECT * FROM attempts WHERE state IN (?,?) ORDER BY attempt", *(s.value for s in OPEN))
    return [_attempt(row) for row in rows]


def attempts(ledger: Ledger, number: int) -> list[Attempt]:
    """The attempts of a run, oldest first."""
    return [_attempt(row) for row in ledger.rows("SELECT * FROM attempts WHERE run = ? ORDER BY number", number)]


def newest_attempt(ledger: Ledger, number: int) -> Attempt | None:
    row = ledger.row("SELECT * FROM attempts WHERE run = ? ORDER BY number DESC LIMIT 1", number)
    return _attempt(row) if row else None


def add_intent(
    ledger: Ledger, plan: Plan, number: int, tag: str, body: Mapping[str, Any], label: str, flow_id: str, actor: str
) -> int:
    """Write the intent of an attempt; nothing has been asked of Globus yet. Returns its key."""
    with ledger.change() as db:
        cursor = db.execute(
            "INSERT INTO attempts "
            "(run, number, tag, plan, body, label, flow_id, state, stage, why, actor, intended_at) "
            "VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
            (
                plan.run, number, tag, json.dumps(asdict(plan)), json.dumps(body), label, flow_id,
                AttemptState.INTENT.value, plan.start.value, "is being started", actor, ledger.now(),
            ),
        )  # fmt: skip
        return int(cursor.lastrowid or 0)


# ---- tasks


def add_tasks(ledger: Ledger, attempt: int, stage: Stage, ids: Iterable[str]) -> None:
    """Remember the compute tasks of an attempt's stage, in the order of submission."""
    with ledger.change() as db:
        db.executemany(
            "INSERT OR IGNORE INTO tasks (task, attempt, stage, place) VALUES (?,?,?,?)",
            [(task, attempt, stage.value, place) for place, task in enumerate(ids)],
        )


def tasks(ledger: Ledger, attempt: int, stage: Stage) -> list[tuple[str, bool]]:
    """(task id, ended) of an attempt's stage, in the order of submission."""
    rows = ledger.rows(
        "SELECT task, ended FROM tasks WHERE attempt = ? AND stage = ? ORDER BY place", attempt, stage.value
    )
    return [(row["task"], bool(row["ended"])) for row in rows]


def end_tasks(ledger: Ledger, ids: Iterable[str]) -> None:
    with ledger.change() as db:
        db.executemany("UPDATE tasks SET ended = 1 WHERE task = ?", [(task,) for task in ids])


# ---- evidence


def evidence(ledger: Ledger, number: int) -> list[Evidence]:
    return [_evidence(row) for row in ledger.rows("SELECT * FROM evidence WHERE run = ?", number)]


def record_evidence(ledger: Ledger, number: int, items: Iterable[Evidence], attempt: int | None = None) -> bool:
    """Write what witnesses say, where it differs from what they said before, or of which attempt. True when any did."""
    rows = ledger.rows("SELECT * FROM evidence WHERE run = ?", number)
    known = {(e.stage, e.segment, e.witness, row["attempt"]): e for row in rows for e in [_evidence(row)]}

    def differs(e: Evidence) -> bool:
        before = known.get((e.stage, e.segment, e.witness, attempt))
        return before is None or replace(before, at=e.at) != e

    new = [e for e in items if differs(e)]
    if not new:
        return False
    with ledger.change() as db:
        db.executemany(
            "INSERT OR REPLACE INTO evidence (run, stage, segment, witness, says, note, size, attempt, at, seconds) "
            "VALUES (?,?,?,?,?,?,?,?,?,?)",
            [
                (
                    number, e.stage.value, WHOLE_RUN if e.segment is None else e.segment, e.witness.value, e.says.value,
                    e.note, e.size, attempt, e.at, e.seconds,
                )
                for e in new
            ],
        )  # fmt: skip
    return True


def forget_evidence(ledger: Ledger, number: int, witness: Witness, *says: Says) -> None:
    """Drop what a witness said of a run (only these things, when given): it does not hold for a new attempt."""
    chosen = says or tuple(Says)
    with ledger.change() as db:
        db.execute(
            f"DELETE FROM evidence WHERE run = ? AND witness = ? AND says IN ({','.join('?' * len(chosen))})",
            (number, witness.value, *(s.value for s in chosen)),
        )


def expect_anew(ledger: Ledger, number: int, places: Iterable[Place]) -> None:
    """These places are planned to be done: what was said of them holds no more, and an output that lies there is old.

    The copies of transfer and return are not marked: one that is the same already is left as it is.
    """
    chosen, now = set(places), ledger.now()
    made = (Stage.FIT, Stage.CONVERT, Stage.ANALYZE)
    known = [e for e in evidence(ledger, number) if (e.stage, e.segment) in chosen and e.witness is not Witness.OLD]
    old = [replace(e, witness=Witness.OLD, at=now) for e in known if _is_there(e) and e.stage in made]
    with ledger.change() as db:
        db.executemany(
            "DELETE FROM evidence WHERE run = ? AND stage = ? AND segment = ? AND witness = ?",
            [(number, e.stage.value, WHOLE_RUN if e.segment is None else e.segment, e.witness.value) for e in known],
        )
        record_evidence(ledger, number, old)


def there(ledger: Ledger, number: int) -> set[Place]:
    """The places at which a file lies, good or not, as it was last looked at."""
    return {(e.stage, e.segment) for e in evidence(ledger, number) if _is_there(e)}


def _is_there(item: Evidence) -> bool:
    return item.witness is Witness.FILE and item.says is Says.DONE


def matrix(ledger: Ledger, of: Run) -> Matrix:
    """The segment x stage matrix of a run, folded from all evidence."""
    return fold(of.members, evidence(ledger, of.run), of.sizes)


def refresh_progress(ledger: Ledger, number: int) -> Matrix:
    """Fold the evidence and store the counts that the overview shows; returns the matrix."""
    found = run(ledger, number)
    assert found is not None, f"run {number} is not in the ledger"
    folded = matrix(ledger, found)
    summary = counts(folded)
    if summary != found.progress:
        set_run(ledger, number, progress=summary)
    return folded


# ---- rows


def _run(row: sqlite3.Row) -> Run:
    values = {name: row[name] for name in Run.__dataclass_fields__}
    values["segments"] = tuple(json.loads(row["segments"]))
    for sizes in ("sizes", "launched_sizes"):
        values[sizes] = {int(segment): size for segment, size in json.loads(row[sizes]).items()}
    values["wish"] = json.loads(row["wish"])
    values["state"] = RunState(row["state"])
    values["progress"] = json.loads(row["progress"])
    return Run(**values)


def _attempt(row: sqlite3.Row) -> Attempt:
    values = {name: row[name] for name in Attempt.__dataclass_fields__}
    plan: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in json.loads(row["plan"]).items()}
    values["plan"] = Plan(**plan)
    values["body"] = json.loads(row["body"])
    values["state"] = AttemptState(row["state"])
    values["visits"] = flowlog.load(row["visits"])
    return Attempt(**values)


def _evidence(row: sqlite3.Row) -> Evidence:
    segment = None if row["segment"] == WHOLE_RUN else row["segment"]
    return Evidence(
        Stage(row["stage"]), segment, Witness(row["witness"]), Says(row["says"]), row["note"], row["size"], row["at"],
        row["seconds"],
    )  # fmt: skip
