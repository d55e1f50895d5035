"""What somebody decided about a segment: to do without it, or to take its output as it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from console.ledger.store import Ledger
from flowspec.decisions import Acceptance, Decision, Waiver

_TABLES: Mapping[type[Decision], str] = {Waiver: "waivers", Acceptance: "acceptances"}
D = TypeVar("D", bound=Decision)


def of_run(ledger: Ledger, run: int, kind: type[D]) -> dict[int, D]:
    """Those of a run by segment, in the order of the segments."""
    rows = ledger.rows(
        f"SELECT segment, reason, actor, at FROM {_TABLES[kind]} WHERE run = ? ORDER BY segment",
        run,
    )
    return {row["segment"]: kind(*row) for row in rows}


def add(ledger: Ledger, run: int, decision: Decision) -> None:
    with ledger.change() as db:
        db.execute(
            f"INSERT INTO {_TABLES[type(decision)]} (run, segment, reason, actor, at) VALUES (?,?,?,?,?)",
            (run, decision.segment, decision.reason, decision.actor, decision.at),
        )


def remove(ledger: Ledger, run: int, kind: type[Decision], segment: int) -> None:
    with ledger.change() as db:
        db.execute(f"DELETE FROM {_TABLES[kind]} WHERE run = ? AND segment = ?", (run, segment))
