"""The parts of an attempt that is cancelled: each is told to end, and what is seen of it is written to its line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from console.actions import launch
from console.context import Context
from console.evidence import poll, suspicion
from console.evidence.witnesses import planned
from console.ledger import attempts, cancel_lines
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
# How long a cancel waits to learn the id of an action that has just started: afterwards the log may never tell it.
UNTOLD_SECONDS = 10.0
# How long after its end a flow run's log may take to tell it.
LOG_SECONDS = 30.0
_TRANSFERS = (Stage.TRANSFER, Stage.RETURN)


def again(ctx: Context, key: int) -> Attempt:
    """The attempt as the ledger has it now."""
    return next(attempt for attempt in attempts.open_attempts(ctx.ledger) if attempt.attempt == key)


def open_lines(ctx: Context, key: int, *kinds: LineKind) -> list[CancelLine]:
    return [line for line in cancel_lines.read(ctx.ledger, key) if line.kind in kinds and not line.gone]


def _see(ctx: Context, key: int, line: CancelLine, seen: Reason, *, gone: bool) -> None:
    cancel_lines.write(ctx.ledger, key, replace(line, seen=seen, gone_at=ctx.now() if gone else None))


@contextmanager
def _telling_why(ctx: Context, key: int, line: CancelLine, problem: str) -> Iterator[None]:
    try:
        yield
    except RemoteError as error:
        _see(ctx, key, line, reason(problem, cause=error.cause), gone=False)
        raise


# ---- the marker


def mark_at_the_site(ctx: Context, attempt: Attempt) -> None:
    path = _marker(attempt)
    if path is None:
        return
    line = CancelLine(LineKind.MARKER, path)
    if _known(ctx, attempt, line).gone:
        return
    with _telling_why(ctx, attempt.attempt, line, "seen.not-made"):
        ctx.remote.transfer.make_directories(ctx.places.site_collection, path)
    _see(ctx, attempt.attempt, line, Reason("seen.made"), gone=True)


def _marked(ctx: Context, attempt: Attempt) -> bool:
    return any(line.kind is LineKind.MARKER and line.gone for line in cancel_lines.read(ctx.ledger, attempt.attempt))


def _marker(attempt: Attempt) -> str | None:
    """None for an attempt that was started before there were markers: its jobs look for none."""
    return dict(attempt.body.get("site") or {}).get("marker")


def _known(ctx: Context, attempt: Attempt, line: CancelLine) -> CancelLine:
    """The line as the ledger has it; written there when it is new."""
    known = cancel_lines.find(ctx.ledger, attempt.attempt, line.kind, line.id)
    if known is None:
        cancel_lines.write(ctx.ledger, attempt.attempt, line)
    return known or line


# ---- the flow run


def end_flow_run(ctx: Context, attempt: Attempt) -> None:
    if attempt.flow_run is None:
        attempt = _settle(ctx, attempt)
        if attempt.flow_run is None:
            return
    line = CancelLine(LineKind.FLOW_RUN, attempt.flow_run)
    if _known(ctx, attempt, line).gone:
        return
    with _telling_why(ctx, attempt.attempt, line, "seen.not-ended"):
        seen, ended = _tell_flow_run(ctx, attempt, attempt.flow_run)
    _see(ctx, attempt.attempt, line, seen, gone=ended)
    ctx.ledger.source_answered("flows")


def _tell_flow_run(ctx: Context, attempt: Attempt, id: str) -> tuple[Reason, bool]:
    """What is seen of the flow run, and whether it has ended and everything that it has started is known."""
    flow_run = ctx.remote.flows.run(id)
    if flow_run.status in ACTIVE:
        poll.follow_log(ctx, attempt, flow_run)
        attempt = again(ctx, attempt.attempt)
        if _untold(attempt) and ctx.now() - (attempt.cancel_at or 0) < UNTOLD_SECONDS:
            return reason("seen.starting", status=flow_run.status), False
        ctx.remote.flows.cancel(id)
        flow_run = ctx.remote.flows.run(id)
    ended = flow_run.status not in ACTIVE and _read_to_the_end(ctx, attempt, flow_run)
    if ended:
        _find_transfers(ctx, attempt)
    return Reason("seen.cancelled") if flow_run.cancelled else _status(flow_run.status), ended


def _settle(ctx: Context, attempt: Attempt) -> Attempt:
    """Find out whether the flow run that was asked for exists. It is not asked for again."""
    line = CancelLine(LineKind.TAG, attempt.tag, seen=Reason("seen.unknown"))
    if _known(ctx, attempt, line).gone or ctx.now() - (attempt.started_at or 0) < launch.LOOKUP_SECONDS:
        return attempt
    flow_run = launch.look_up(ctx, attempt)
    if flow_run is not None:
        launch.started(ctx, attempt, flow_run)
    seen = reason("seen.found", flow_run=flow_run) if flow_run else Reason("seen.never-started")
    _see(ctx, attempt.attempt, line, seen, gone=True)
    return again(ctx, attempt.attempt)


def _read_to_the_end(ctx: Context, attempt: Attempt, flow_run: FlowRun) -> bool:
    """Read the whole flow log once more, for what was submitted in the last moment. False: its end is not there yet."""
    entries = poll.follow_log(ctx, replace(attempt, log_after=None), flow_run)
    if entries and entries[-1].code.startswith("Flow") and entries[-1].code != "FlowStarted":
        return True
    return flow_run.completed is None or ctx.now() - flowlog.seconds(flow_run.completed) > LOG_SECONDS


def _untold(attempt: Attempt) -> list[Stage]:
    """The stages with compute tasks that have begun, of which the flow log has not told under which id."""
    return [
        stage
        for stage, visit in attempt.visits.items()
        if stage not in _TRANSFERS and visit.action is None and visit.says is Says.RUNNING
    ]


# ---- tasks


def name_lines(ctx: Context, attempt: Attempt) -> None:
    """A line for each task that is known, and one for each stage whose compute tasks are not known at the end."""
    flow_run_gone = not open_lines(ctx, attempt.attempt, LineKind.FLOW_RUN, LineKind.TAG)
    with ctx.ledger.change():
        for stage, visit in attempt.visits.items():
            if stage in _TRANSFERS and visit.action:
                _known(ctx, attempt, CancelLine(LineKind.TRANSFER_TASK, visit.action, stage))
            places = planned(attempt.plan, stage)
            tasks = attempts.tasks(ctx.ledger, attempt.attempt, stage)
            for place, (task, _) in enumerate(tasks):
                segment = places[place] if place < len(places) else None
                _known(ctx, attempt, CancelLine(LineKind.COMPUTE_TASK, task, stage, segment))
            nameless = CancelLine(LineKind.UNNAMED, f"not told: {stage.value}", stage)
            if tasks:
                cancel_lines.forget(ctx.ledger, attempt.attempt, nameless.id)
            elif stage not in _TRANSFERS and flow_run_gone and (visit.action or visit.says is Says.RUNNING):
                _known(ctx, attempt, nameless)


def _find_transfers(ctx: Context, attempt: Attempt) -> None:
    """Those that the log may not tell, as they were submitted in the last moment: they bear the attempt's label."""
    for task in ctx.remote.transfer.under_way(attempt.label):
        _known(ctx, attempt, CancelLine(LineKind.TRANSFER_TASK, task.id))


