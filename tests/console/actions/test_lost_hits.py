"""Hits that were lost in a fit: below the tolerance they are told; above it somebody may accept the segment."""

from __future__ import annotations

import pytest

from console.ledger import dossier
from console.reading import detail as reading
from flowspec.conditions import reason
from flowspec.stages import CellState, Stage
from flowspec.states import RunState
from tests.retry_fixture import World

FIT_7 = (Stage.FIT, 7)
LOST = reason("failed.losses", lost=8, hits=100, events=2)
TOLERATED = reason("task.lossy", stage="fit", seconds=3, lost=12, hits=3_600_000, events=0)
ACCEPTED = reason("task.lossy", stage="fit", seconds=0.1, lost=8, hits=100, events=2)


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def segment(world, number):
    return reading.detail(world.ledger, 5).segments[number]


def test_a_few_lost_hits_are_told_of_a_segment_that_is_done_and_of_the_result(world):
    world.found(5, range(8))
    world.round()
    run = world.works(5, told={FIT_7: TOLERATED, (Stage.FIT, 3): TOLERATED})
    assert run.state is RunState.DONE
    assert run.why == "the result is back: run-0005-sorted.root; 24 of 7,200,000 hits lost in segment 03, 07"
    fit = segment(world, 7).cells[1]
    assert (fit.state, fit.why) == (CellState.DONE, "12 of 3,600,000 hits lost")
    assert segment(world, 7).note == "fit: 12 of 3,600,000 hits lost"
    assert segment(world, 6).note == ""


def test_a_segment_with_too_many_lost_hits_fails_and_is_quarantined_when_it_loses_them_again(world):
    run = world.failed({FIT_7: LOST})
    assert (run.state, run.again_at) == (RunState.FAILED, None)
    assert "8 of 100 hits lost, 2 whole events among them: t in the detail takes it as it is" in run.why
    assert world.ask("retry", 5).state == "done"
    # The segment at the site may be damaged: it is compared with the DTN's.
    assert world.attempt(5).plan.transfer == (7,)
    run = world.works(5, {FIT_7: LOST})
    assert "segment 07 quarantined: failed twice at fit" in run.why
    assert list(dossier.read(world.ledger, 5).quarantined()) == [7]


def test_an_accepted_segment_is_used_as_it_is_and_the_result_says_so_for_ever(world):
    world.failed({FIT_7: LOST})
    world.ask("retry", 5)
    world.works(5, {FIT_7: LOST})
    answer = world.ask("accept", 5, segment=7, reason="only the noisy channel")
    assert (answer.state, answer.answer) == (
        "done",
        "run 5: segment 07 is accepted as it is: only the noisy channel; r makes the result accordingly",
    )
    plan = world.ask("retry", 5, dry=True).answer
    assert "segment 07 accepted as it is by anna@daq1: only the noisy channel" in plan
    assert world.ask("retry", 5).state == "done"
    # Only its fit is taken as it is and converted: nothing is transferred again.
    assert world.work() == (0, 1, 1, 1, 1)
    assert world.attempt(5).body["accepted"] == [7]
    run = world.works(5, told={FIT_7: ACCEPTED})
    assert run.state is RunState.DONE
    assert run.why == (
        "the result is back: run-0005-sorted.root; 8 of 100 hits lost in segment 07; "
        "07 accepted as it is by anna@daq1: only the noisy channel"
    )
    assert segment(world, 7).note.startswith("accepted as it is by anna@daq1: only the noisy channel; fit: 8 of 100")
    assert world.ask("accept", 5, segment=7, reason="again").state == "refused"
    assert world.ask("accept", 5, segment=7, undo=True).state == "done"


def test_what_was_accepted_and_taken_back_is_quarantined_again(world):
    world.failed({FIT_7: LOST})
    world.ask("retry", 5)
    world.works(5, {FIT_7: LOST})
    world.ask("accept", 5, segment=7, reason="x")
    assert dossier.read(world.ledger, 5).quarantined() == {}
    world.ask("accept", 5, segment=7, undo=True)
    assert list(dossier.read(world.ledger, 5).quarantined()) == [7]


def test_other_failures_of_an_accepted_segment_count_as_ever(world):
    world.failed({FIT_7: LOST})
    world.ask("accept", 5, segment=7, reason="x")
    for _ in range(2):
        world.ask("retry", 5)
        world.works(5, {(Stage.CONVERT, 7): "return code 1: eeconverter"})
    assert list(dossier.read(world.ledger, 5).quarantined()) == [7]


@pytest.mark.parametrize(
    ("args", "why"),
    [
        ({"segment": 7, "reason": "  "}, "none was given"),
        ({"segment": 6, "reason": "x"}, "segment 06 has not failed by losses"),
        ({"segment": 99, "reason": "x"}, "segment 99 has not failed by losses"),
        ({"segment": "7", "reason": "x"}, "is not accepted as it is"),
        ({"segment": 7, "undo": True}, "segment 7 is not accepted as it is"),
    ],
)
def test_acceptances_that_make_no_sense_are_refused_and_change_nothing(world, args, why):
    world.failed({FIT_7: LOST})
    answer = world.ask("accept", 5, **args)
    assert answer.state == "refused"
    assert why in answer.answer
    assert dossier.read(world.ledger, 5).acceptances == {}


REFUSED = reason("failed.input", file="run-0005-07-fitted.evt", events=7, words="input is not whole")


def test_r_makes_again_what_the_next_stage_could_not_use(world):
    world.failed({(Stage.CONVERT, 7): REFUSED})
    assert world.ask("retry", 5).state == "done"
    assert world.work() == (0, 1, 1, 1, 1)
    assert world.works(5).state is RunState.DONE


def test_r_converts_again_what_the_analysis_could_not_use(world):
    world.failed({(Stage.ANALYZE, None): reason("failed.input", missing=[2, 7], words="2 of 8 spoilt")})
    assert world.ask("retry", 5).state == "done"
    assert world.work() == (0, 0, 2, 1, 1)
    assert world.works(5).state is RunState.DONE
