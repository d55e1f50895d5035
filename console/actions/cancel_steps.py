"""The steps of a cancel: marker, flow run, transfer and compute tasks. What is observed of each goes to its line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from console.actions import launch
from console.context import Context
from console.evidence import poll, progress, suspicion
from console.evidence.witnesses import planned
from console.ledger import attempts, cancel_lines, evidence, sources
from console.ledger.attempts import Attempt
from console.ledger.cancel_lines import CancelLine, LineKind
from flowspec import flowlog
from flowspec.conditions import Reason, reason
from flowspec.progress import Says
from flowspec.stages import Stage
from remote.globus.compute import TaskStatus
from remote.globus.errors import RemoteError
from remote.globus.flows import FlowRun

ACTIVE = ("ACTIVE", "INACTIVE")
# Seconds for which a cancel waits for the id of an action that has just started: after it the log may never have it.
ACTION_ID_SECONDS = 10.0
# Seconds that the log of a flow run may lag behind its end.
LOG_SECONDS = 30.0
# Seconds for which a marker is there before the site is asked for jobs that go on all the same. One that is at work
# writes its progress file every 5 s.
SILENT_SECONDS = 30.0
_TRANSFERS = (Stage.TRANSFER, Stage.RETURN)


PENDING, RUNNING = reason("seen.status", status="pending"), reason("seen.status", status="running")  # compute tasks


def reread(ctx: Context, key: int) -> Attempt:
    """The attempt as the ledger has it now."""
    return next(attempt for attempt in attempts.open_attempts(ctx.ledger) if attempt.attempt == key)


def open_lines(ctx: Context, key: int, *kinds: LineKind) -> list[CancelLine]:
    return [line for line in cancel_lines.read(ctx.ledger, key) if line.kind in kinds and not line.gone]


def _record(ctx: Context, key: int, line: CancelLine, observed: Reason, *, gone: bool) -> None:
    cancel_lines.write(ctx.ledger, key, replace(line, observed=observed, gone_at=ctx.now() if gone else None))


@contextmanager
def _recording_problem(ctx: Context, key: int, line: CancelLine, problem: str) -> Iterator[None]:
    try:
        yield
    except RemoteError as error:
        _record(ctx, key, line, reason(problem, cause=error.cause), gone=False)
        raise


# ---- the marker


def make_marker(ctx: Context, attempt: Attempt) -> None:
    path = _marker(attempt)
    if path is None:
        return
    line = CancelLine(LineKind.MARKER, path)
    if _line_of(ctx, attempt, line).gone:
        return
    with _recording_problem(ctx, attempt.attempt, line, "seen.not-made"):
        ctx.remote.transfer.make_directories(ctx.places.site_collection, path)
    sources.answered(ctx.ledger, "transfer")
    _record(ctx, attempt.attempt, line, Reason("seen.made"), gone=True)


def _marked(ctx: Context, attempt: Attempt) -> bool:
    return any(line.kind is LineKind.MARKER and line.gone for line in cancel_lines.read(ctx.ledger, attempt.attempt))


def _marker(attempt: Attempt) -> str | None:
    """None for an attempt that was started before there were markers: its jobs check for none."""
    return dict(attempt.body.get("site") or {}).get("marker")


def _line_of(ctx: Context, attempt: Attempt, line: CancelLine) -> CancelLine:
    """The line as the ledger has it; written there when it is new."""
    known = cancel_lines.find(ctx.ledger, attempt.attempt, line.kind, line.id)
    if known is None:
        cancel_lines.write(ctx.ledger, attempt.attempt, line)
    return known or line


# ---- the flow run


def cancel_flow_run(ctx: Context, attempt: Attempt) -> None:
    if attempt.flow_run is None:
        attempt = _settle(ctx, attempt)
        if attempt.flow_run is None:
            return
    line = CancelLine(LineKind.FLOW_RUN, attempt.flow_run)
    if _line_of(ctx, attempt, line).gone:
        return
    with _recording_problem(ctx, attempt.attempt, line, "seen.not-ended"):
        observed, ended = _cancel_and_check(ctx, attempt, attempt.flow_run)
    _record(ctx, attempt.attempt, line, observed, gone=ended)
    sources.answered(ctx.ledger, "flows")


def _cancel_and_check(ctx: Context, attempt: Attempt, id: str) -> tuple[Reason, bool]:
    """What is observed of the flow run, and whether it has ended with all of its actions known."""
    flow_run = ctx.remote.flows.run(id)
    if flow_run.status in ACTIVE:
        poll.follow_log(ctx, attempt, flow_run)
        attempt = reread(ctx, attempt.attempt)
        if _without_action_id(attempt) and ctx.now() - (attempt.cancel_at or 0) < ACTION_ID_SECONDS:
            return reason("seen.starting", status=flow_run.status), False
        ctx.remote.flows.cancel(id)
        flow_run = ctx.remote.flows.run(id)
    ended = flow_run.status not in ACTIVE and _read_to_the_end(ctx, attempt, flow_run)
    if ended:
        _find_transfers(ctx, attempt)
    return Reason("seen.cancelled") if flow_run.cancelled else _status(flow_run.status), ended


def _settle(ctx: Context, attempt: Attempt) -> Attempt:
    """Find out whether the flow run that was asked for exists. It is not asked for again."""
    line = CancelLine(LineKind.TAG, attempt.tag, observed=Reason("seen.unknown"))
    if _line_of(ctx, attempt, line).gone or ctx.now() - (attempt.started_at or 0) < launch.LOOKUP_SECONDS:
        return attempt
    flow_run = launch.look_up(ctx, attempt)
    if flow_run is not None:
        launch.started(ctx, attempt, flow_run)
    observed = reason("seen.found", flow_run=flow_run) if flow_run else Reason("seen.never-started")
    _record(ctx, attempt.attempt, line, observed, gone=True)
    return reread(ctx, attempt.attempt)


def _read_to_the_end(ctx: Context, attempt: Attempt, flow_run: FlowRun) -> bool:
    """Read the whole flow log again, for actions submitted at the last moment. False: its end is not in it yet."""
    entries = poll.follow_log(ctx, replace(attempt, log_after=None), flow_run)
    if entries and entries[-1].code.startswith("Flow") and entries[-1].code != "FlowStarted":
        return True
    return flow_run.completed is None or ctx.now() - flowlog.seconds(flow_run.completed) > LOG_SECONDS


def _without_action_id(attempt: Attempt) -> list[Stage]:
    """The compute stages under way for whose action the flow log has no id yet."""
    return [
        stage
        for stage, visit in attempt.visits.items()
        if stage not in _TRANSFERS and visit.action is None and visit.says is Says.RUNNING
    ]


# ---- tasks


def add_lines(ctx: Context, attempt: Attempt) -> None:
    """A line for each task that is known, and one for each stage whose compute tasks are not known at the end."""
    flow_run_gone = not open_lines(ctx, attempt.attempt, LineKind.FLOW_RUN, LineKind.TAG)
    with ctx.ledger.change():
        for stage, visit in attempt.visits.items():
            if stage in _TRANSFERS and visit.action:
                _line_of(ctx, attempt, CancelLine(LineKind.TRANSFER_TASK, visit.action, stage))
            places = planned(attempt.plan, stage)
            tasks = attempts.tasks(ctx.ledger, attempt.attempt, stage)
            for place, (task, _) in enumerate(tasks):
                segment = places[place] if place < len(places) else None
                _line_of(ctx, attempt, CancelLine(LineKind.COMPUTE_TASK, task, stage, segment))
            nameless = CancelLine(LineKind.UNNAMED, f"not told: {stage.value}", stage)
            if tasks:
                cancel_lines.forget(ctx.ledger, attempt.attempt, nameless.id)
            elif stage not in _TRANSFERS and flow_run_gone and (visit.action or visit.says is Says.RUNNING):
                _line_of(ctx, attempt, nameless)


def _find_transfers(ctx: Context, attempt: Attempt) -> None:
    """Transfer tasks submitted at the last moment may be missing in the log: they are found by the attempt's label."""
    for task in ctx.remote.transfer.under_way(attempt.label):
        _line_of(ctx, attempt, CancelLine(LineKind.TRANSFER_TASK, task.id))


