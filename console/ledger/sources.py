"""The sources of data: when each answered last, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass

from console.ledger.store import Ledger

STALE_SECONDS = 15.0  # of a source that has not answered for longer the data are stale
ASKED_ALWAYS = ("disk", "flows", "compute")  # the other sources are asked only while there is something to ask


@dataclass(frozen=True)
class Source:
    """A source of data: when it was last asked and last answered, and what is wrong with it now ('' for nothing)."""

    name: str
    tried_at: float
    ok_at: float | None
    problem: str
    login: bool = False  # only a login ends the problem

    def age(self, now: float) -> float | None:
        """Seconds since it last answered; None when it never did."""
        return None if self.ok_at is None else max(0.0, now - self.ok_at)

    def stale(self, now: float) -> bool:
        age = self.age(now)
        return bool(self.problem) or (self.name in ASKED_ALWAYS and (age is None or age > STALE_SECONDS))


def read(ledger: Ledger) -> tuple[Source, ...]:
    """All of them, by name."""
    return tuple(
        Source(row["name"], row["tried_at"], row["ok_at"], row["problem"], bool(row["login"]))
        for row in ledger.rows("SELECT * FROM sources ORDER BY name")
    )


def tried_at(ledger: Ledger, name: str) -> float | None:
    """When a source was last asked; None when it never was."""
    row = ledger.row("SELECT tried_at FROM sources WHERE name = ?", name)
    return None if row is None else float(row["tried_at"])


def problem(ledger: Ledger, name: str) -> str:
    """What is wrong with a source; '' for nothing."""
    row = ledger.row("SELECT problem FROM sources WHERE name = ?", name)
    return "" if row is None else str(row["problem"])
