"""Cancelling an attempt, and proving it: what belongs to it is told to end, and each of it is watched until it is gone.

Compute cannot cancel tasks. So the first step is a marker at the site, for which every job of the attempt looks; then
the flow run and its transfer tasks are cancelled. All steps may be done again, so a driver may die between any of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from console.actions import conclude, launch
from console.context import Context
from console.evidence import poll, suspicion
from console.evidence.witnesses import planned
from console.ledger import attempts, cancel_lines, conditions
from console.ledger.attempts import Attempt
from console.ledger.cancel_lines import CancelLine, LineKind
from console.ledger.dossier import Dossier
from console.ledger.moves import move
from flowspec import catalogue, flowlog
from flowspec.conditions import Reason, Topic, reason
from flowspec.progress import Says
from flowspec.stages import Stage
from flowspec.states import CANCEL_ASKED, CANCEL_ENDED, CANCEL_WITHDRAWN, UNQUEUED, AttemptState, RunState
from remote.globus.compute import TaskStatus
from remote.globus.errors import RemoteError
from remote.globus.flows import FlowRun

ACTIVE = ("ACTIVE", "INACTIVE")
# How long a cancel waits to learn the id of an action that has just started: afterwards the log may never tell it.
UNTOLD_SECONDS = 10.0
# How long after its end a flow run's log may take to tell it.
LOG_SECONDS = 30.0
_TRANSFERS = (Stage.TRANSFER, Stage.RETURN)


# ---- the request


def begin(ctx: Context, known: Dossier, actor: str) -> str:
    """Write that the newest attempt of a run is to be cancelled, or take the run from the queue; the answer for people.

    Changes the ledger only: `see_through` does the rest.
    """
    run, attempt = known.run, known.open
    if run.state is RunState.QUEUED:
        again = run.result is not None  # it was to be done once more
        told = reason("outcome.unqueued", who=actor, result=again)
        state = RunState.DONE if again else RunState.CANCELLED
        move(ctx.ledger, run.run, UNQUEUED, state, about=Topic.OUTCOME, reasons=[told])
        return f"run {run.run} is no longer queued"
    if attempt is None:  # between two attempts of a run that needs several
        told = reason("outcome.cancelled.between", who=actor)
        move(ctx.ledger, run.run, CANCEL_ENDED, about=Topic.OUTCOME, reasons=[told])
        return f"run {run.run} is cancelled: no further attempt is started"
    if attempt.state is AttemptState.INTENT and attempt.started_at is None:
        conclude.cancelled(ctx, attempt, reason("outcome.cancelled.unasked", who=actor))
        return f"run {run.run} attempt {attempt.number} is cancelled: Globus had not been asked to start it"
    mark(ctx, attempt, actor)
    telling = catalogue.sentence(_asked(attempt, actor)).partition("; ")[2]
    return f"run {run.run} attempt {attempt.number} is being cancelled: {telling}"


def mark(ctx: Context, attempt: Attempt, actor: str) -> None:
    """Write that an open attempt is to be cancelled."""
    with ctx.ledger.change():
        attempts.set_attempt(ctx.ledger, attempt.attempt, cancel_by=actor, cancel_at=ctx.now())
        told = _asked(attempt, actor)
        move(ctx.ledger, attempt.run, CANCEL_ASKED, about=Topic.PROGRESS, reasons=[told], attempt=attempt.attempt)


def _asked(attempt: Attempt, actor: str) -> Reason:
    return reason("cancel.asked", who=actor, flow_run=attempt.flow_run)


# ---- seeing it through


def see_through(ctx: Context) -> None:
    """One round for every attempt that is being cancelled: tell what is left of it to end, and look what is gone.

    What fails does not stop the rest; raises the first RemoteError after the round: time for a pause.
    """
    wanted = [attempt.attempt for attempt in attempts.open_attempts(ctx.ledger) if attempt.cancel_at is not None]
    if not wanted:
        return
    errors: list[RemoteError] = []
    for key in wanted:
        with _going_on(errors):
            _mark_at_the_site(ctx, _again(ctx, key))
        with _going_on(errors):
            _end_flow_run(ctx, _again(ctx, key))
        with _going_on(errors):
            poll.name_tasks_now(ctx, [_again(ctx, key)])
        _name_lines(ctx, _again(ctx, key))
        for line in _open_lines(ctx, key, LineKind.TRANSFER_TASK):
            with _going_on(errors):
                _end_transfer(ctx, key, line)
    with _going_on(errors):
        _look_at_compute(ctx, [_again(ctx, key) for key in wanted])
    for key in wanted:
        with _going_on(errors):
            _look_at_the_untold(ctx, _again(ctx, key))
        _judge(ctx, _again(ctx, key))
    if errors:
        raise errors[0]


@contextmanager
def _going_on(errors: list[RemoteError]) -> Iterator[None]:
    try:
        yield
    except RemoteError as error:
        errors.append(error)


def _again(ctx: Context, key: int) -> Attempt:
    """The attempt as the ledger has it now."""
    return next(attempt for attempt in attempts.open_attempts(ctx.ledger) if attempt.attempt == key)


def _open_lines(ctx: Context, key: int, *kinds: LineKind) -> list[CancelLine]:
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


def _mark_at_the_site(ctx: Context, attempt: Attempt) -> None:
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


def _end_flow_run(ctx: Context, attempt: Attempt) -> None:
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
    ctx.ledger.heard("flows")


def _tell_flow_run(ctx: Context, attempt: Attempt, id: str) -> tuple[Reason, bool]:
    """What is seen of the flow run, and whether it has ended and everything that it has started is known."""
    flow_run = ctx.remote.flows.run(id)
    if flow_run.status in ACTIVE:
        poll.follow_log(ctx, attempt, flow_run)
        attempt = _again(ctx, attempt.attempt)
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
    return _again(ctx, attempt.attempt)


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


def _name_lines(ctx: Context, attempt: Attempt) -> None:
    """A line for each task that is known, and one for each stage whose compute tasks are not known at the end."""
    flow_run_gone = not _open_lines(ctx, attempt.attempt, LineKind.FLOW_RUN, LineKind.TAG)
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


def _end_transfer(ctx: Context, key: int, line: CancelLine) -> None:
    with _telling_why(ctx, key, line, "seen.not-ended"):
        task = ctx.remote.transfer.task(line.id)
        if task.status in ACTIVE:
            ctx.remote.transfer.cancel(line.id)
            task = ctx.remote.transfer.task(line.id)
    _see(ctx, key, line, _status(task.status), gone=task.status not in ACTIVE)
    ctx.ledger.heard("transfer")


def _look_at_compute(ctx: Context, cancelling: Sequence[Attempt]) -> None:
    """One batch call for all tasks that have not ended."""
    replies = poll.ask_compute(ctx, cancelling)
    if replies is None:
        return
    with ctx.ledger.change():
        for attempt in cancelling:
            harmless = suspicion.lost_tasks(ctx, attempt) if _marked(ctx, attempt) else set()
            for line in _open_lines(ctx, attempt.attempt, LineKind.COMPUTE_TASK):
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


def _look_at_the_untold(ctx: Context, attempt: Attempt) -> None:
    """A job that has seen the marker leaves its name there: that is how tasks without an id are known to have ended."""
    marker = _marker(attempt)
    for line in _open_lines(ctx, attempt.attempt, LineKind.UNNAMED):
        stage = line.stage
        if marker is None or stage is None:
            continue
        names = {stage.value if s is None else f"{stage.value}-{s:02d}" for s in planned(attempt.plan, stage)}
        told = ctx.remote.transfer.ls(ctx.places.site_collection, marker) or {}
        missing = sorted(names - set(told))
        _see(ctx, attempt.attempt, line, reason("seen.jobs-left", jobs=missing), gone=not missing)


# ---- judging


def _judge(ctx: Context, attempt: Attempt) -> None:
    """Tell what is left; end the attempt when nothing is."""
    lines = cancel_lines.read(ctx.ledger, attempt.attempt)
    who = str(attempt.cancel_by)
    if not _all_gone(attempt, lines):
        left = cancel_lines.left(lines, cancel_lines.offline_endpoints(ctx.ledger))
        told = reason("cancel.left", who=who, **left)
        conditions.put(ctx.ledger, attempt.run, Topic.PROGRESS, [told], attempt.attempt)
    elif _succeeded(attempt, lines):
        _withdraw(ctx, attempt)
    else:
        conclude.cancelled(ctx, attempt, reason("outcome.cancelled", who=who))


def _all_gone(attempt: Attempt, lines: Sequence[CancelLine]) -> bool:
    """The marker is a means: when all the rest is gone, it does not matter whether it could be made."""
    seen = any(
        line.kind in (LineKind.FLOW_RUN, LineKind.TAG) and line.id == (attempt.flow_run or attempt.tag)
        for line in lines
    )
    return seen and all(line.gone for line in lines if line.kind is not LineKind.MARKER)


def _succeeded(attempt: Attempt, lines: Sequence[CancelLine]) -> bool:
    """Whether the flow run was through before it could be cancelled, and with it the run."""
    through = any(line.kind is LineKind.FLOW_RUN and line.seen == _status("SUCCEEDED") for line in lines)
    return through and attempt.plan.joins


def _withdraw(ctx: Context, attempt: Attempt) -> None:
    """The run was done before it could be cancelled: the pollers judge it as any other."""
    with ctx.ledger.change():
        cancel_lines.forget(ctx.ledger, attempt.attempt)
        attempts.set_attempt(ctx.ledger, attempt.attempt, cancel_by=None, cancel_at=None)
        move(
            ctx.ledger, attempt.run, CANCEL_WITHDRAWN, level="warning", about=Topic.PROGRESS,
            reasons=[Reason("attempt.not-cancelled")], attempt=attempt.attempt, event={"number": attempt.number},
        )  # fmt: skip
