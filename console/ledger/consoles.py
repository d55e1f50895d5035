"""Which consoles are open on this ledger, and when somebody had one open last."""

from __future__ import annotations

from dataclasses import dataclass

from console.ledger.store import Ledger

BEAT_SECONDS = 60.0  # between two signs of life: each write wakes every screen
GONE_SECONDS = 150.0  # a console that gave none for longer is not open any more
KEPT_SECONDS = 90 * 86400.0


@dataclass(frozen=True)
class Console:
    """One with a screen, that may act. `id` is its process; `who` as `presence.actor` has it."""

    id: str
    who: str
    opened: float
    seen: float


def beat(ledger: Ledger, console: str, who: str) -> None:
    """It is open."""
    now = ledger.now()
    with ledger.change() as db:
        db.execute(
            "INSERT INTO consoles (console, who, opened, seen, open) VALUES (?1,?2,?3,?3,1) "
            "ON CONFLICT (console) DO UPDATE SET who = ?2, seen = ?3, open = 1",
            (console, who, now),
        )
        db.execute("DELETE FROM consoles WHERE seen < ?", (now - KEPT_SECONDS,))


def close(ledger: Ledger, console: str) -> None:
    with ledger.change() as db:
        db.execute("UPDATE consoles SET open = 0, seen = ? WHERE console = ?", (ledger.now(), console))


def open_ones(ledger: Ledger) -> tuple[Console, ...]:
    """Those that are open, the oldest first."""
    rows = ledger.rows(
        "SELECT console, who, opened, seen FROM consoles WHERE open AND seen > ? ORDER BY opened, console",
        ledger.now() - GONE_SECONDS,
    )
    return tuple(Console(*row) for row in rows)


def left_at(ledger: Ledger, who: str, console: str) -> float | None:
    """When somebody had another console open last; None when never, or one is open now."""
    row = ledger.row(
        "SELECT max(seen) AS seen, max(open AND seen > ?) AS open FROM consoles WHERE who = ? AND console <> ?",
        ledger.now() - GONE_SECONDS, who, console,
    )  # fmt: skip
    return None if row is None or row["open"] else row["seen"]
