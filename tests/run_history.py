"""A run of the demo ledger with all that its detail can show: flow log, hints, a job report with the end of its log."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime, timezone

from console.actions.report_files import JobReport
from console.ledger import attempts, evidence
from console.ledger.job_reports import ReportState
from flowspec import flowlog
from flowspec.conditions import reason
from flowspec.flowlog import Visit
from flowspec.progress import Evidence, Says, Witness
from flowspec.stages import Stage
from tests.ledger_fixture import DemoLedger

HOSTILE_LINE = "\x1b[31mterminate called\x1b[0m [bold]after[/] \u202ethrowing\u200b 日本語"


def with_history(demo: DemoLedger, run: int, segment: int) -> int:
    """Give the newest attempt of a run a history; returns its key."""
    (*_, attempt) = attempts.attempts(demo.ledger, run)
    began = attempt.intended_at

    def iso(at: float) -> str:
        return datetime.fromtimestamp(began + at, timezone.utc).isoformat()

    visits = {
        Stage.TRANSFER: Visit(Says.DONE, iso(2), "3b2d302f-5b67-4038-b276-78f4a76a95e1", iso(310), "", iso(310)),
        Stage.FIT: Visit(Says.DONE, iso(311), "tg_4637c14b-e41f-4b4d-bb01-4277224f03bc", iso(2000), "", iso(2000)),
        Stage.CONVERT: Visit(Says.FAILED, iso(2001), "tg_ba5ad150", iso(2400), "1 of 41 tasks failed", iso(2400)),
    }
    attempts.set_attempt(demo.ledger, attempt.attempt, visits=flowlog.dump(visits))
    copied = reason("transfer.done", done=42, total=42)
    fitted = reason("task.done", stage="fit", seconds=900.5)
    tasks = [Evidence(Stage.TRANSFER, s, Witness.TASK, Says.DONE, copied, None, began + 300) for s in range(42)]
    tasks += [Evidence(Stage.FIT, 3, Witness.TASK, Says.DONE, fitted, 1_907_000_000, began + 1700, 900.5)]
    evidence.record_evidence(demo.ledger, run, tasks, attempt.attempt)
    report = JobReport(
        134, f"fit of run {run} segment {segment:02d}: return code 134: EventEditor aborted", "nid004012", "28471193",
        began + 400, 71.25, None, "", ("Copying input...", "... Done", HOSTILE_LINE, "EventEditor aborted"),
        f"/data/e21062/results/logs/run{run}/fit-{segment:02d}.log",
    )  # fmt: skip
    with demo.ledger.change() as db:
        db.execute(
            "INSERT INTO hints (attempt, stage, at, ended_at, moved_at) VALUES (?,?,?,?,?)",
            (attempt.attempt, Stage.FIT.value, began + 1705, began + 1700, began + 2000),
        )
        db.execute(
            "INSERT INTO reports (attempt, run, stage, segment, state, actor, asked_at, fetched_at, document) "
            "VALUES (?,?,?,?,?,?,?,?,?)",
            (attempt.attempt, run, "fit", segment, ReportState.THERE.value, "driver", began, began,
             json.dumps(asdict(report))),
        )  # fmt: skip
    return attempt.attempt
