"""What failed where."""

from __future__ import annotations

from collections.abc import Iterable

from console.ledger.conditions import WHOLE_RUN
from console.ledger.evidence import reason_in
from console.ledger.store import Ledger
from flowspec.causes import Kind
from flowspec.quarantine import Failure
from flowspec.stages import Stage


def record(ledger: Ledger, run: int, failures: Iterable[Failure]) -> None:
    with ledger.change() as db:
        db.executemany(
            "INSERT OR IGNORE INTO failures (attempt, run, stage, segment, kind, code, parameters, at, others_well) "
            "VALUES (?,?,?,?,?,?,?,?,?)",
            [
                (
                    f.attempt, run, f.stage.value, WHOLE_RUN if f.segment is None else f.segment,
                    f.kind.value, f.reason.code, f.reason.dump(), ledger.now(), f.others_well,
                )
                for f in failures
            ],
        )  # fmt: skip


def of_run(ledger: Ledger, run: int) -> list[Failure]:
    """Every failure of a run, oldest first, with the memory that its job used where a report tells it."""
    return [
        Failure(
            row["attempt"],
            Stage(row["stage"]),
            None if row["segment"] == WHOLE_RUN else row["segment"],
            Kind(row["kind"]),
            reason_in(row),
            row["others_well"],
            bool(row["mended"]),
            row["peak"],
        )
        for row in ledger.rows(
            "SELECT f.*, json_extract(r.document, '$.peak') AS peak FROM failures f "
            "LEFT JOIN reports r USING (attempt, stage, segment) WHERE f.run = ? ORDER BY f.attempt",
            run,
        )
    ]


def set_mended(ledger: Ledger, found: Iterable[Failure]) -> None:
    """It went well at the places of these failures since."""
    with ledger.change() as db:
        db.executemany(
            "UPDATE failures SET mended = 1 WHERE attempt = ? AND stage = ? AND segment = ?",
            [(f.attempt, f.stage.value, WHOLE_RUN if f.segment is None else f.segment) for f in found],
        )
