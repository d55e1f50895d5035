"""One round of acting: answer what is asked, settle what was started, start what may start."""

from __future__ import annotations

from console.actions import launch, queue, requests, resume, retry
from console.context import Context
from remote.globus.errors import RemoteError


def answer_requests(ctx: Context) -> None:
    for request in ctx.ledger.asked():
        requests.answer(ctx, request)


def launch_what_is_due(ctx: Context) -> None:
    """Raises RemoteError, after the round, when Globus could not be asked to start something: time for a pause."""
    answer_requests(ctx)
    queue.queue_what_is_ready(ctx)
    retry.queue_what_is_due(ctx)
    queue.go_on(ctx)
    resume.see_through(ctx)
    trouble: RemoteError | None = launch.send_intents(ctx)
    trouble = queue.start_queued(ctx) or trouble
    if trouble is not None:
        raise trouble
