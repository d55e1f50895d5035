"""What is new and needs somebody: failures, stuck runs and troubles that nobody has acknowledged. All consoles on a
ledger share them: one operator is enough."""

from __future__ import annotations

from dataclasses import dataclass

from console.ledger.store import Ledger

_ACKNOWLEDGED = "failures_seen"  # in meta: the number of the newest event that was acknowledged
_NEW = """
    SELECT count(DISTINCT CASE WHEN level = 'bad' OR alike IS NOT NULL THEN run END) AS failed,
        count(DISTINCT CASE WHEN substr(alert, 1, 4) = 'run.' THEN run END) AS incomplete,
        count(DISTINCT CASE WHEN alert <> '' AND substr(alert, 1, 4) <> 'run.' THEN run END) AS stuck,
        total(run IS NULL) AS troubles, max(event) AS newest,
        max(CASE WHEN alike IS NULL THEN event END) AS rings
    FROM events WHERE (level = 'bad' OR alert <> '' OR alike IS NOT NULL) AND event > ? AND event <= ?"""
_LAST = 2**62


@dataclass(frozen=True)
class NewFailures:
    """How many runs have failed, have got stuck, and are incomplete or abnormal on disk, and how many troubles sources
    and driver had, all not acknowledged yet; the number of the newest event (0: none), and of the newest for which a
    bell rings: not of those that failed as others had a moment before."""

    failed: int = 0
    stuck: int = 0
    incomplete: int = 0
    troubles: int = 0
    newest: int = 0
    rings: int = 0

    def __bool__(self) -> bool:
        return bool(self.newest)

    def __str__(self) -> str:
        """`1 failed, 2 stuck, 1 incomplete, 1 trouble`."""
        plural = "" if self.troubles == 1 else "s"
        counted = (
            (self.failed, "failed"),
            (self.stuck, "stuck"),
            (self.incomplete, "incomplete"),
            (self.troubles, f"trouble{plural}"),
        )
        return ", ".join(f"{count} {what}" for count, what in counted if count)


def read(ledger: Ledger, upto: int = _LAST) -> NewFailures:
    """`upto`: the newest event that counts."""
    row = ledger.row(_NEW, _acknowledged(ledger), upto)
    if row is None:
        return NewFailures()
    return NewFailures(
        row["failed"], row["stuck"], row["incomplete"], int(row["troubles"]), row["newest"] or 0, row["rings"] or 0
    )


def acknowledge(ledger: Ledger, upto: int, actor: str) -> str:
    """Acknowledge what is new up to this event; returns the answer for people."""
    if upto <= _acknowledged(ledger):
        return "what was new had been seen already"
    seen = read(ledger, upto)
    ledger.put(_ACKNOWLEDGED, str(upto))
    return f"{seen or 'nothing new'}: seen by {actor}"


def _acknowledged(ledger: Ledger) -> int:
    return int(ledger.get(_ACKNOWLEDGED, "0"))
