"""The rows of alerts: each was fired once, told in a message, perhaps acknowledged, and is over some day."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from console.ledger.store import Ledger
from flowspec import catalogue
from flowspec.conditions import Reason

LOOKED = "alerts_looked"  # in meta: when a driver looked last; '' before the first look
AGAIN_SECONDS = 1800.0  # what comes back sooner is the same one, and calls nobody once more


@dataclass(frozen=True)
class Fired:
    """Times are seconds since the epoch; `told_at` is when its message was sent, None: not yet."""

    alert: int
    code: str
    subject: str
    parameters: Mapping[str, Any]
    since: float
    fired_at: float
    told_at: float | None
    ended_at: float | None
    acknowledged_by: str | None
    acknowledged_at: float | None

    @property
    def words(self) -> str:
        return catalogue.sentence(Reason(self.code, self.parameters))


def looked(ledger: Ledger) -> float | None:
    """When a driver looked last; None when none ever did."""
    known = ledger.get(LOOKED)
    return float(known) if known else None


def set_looked(ledger: Ledger) -> None:
    ledger.put(LOOKED, str(ledger.now()))


def open_ones(ledger: Ledger) -> list[Fired]:
    """Those that are not over, oldest first."""
    return [_fired(row) for row in ledger.rows("SELECT * FROM alerts WHERE ended_at IS NULL ORDER BY alert")]


def newest(ledger: Ledger, at_most: int) -> list[Fired]:
    """The newest first, also those that are over."""
    return [_fired(row) for row in ledger.rows("SELECT * FROM alerts ORDER BY alert DESC LIMIT ?", at_most)]


def fire(ledger: Ledger, code: str, subject: str, since: float, parameters: Mapping[str, Any], *, told: bool) -> None:
    """Begin an alert; or go on with one that has ended a moment ago. With `told`, nobody needs to be told of it."""
    now, written = ledger.now(), json.dumps(dict(parameters))
    with ledger.change() as db:
        again = db.execute(
            "UPDATE alerts SET ended_at = NULL, parameters = ? WHERE alert = (SELECT max(alert) FROM alerts "
            "WHERE code = ? AND subject = ?) AND ended_at > ?",
            (written, code, subject, now - AGAIN_SECONDS),
        ).rowcount
        if not again:
            db.execute(
                "INSERT INTO alerts (code, subject, parameters, since, fired_at, told_at) VALUES (?,?,?,?,?,?)",
                (code, subject, written, since, now, now if told else None),
            )


def end(ledger: Ledger, ids: Iterable[int]) -> None:
    with ledger.change() as db:
        db.executemany("UPDATE alerts SET ended_at = ? WHERE alert = ?", [(ledger.now(), each) for each in ids])


def set_told(ledger: Ledger, ids: Iterable[int]) -> None:
    """They were sent, in one message."""
    with ledger.change() as db:
        db.executemany("UPDATE alerts SET told_at = ? WHERE alert = ?", [(ledger.now(), each) for each in ids])


def messages_since(ledger: Ledger, at: float) -> int:
    """How many messages were sent since then."""
    row = ledger.row("SELECT count(DISTINCT told_at) AS count FROM alerts WHERE told_at > ? AND told_at > fired_at", at)
    return int(row["count"]) if row else 0


def unseen(ledger: Ledger) -> int:
    """How many are not over, and nobody has seen."""
    row = ledger.row("SELECT count(*) AS count FROM alerts WHERE ended_at IS NULL AND acknowledged_at IS NULL")
    return int(row["count"]) if row else 0


def acknowledge(ledger: Ledger, actor: str) -> None:
    """Somebody has seen those that are not over; who was first stays."""
    with ledger.change() as db:
        db.execute(
            "UPDATE alerts SET acknowledged_by = ?, acknowledged_at = ? "
            "WHERE ended_at IS NULL AND acknowledged_at IS NULL",
            (actor, ledger.now()),
        )


def _fired(row: sqlite3.Row) -> Fired:
    values = {name: row[name] for name in Fired.__dataclass_fields__}
    return Fired(**values | {"parameters": json.loads(row["parameters"])})