def end_transfer(ctx: Context, key: int, line: CancelLine) -> None:
    with _telling_why(ctx, key, line, "seen.not-ended"):
        task = ctx.remote.transfer.task(line.id)
        if task.status in ACTIVE:
            ctx.remote.transfer.cancel(line.id)
            task = ctx.remote.transfer.task(line.id)
    _see(ctx, key, line, _status(task.status), gone=task.status not in ACTIVE)
    ctx.ledger.source_answered("transfer")


def look_at_compute(ctx: Context, cancelling: Sequence[Attempt]) -> None:
    """One batch call for all tasks that have not ended."""
    replies = poll.ask_compute(ctx, cancelling)
    if replies is None:
        return
    with ctx.ledger.change():
        for attempt in cancelling:
            harmless = suspicion.lost_tasks(ctx, attempt) if _marked(ctx, attempt) else set()
            for line in open_lines(ctx, attempt.attempt, LineKind.COMPUTE_TASK):
                reply = replies.get(line.id)
                if reply is not None and reply.status == "pending" and line.id in harmless:
                    # Compute would tell this of a lost task for ever; should it begin after all, it sees the marker.
                    _see(ctx, attempt.attempt, line, Reason("seen.never-begun"), gone=True)
                elif reply is not None:
                    ended = _ended(reply)
                    _see(ctx, attempt.attempt, line, ended or _status(reply.status), gone=ended is not None)
                elif attempts.task_has_ended(ctx.ledger, line.id):
                    _see(ctx, attempt.attempt, line, Reason("seen.ended-before"), gone=True)


def _status(status: str) -> Reason:
    return reason("seen.status", status=status)


def _ended(reply: TaskStatus) -> Reason | None:
    """How a task has ended; None while it has not."""
    if reply.status not in ("success", "failed"):
        return None
    rc = reply.value.get("rc") if isinstance(reply.value, dict) else None
    return reason("seen.ended", status=reply.status, rc=rc)


def look_at_unnamed_tasks(ctx: Context, attempt: Attempt) -> None:
    """A job that has seen the marker leaves its name there: that is how tasks without an id are known to have ended."""
    marker = _marker(attempt)
    for line in open_lines(ctx, attempt.attempt, LineKind.UNNAMED):
        stage = line.stage
        if marker is None or stage is None:
            continue
        names = {stage.value if s is None else f"{stage.value}-{s:02d}" for s in planned(attempt.plan, stage)}
        told = ctx.remote.transfer.ls(ctx.places.site_collection, marker) or {}
        missing = sorted(names - set(told))
        _see(ctx, attempt.attempt, line, reason("seen.jobs-left", jobs=missing), gone=not missing)
