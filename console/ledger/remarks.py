"""What people say of a run: notes, and whose it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from console.ledger.store import Ledger


@dataclass(frozen=True)
class Note:
    """`at` in seconds since the epoch."""

    run: int
    at: float
    actor: str
    text: str


@dataclass(frozen=True)
class Claim:
    """Somebody sees to a run."""

    run: int
    at: float
    actor: str


@dataclass(frozen=True)
class Remarks:
    """Of one run: its notes, oldest first, and whose it is (None: nobody's)."""

    notes: tuple[Note, ...] = ()
    claim: Claim | None = None

    @property
    def words(self) -> str:
        """For a sentence: `claimed by anna(shift)@daq1; note of bert@daq1: trap was open (2 notes)`."""
        parts = [f"claimed by {self.claim.actor}"] if self.claim else []
        if self.notes:
            newest, count = self.notes[-1], len(self.notes)
            parts.append(f"note of {newest.actor}: {newest.text}{f' ({count} notes)' if count > 1 else ''}")
        return "; ".join(parts)


NONE = Remarks()


def of_all(ledger: Ledger) -> Mapping[int, Remarks]:
    """By run; runs of which nobody has said anything are left out."""
    found: dict[int, Remarks] = {}
    for row in ledger.rows("SELECT run, at, actor, text FROM notes ORDER BY note"):
        note = Note(*row)
        found[note.run] = Remarks((*found.get(note.run, NONE).notes, note))
    for row in ledger.rows("SELECT run, at, actor FROM claims"):
        claim = Claim(*row)
        found[claim.run] = Remarks(found.get(claim.run, NONE).notes, claim)
    return found


def of_run(ledger: Ledger, run: int) -> Remarks:
    notes = ledger.rows("SELECT run, at, actor, text FROM notes WHERE run = ? ORDER BY note", run)
    claim = ledger.row("SELECT run, at, actor FROM claims WHERE run = ?", run)
    return Remarks(tuple(Note(*row) for row in notes), Claim(*claim) if claim else None)


def notes_since(ledger: Ledger, at: float) -> list[Note]:
    """Oldest first."""
    return [Note(*row) for row in ledger.rows("SELECT run, at, actor, text FROM notes WHERE at >= ? ORDER BY note", at)]


def claims(ledger: Ledger) -> list[Claim]:
    return [Claim(*row) for row in ledger.rows("SELECT run, at, actor FROM claims ORDER BY run")]


def add_note(ledger: Ledger, run: int, actor: str, text: str) -> None:
    with ledger.change() as db:
        db.execute("INSERT INTO notes (run, at, actor, text) VALUES (?,?,?,?)", (run, ledger.now(), actor, text))


def set_claim(ledger: Ledger, run: int, actor: str) -> None:
    with ledger.change() as db:
        db.execute("INSERT OR REPLACE INTO claims (run, at, actor) VALUES (?,?,?)", (run, ledger.now(), actor))


def drop_claim(ledger: Ledger, run: int) -> None:
    with ledger.change() as db:
        db.execute("DELETE FROM claims WHERE run = ?", (run,))
