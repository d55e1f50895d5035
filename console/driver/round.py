"""Rounds of the driver: answer what is asked, settle what was started, start what may start; follow what runs."""

from __future__ import annotations

from console.actions import conclude, early, launch, queue, reconcile, requests, resume, retry
from console.context import Context
from console.evidence import hints, poll
from console.ledger import runs, stuck
from flowspec.states import RunState
from remote.globus.errors import RemoteError

LASTING_POLLS = (
    12.0  # of what the site may end by itself, as an endpoint that is started again: nobody is called before
)


def answer_requests(ctx: Context) -> None:
    for request in ctx.ledger.asked():
        requests.answer(ctx, request)


def launch_what_is_due(ctx: Context) -> None:
    """Raises RemoteError, after the round, when Globus could not be asked to start something: time for a pause."""
    answer_requests(ctx)
    stuck.tell(ctx.ledger, LASTING_POLLS * ctx.policy.poll_interval)
    queue.queue_what_is_ready(ctx)
    retry.queue_what_is_due(ctx)
    queue.continue_runs(ctx)
    resume.send_resumes(ctx)
    look = reconcile.look_once(ctx)
    unseen = look() if launch.anything_to_send(ctx) else None
    trouble: RemoteError | None = launch.send_intents(ctx, unseen).trouble
    queued = runs.runs(ctx.ledger, RunState.QUEUED)
    trouble = queue.start_live(ctx, look, queued) or trouble
    started = early.start_early(ctx, look, queued)
    trouble = started.trouble or trouble
    trouble = queue.start_reprocessing(ctx, look, queued, started.waiting) or trouble
    if trouble is not None:
        raise trouble


def follow_attempts(ctx: Context) -> bool:
    """Poll the attempts under way, update or end them by the evidence, and hint to Flows that an action has ended.
    Whether one has ended: what waited for it may be started.

    Raises RemoteError, after all that could be done, when a service could not be asked.
    """
    began = ctx.now()
    polled, ended = poll.poll_attempts(ctx), False
    for each in polled.attempts:
        if each.can_be_judged:
            goes_on = conclude.update_attempt(ctx, each.attempt, each.flow_run)
            ended = ended or not goes_on
    if ctx.elsewhere() is None:  # another console gives them
        active = [each.attempt for each in polled.attempts if each.flow_run.status == "ACTIVE"]
        hints.give_hints(ctx, active, ctx.now() - began)
    if polled.trouble is not None:
        raise polled.trouble
    return ended
