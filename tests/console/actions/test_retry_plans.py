"""A retry does what is missing or wished for and nothing else, and shows it first; what passes is repeated."""

from __future__ import annotations

import json

import pytest

from console.actions.conclude import update_attempt
from console.ledger import failures
from console.reading import snapshot
from flowspec.causes import Kind
from flowspec.readiness import Verdict
from flowspec.stages import Stage
from flowspec.states import RunState
from remote.globus.errors import RemoteError
from remote.globus.flows import FlowRun
from tests.retry_fixture import ABORTED, FIT_7, World

TIME_LIMIT = "slurmstepd: error: *** JOB 123 ON nid004 CANCELLED AT 2026-07-01T03:00:00 DUE TO TIME LIMIT ***"
NODE_LOST = "WorkerLost: Task failure due to loss of worker 17 on host nid004012"


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


# ---- what is missing


def test_one_segment_that_failed_at_fit_is_done_again_and_nothing_else(world):
    run = world.failed(FIT_7)
    assert (run.state, run.again_at) == (RunState.FAILED, None)
    assert run.why == f"fit of segment 07 failed: {ABORTED}. r retries what is missing"
    (failure,) = failures.of_run(world.ledger, 5)  # what could not go well because of it does not count
    assert (failure.stage, failure.segment, failure.kind) == (Stage.FIT, 7, Kind.STAYS)
    asked = world.ask("retry", 5)
    assert asked.answer == "run 5 attempt 2: fit 1, convert 1, analyze, return; 7 of 8 segments are converted already"
    assert world.work() == (0, 1, 1, 1, 1)
    assert world.works(5).state is RunState.DONE
    assert world.ask("retry", 5).answer == "run 5: nothing is missing"


def test_what_was_cleared_away_after_the_result_came_back_is_not_missing(world):
    world.done()
    world.files.clear()
    assert world.ask("retry", 5).state == "refused"
    assert world.ask("retry", 5, wish={"from": "convert", "segments": [3]}).state == "done"
    assert world.attempt(5).plan.transfer == (3,)  # the input of the conversion has to be made first
    assert world.attempt(5).plan.held == (0, 1, 2, 4, 5, 6, 7)


def test_everything_turned_up_so_no_attempt_is_needed(world):
    run = world.failed({(Stage.RETURN, None): "ENDPOINT_ERROR"})
    assert run.state is RunState.FAILED
    world.writes(5, Stage.RETURN, None)
    with world.ledger.change() as db:  # nobody knows any more that the transfer had failed
        db.execute("DELETE FROM evidence WHERE witness = 'task'")
    assert world.ask("retry", 5).answer.startswith("run 5: the result is back: run-0005-sorted.root")
    assert world.run(5).state is RunState.DONE


# ---- shown first


def test_the_plan_is_shown_and_nothing_happens(world):
    world.failed(FIT_7)
    before = world.ledger.rows("SELECT * FROM events")
    shown = json.loads(world.ask("retry", 5, dry=True).answer)
    assert shown["lines"] == [
        "starts at fit",
        f"fit 1: segment 07 (07 {ABORTED})",
        "convert 1: segment 07 (07 input is missing)",
        "analyze all 8 segments, return the result",
        "skipped: segment 00-06, converted already",
        "no file that is there is made again",
    ]
    assert shown["plan"]["fit"] == [7]
    assert (world.run(5).state, world.attempt(5).number) == (RunState.FAILED, 1)
    assert world.ledger.rows("SELECT * FROM events") == before
    assert world.ask("retry", 5, shown=shown["digest"]).state == "done"


def test_a_plan_that_is_no_longer_the_one_that_was_shown_is_refused_with_the_new_one(world):
    world.failed(FIT_7)
    shown = json.loads(world.ask("retry", 5, dry=True).answer)
    del world.files["/top/converted/run5/run-0005-02-fitted.root"]
    answer = world.ask("retry", 5, shown=shown["digest"])
    assert answer.state == "refused"
    assert "Now: starts at fit; fit 1: segment 07" in answer.answer
    assert "convert 2: segment 02, 07" in answer.answer
    assert world.attempt(5).number == 1


# ---- wishes


def test_a_stage_and_those_after_it_are_done_again_when_wished(world):
    world.done()
    shown = json.loads(world.ask("retry", 5, dry=True, wish={"from": "convert"}).answer)
    assert "made again, though there: run-0005-00-fitted.root, " in shown["lines"][-1]
    assert world.ask("retry", 5, wish={"from": "convert"}).state == "done"
    assert world.work() == (0, 0, 8, 1, 1)
    assert world.works(5).state is RunState.DONE
    assert world.ask("retry", 5, wish={"everything": True}).state == "done"
    assert world.work() == (8, 8, 8, 1, 1)


def test_what_was_to_be_made_again_stays_missing_although_the_old_output_lies_there(world):
    """The attempt fails before it comes to it, and nobody remembers the wish: the old output must not count."""
    world.done()
    world.ask("retry", 5, wish={"from": "fit", "segments": [3]})
    assert world.works(5, log="FlowFailed").state is RunState.FAILED
    assert world.ask("retry", 5).state == "done"
    assert (world.attempt(5).plan.fit, world.attempt(5).plan.convert) == ((3,), (3,))
    assert world.works(5).state is RunState.DONE


