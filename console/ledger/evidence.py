"""The rows of evidence: what each witness says of each place of a run; and the matrix folded from them."""

from __future__ import annotations

import json
import sqlite3
import statistics
from collections.abc import Iterable
from dataclasses import dataclass, replace

from console.ledger import runs
from console.ledger.attempts import Attempt
from console.ledger.conditions import WHOLE_RUN
from console.ledger.runs import Run
from console.ledger.store import Ledger
from flowspec.cells import OVERDUE
from flowspec.conditions import Reason
from flowspec.progress import Evidence, Matrix, Says, Witness, counts, fold
from flowspec.stages import Place, Stage
from flowspec.states import AttemptState

_OVERDUE = ", ".join(f"'{code}'" for code in OVERDUE)


@dataclass(frozen=True)
class Others:
    """The compute tasks of a stage since one began to wait: how many were `answered`, how many are `running`, how many
    of either `overtook` it (their attempt was asked for later), and when one of them `last` began or was answered."""

    answered: int
    running: int
    overtook: int
    last: float


def evidence(ledger: Ledger, number: int) -> list[Evidence]:
    return [_evidence(row) for row in ledger.rows("SELECT * FROM evidence WHERE run = ?", number)]


def of_tasks(ledger: Ledger, of: Attempt, stage: Stage) -> list[Evidence]:
    """What the transfer task or the compute tasks of an attempt said last of a stage."""
    rows = ledger.rows(
        "SELECT * FROM evidence WHERE run = ? AND stage = ? AND witness = ? AND attempt = ?",
        of.run, stage.value, Witness.TASK.value, of.attempt,
    )  # fmt: skip
    return [_evidence(row) for row in rows]


def at_work(ledger: Ledger, of: Attempt, stage: Stage) -> set[int | None]:
    """The segments of a stage of an attempt whose jobs are seen at work at the site (None: it has no segments)."""
    rows = ledger.rows(
        "SELECT * FROM evidence WHERE run = ? AND stage = ? AND witness = ? AND says = ? AND attempt = ?",
        of.run, stage.value, Witness.JOB.value, Says.RUNNING.value, of.attempt,
    )  # fmt: skip
    return {_evidence(row).segment for row in rows}


def of_all_tasks(ledger: Ledger, of: Attempt) -> list[Evidence]:
    """What the tasks of an attempt said last, of all its stages."""
    rows = ledger.rows(
        "SELECT * FROM evidence WHERE run = ? AND witness = ? AND attempt = ?",
        of.run, Witness.TASK.value, of.attempt,
    )  # fmt: skip
    return [_evidence(row) for row in rows]


def tasks_by_attempt(ledger: Ledger, run: int) -> list[tuple[int, Evidence]]:
    """What the tasks of a run said last, each with the attempt that it was of."""
    rows = ledger.rows(
        "SELECT * FROM evidence WHERE run = ? AND witness = ? AND attempt IS NOT NULL", run, Witness.TASK.value
    )
    return [(row["attempt"], _evidence(row)) for row in rows]


def lost_places(ledger: Ledger, of: Attempt) -> set[Place]:
    """The places of an attempt whose task waits, and may be lost."""
    rows = ledger.rows(
        f"SELECT * FROM evidence WHERE run = ? AND attempt = ? AND witness = ? AND code IN ({_OVERDUE})",
        of.run, of.attempt, Witness.TASK.value,
    )  # fmt: skip
    return {(item.stage, item.segment) for item in map(_evidence, rows)}


def usual_seconds(ledger: Ledger, stage: Stage, attempts: int) -> float | None:
    """How long a task of this stage took in the runs of so many newest attempts (median); None when none has ended."""
    rows = ledger.rows(
        "SELECT seconds FROM evidence WHERE run IN (SELECT run FROM attempts ORDER BY attempt DESC LIMIT ?) "
        "AND stage = ? AND witness = ? AND says = ? AND seconds IS NOT NULL",
        attempts, stage.value, Witness.TASK.value, Says.DONE.value,
    )  # fmt: skip
    return statistics.median(row["seconds"] for row in rows) if rows else None


def others_since(ledger: Ledger, stage: Stage, since: float, attempts: int) -> Others:
    """Among the runs of so many newest attempts. What failed does not count: it may never have met a worker. What was
    found answered when this one was found waiting was asked for with it."""
    (row,) = ledger.rows(
        "SELECT TOTAL(says = ?1 AND at >= ?3) AS answered, TOTAL(says = ?2 AND state = ?4) AS running, "
        "TOTAL(at > ?3 AND intended_at > ?3) AS overtook, MAX(at) AS last "
        "FROM evidence JOIN attempts USING (attempt) "
        "WHERE evidence.run IN (SELECT run FROM attempts ORDER BY attempt DESC LIMIT ?5) "
        "AND evidence.stage = ?6 AND witness = ?7 AND says IN (?1, ?2)",
        Says.DONE.value, Says.RUNNING.value, since, AttemptState.STARTED.value, attempts, stage.value,
        Witness.TASK.value,
    )  # fmt: skip
    return Others(int(row["answered"]), int(row["running"]), int(row["overtook"]), max(since, row["last"] or since))


