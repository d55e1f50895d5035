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


class Rate(NamedTuple):
    """What a run gave: `entries` of its converted segments, `seconds` that it was taken. None: not known."""

    run: int
    entries: int | None
    seconds: float | None

    @property
    def per_second(self) -> float | None:
        return self.entries / self.seconds if self.entries is not None and self.seconds else None


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


def path(ledger: Ledger, run: int) -> str | None:
    """Where the result of a run is; None: it has none, or is not known."""
    row = ledger.row("SELECT result FROM runs WHERE run = ?", run)
    return row["result"] if row else None


def done_before(ledger: Ledger, run: int) -> int | None:
    """The last run before this one that is done."""
    state = RunState.DONE.value
    row = ledger.row("SELECT max(run) AS run FROM runs WHERE run < ? AND state = ? AND result IS NOT NULL", run, state)
    return row["run"] if row else None


def rates(ledger: Ledger, run: int, at_most: int) -> list[Rate]:
    """The newest runs up to this one that are done, the oldest first."""
    rows = ledger.rows(
        "SELECT run, ended - started AS seconds, (SELECT CASE WHEN count(*) = count(told) THEN sum(told) END FROM "
        "(SELECT json_extract(parameters, '$.entries') AS told FROM evidence WHERE evidence.run = runs.run "
        "AND stage = 'convert' AND witness = 'task' AND says = 'done')) AS entries "
        "FROM runs WHERE run <= ? AND state = ? ORDER BY run DESC LIMIT ?",
        run, RunState.DONE.value, at_most,
    )  # fmt: skip
    return [Rate(row["run"], row["entries"], row["seconds"]) for row in reversed(rows)]
