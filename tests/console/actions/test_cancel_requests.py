"""Cancels of what has hardly begun, or is over already; and whose they are."""

from __future__ import annotations

import json

import pytest

from console.actions import launch, queue
from console.actions.launch import LOOKUP_SECONDS
from console.driver import round
from console.ledger import attempts
from flowspec.states import AttemptState, RunState
from remote.globus.errors import RemoteError
from tests.cancel_fixture import ID
from tests.console.actions.test_cancel_proof import ask, attempt, cancel, ctx, globus, lines, run, see, start  # noqa: F401
from tests.ledger_fixture import end_attempt, stand

DOWN = RemoteError("later", "flows", "run", "the service cannot be reached", "wait")
FORBIDDEN = RemoteError("operator", "transfer", "mkdir", "403: no right", "ask for the right")


def test_an_intent_that_was_never_sent_is_cancelled_at_once(ctx, globus):
    start(ctx, send=False)
    assert "Globus had not been asked to start it" in cancel(ctx).answer
    assert run(ctx).state is RunState.CANCELLED
    launch.send_intents(ctx, None)
    assert globus.calls == []


@pytest.mark.parametrize("effect", [True, False])
def test_an_intent_without_an_answer_is_settled_first_and_not_sent_again(ctx, globus, effect):
    start(ctx, send=False)
    lost = RemoteError("later", "flows", "start", "no answer in time", "wait", ambiguous=True)
    globus.broken = {"flows.start": lost}
    launch.send_intents(ctx, None)
    if effect:
        globus._start(ID, {}, "a label", [attempt(ctx).tag])
        globus.fits("running")
    answer = cancel(ctx)
    assert (answer.state, run(ctx).state) == ("done", RunState.CANCELLING)
    assert "whether its flow run was started is being found out" in answer.answer
    globus.broken = {}
    see(ctx)
    assert run(ctx).state is RunState.CANCELLING
    assert attempt(ctx).tag in run(ctx).why
    ctx.ledger.now.time += LOOKUP_SECONDS
    launch.send_intents(ctx, None)
    see(ctx)
    assert globus.calls.count("flows.start") == 1
    assert globus.made
    if effect:
        assert globus.flow_run.cancelled
        assert run(ctx).why.endswith("still running: fit of segment 00 (task ids task-0)")
        globus.task_ends(0)
        see(ctx)
    assert run(ctx).state is RunState.CANCELLED


def test_a_queued_run_is_taken_from_the_queue(ctx, globus):
    start(ctx, send=False)
    end_attempt(ctx.ledger, 1, state=AttemptState.FAILED)
    stand(ctx.ledger, 7, RunState.READY)
    queue.queue(ctx, run(ctx), "me@here")
    assert cancel(ctx).answer == "run 7 is no longer queued"
    assert run(ctx).state is RunState.CANCELLED


def test_between_two_attempts_no_further_one_is_started(ctx, globus):
    start(ctx)
    end_attempt(ctx.ledger, 1, state=AttemptState.SUCCEEDED)
    assert cancel(ctx).answer == "run 7 is cancelled: no further attempt is started"
    queue.continue_runs(ctx)
    assert len(attempts.attempts(ctx.ledger, 7)) == 1


def test_a_run_that_is_done_is_not_cancelled(ctx, globus):
    start(ctx)
    stand(ctx.ledger, 7, state=RunState.DONE)
    refused = cancel(ctx)
    assert (refused.state, refused.answer) == ("refused", "run 7 is done: there is nothing to cancel")


def test_a_flow_run_that_had_succeeded_is_left_to_the_pollers(ctx, globus):
    start(ctx)
    globus.ends("SUCCEEDED", "FlowSucceeded")
    cancel(ctx)
    see(ctx)
    assert (run(ctx).state, attempt(ctx).cancel_at) == (RunState.RUNNING, None)
    assert "had succeeded before it could be cancelled" in run(ctx).why
    assert lines(ctx) == {}
    assert attempt(ctx).state is AttemptState.STARTED


def test_the_first_part_of_a_long_run_that_had_succeeded_is_the_last(ctx, globus):
    start(ctx)
    plan = json.loads(ctx.ledger.row("SELECT plan FROM attempts")["plan"]) | {"left": 5}
    attempts.set_attempt(ctx.ledger, 1, plan=json.dumps(plan))
    globus.ends("SUCCEEDED", "FlowSucceeded")
    cancel(ctx)
    see(ctx)
    assert run(ctx).state is RunState.CANCELLED


def test_pollers_leave_a_cancel_alone_and_hand_over_one_from_elsewhere(ctx, globus):
    start(ctx)
    globus.fits("running")
    ctx.remote.flows.runs = lambda flows, since: [globus.flow_run]
    ctx.remote.transfer.stat = lambda *_: None
    globus.ends("FAILED", "FlowCanceled")  # in the web app
    round.follow_attempts(ctx)
    assert run(ctx).state is RunState.CANCELLING
    assert attempt(ctx).cancel_by == "somebody at Globus"
    round.follow_attempts(ctx)
    assert attempt(ctx).state is AttemptState.STARTED
    see(ctx)
    assert run(ctx).why.endswith("still running: fit of segment 00 (task ids task-0)")
    globus.task_ends(0)
    see(ctx)
    assert run(ctx).why.startswith("cancelled by somebody at Globus: nothing of it runs any more")