def test_a_wish_for_more_segments_than_fit_in_one_attempt_repeats_each_once(world):
    world.done(segments=200)
    world.ask("retry", 5, wish={"from": "convert"})
    first = world.attempt(5).plan
    assert first.left
    world.works(5)
    world.round()
    second = world.attempt(5).plan
    assert (first.convert + second.convert, second.fit) == (tuple(range(200)), ())
    assert world.works(5).state is RunState.DONE


@pytest.mark.parametrize(
    ("wish", "why"),
    [
        ({"segments": [99]}, "run 5 has no segment 99: it has 00-07"),
        ({"from": "bake"}, "'bake' is no stage"),
        ({"segments": "all"}, "is no list of segment numbers"),
        ({"segments": [2]}, "nothing is missing of segment 02"),
    ],
)
def test_a_wish_that_makes_no_sense_is_refused(world, wish, why):
    world.failed(FIT_7)
    answer = world.ask("retry", 5, wish=wish)
    assert answer.state == "refused"
    assert why in answer.answer


# ---- quarantine


def test_a_segment_that_fails_twice_is_left_out_until_it_is_named(world):
    world.failed(FIT_7)
    world.ask("retry", 5)
    world.works(5, FIT_7)
    way = "enter shows it: x there waives it, r tries it once more"
    sentence = f"segment 07 quarantined: failed twice at fit: {ABORTED}; {way}"
    answer = world.ask("retry", 5)
    assert (answer.state, answer.answer) == ("refused", f"run 5: {sentence}")
    del world.files["/top/converted/run5/run-0005-02-fitted.root"]
    assert world.ask("retry", 5).state == "done"
    assert world.work() == (0, 0, 1, 0, 0)
    run = world.works(5)
    assert (run.state, run.why) == (RunState.FAILED, sentence)
    assert world.ask("retry", 5, wish={"segments": [7]}).state == "done"
    assert world.work() == (0, 1, 1, 1, 1)
    assert world.works(5).state is RunState.DONE


def test_when_every_segment_fails_none_is_to_blame(world):
    aborted = {(Stage.FIT, segment): ABORTED for segment in range(3)}
    world.failed(aborted, segments=3)
    for _ in range(2):
        assert world.ask("retry", 5).state == "done"
        world.works(5, aborted)
    assert world.ask("retry", 5).state == "done"
    assert world.work() == (0, 3, 3, 1, 1)


# ---- by itself


def test_a_cause_that_passes_is_retried_by_itself_a_few_times_with_growing_pauses(world):
    run = world.failed({(Stage.FIT, 7): TIME_LIMIT})
    pauses = []
    for number in (1, 2, 3):
        assert run.state is RunState.FAILED
        assert f"({number} of 3); r does it now" in run.why
        pauses.append(run.again_at - world.clock.time)
        world.clock.time = run.again_at - 1
        world.round()
        assert world.attempt(5).number == number
        world.clock.time = run.again_at
        world.round()
        assert (world.attempt(5).number, world.work()) == (number + 1, (0, 1, 1, 1, 1))
        run = world.works(5, {(Stage.FIT, 7): TIME_LIMIT})
    assert pauses[0] < pauses[1] / 2 < pauses[2] / 4
    assert run.again_at is None
    assert run.why.endswith("Failed 4 times at fit of segment 07, so it does not pass by itself; r tries once more")


def test_causes_that_stay_are_never_retried_by_themselves(world):
    run = world.failed({(Stage.FIT, 7): NODE_LOST, (Stage.FIT, 3): ABORTED})
    assert run.again_at is None
    kinds = {failure.segment: failure.kind for failure in failures.of_run(world.ledger, 5)}
    assert kinds == {3: Kind.STAYS, 7: Kind.PASSES}


def test_automatic_retries_can_be_switched_off(tmp_path):
    world = World(tmp_path, auto_retries=0)
    assert world.failed({(Stage.FIT, 7): NODE_LOST}).again_at is None


def test_an_operator_may_be_quicker_or_stop_it(world):
    world.failed({(Stage.FIT, 7): TIME_LIMIT})
    assert world.ask("retry", 5).state == "done"
    assert world.run(5).again_at is None
    assert "(2 of 3)" in world.works(5, {(Stage.FIT, 7): TIME_LIMIT}).why  # the place is counted, whoever asked
    assert world.ask("cancel", 5).answer == "run 5 is not done again by itself; r does what is missing"
    world.clock.time += 10_000
    world.round()
    run = world.run(5)
    assert (run.state, run.again_at) == (RunState.FAILED, None)
    assert "anna@daq1 stopped the automatic retry" in run.why


