"""What jobs used, as their replies told it: kept with the evidence of their tasks."""

from __future__ import annotations

from console.ledger.conditions import WHOLE_RUN
from console.ledger.store import Ledger
from flowspec.progress import Says, Witness
from flowspec.stages import STAGES, Stage
from flowspec.usage import JobUse


def job_uses(ledger: Ledger, stage: Stage, attempts: int) -> list[JobUse]:
    """Of the jobs of a stage that computes, in the runs of so many newest attempts. The input of a job is what the
    stage before left at its place; of the analysis, at all places."""
    before = STAGES[STAGES.index(stage) - 1]
    rows = ledger.rows(
        "SELECT json_extract(job.parameters, '$.peak') AS peak, SUM(input.size) AS input FROM evidence job "
        "JOIN evidence input ON input.run = job.run AND input.stage = ? AND input.witness = ? AND input.says = ? "
        "AND job.segment IN (input.segment, ?) "
        "WHERE job.run IN (SELECT run FROM attempts ORDER BY attempt DESC LIMIT ?) "
        "AND job.stage = ? AND job.witness = ? GROUP BY job.run, job.segment",
        before.value, Witness.FILE.value, Says.DONE.value, WHOLE_RUN, attempts, stage.value, Witness.TASK.value,
    )  # fmt: skip
    return [JobUse(row["peak"], row["input"]) for row in rows if row["peak"] and row["input"]]
