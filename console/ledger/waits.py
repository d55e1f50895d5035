"""What kept runs and no longer does: conditions are gone when they are over, and a report tells of them afterwards."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from console.ledger.store import Ledger
from flowspec import catalogue
from flowspec.conditions import Owner, Reason, Severity, Topic

LEAST_SECONDS = 60.0  # what was over sooner kept nobody


@dataclass(frozen=True)
class Wait:
    """A run waited for `owner`, from `since` to `until` in seconds since the epoch (None: it still does)."""

    run: int
    reason: Reason
    owner: Owner
    since: float
    until: float | None = None


def keeps(topic: Topic, code: str) -> bool:
    """Whether a condition keeps a run from going on: what is as it usually is does not."""
    return topic is Topic.QUEUE or catalogue.entry(code).severity is not Severity.NORMAL


def over(ledger: Ledger, rows: Iterable[sqlite3.Row]) -> None:
    """Write down these rows of conditions, which are just being deleted."""
    now = ledger.now()
    ended = [
        (row["run"], row["code"], row["owner"], row["since"], now, row["parameters"])
        for row in rows
        if now - row["since"] >= LEAST_SECONDS and keeps(Topic(row["topic"]), row["code"])
    ]
    if ended:
        with ledger.change() as db:
            db.executemany("INSERT INTO waits (run, code, owner, since, until, parameters) VALUES (?,?,?,?,?,?)", ended)


def since(ledger: Ledger, at: float) -> list[Wait]:
    """Those that ended at this time or later, and those that go on, oldest first."""
    ended = ledger.rows("SELECT run, code, owner, since, until, parameters FROM waits WHERE until >= ?", at)
    open_ones = ledger.rows("SELECT run, topic, code, owner, since, parameters FROM conditions")
    found = [_wait(row, row["until"]) for row in ended]
    found += [_wait(row, None) for row in open_ones if keeps(Topic(row["topic"]), row["code"])]
    return sorted(found, key=lambda wait: (wait.since, wait.run))


def _wait(row: sqlite3.Row, until: float | None) -> Wait:
    reason = Reason(row["code"], json.loads(row["parameters"]))
    return Wait(row["run"], reason, Owner(row["owner"]), row["since"], until)
