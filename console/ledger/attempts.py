"""The rows of attempts and of their compute tasks."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from console.ledger.store import Ledger
from flowspec import catalogue, flowlog
from flowspec.conditions import Reason, reason
from flowspec.flowlog import Visit
from flowspec.plan import Plan
from flowspec.stages import Stage
from flowspec.states import OPEN, AttemptState


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
    reason: Reason  # how it ended, or what keeps it from being started; code '' for nothing
    actor: str
    intended_at: float
    started_at: float | None
    ended_at: float | None
    log_after: str | None
    visits: Mapping[Stage, Visit]
    cancel_by: str | None
    cancel_at: float | None

    @property
    def why(self) -> str:
        """The same as a sentence; '' for nothing."""
        return catalogue.sentence(self.reason) if self.reason.code else ""


def open_attempts(ledger: Ledger) -> list[Attempt]:
    """Attempts that have not ended, oldest first."""
    rows = ledger.rows("SELECT * FROM attempts WHERE state IN (?,?) ORDER BY attempt", *(s.value for s in OPEN))
    return [_attempt(row) for row in rows]


def open_of(ledger: Ledger, number: int) -> list[Attempt]:
    """Those of one run: several only while it is recorded, or when that has just ended."""
    return [attempt for attempt in attempts(ledger, number) if attempt.state in OPEN]


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
    starting = reason("attempt.starting", number=number)
    with ledger.change() as db:
        cursor = db.execute(
            "INSERT INTO attempts "
            "(run, number, tag, plan, body, label, flow_id, state, stage, code, parameters, actor, intended_at) "
            "VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)",
            (
                plan.run, number, tag, json.dumps(asdict(plan)), json.dumps(body), label, flow_id,
                AttemptState.INTENT.value, plan.start.value, starting.code, starting.dump(), actor, ledger.now(),
            ),
        )  # fmt: skip
        return int(cursor.lastrowid or 0)


def set_attempt(ledger: Ledger, attempt: int, **columns: Any) -> None:
    """Update columns of an attempt; its state only moves (`console.ledger.moves`)."""
    ledger.update("attempts", "attempt", attempt, **columns)


def set_reason(ledger: Ledger, attempt: int, why: Reason) -> None:
    """How an attempt ended, or what keeps it."""
    set_attempt(ledger, attempt, code=why.code, parameters=why.dump())


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


def task_has_ended(ledger: Ledger, task: str) -> bool:
    row = ledger.row("SELECT ended FROM tasks WHERE task = ?", task)
    return row is not None and bool(row["ended"])


def unended_tasks(ledger: Ledger, stage: str) -> int:
    """How many compute tasks of a stage are under way, over all attempts."""
    row = ledger.row(
        "SELECT COUNT(*) AS n FROM tasks JOIN attempts USING (attempt) "
        "WHERE tasks.stage = ? AND ended = 0 AND state = 'started'",
        stage,
    )
    return int(row["n"]) if row else 0


def end_tasks(ledger: Ledger, ids: Iterable[str]) -> None:
    with ledger.change() as db:
        db.executemany("UPDATE tasks SET ended = 1 WHERE task = ?", [(task,) for task in ids])


# ---- rows


def _attempt(row: sqlite3.Row) -> Attempt:
    values = {name: row[name] for name in Attempt.__dataclass_fields__ if name != "reason"}
    values["reason"] = Reason(row["code"], json.loads(row["parameters"]))
    plan: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in json.loads(row["plan"]).items()}
    values["plan"] = Plan(**plan)
    values["body"] = json.loads(row["body"])
    values["state"] = AttemptState(row["state"])
    values["visits"] = flowlog.load(row["visits"])
    return Attempt(**values)
