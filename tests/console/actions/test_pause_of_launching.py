"""A pause: from the moment in which it is asked for, nothing is started, whatever is due and in whatever way."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import pytest

from console.driver import round
from console.ledger import attempts, pause, runs
from console.ledger.moves import move
from console.ledger.store import Ledger
from console.settings.model import Policy
from flowspec.conditions import Reason, Topic
from flowspec.states import FAILED, OPEN, AttemptState, RunState
from remote.globus.errors import RemoteError
from tests.fake_globus import Clock, Remote, judge, make_context
from tests.ledger_fixture import end_attempt, stand
from tests.shift_fixture import Shift

WHY = "NERSC maintenance"


@pytest.fixture
def ctx(tmp_path):
    made = make_context(Ledger(tmp_path / "ledger.db", now=Clock()), Remote(), Policy(max_in_flight=5))
    return replace(made, results=tmp_path)


def a_round(ctx):
    with suppress(RemoteError):
        round.launch_what_is_due(ctx)


def ask(ctx, verb, run=None, **args):
    number = ctx.ledger.ask(verb, run, actor="anna@daq1", **args)
    a_round(ctx)
    return ctx.ledger.request(number)


def started(ctx):
    return len(ctx.remote.flows.there)


def run(ctx, number):
    return runs.run(ctx.ledger, number)


def fail(ctx, number, again_at=None):
    stand(ctx.ledger, number, state=RunState.RUNNING, why="")
    move(ctx.ledger, number, FAILED, about=Topic.OUTCOME, reasons=[Reason("words", {"words": "x"})], again_at=again_at)


def end_newest(ctx, number, state):
    """The attempt of a run has ended, and the run with it."""
    end_attempt(ctx.ledger, attempts.newest_attempt(ctx.ledger, number).attempt, AttemptState.FAILED)
    stand(ctx.ledger, number, state=state, why="")


def test_a_pause_says_who_and_why_and_ends_when_somebody_resumes(ctx):
    assert ask(ctx, "pause", reason=WHY).answer == (
        "launching is paused: NERSC maintenance. What is in flight goes on; H resumes launching"
    )
    judge(ctx, 1)
    a_round(ctx)
    assert (run(ctx, 1).state, started(ctx)) == (RunState.QUEUED, 0)
    (condition,) = [c for c in run(ctx, 1).conditions if c.topic is Topic.QUEUE]
    assert condition.code == "queue.paused"
    assert (condition.reason.parameters["who"], condition.reason.parameters["why"]) == ("anna@daq1", WHY)
    assert "H resumes" in run(ctx, 1).why
    assert run(ctx, 1).because == f"H: paused by anna@daq1: {WHY}"
    again = ask(ctx, "pause", reason="another")
    assert again.state == "refused"
    assert WHY in again.answer
    ctx.ledger.now.time += 14 * 60
    assert ask(ctx, "resume").answer == "launching goes on (runs in the queue: 1); anna@daq1 had paused it for 14 m"
    assert (run(ctx, 1).state, started(ctx)) == (RunState.RUNNING, 1)
    assert ask(ctx, "resume").answer == "launching is not paused"


@pytest.mark.parametrize("reason", ["", "  ", "\x1b", None])
def test_a_pause_wants_a_reason(ctx, reason):
    assert ask(ctx, "pause", reason=reason).state == "refused"
    judge(ctx, 1)
    a_round(ctx)
    assert started(ctx) == 1


def test_it_is_durable(ctx):
    ask(ctx, "pause", reason=WHY)
    reopened = Ledger(ctx.ledger.path)
    assert pause.read(reopened) == pause.read(ctx.ledger) == pause.Pause("anna@daq1", ctx.now(), WHY)
    reopened.close()


def test_it_holds_from_the_request_on_though_the_driver_has_not_answered_yet(ctx, monkeypatch):
    """Of five runs that are due in one round, those not started when it is asked for wait."""
    for number in range(1, 6):
        judge(ctx, number)
    start = ctx.remote.flows.start

    def start_and_ask(*arguments):
        if started(ctx) == 1:
            ctx.ledger.ask("pause", None, actor="anna@daq1", reason=WHY)
        return start(*arguments)

    monkeypatch.setattr(ctx.remote.flows, "start", start_and_ask)
    a_round(ctx)
    assert started(ctx) == 2
    a_round(ctx)
    assert started(ctx) == 2
    assert [run(ctx, n).state for n in (3, 4, 5)] == [RunState.QUEUED] * 3
    assert all("paused by anna@daq1" in run(ctx, n).why for n in (3, 4, 5))


def test_an_intent_that_was_written_is_not_sent(ctx):
    judge(ctx, 1)
    ctx.remote.flows.faults = ["before", "before"]
    a_round(ctx)
    (attempt,) = attempts.attempts(ctx.ledger, 1)
    attempts.set_attempt(ctx.ledger, attempt.attempt, started_at=None)  # as of a driver that died before it asked
    ctx.remote.flows.faults = []
    ask(ctx, "pause", reason=WHY)
    a_round(ctx)
    assert started(ctx) == 0
    assert run(ctx, 1).why.startswith("attempt 1 paused by anna@daq1")
    ask(ctx, "resume")
    assert started(ctx) == 1


def test_one_whose_reply_was_lost_is_found_and_followed_but_never_asked_for_again(ctx):
    judge(ctx, 1)
    judge(ctx, 2)
    ctx.remote.flows.faults = ["after"]
    a_round(ctx)
    ctx.ledger.now.time += 10
    ask(ctx, "pause", reason=WHY)
    a_round(ctx)
    (attempt,) = attempts.attempts(ctx.ledger, 1)
    assert (attempt.state, started(ctx)) == (AttemptState.STARTED, 1)
    ctx.remote.flows.there.clear()  # of the next one there is nothing at Globus: it would be asked for again
    attempts.set_attempt(ctx.ledger, attempt.attempt, state="intent", flow_run=None, started_at=ctx.now() - 60)
    a_round(ctx)
    assert started(ctx) == 0


def test_what_is_retried_by_itself_waits_in_the_queue(ctx):
    judge(ctx, 1)
    ask(ctx, "pause", reason=WHY)
    fail(ctx, 1, again_at=ctx.now())
    a_round(ctx)
    assert (run(ctx, 1).state, started(ctx)) == (RunState.QUEUED, 0)
    assert "paused" in run(ctx, 1).why


def test_a_run_between_two_attempts_waits(tmp_path):
    shift = Shift(tmp_path)
    shift.ledger.ask("pause", None, actor="anna@daq1", reason=WHY)
    shift.rounds(1)
    with shift.ledger.change() as db:
        db.execute("UPDATE attempts SET state = 'succeeded', plan = json_set(plan, '$.left', 2)")
    shift.rounds(2)
    assert shift.attempt.number == 1
    assert shift.run.why.startswith("attempt 2 paused by anna@daq1")


@pytest.mark.parametrize("state", [RunState.FAILED, RunState.CANCELLED, RunState.DONE])
def test_a_retry_that_a_person_asks_for_waits_in_the_queue_with_its_wish(ctx, state):
    judge(ctx, 1)
    a_round(ctx)
    end_newest(ctx, 1, state)
    ask(ctx, "pause", reason=WHY)
    answer = ask(ctx, "retry", 1, wish={"everything": True})
    assert answer.state == "done"
    assert "waits in the queue, paused by anna@daq1" in answer.answer
    assert (run(ctx, 1).state, run(ctx, 1).wish["everything"], started(ctx)) == (RunState.QUEUED, True, 1)
    ask(ctx, "resume")
    assert (run(ctx, 1).state, started(ctx)) == (RunState.RUNNING, 2)
    assert attempts.newest_attempt(ctx.ledger, 1).plan.transfer == (0, 1)


def test_what_is_reprocessed_waits(ctx):
    judge(ctx, 1)
    a_round(ctx)
    end_newest(ctx, 1, RunState.DONE)
    ask(ctx, "pause", reason=WHY)
    assert ask(ctx, "reprocess", runs="1").answer == "1 runs are queued behind live data"
    a_round(ctx)
    assert (run(ctx, 1).state, started(ctx)) == (RunState.QUEUED, 1)
    assert "paused" in run(ctx, 1).why
    ask(ctx, "resume")
    assert started(ctx) == 2


def test_what_is_in_flight_goes_on(tmp_path):
    shift = Shift(tmp_path)
    shift.ledger.ask("pause", None, actor="anna@daq1", reason=WHY)
    shift.globus.flow_run = replace(shift.globus.flow_run, status="SUCCEEDED")
    shift.rounds(30)
    assert shift.attempt.state not in OPEN  # it was followed to its end


def test_nothing_is_asked_of_globus_again_and_again_for_what_waits(ctx, monkeypatch):
    judge(ctx, 1)
    ctx.remote.flows.faults = ["before"]
    a_round(ctx)
    (attempt,) = attempts.attempts(ctx.ledger, 1)
    attempts.set_attempt(ctx.ledger, attempt.attempt, started_at=None)
    ask(ctx, "pause", reason=WHY)
    monkeypatch.setattr(ctx.remote.flows, "open_runs", lambda: pytest.fail("asked"))
    for _ in range(3):
        a_round(ctx)