def running_tasks(ledger: Ledger, stage: str) -> int:
    """How many compute tasks of a stage are being executed, over all attempts under way."""
    row = ledger.row(
        "SELECT COUNT(*) AS n FROM attempts JOIN evidence USING (run, attempt) "
        "WHERE state = ? AND evidence.stage = ? AND witness = ? AND says = ?",
        AttemptState.STARTED.value, stage, Witness.TASK.value, Says.RUNNING.value,
    )  # fmt: skip
    return int(row["n"]) if row else 0


def record_evidence(ledger: Ledger, number: int, items: Iterable[Evidence], attempt: int | None = None) -> bool:
    """Write what witnesses say, where it differs from what they said before, or of which attempt. True when any did."""
    items = list(items)
    rows = ledger.rows("SELECT * FROM evidence WHERE run = ?", number) if items else []
    known = {(e.stage, e.segment, e.witness, row["attempt"]): e for row in rows for e in [_evidence(row)]}

    def differs(e: Evidence) -> bool:
        before = known.get((e.stage, e.segment, e.witness, attempt))
        return before is None or replace(before, at=e.at) != e

    new = [e for e in items if differs(e)]
    if not new:
        return False
    with ledger.change() as db:
        db.executemany(
            "INSERT OR REPLACE INTO evidence "
            "(run, stage, segment, witness, says, code, parameters, size, attempt, at, seconds, modified) "
            "VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
            [
                (
                    number, e.stage.value, WHOLE_RUN if e.segment is None else e.segment, e.witness.value, e.says.value,
                    e.reason.code, e.reason.dump(), e.size, attempt, e.at, e.seconds, e.modified,
                )
                for e in new
            ],
        )  # fmt: skip
    return True


def forget_evidence(ledger: Ledger, of: Attempt, witness: Witness, *says: Says) -> None:
    """Drop these things that a witness said of the work of an attempt."""
    with ledger.change() as db:
        db.execute(
            "DELETE FROM evidence WHERE run = ? AND attempt = ? AND witness = ? "
            f"AND says IN ({','.join('?' * len(says))})",
            (of.run, of.attempt, witness.value, *(s.value for s in says)),
        )


def mark_outdated(ledger: Ledger, number: int, evidence: Iterable[Evidence], places: Iterable[Place]) -> None:
    """These places are planned: evidence of them is removed, and an output that exists there is marked OLD.

    The copies of transfer and return are not marked: one that is the same already is left as it is.
    """
    chosen, now = set(places), ledger.now()
    made = (Stage.FIT, Stage.CONVERT, Stage.ANALYZE)
    known = [e for e in evidence if (e.stage, e.segment) in chosen and e.witness is not Witness.OLD]
    old = [replace(e, witness=Witness.OLD, at=now) for e in known if _is_there(e) and e.stage in made]
    if not known:
        return
    with ledger.change() as db:
        db.executemany(
            "DELETE FROM evidence WHERE run = ? AND stage = ? AND segment = ? AND witness = ?",
            [(number, e.stage.value, WHOLE_RUN if e.segment is None else e.segment, e.witness.value) for e in known],
        )
        record_evidence(ledger, number, old)


def _is_there(item: Evidence) -> bool:
    return item.witness is Witness.FILE and item.says is Says.DONE


def matrix(ledger: Ledger, of: Run) -> Matrix:
    """The segment x stage matrix of a run, folded from all evidence."""
    return fold(of.members, evidence(ledger, of.run), of.sizes)


def refresh_progress(ledger: Ledger, number: int) -> None:
    """Fold the evidence and store the counts that the overview shows."""
    found = runs.run(ledger, number)
    if found is not None:
        store_progress(ledger, found, matrix(ledger, found))


def store_progress(ledger: Ledger, run: Run, folded: Matrix) -> None:
    """The counts of a matrix, which the overview shows."""
    summary = counts(folded)
    if summary != run.progress:
        runs.set_run(ledger, run.run, progress=summary)


def _evidence(row: sqlite3.Row) -> Evidence:
    segment = None if row["segment"] == WHOLE_RUN else row["segment"]
    return Evidence(
        Stage(row["stage"]), segment, Witness(row["witness"]), Says(row["says"]), reason_in(row),
        row["size"], row["at"], row["seconds"], row["modified"],
    )  # fmt: skip


def reason_in(row: sqlite3.Row) -> Reason:
    """The reason that a row keeps as code and parameters."""
    return Reason(row["code"], json.loads(row["parameters"]))
