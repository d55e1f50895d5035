"""One round of acting: answer what is asked, settle what was started, start what may start."""

from __future__ import annotations

from console import attempts, queueing, requests, resuming, retrying
from console.operations import Operations
from remote.globus.errors import RemoteError


def answer_requests(ops: Operations) -> None:
    for request in ops.ledger.asked():
        requests.answer(ops, request)


def launch_what_is_due(ops: Operations) -> None:
    """Raises RemoteError, after the round, when Globus could not be asked to start something: time for a pause."""
    answer_requests(ops)
    queueing.queue_what_is_ready(ops)
    retrying.queue_what_is_due(ops)
    queueing.go_on(ops)
    resuming.see_through(ops)
    trouble: RemoteError | None = attempts.send_intents(ops)
    trouble = queueing.start_queued(ops) or trouble
    if trouble is not None:
        raise trouble