def cancel_transfer(ctx: Context, key: int, line: CancelLine) -> None:
    with _recording_problem(ctx, key, line, "seen.not-ended"):
        task = ctx.remote.transfer.task(line.id)
        if task.status in ACTIVE:
            ctx.remote.transfer.cancel(line.id)
            task = ctx.remote.transfer.task(line.id)
    _record(ctx, key, line, _status(task.status), gone=task.status not in ACTIVE)
    sources.answered(ctx.ledger, "transfer")


def check_compute_tasks(ctx: Context, cancelling: Sequence[Attempt]) -> None:
    """One batch call for all tasks that have not ended."""
    replies = poll.ask_compute(ctx, cancelling)
    if replies is None:
        return
    with ctx.ledger.change():
        for attempt in cancelling:
            for line in open_lines(ctx, attempt.attempt, LineKind.COMPUTE_TASK):
                reply = replies.get(line.id)
                if reply is not None:
                    ended = _ended(reply)
                    _record(ctx, attempt.attempt, line, ended or _status(reply.status), gone=ended is not None)
                elif attempts.task_has_ended(ctx.ledger, line.id):
                    _record(ctx, attempt.attempt, line, Reason("seen.ended-before"), gone=True)


def check_pending_tasks(ctx: Context, attempt: Attempt) -> None:
    """Compute reports a lost task as pending for ever, and as often one that is at work: marks of jobs tell which."""
    waiting = [line for line in open_lines(ctx, attempt.attempt, LineKind.COMPUTE_TASK) if line.observed == PENDING]
    lost = suspicion.lost_tasks(ctx, attempt) if waiting and _marked(ctx, attempt) else set()
    if lost:
        marks = progress.of_jobs(ctx, attempt, evidence.evidence(ctx.ledger, attempt.run))
        sources.answered(ctx.ledger, "transfer")
        evidence.record_evidence(ctx.ledger, attempt.run, marks, attempt.attempt)
    for line in waiting:
        if line.stage is not None and line.segment in evidence.at_work(ctx.ledger, attempt, line.stage):
            _record(ctx, attempt.attempt, line, RUNNING, gone=False)
        elif line.id in lost:  # should it begin after all, it finds the marker
            _record(ctx, attempt.attempt, line, Reason("seen.never-begun"), gone=True)


