"""The rows of flow runs that somebody has asked to resume."""

from __future__ import annotations

from typing import NamedTuple

from console.ledger.store import Ledger


class Resume(NamedTuple):
    attempt: int
    actor: str
    at: float


def wanted(ledger: Ledger) -> list[Resume]:
    return [Resume(*row) for row in ledger.rows("SELECT attempt, actor, at FROM resumes ORDER BY attempt")]


def add(ledger: Ledger, attempt: int, actor: str) -> None:
    with ledger.change() as db:
        db.execute("INSERT OR REPLACE INTO resumes (attempt, actor, at) VALUES (?,?,?)", (attempt, actor, ledger.now()))


def remove(ledger: Ledger, attempt: int) -> None:
    """It was resumed, refused, or there is nothing to resume any more."""
    with ledger.change() as db:
        db.execute("DELETE FROM resumes WHERE attempt = ?", (attempt,))
