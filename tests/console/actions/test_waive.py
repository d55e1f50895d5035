"""Results without a waived segment say so; segments that come late are flagged, and added on request."""

from __future__ import annotations

import pytest

from console.ledger import decisions
from console.reading import detail as reading
from console.reading import snapshot
from flowspec.late_segments import LateSegments, late_segments
from flowspec.readiness import Verdict
from flowspec.stages import Stage
from flowspec.states import RunState
from tests.retry_fixture import ABORTED, FIT_7, World


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


# ---- waivers


HOSTILE = "noise \x1b[31m in\ndetector 3 \u202e; DROP TABLE runs; --$(rm -rf /)[bold]"


def test_a_result_without_a_waived_segment_says_so(world):
    world.failed(FIT_7)
    answer = world.ask("waive", 5, segment=7, reason=HOSTILE)
    assert answer.state == "done"
    assert answer.answer.isprintable()
    assert world.ask("retry", 5, wish={"segments": [7]}).state == "refused"
    assert world.ask("retry", 5).state == "done"
    assert world.work() == (0, 0, 0, 1, 1)
    assert world.attempt(5).body["expected"] == [0, 1, 2, 3, 4, 5, 6]
    run = world.works(5)
    assert run.state is RunState.DONE
    assert run.why.startswith("the result is back: run-0005-sorted.root; 7/8 segments: 07 waived by anna@daq1: noise ")
    assert "DROP TABLE runs" in run.why
    detail = reading.detail(world.ledger, 5)
    assert detail.segments[7].note.startswith("waived by anna@daq1: noise")
    assert world.ask("waive", 5, segment=7, undo=True).state == "done"
    assert world.ask("retry", 5).state == "done"  # the result is to be made of all segments again
    assert world.work() == (0, 1, 1, 1, 1)


def test_waiving_a_good_segment_makes_the_analysis_again(world):
    world.done(segments=3)
    world.ask("waive", 5, segment=1, reason="beam was off")
    assert world.ask("retry", 5).state == "done"
    assert (world.work(), world.attempt(5).plan.expected) == ((0, 0, 0, 1, 1), (0, 2))


@pytest.mark.parametrize(
    ("args", "why"),
    [
        ({"segment": 7, "reason": "  "}, "none was given"),
        ({"segment": 99, "reason": "x"}, "has no segment 99"),
        ({"segment": "7", "reason": "x"}, "has no segment 7"),
        ({"segment": 7, "undo": True}, "segment 07 is not waived"),
    ],
)
def test_waivers_that_make_no_sense_are_refused(world, args, why):
    world.failed(FIT_7)
    answer = world.ask("waive", 5, **args)
    assert answer.state == "refused"
    assert why in answer.answer


def test_the_last_segment_of_a_run_is_not_waived(world):
    world.failed({(Stage.FIT, 1): ABORTED}, segments=3)
    assert [world.ask("waive", 5, segment=s, reason="noise").state for s in (0, 1)] == ["done", "done"]
    last = world.ask("waive", 5, segment=2, reason="noise")
    assert (last.state, sorted(decisions.of_run(world.ledger, 5)[0])) == ("refused", [0, 1])
    assert last.answer == "run 5: segment 02 is the last one; without it there is nothing to analyze"
    assert world.ask("waive", 5, segment=0, undo=True).state == "done"
    assert world.ask("waive", 5, segment=2, reason="noise").state == "done"
    assert world.ask("waive", 5, segment=0, reason="noise").state == "refused"
    assert world.ask("retry", 5).state == "done"
    assert world.attempt(5).plan.expected == (0,)


# ---- late segments


def test_segments_that_arrive_after_the_launch_are_flagged_and_added_on_request(world):
    world.done(segments=3)
    world.found(5, range(5))
    row = snapshot.snapshot(world.ledger).run(5)
    assert row.because.startswith("r adds what came after the launch: 2 segments arrived; run-0005-sorted.root")
    world.round()
    assert world.attempt(5).number == 1  # on request only
    assert world.ask("retry", 5).state == "done"
    assert world.work() == (2, 2, 2, 1, 1)
    assert world.works(5).state is RunState.DONE
    assert snapshot.snapshot(world.ledger).run(5).late == ""


@pytest.mark.parametrize("same_size", [True, False])
def test_a_segment_that_changed_after_it_was_transferred_is_done_again(world, same_size):
    world.done(segments=3)
    world.found(5, range(3), s1=1000 if same_size else 1200)
    world.touched(5, 1, world.clock.time)
    late = snapshot.snapshot(world.ledger).run(5).late
    assert late == ("" if same_size else "r adds what came after the launch: 1 segment changed")
    assert world.ask("retry", 5).state == "done"
    plan = world.attempt(5).plan
    assert (plan.transfer, plan.fit, plan.convert, plan.analyze) == ((1,), (1,), (1,), True)
    assert world.works(5).state is RunState.DONE


def test_an_empty_last_segment_that_no_launch_took_is_late_only_when_it_gets_data(world):
    world.done(segments=4, s3=0)
    assert world.run(5).launched_sizes.keys() == {0, 1, 2}
    assert snapshot.snapshot(world.ledger).run(5).late == ""
    world.found(5, range(5), s3=0, s4=0)
    assert snapshot.snapshot(world.ledger).run(5).late == ""
    world.found(5, range(4), s3=1200)
    assert snapshot.snapshot(world.ledger).run(5).late == "r adds what came after the launch: 1 segment arrived"


def test_a_changed_segment_that_is_not_asked_for_stays_flagged(world):
    world.done(segments=3)
    world.found(5, range(3), s1=1200)
    world.ask("retry", 5, wish={"from": "fit", "segments": [0]})
    assert world.attempt(5).plan.held == (1,)
    assert snapshot.snapshot(world.ledger).run(5).late.startswith("1 segment changed")
    assert world.works(5).why == "still to be done: segment 01; r does what is missing"


def test_segments_that_vanish_from_the_dtn_still_belong_to_the_run(world):
    world.failed(FIT_7)
    world.found(5, range(6))
    assert world.ask("retry", 5).state == "done"
    assert world.attempt(5).plan.expected == tuple(range(8))


def test_a_run_that_is_being_copied_again_is_not_transferred(world):
    world.done(segments=3)
    world.found(5, range(4), Verdict.ARRIVING)
    assert "changes on the DTN just now" in world.ask("retry", 5).answer


def test_late_segments_are_told_in_one_sentence():
    late = late_segments({0: 10, 1: 10, 2: 10}, {0: 10, 1: 11, 3: 10, 4: 10})
    assert late.sentence(RunState.DONE) == (
        "r adds what came after the launch: 2 segments arrived, 1 segment changed, 1 segment vanished from the DTN"
    )
    assert late.sentence(RunState.RUNNING).endswith("r adds them when this attempt has ended")
    assert not late_segments({}, {0: 10})
    assert not late_segments({0: 10}, {0: 10, 1: 0})
    assert late_segments({0: 10}, {0: 0, 1: 10, 2: 0}) == LateSegments(arrived=(1,), changed=(0,), vanished=())
