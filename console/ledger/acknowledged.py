"""Failures that nobody has said to have seen. All consoles on a ledger share them: one operator's word is enough."""

from __future__ import annotations

from dataclasses import dataclass

from console.ledger.store import Ledger

_SEEN = "failures_seen"  # in meta: the number of the newest event that was acknowledged


@dataclass(frozen=True)
class NewFailures:
    """How many bad events came since somebody looked, and the number of the newest (0: none)."""

    count: int = 0
    newest: int = 0

    def __str__(self) -> str:
        return f"{self.count} new failure{'' if self.count == 1 else 's'}"


def read(ledger: Ledger) -> NewFailures:
    row = ledger.row(
        "SELECT count(*) AS count, max(event) AS newest FROM events WHERE level = 'bad' AND event > ?", _seen(ledger)
    )
    return NewFailures(row["count"], row["newest"] or 0) if row else NewFailures()


def acknowledge(ledger: Ledger, upto: int, actor: str) -> str:
    """Failures up to this event were seen; returns what to tell."""
    if upto <= _seen(ledger):
        return f"failures up to event {upto} had been seen already"
    ledger.put(_SEEN, str(upto))
    return f"failures up to event {upto} seen by {actor}"


def _seen(ledger: Ledger) -> int:
    return int(ledger.get(_SEEN, "0"))