def test_a_failure_of_a_whole_stage_blames_no_segment(world):
    run = world.failed({}, segments=2)
    assert run.state is RunState.DONE
    world.ask("retry", 5, wish={"everything": True})
    assert world.works(5, log="ActionUnableToRun: 503 Service Unavailable").again_at is not None
    assert [(f.segment, f.kind) for f in failures.of_run(world.ledger, 5)] == [(None, Kind.PASSES)]


# ---- inactive flow runs


def inactive(world, details):
    world.found(5, range(2))
    world.round()
    attempt = world.attempt(5)
    world.flows.there = [FlowRun(attempt.flow_run, "id", "INACTIVE", "", (attempt.tag,), "", None, details)]
    update_attempt(world.ctx, attempt, world.flows.there[0])
    return world.run(5)


CONSENT = {
    "code": "ConsentRequired",
    "required_scope": "https://auth.globus.org/scopes/x/data_access",
    "description": "Missing required data_access consent",
}


def test_an_inactive_flow_run_names_the_consent_and_is_resumed_once_after_it_was_given(world):
    run = inactive(world, CONSENT)
    assert run.why.startswith(
        "Globus has stopped the flow run: Globus asks for a consent that is missing: https://auth"
    )
    assert "console login" in run.why
    assert snapshot.snapshot(world.ledger).run(5).inactive
    world.ledger.ask("retry", 5, actor="bob@daq2")
    assert world.ask("retry", 5).answer.startswith("run 5 attempt 1 is being resumed")
    assert "resumed by anna@daq1" in world.run(5).why
    assert world.flows.resumed == ["run-0"]
    assert world.run(5).state is RunState.RUNNING


def test_a_resume_whose_reply_was_lost_is_looked_up_before_it_is_repeated(world, monkeypatch):
    inactive(world, CONSENT)

    def lost(run_id, flow_id):
        world.flows.resumed.append(run_id)
        world.flows.there = [FlowRun("run-0", "id", "ACTIVE", "", (), "", None, {})]
        raise RemoteError("later", "flows", "resume", "the line broke", "wait", ambiguous=True)

    monkeypatch.setattr(world.flows, "resume", lost)
    with pytest.raises(RemoteError):
        world.ask("retry", 5)
    world.round()
    world.round()
    assert world.flows.resumed == ["run-0"]


# ---- campaigns


def test_a_campaign_waits_behind_live_data_and_does_everything_again(world):
    world.done(5, 3)
    world.failed(FIT_7, 6)
    world.found(7, range(2), Verdict.TAKING)
    plan = json.loads(world.ask("reprocess", None, runs="4-8", dry=True).answer)
    assert plan["runs"] == [5, 6]
    assert plan["lines"][0].startswith("run 5: transfer 3, fit 3, convert 3, analyze, return; 11 files that are there")
    assert plan["lines"][-2:] == ["left out, not known: 4, 8", "left out, recording: 7"]
    assert world.run(5).state is RunState.DONE
    with world.ledger.change() as db:
        db.execute("INSERT INTO endpoints VALUES ('e', 'frib-fit-mpi', 'fit', 0, 1000000, '{}')")
    answer = world.ask("reprocess", None, runs="4-6", wish={"from": "fit"})
    assert answer.answer == "2 runs are queued behind live data; left out, not known: 4"
    world.found(8, range(1))
    world.round()
    assert world.run(5).state is RunState.QUEUED
    assert world.ask("cancel", 5).answer == "run 5 is no longer queued"
    assert world.run(5).state is RunState.DONE  # its result is still there
    world.ask("reprocess", None, runs="5", wish={"from": "fit"})
    with world.ledger.change() as db:
        db.execute("DELETE FROM endpoints")
    before = len(world.flows.there)
    world.round()
    started = [json.dumps(world.flows.bodies[run.id]["run"]) for run in world.flows.there[before:]]
    assert started[0] == "8"
    assert set(started) == {"8", "5", "6"}
    assert (world.work(), world.work(6)) == ((0, 3, 3, 1, 1), (0, 8, 8, 1, 1))
    assert (world.works(5).state, world.works(6).state) == (RunState.DONE, RunState.DONE)


def test_a_queued_retry_whose_outputs_cannot_be_seen_is_held_and_holds_up_no_other(world, monkeypatch):
    world.done(5, 2)
    denied = RemoteError("operator", "transfer", "ls", "403: no right", "ask for the right")

    def ls(collection, path):
        raise denied

    monkeypatch.setattr(world, "ls", ls)
    world.found(6, range(1))
    world.ledger.ask("reprocess", None, actor="anna@daq1", runs="5")
    with pytest.raises(RemoteError, match="no right"):
        world.round()
    assert (world.run(5).state, world.run(5).why) == (RunState.QUEUED, "waits: 403: no right; ask for the right")
    assert world.run(6).state is RunState.RUNNING
    monkeypatch.undo()
    world.round()
    assert world.run(5).state is RunState.RUNNING


def test_a_campaign_without_runs_is_refused(world):
    answer = world.ask("reprocess", None, runs="1200-1250")
    assert (answer.state, answer.answer) == ("refused", "no run to reprocess; left out, not known: 1200-1250")
    assert world.ask("reprocess", None, runs="5-1").state == "refused"
