"""The rows of events: what happened, append-only."""

from __future__ import annotations

from dataclasses import dataclass

from console.ledger.store import Ledger
from flowspec import catalogue
from flowspec.conditions import Reason


@dataclass(frozen=True)
class Event:
    event: int
    at: float
    actor: str
    level: str
    run: int | None
    segment: int | None
    text: str
    alike: int = 0  # runs that failed alike within moments after it, without an alert of their own

    @property
    def important(self) -> bool:
        return self.level != "info"

    @property
    def words(self) -> str:
        """The text, and of a failure how many others failed alike."""
        if not self.alike:
            return self.text
        return catalogue.sentence(Reason("failed.alike", {"runs": self.alike + 1, "words": self.text}))


_COLUMNS = "SELECT event, at, actor, level, run, segment, text FROM events"
_WITH_ALIKE = """SELECT event, at, actor, level, run, segment, text,
    (SELECT count(DISTINCT other.run) FROM events other WHERE other.alike = events.event) FROM events"""


def newest(ledger: Ledger, at_most: int) -> list[Event]:
    """The newest first, each with the number of runs that failed alike."""
    return [Event(*row) for row in ledger.rows(f"{_WITH_ALIKE} ORDER BY event DESC LIMIT ?", at_most)]


def one(ledger: Ledger, event: int) -> Event | None:
    """The event of this number, with the number of runs that failed alike."""
    row = ledger.row(f"{_WITH_ALIKE} WHERE event = ?", event)
    return Event(*row) if row else None


def first_alike(ledger: Ledger, kind: str, since: float, but_of: int) -> int | None:
    """The alert for another run that failed in this kind since then; None when there was none."""
    row = ledger.row(
        "SELECT event FROM events WHERE kind = ? AND kind != '' AND alike IS NULL AND at >= ? AND run != ? "
        "ORDER BY event LIMIT 1",
        kind, since, but_of,
    )  # fmt: skip
    return row["event"] if row else None


def of_run(ledger: Ledger, run: int, at_most: int) -> list[Event]:
    """The newest first."""
    return [Event(*row) for row in ledger.rows(f"{_COLUMNS} WHERE run = ? ORDER BY event DESC LIMIT ?", run, at_most)]


def after(ledger: Ledger, event: int) -> list[Event]:
    """Those that were written after an event, oldest first."""
    return [Event(*row) for row in ledger.rows(f"{_COLUMNS} WHERE event > ? ORDER BY event", event)]


def since(ledger: Ledger, at: float) -> list[Event]:
    """Those of this time and later, oldest first."""
    # By the number, not by the time, of which there is no index: clocks are set back, but not by much.
    first = ledger.row("SELECT min(event) AS event FROM events WHERE at >= ?", at)
    number = first["event"] if first and first["event"] is not None else last(ledger) + 1
    return [event for event in after(ledger, number - 1) if event.at >= at]


def before(ledger: Ledger, event: int, at_most: int) -> list[Event]:
    """Those that were written before an event, the newest first."""
    rows = ledger.rows(f"{_COLUMNS} WHERE event < ? ORDER BY event DESC LIMIT ?", event, at_most)
    return [Event(*row) for row in rows]


def last(ledger: Ledger) -> int:
    """The number of the newest event; 0 when there is none."""
    row = ledger.row("SELECT max(event) AS event FROM events")
    return (row["event"] if row else None) or 0
