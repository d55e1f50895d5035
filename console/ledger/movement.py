"""Whether work moves: when results came, and when anything was last seen to happen to what is in flight."""

from __future__ import annotations

from dataclasses import dataclass

from console.ledger.store import Ledger
from flowspec.states import OPEN, RunState

_STREAMED = (
    "EXISTS (SELECT 1 FROM attempts WHERE attempts.run = runs.run AND attempts.state = 'succeeded' "
    "AND json_extract(plan, '$.early'))"
)


@dataclass(frozen=True)
class Result:
    """A result that came back: when, and how many seconds after its last attempt had been asked for, and after END_RUN
    (None: not known). `streamed`: some of it was done while the run was recorded."""

    at: float
    took: float
    after_end: float | None
    streamed: bool


def last_results(ledger: Ledger, at_most: int) -> list[Result]:
    """The newest results, the newest first."""
    rows = ledger.rows(
        "SELECT finished_at, (SELECT max(intended_at) FROM attempts WHERE attempts.run = runs.run) AS asked_at, "
        f"finished_at - ended AS after_end, {_STREAMED} AS streamed "
        "FROM runs INDEXED BY results_by_time WHERE state = 'done' AND finished_at IS NOT NULL "
        "ORDER BY finished_at DESC LIMIT ?",
        at_most,
    )
    return [
        Result(
            row["finished_at"], row["finished_at"] - (row["asked_at"] or row["finished_at"]), row["after_end"],
            bool(row["streamed"]),
        )
        for row in rows
    ]  # fmt: skip


def results_since(ledger: Ledger, since: float) -> tuple[int, int]:
    """How many results came since then, and the bytes of data of which they were made."""
    row = ledger.row(
        "SELECT count(*) AS results, coalesce(sum(bytes), 0) AS bytes "
        "FROM runs INDEXED BY results_by_time WHERE state = 'done' AND finished_at >= ?",
        since,
    )
    return (row["results"], row["bytes"]) if row else (0, 0)


def last_evidence(ledger: Ledger) -> float | None:
    """When a witness last said something new of a run in flight, also one that is recorded; None when none has."""
    row = ledger.row(
        "SELECT max(at) AS at FROM evidence WHERE run IN (SELECT run FROM runs WHERE state IN (?, ?) "
        "UNION SELECT run FROM attempts WHERE state IN (?, ?))",
        RunState.RUNNING.value, RunState.CANCELLING.value, *(state.value for state in OPEN),
    )  # fmt: skip
    return row["at"] if row else None
