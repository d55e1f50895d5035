"""The compute endpoints: how they are, what they have to do, and which runs wait for them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from console.ledger.store import Ledger
from flowspec import text
from flowspec.cells import UNSERVED
from flowspec.progress import Says, Witness
from flowspec.states import OPEN, RunState

VERSION = "version"  # in `detail`, beside what the endpoint reports


@dataclass(frozen=True)
class EndpointRow:
    """An endpoint; `since` is when it went online or offline; `detail` what it reported (total_workers, ... or nothing
    of workers).

    `running` and `queued` count the tasks that attempts under way have there; since `oldest` the oldest has been as it
    is. `waiting` are the runs that could go on if it were online, or had more workers.
    """

    endpoint: str
    name: str
    stage: str
    online: bool
    since: float
    detail: Mapping[str, Any]
    running: int = 0
    queued: int = 0
    oldest: float | None = None
    waiting: tuple[int, ...] = ()
    silent: bool = False  # it takes tasks and begins none

    @property
    def idle(self) -> int:
        """Workers without a task, as far as is known."""
        return self._told("idle_workers") or 0

    @property
    def total(self) -> int | None:
        """Workers; None when that is not told: an endpoint is a manager, and only its child knows of workers."""
        return self._told("total_workers")

    @property
    def busy(self) -> bool:
        """Whether it is known to have workers that all have a task."""
        return bool(self.total) and self._told("idle_workers") == 0

    @property
    def workers(self) -> tuple[int, int] | None:
        """Busy ones, and all; None when they are not told."""
        idle = self._told("idle_workers")
        return None if self.total is None or idle is None else (self.total - idle, self.total)

    @property
    def pending(self) -> int | None:
        """Tasks that wait there, whoever's; None when that is not told."""
        return self._told("pending_tasks")

    @property
    def error(self) -> str:
        """What keeps it from starting its child, as it says; '' for nothing."""
        error = self.detail.get("error")
        return text.clean(error) if isinstance(error, str) else ""

    def _told(self, name: str) -> int | None:
        value = self.detail.get(name)
        return value if type(value) is int and value >= 0 else None


_TASKS = f"""
    SELECT e.stage AS stage, e.run AS run, e.says AS says, COUNT(*) AS tasks, MIN(e.at) AS oldest,
        MAX(e.code = '{UNSERVED}') AS unserved
    FROM attempts a JOIN evidence e ON e.run = a.run AND e.attempt = a.attempt
    WHERE a.state IN ({",".join(f"'{state.value}'" for state in OPEN)}) AND e.witness = '{Witness.TASK.value}'
        AND e.says IN ('{Says.PENDING.value}', '{Says.RUNNING.value}')
    GROUP BY e.stage, e.run, e.says ORDER BY e.run DESC"""

# Only queued runs have these: found by their state, not among the conditions of all runs.
_HELD = f"""
    SELECT c.run AS run, json_extract(c.parameters, '$.endpoint') AS endpoint
    FROM runs JOIN conditions c ON c.run = runs.run
    WHERE runs.state = '{RunState.QUEUED.value}' AND c.topic = 'queue'
        AND c.code IN ('queue.endpoint', 'queue.workers', 'queue.tasks')"""


def all_of(ledger: Ledger) -> list[EndpointRow]:
    """Those that are offline first, without what they have to do."""
    return [_row(row) for row in ledger.rows("SELECT * FROM endpoints ORDER BY online, name")]


def find(ledger: Ledger, endpoint: str) -> EndpointRow | None:
    """An endpoint without its tasks and runs; None when it was never polled."""
    row = ledger.row("SELECT * FROM endpoints WHERE endpoint = ?", endpoint)
    return None if row is None else _row(row)


def record(ledger: Ledger, row: EndpointRow) -> None:
    with ledger.change() as db:
        db.execute(
            "INSERT OR REPLACE INTO endpoints (endpoint, name, stage, online, since, detail) VALUES (?,?,?,?,?,?)",
            (row.endpoint, row.name, row.stage, row.online, row.since, json.dumps(dict(row.detail))),
        )


def read(ledger: Ledger) -> tuple[EndpointRow, ...]:
    """All of them, by name."""
    held, tasks = ledger.rows(_HELD), ledger.rows(_TASKS)
    found = []
    for row in ledger.rows("SELECT * FROM endpoints ORDER BY name"):
        mine = [task for task in tasks if task["stage"] == row["stage"]]
        pending = [task for task in mine if task["says"] == Says.PENDING.value]
        waiting = {task["run"] for task in pending} | {run["run"] for run in held if run["endpoint"] == row["name"]}
        found.append(
            replace(
                _row(row),
                running=sum(task["tasks"] for task in mine) - sum(task["tasks"] for task in pending),
                queued=sum(task["tasks"] for task in pending),
                oldest=min((task["oldest"] for task in mine), default=None),
                waiting=tuple(sorted(waiting, reverse=True)),
                silent=any(task["unserved"] for task in mine),
            )
        )
    return tuple(found)


def _row(row: sqlite3.Row) -> EndpointRow:
    return EndpointRow(
        row["endpoint"], row["name"], row["stage"], bool(row["online"]), row["since"], json.loads(row["detail"])
    )
