"""Cancelling an attempt, and proving it: what belongs to it is told to end, and each of it is watched until it is gone.

Compute cannot cancel tasks. So the first step is a marker at the site, for which every job of the attempt looks; then
the flow run and its transfer tasks are cancelled. All steps may be done again, so a driver may die between any of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from console.actions import cancel_parts, conclude
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

THROUGH = reason("seen.status", status="SUCCEEDED")  # of a flow run


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
        conclude.end_cancelled(ctx, attempt, reason("outcome.cancelled.unasked", who=actor))
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
            cancel_parts.mark_at_the_site(ctx, cancel_parts.again(ctx, key))
        with _going_on(errors):
            cancel_parts.end_flow_run(ctx, cancel_parts.again(ctx, key))
        with _going_on(errors):
            poll.name_tasks_now(ctx, [cancel_parts.again(ctx, key)])
        cancel_parts.name_lines(ctx, cancel_parts.again(ctx, key))
        for line in cancel_parts.open_lines(ctx, key, LineKind.TRANSFER_TASK):
            with _going_on(errors):
                cancel_parts.end_transfer(ctx, key, line)
    with _going_on(errors):
        cancel_parts.look_at_compute(ctx, [cancel_parts.again(ctx, key) for key in wanted])
    for key in wanted:
        with _going_on(errors):
            cancel_parts.look_at_unnamed_tasks(ctx, cancel_parts.again(ctx, key))
        _judge(ctx, cancel_parts.again(ctx, key))
    if errors:
        raise errors[0]


@contextmanager
def _going_on(errors: list[RemoteError]) -> Iterator[None]:
    try:
        yield
    except RemoteError as error:
        errors.append(error)


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
        conclude.end_cancelled(ctx, attempt, reason("outcome.cancelled", who=who))


def _all_gone(attempt: Attempt, lines: Sequence[CancelLine]) -> bool:
    """The marker is a means: when all the rest is gone, it does not matter whether it could be made."""
    seen = any(
        line.kind in (LineKind.FLOW_RUN, LineKind.TAG) and line.id == (attempt.flow_run or attempt.tag)
        for line in lines
    )
    return seen and all(line.gone for line in lines if line.kind is not LineKind.MARKER)


def _succeeded(attempt: Attempt, lines: Sequence[CancelLine]) -> bool:
    """Whether the flow run was through before it could be cancelled, and with it the run."""
    through = any(
        line.kind is LineKind.FLOW_RUN and line.seen == reason("seen.status", status="SUCCEEDED") for line in lines
    )
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
