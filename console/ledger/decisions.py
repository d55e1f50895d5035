"""What somebody decided about a segment: to do without it, or to take its output as it is."""

from __future__ import annotations

from collections.abc import Mapping

from console.ledger.store import Ledger
from flowspec.decisions import Acceptance, Decision, Waiver

_TABLES: Mapping[type[Decision], str] = {Waiver: "waivers", Acceptance: "acceptances"}


def of_run(ledger: Ledger, run: int) -> tuple[dict[int, Waiver], dict[int, Acceptance]]:
    """Those of a run by segment, in the order of the segments."""
    rows = ledger.rows(
        "SELECT 'waived' AS what, segment, reason, actor, at FROM waivers WHERE run = ?1 "
        "UNION ALL SELECT 'accepted', segment, reason, actor, at FROM acceptances WHERE run = ?1 ORDER BY segment",
        run,
    )
    waived = {row["segment"]: Waiver(*row[1:]) for row in rows if row["what"] == "waived"}
    return waived, {row["segment"]: Acceptance(*row[1:]) for row in rows if row["what"] == "accepted"}


def add(ledger: Ledger, run: int, decision: Decision) -> None:
    with ledger.change() as db:
        db.execute(
            f"INSERT INTO {_TABLES[type(decision)]} (run, segment, reason, actor, at) VALUES (?,?,?,?,?)",
            (run, decision.segment, decision.reason, decision.actor, decision.at),
        )


def remove(ledger: Ledger, run: int, kind: type[Decision], segment: int) -> None:
    with ledger.change() as db:
        db.execute(f"DELETE FROM {_TABLES[kind]} WHERE run = ? AND segment = ?", (run, segment))
