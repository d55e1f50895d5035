"""What a round asks of Globus: nothing that is known already, and no more than it needs."""

from __future__ import annotations

import pytest

from console.ledger import evidence
from flowspec.stages import CellState, Stage
from tests.fake_globus import PLACES
from tests.shift_fixture import RUN, SIZE, Shift

GOOD = {"rc": 0, "seconds": 2.0, "bytes": 2 * SIZE}


@pytest.fixture
def shift(tmp_path):
    """The fits run."""
    shift = Shift(tmp_path)
    shift.rounds(2)
    shift.globus.has_copied(Stage.TRANSFER)
    for segment in range(3):
        shift.globus.lies_there(Stage.TRANSFER, segment)
    shift.globus.begins(Stage.FIT, 3)
    shift.rounds(2)
    return shift


def round_of(shift):
    globus = shift.globus
    globus.calls.clear()
    globus.asked_tasks.clear()
    globus.listed.clear()
    shift.rounds(1)


def fit(shift, segment):
    return evidence.matrix(shift.ledger, shift.run)[(Stage.FIT, segment)]


def test_one_listing_tells_all_flow_runs_though_the_clock_of_globus_is_behind(shift):
    round_of(shift)
    assert "flows.run" not in shift.globus.calls


def test_tasks_that_have_ended_are_asked_for_no_more(shift):
    shift.globus.task_succeeds(Stage.FIT, 1, GOOD)
    shift.rounds(2)
    round_of(shift)
    assert shift.globus.asked_tasks == ["fit-0", "fit-2"]


def test_outputs_are_listed_until_the_stage_is_settled(shift):
    round_of(shift)
    assert shift.globus.listed == [PLACES.fitted(RUN)], "the transfers are settled"
    shift.globus.replies(Stage.FIT, GOOD, GOOD, GOOD)
    for segment in range(3):
        shift.globus.lies_there(Stage.FIT, segment)
    shift.rounds(2)
    round_of(shift)
    assert shift.globus.listed == []


def test_an_output_may_show_up_in_the_listing_a_little_after_its_task_has_replied(shift):
    shift.globus.task_succeeds(Stage.FIT, 1, GOOD)
    shift.rounds(4)
    assert fit(shift, 1).state is CellState.RUNNING
    shift.rounds(60)
    assert fit(shift, 1).state is CellState.DISAGREES
    shift.globus.lies_there(Stage.FIT, 1)
    shift.rounds(2)
    assert fit(shift, 1).state is CellState.DONE
