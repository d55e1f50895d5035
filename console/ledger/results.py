"""The rows of results: each returned file on the DTN as it was judged last."""

from __future__ import annotations

from typing import NamedTuple

from console.ledger.store import Ledger
from flowspec.states import RunState


class Version(NamedTuple):
    """Differs when a file was written again or replaced. `size` in bytes."""

    size: int
    modified_ns: int
    inode: int


class Judged(NamedTuple):
    """The version that was judged, and its digest in hexadecimal; '' when it was not read."""

    version: Version
    sha256: str = ""


def read(ledger: Ledger, run: int) -> Judged | None:
    row = ledger.row("SELECT size, modified_ns, inode, sha256 FROM results WHERE run = ?", run)
    return Judged(Version(*tuple(row)[:3]), row["sha256"]) if row else None


def put(ledger: Ledger, run: int, judged: Judged) -> None:
    with ledger.change() as db:
        db.execute("INSERT OR REPLACE INTO results VALUES (?,?,?,?,?)", (run, *judged.version, judged.sha256))


def forget(ledger: Ledger, run: int) -> None:
    """It is made or brought again: a copy may have the size, time and inode of the one before."""
    with ledger.change() as db:
        db.execute("DELETE FROM results WHERE run = ?", (run,))


def back(ledger: Ledger) -> list[int]:
    """The runs that are done: of each the result should be there; the newest first."""
    rows = ledger.rows("SELECT run FROM runs WHERE state = ? ORDER BY run DESC", RunState.DONE.value)
    return [row["run"] for row in rows]


def lost(ledger: Ledger) -> list[int]:
    """The runs of which the result was lost after they were done."""
    rows = ledger.rows(
        "SELECT runs.run FROM runs JOIN conditions ON conditions.run = runs.run "
        "WHERE state = ? AND topic = 'outcome' AND code = 'outcome.lost' ORDER BY runs.run DESC",
        RunState.FAILED.value,
    )
    return [row["run"] for row in rows]


def to_compare(ledger: Ledger) -> list[int]:
    """The runs of which the result has come back and is to be compared with what the site made.

    Not while it is under way: then it is read only once.
    """
    rows = ledger.rows(
        "SELECT run FROM evidence AS file WHERE code = 'file.comparing' AND NOT EXISTS (SELECT 1 FROM evidence AS task "
        "WHERE task.run = file.run AND task.stage = file.stage AND task.segment = file.segment "
        "AND task.witness = 'task' AND task.says IN ('pending', 'running')) ORDER BY run"
    )
    return [row["run"] for row in rows]
