"""Cancelling an attempt, and proving it: its flow run and tasks are cancelled, and each is polled until it has ended.

Compute cannot cancel tasks. So the first step is a marker at the site, for which every job of the attempt looks; then
the flow run and its transfer tasks are cancelled. All steps may be done again, so a driver may die between any of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from console.actions import cancel_steps, conclude
from console.context import Context
from console.evidence import poll
from console.ledger import attempts, cancel_lines, conditions
from console.ledger.attempts import Attempt
from console.ledger.cancel_lines import CancelLine, LineKind
from console.ledger.dossier import Dossier
from console.ledger.moves import move
from flowspec import catalogue
from flowspec.conditions import Reason, Topic, reason
from flowspec.states import CANCEL_ASKED, CANCEL_ENDED, CANCEL_WITHDRAWN, UNQUEUED, AttemptState, RunState
from remote.globus.errors import RemoteError

SUCCEEDED = reason("seen.status", status="SUCCEEDED")  # of a flow run


# ---- the request


def begin(ctx: Context, known: Dossier, actor: str) -> str:
    """Write that the newest attempt of a run is to be cancelled, or take the run from the queue; the answer for people.

    Changes the ledger only: `continue_cancels` does the rest.
    """
    run, attempt = known.run, next(iter(known.open), None)
    if run.early and run.state not in (RunState.RUNNING, RunState.CANCELLING):
        return _begin_early(ctx, known, actor)
    if run.state is RunState.QUEUED:
        again = run.result is not None  # it was to be done once more
        why = reason("outcome.unqueued", who=actor, result=again)
        state = RunState.DONE if again else RunState.CANCELLED
        move(ctx.ledger, run.run, UNQUEUED, state, about=Topic.OUTCOME, reasons=[why])
        return f"run {run.run} is no longer queued"
    if attempt is None:  # between two attempts of a run that needs several
        why = reason("outcome.cancelled.between", who=actor)
        move(ctx.ledger, run.run, CANCEL_ENDED, about=Topic.OUTCOME, reasons=[why])
        return f"run {run.run} is cancelled: no further attempt is started"
    if attempt.state is AttemptState.INTENT and attempt.started_at is None:
        conclude.end_cancelled(ctx, attempt, reason("outcome.cancelled.unasked", who=actor))
        return f"run {run.run} attempt {attempt.number} is cancelled: Globus had not been asked to start it"
    mark(ctx, attempt, actor)
    telling = catalogue.sentence(_asked(attempt, actor)).partition("; ")[2]
    return f"run {run.run} attempt {attempt.number} is being cancelled: {telling}"


def _begin_early(ctx: Context, known: Dossier, actor: str) -> str:
    """What was begun while the run is recorded is ended, and no more is."""
    run = known.run.run
    with ctx.ledger.change():
        why = reason("cancel.early", who=actor)
        move(ctx.ledger, run, CANCEL_ASKED, about=Topic.PROGRESS, reasons=[why])
        for attempt in known.open:
            if attempt.state is AttemptState.INTENT and attempt.started_at is None:
                conclude.end_cancelled(ctx, attempt, reason("outcome.cancelled.unasked", who=actor))
            else:
                attempts.set_attempt(ctx.ledger, attempt.attempt, cancel_by=actor, cancel_at=ctx.now())
        if not known.open:
            move(ctx.ledger, run, CANCEL_ENDED, about=Topic.OUTCOME, reasons=[reason("outcome.cancelled", who=actor)])
    return f"run {run} is being cancelled: nothing of it is launched by itself any more"


def mark(ctx: Context, attempt: Attempt, actor: str) -> None:
    """Write that an open attempt is to be cancelled."""
    with ctx.ledger.change():
        attempts.set_attempt(ctx.ledger, attempt.attempt, cancel_by=actor, cancel_at=ctx.now())
        why = _asked(attempt, actor)
        move(ctx.ledger, attempt.run, CANCEL_ASKED, about=Topic.PROGRESS, reasons=[why], attempt=attempt.attempt)


def _asked(attempt: Attempt, actor: str) -> Reason:
    return reason("cancel.asked", who=actor, flow_run=attempt.flow_run)


# ---- the rounds after it


def continue_cancels(ctx: Context) -> None:
    """One round for every attempt that is being cancelled: cancel what has not ended, and check what has.

    A failure does not stop the other steps; the first RemoteError is raised after the round, so that a pause follows.
    """
    wanted = [attempt.attempt for attempt in attempts.open_attempts(ctx.ledger) if attempt.cancel_at is not None]
    if not wanted:
        return
    errors: list[RemoteError] = []
    for key in wanted:
        with _collecting(errors):
            cancel_steps.make_marker(ctx, cancel_steps.reread(ctx, key))
        with _collecting(errors):
            cancel_steps.cancel_flow_run(ctx, cancel_steps.reread(ctx, key))
        with _collecting(errors):
            poll.ask_for_task_ids(ctx, [cancel_steps.reread(ctx, key)])
        cancel_steps.add_lines(ctx, cancel_steps.reread(ctx, key))
        for line in cancel_steps.open_lines(ctx, key, LineKind.TRANSFER_TASK):
            with _collecting(errors):
                cancel_steps.cancel_transfer(ctx, key, line)
    with _collecting(errors):
        cancel_steps.check_compute_tasks(ctx, [cancel_steps.reread(ctx, key) for key in wanted])
    for key in wanted:
        with _collecting(errors):
            cancel_steps.check_pending_tasks(ctx, cancel_steps.reread(ctx, key))
        with _collecting(errors):
            cancel_steps.check_jobs(ctx, cancel_steps.reread(ctx, key))
        with _collecting(errors):
            cancel_steps.check_unnamed_tasks(ctx, cancel_steps.reread(ctx, key))
        _end_if_all_ended(ctx, cancel_steps.reread(ctx, key))
    if errors:
        raise errors[0]


@contextmanager
def _collecting(errors: list[RemoteError]) -> Iterator[None]:
    try:
        yield
    except RemoteError as error:
        errors.append(error)


# ---- the end of a cancel


def _end_if_all_ended(ctx: Context, attempt: Attempt) -> None:
    """End the attempt when all of its lines have; else write what is left."""
    lines = cancel_lines.read(ctx.ledger, attempt.attempt)
    who = str(attempt.cancel_by)
    if not _all_ended(attempt, lines):
        left = cancel_lines.left(lines, cancel_lines.offline_endpoints(ctx.ledger))
        asked = attempt.cancel_at or ctx.now()
        if ctx.now() - asked < ctx.patience:
            why = reason("cancel.left", who=who, **left)
        else:
            why = reason("cancel.stuck", who=who, since=asked, **left)
        conditions.put(ctx.ledger, attempt.run, Topic.PROGRESS, [why], attempt.attempt)
    elif _succeeded(attempt, lines):
        _withdraw(ctx, attempt)
    else:
        conclude.end_cancelled(ctx, attempt, reason("outcome.cancelled", who=who))


def _all_ended(attempt: Attempt, lines: Sequence[CancelLine]) -> bool:
    """The marker does not count: once all the rest has ended, it does not matter whether it could be made."""
    found = any(
        line.kind in (LineKind.FLOW_RUN, LineKind.TAG) and line.id == (attempt.flow_run or attempt.tag)
        for line in lines
    )
    return found and all(line.gone for line in lines if line.kind is not LineKind.MARKER)


def _succeeded(attempt: Attempt, lines: Sequence[CancelLine]) -> bool:
    """Whether the flow run succeeded before it could be cancelled, and with it the run."""
    succeeded = any(line.kind is LineKind.FLOW_RUN and line.observed == SUCCEEDED for line in lines)
    return succeeded and attempt.plan.joins


def _withdraw(ctx: Context, attempt: Attempt) -> None:
    """The run was done before it could be cancelled: it is polled and concluded as any other."""
    with ctx.ledger.change():
        cancel_lines.forget(ctx.ledger, attempt.attempt)
        attempts.set_attempt(ctx.ledger, attempt.attempt, cancel_by=None, cancel_at=None)
        move(
            ctx.ledger, attempt.run, CANCEL_WITHDRAWN, level="warning", about=Topic.PROGRESS,
            reasons=[Reason("attempt.not-cancelled")], attempt=attempt.attempt, event={"number": attempt.number},
        )  # fmt: skip