def check_jobs(ctx: Context, attempt: Attempt) -> None:
    """Compute never tells the end of what ran for a user endpoint that was killed, nor soon of what was lost with its
    block. A job that has written no progress since the marker was made is not at work."""
    running = [line for line in open_lines(ctx, attempt.attempt, LineKind.COMPUTE_TASK) if line.observed == RUNNING]
    path = _marker(attempt)
    made = cancel_lines.find(ctx.ledger, attempt.attempt, LineKind.MARKER, path) if path and running else None
    if made is None or made.gone_at is None or ctx.now() - made.gone_at < SILENT_SECONDS:
        return
    marker = ctx.remote.transfer.stat(ctx.places.site_collection, made.id)
    listed = ctx.remote.transfer.ls(ctx.places.site_collection, ctx.places.logs(attempt.run)) or {}
    sources.answered(ctx.ledger, "transfer")
    for line in running:
        told = listed.get(f"{_job(line)}.progress.json")
        # Both times are of the site's clock.
        if marker is not None and (told is None or told.modified <= marker.modified):
            _record(ctx, attempt.attempt, line, Reason("seen.not-at-work"), gone=True)


def _job(line: CancelLine) -> str:
    """The name of its log and of what lies beside that."""
    stage = line.stage.value if line.stage else ""
    return stage if line.segment is None else f"{stage}-{line.segment:02d}"


def _status(status: str) -> Reason:
    return reason("seen.status", status=status)


def _ended(reply: TaskStatus) -> Reason | None:
    """How a task has ended; None while it has not."""
    if reply.status not in ("success", "failed"):
        return None
    rc = reply.value.get("rc") if isinstance(reply.value, dict) else None
    return reason("seen.ended", status=reply.status, rc=rc)


def check_unnamed_tasks(ctx: Context, attempt: Attempt) -> None:
    """A job that has found the marker leaves its name there: by it the end of tasks without an id is known."""
    marker = _marker(attempt)
    for line in open_lines(ctx, attempt.attempt, LineKind.UNNAMED):
        stage = line.stage
        if marker is None or stage is None:
            continue
        names = {stage.value if s is None else f"{stage.value}-{s:02d}" for s in planned(attempt.plan, stage)}
        listed = ctx.remote.transfer.ls(ctx.places.site_collection, marker) or {}
        sources.answered(ctx.ledger, "transfer")
        missing = sorted(names - set(listed))
        _record(ctx, attempt.attempt, line, reason("seen.jobs-left", jobs=missing), gone=not missing)
