"""New failures: those that nobody has acknowledged. All consoles on a ledger share them: one operator is enough."""

from __future__ import annotations

from dataclasses import dataclass

from console.ledger.store import Ledger

_ACKNOWLEDGED = "failures_seen"  # in meta: the number of the newest event that was acknowledged


@dataclass(frozen=True)
class NewFailures:
    """How many bad events nobody has acknowledged yet, and the number of the newest (0: none)."""

    count: int = 0
    newest: int = 0

    def __str__(self) -> str:
        return f"{self.count} new failure{'' if self.count == 1 else 's'}"


def read(ledger: Ledger) -> NewFailures:
    row = ledger.row(
        "SELECT count(*) AS count, max(event) AS newest FROM events WHERE level = 'bad' AND event > ?",
        _acknowledged(ledger),
    )
    return NewFailures(row["count"], row["newest"] or 0) if row else NewFailures()


def acknowledge(ledger: Ledger, upto: int, actor: str) -> str:
    """Acknowledge the failures up to this event; returns the answer for people."""
    if upto <= _acknowledged(ledger):
        return f"failures up to event {upto} had been seen already"
    ledger.put(_ACKNOWLEDGED, str(upto))
    return f"failures up to event {upto} seen by {actor}"


def _acknowledged(ledger: Ledger) -> int:
    return int(ledger.get(_ACKNOWLEDGED, "0"))
