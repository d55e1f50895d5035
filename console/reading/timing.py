"""What the ledger knows of where the time of a run's attempts went: when their tasks worked, and the hints to Flows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from console.ledger import evidence, hints
from console.ledger.attempts import Attempt
from console.ledger.hints import Hint
from console.ledger.job_reports import RequestedReport
from console.ledger.store import Ledger
from flowspec.progress import Says
from flowspec.stages import Stage
from flowspec.timeline import AttemptTime, Job, attempt_time


@dataclass
class Timing:
    """Of one attempt."""

    jobs: dict[Stage, list[Job]] = field(default_factory=dict)
    hints: list[Hint] = field(default_factory=list)
    failed: set[Stage] = field(default_factory=set)  # a task of it failed, whatever Flows says of the whole

    def spent(self, attempt: Attempt, now: float) -> AttemptTime:
        """Where its time went until it ended, or until now."""
        told = {hint.stage: hint.ended for hint in self.hints}
        return attempt_time(attempt.intended_at, attempt.ended_at, attempt.visits, self.jobs, told, now)


def of_run(ledger: Ledger, run: int, reports: Iterable[RequestedReport]) -> Mapping[int, Timing]:
    """By attempt. A task is known of the newest attempt that did its place: the evidence of earlier ones is gone."""
    found: dict[int, Timing] = {}
    told = {(r.attempt, r.stage, r.segment): r.report.seconds for r in reports if r.report is not None}
    for attempt, task in evidence.tasks_by_attempt(ledger, run):
        seconds = task.seconds if task.seconds is not None else told.get((attempt, task.stage, task.segment))
        timing = found.setdefault(attempt, Timing())
        if task.says is Says.FAILED:
            timing.failed.add(task.stage)
        timing.jobs.setdefault(task.stage, []).append(_job(task.says, task.at, seconds))
    for hint in hints.of_run(ledger, run):
        found.setdefault(hint.attempt, Timing()).hints.append(hint)
    return found


def _job(says: Says, at: float, seconds: float | None) -> Job:
    """`at` is when the task was first seen to be so."""
    if says is Says.RUNNING:
        return Job(at, None)
    if says in (Says.DONE, Says.FAILED):
        return Job(at - seconds if seconds is not None else None, at)
    return Job(None, None)
