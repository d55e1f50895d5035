"""One request about many runs ends with one sum; what it has queued is taken back as far as it has not started."""

from __future__ import annotations

import pytest

from console.driver import round
from console.ledger import attempts, events, runs
from console.ledger.store import Ledger
from console.settings.model import Policy
from flowspec.plan import plan_all
from flowspec.readiness import Verdict
from flowspec.states import RunState
from tests.fake_globus import Clock, Remote, judge, make_context
from tests.ledger_fixture import stand

MANY = range(1200, 1330)  # 130 runs, of which two have room


@pytest.fixture
def ctx(tmp_path):
    made = make_context(Ledger(tmp_path / "ledger.db", now=Clock()), Remote(), Policy(max_in_flight=2))
    made.ledger.put("auto", "off")
    return made


def ask(ctx, verb, run=None, **args):
    number = ctx.ledger.ask(verb, run, actor="anna@daq1", **args)
    round.launch_what_is_due(ctx)
    return ctx.ledger.request(number)


def state(ctx, run):
    return runs.run(ctx.ledger, run).state


def each(state, numbers):
    return {str(number): state for number in numbers}


def test_switching_auto_launch_on_is_taken_back_but_for_what_has_started(ctx):
    for run in MANY:
        judge(ctx, run)
    switched = ask(ctx, "auto", on=True)
    assert switched.answer == "auto-launch is on: 130 queued"
    assert len(ctx.remote.flows.there) == 2
    undone = ask(ctx, "take-back", request=switched.id)
    told = "auto-launch is off; 128 taken back, 2 had started: left running, c cancels (1200-1201)"
    assert (undone.state, undone.answer) == ("done", told)
    assert [state(ctx, run) for run in MANY].count(RunState.READY) == 128
    assert {state(ctx, run) for run in (1200, 1201)} == {RunState.RUNNING}
    round.launch_what_is_due(ctx)
    assert len(ctx.remote.flows.there) == 2, "nothing that was taken back is launched"


def test_only_what_the_switch_queued_is_taken_back(ctx):
    for run in (1, 2):
        stand(ctx.ledger, judge(ctx, run).run, state=RunState.RUNNING)  # in flight: nothing starts
        attempts.add_intent(ctx.ledger, plan_all(run, (0, 1)), 1, f"tag {run}", {}, "", "id", "driver")
    for run in (3, 4, 5):
        judge(ctx, run)
    ask(ctx, "launch", 3)
    switched = ask(ctx, "auto", on=True)
    judge(ctx, 6)  # complete since, and queued because of the switch
    round.launch_what_is_due(ctx)
    ask(ctx, "cancel", 4)
    assert ask(ctx, "take-back", request=switched.id).answer == "auto-launch is off; 2 taken back"
    assert [state(ctx, run).value for run in (3, 4, 5, 6)] == ["queued", "cancelled", "ready", "ready"]


def test_what_is_taken_back_is_as_the_disk_has_it_now(ctx):
    switched = ask(ctx, "auto", on=True)
    for run in (1, 2, 3):
        judge(ctx, run)
    round.launch_what_is_due(ctx)
    judge(ctx, 3, Verdict.ARRIVING)
    assert state(ctx, 3) is RunState.QUEUED
    ask(ctx, "take-back", request=switched.id)
    assert state(ctx, 3) is RunState.ARRIVING


def test_a_switch_that_another_one_has_made_since_is_left(ctx):
    judge(ctx, 1)
    switched = ask(ctx, "auto", on=True)
    ask(ctx, "auto", on=False)
    ask(ctx, "auto", on=True)
    refused = ask(ctx, "take-back", request=switched.id)
    assert (refused.state, ctx.ledger.get("auto")) == ("refused", "on")
    assert refused.answer == "auto-launch was switched off and on again since: o switches it off"
    assert ask(ctx, "auto", on=True).answer == "auto-launch is on already"


def test_a_launch_is_taken_back_until_it_has_started(ctx):
    for run in (1, 2, 3, 4):
        judge(ctx, run)
    launched = [ask(ctx, "launch", run, state="ready") for run in (1, 2, 3)]
    assert ask(ctx, "take-back", request=launched[2].id).answer == "1 taken back"
    assert state(ctx, 3) is RunState.READY
    refused = ask(ctx, "take-back", request=launched[0].id)
    told = "0 taken back, 1 had started: left running, c cancels (1)"
    assert (refused.state, refused.answer, state(ctx, 1)) == ("refused", told, RunState.RUNNING)
    many = ask(ctx, "launch", each=each("ready", (3, 4)))
    assert many.answer == "2 queued"
    assert ask(ctx, "take-back", request=many.id).answer == "2 taken back"


def test_cancelling_many_leaves_what_has_started_meanwhile(ctx):
    for run in MANY:
        stand(ctx.ledger, judge(ctx, run).run, state=RunState.QUEUED, why="is next")
    round.launch_what_is_due(ctx)  # between the question and the answer two start
    asked = ask(ctx, "cancel", each=each("queued", MANY))
    assert asked.answer == "128 cancelled, 2 had started: left running (1200-1201)"
    assert [state(ctx, run).value for run in (1200, 1201, 1202)] == ["running", "running", "cancelled"]
    (summed, *_) = (event for event in events.newest(ctx.ledger, 5) if event.run is None)
    assert summed.text == f"cancel: {asked.answer}"
    assert "run 1202 is no longer queued" in events.of_run(ctx.ledger, 1202, 1)[0].text
    refused = ask(ctx, "cancel", each=each("queued", (1200, 1202, 9999)))
    told = "0 cancelled, 1 had started: left running (1200), 1 cancelled already (1202), 1 not known (9999)"
    assert (refused.state, refused.answer) == ("refused", told)


def test_one_run_that_has_changed_since_the_question_is_left(ctx):
    judge(ctx, 1)
    ask(ctx, "launch", 1)
    refused = ask(ctx, "cancel", 1, state="queued")
    told = "run 1 was queued when you were asked, and is running now: nothing was done"
    assert (refused.state, refused.answer, state(ctx, 1)) == ("refused", told, RunState.RUNNING)
    assert ask(ctx, "cancel", 1, state="running").state == "done"


def test_many_are_retried_in_their_turn_and_what_cannot_be_is_told(ctx):
    for run in (1, 2, 3, 4):
        stand(ctx.ledger, judge(ctx, run).run, state=RunState.FAILED, why="failed at fit", launched_sizes={0: 1000})
    stand(ctx.ledger, 4, state=RunState.RUNNING)
    answer = ask(ctx, "retry", each=each("failed", (1, 2, 3, 4))).answer
    assert answer == "3 queued to be retried, 1 had started: left running (4)"
    assert [state(ctx, run).value for run in (1, 2, 3)] == ["running", "running", "queued"]
    assert attempts.newest_attempt(ctx.ledger, 1).actor == "anna@daq1", "no retry that came by itself"
    incomplete = judge(ctx, 5, Verdict.INCOMPLETE)
    asked = ask(ctx, "launch", each=each("incomplete", (incomplete.run,)))
    assert "It is launched by itself only" in asked.answer


def test_a_request_that_does_not_name_its_runs_is_refused(ctx):
    assert ask(ctx, "cancel", each=["1"]).state == "refused"
