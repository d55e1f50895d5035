"""The end of a flow run is judged by what every service says, and not before its outputs had time to show up."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from console.actions.results import ResultWatch
from console.ledger import evidence, failures
from flowspec.progress import Says
from flowspec.stages import CellState, Stage
from flowspec.states import RunState
from tests.rootfiles import root_file
from tests.shift_fixture import RUN, SIZE, UNREACHABLE, Shift

GOOD = {"rc": 0, "seconds": 2.0, "bytes": 2 * SIZE}
ABORTED = {"rc": 134, "segment": 1, "cause": "EventEditor aborted"}
LONG = 120  # s: more than any output takes


@pytest.fixture
def shift(tmp_path):
    shift = Shift(tmp_path)
    shift.rounds(2)
    shift.globus.has_copied(Stage.TRANSFER)
    for segment in range(3):
        shift.globus.lies_there(Stage.TRANSFER, segment)
    return shift


def test_an_end_is_judged_when_the_outputs_are_there(shift):
    done(shift)
    shift.globus.lies_there(Stage.ANALYZE)
    shift.result_comes()
    shift.rounds(2)
    assert shift.run.state is RunState.DONE, shift.run.why


def test_a_result_is_done_when_it_is_what_the_reply_of_the_analysis_says(shift):
    digest = hashlib.sha256(root_file(2 * SIZE)).hexdigest()
    done(shift, analysis=GOOD | {"sha256": digest})
    shift.globus.lies_there(Stage.ANALYZE)
    shift.result_comes()
    shift.rounds(LONG)  # it is not read by the thread that talks to Globus
    assert (shift.run.state, shift.run.why) == (
        RunState.RUNNING, "return: 2,000 bytes there; being compared with what the site made",
    )  # fmt: skip
    ResultWatch(shift.ledger, shift.results, lambda: False, shift.clock).look()
    shift.rounds(2)
    assert shift.run.state is RunState.DONE


@pytest.mark.parametrize(
    "digest", ["f" * 64, "0" * 63 + "g", 7, None], ids=["another", "no digest", "a number", "none"]
)
def test_only_a_digest_is_compared_with_a_result(shift, digest):
    done(shift, analysis=GOOD | {"sha256": digest})
    shift.globus.lies_there(Stage.ANALYZE)
    shift.result_comes()
    shift.rounds(LONG)
    ResultWatch(shift.ledger, shift.results, lambda: False, shift.clock).look()
    shift.rounds(LONG)
    if digest == "f" * 64:
        assert shift.run.state is RunState.FAILED
        assert "the result differs from what the site made (digest)" in shift.run.why
    else:
        assert shift.run.state is RunState.DONE


# ---- Compute


def cannot_be_reached(globus):
    globus.broken["compute.batch_status"] = globus.broken["compute.task_group"] = UNREACHABLE


def takes_no_request(globus):
    globus.spare = 0


def takes_one_request(globus):
    """Too few where the tasks are not known: one for their names, another for what they say."""
    globus.spare = 1


@pytest.mark.parametrize(
    ("tasks_known", "silent"),
    [
        (True, cannot_be_reached),
        (True, takes_no_request),
        (False, cannot_be_reached),
        (False, takes_no_request),
        (False, takes_one_request),
    ],
)
def test_an_end_is_not_judged_before_compute_has_said_how_its_tasks_ended(shift, tasks_known, silent):
    """Of a flow run that failed only Compute knows which segment it was, and why."""
    globus = shift.globus
    if tasks_known:
        globus.begins(Stage.FIT, 3)
        shift.rounds(3)
        silent(globus)
    else:
        silent(globus)
        globus.begins(Stage.FIT, 3)
    one_fit_fails(globus)
    shift.rounds(LONG)
    assert shift.run.state is RunState.RUNNING
    assert failures.of_run(shift.ledger, RUN) == []
    globus.broken, globus.spare = {}, 16
    shift.rounds(2)
    assert_the_fit_of_segment_1_is_blamed(shift)


def test_tasks_that_there_was_no_request_left_for_are_asked_for_at_the_end(shift):
    shift.globus.spare = 4  # which are kept for the state of tasks and endpoints
    shift.globus.begins(Stage.FIT, 3)
    shift.rounds(3)
    assert "compute.task_group" not in shift.globus.calls
    one_fit_fails(shift.globus)
    shift.rounds(2)
    assert_the_fit_of_segment_1_is_blamed(shift)


def one_fit_fails(globus):
    globus.replies(Stage.FIT, GOOD, ABORTED, GOOD)
    globus.lies_there(Stage.FIT, 0)
    globus.lies_there(Stage.FIT, 2)
    globus.ends("FAILED", "FlowFailed")


def assert_the_fit_of_segment_1_is_blamed(shift):
    assert shift.run.state is RunState.FAILED
    assert "fit of segment 01 failed: EventEditor aborted" in shift.run.why
    cells = evidence.matrix(shift.ledger, shift.run)
    assert [cells[(Stage.FIT, segment)].state.value for segment in range(3)] == ["done", "failed", "done"]


# ---- outputs


def done(shift, analysis=GOOD):
    """Globus has said of everything that it is done; the last two outputs do not show up yet."""
    globus = shift.globus
    for stage in (Stage.FIT, Stage.CONVERT):
        globus.begins(stage, 3)
        globus.replies(stage, GOOD, GOOD, GOOD)
        for segment in range(3):
            globus.lies_there(stage, segment)
    globus.begins(Stage.ANALYZE, 1)
    globus.replies(Stage.ANALYZE, analysis)
    globus.has_copied(Stage.RETURN)
    globus.ends("SUCCEEDED", "FlowSucceeded")


def test_outputs_that_show_up_after_the_end_are_waited_for(shift):
    done(shift)
    shift.rounds(7)
    assert shift.run.state is RunState.RUNNING
    shift.globus.lies_there(Stage.ANALYZE)
    shift.result_comes()
    shift.rounds(2)
    assert shift.run.state is RunState.DONE, shift.run.why


def test_outputs_that_never_show_up_are_not_waited_for_without_end(shift):
    done(shift)
    shift.rounds(LONG)
    assert shift.run.state is RunState.FAILED
    assert "Globus says succeeded, but" in shift.run.why


@pytest.mark.parametrize("hours", [-3, 3])
def test_a_clock_that_is_off_does_not_put_the_judgement_off(shift, hours):
    done(shift)
    there = datetime.fromisoformat(shift.globus.flow_run.completed) + timedelta(hours=hours)
    shift.globus.flow_run = replace(shift.globus.flow_run, completed=there.isoformat())
    shift.rounds(LONG)
    assert shift.run.state is RunState.FAILED


def test_what_still_ran_when_the_attempt_ended_is_not_shown_as_running(shift):
    """Nobody asks for it any more: it would run for ever."""
    globus = shift.globus
    globus.begins(Stage.FIT, 3)
    shift.rounds(2)
    globus.tells("ActionFailed", "fit")
    globus.ends("FAILED", "FlowFailed")
    shift.rounds(LONG)
    assert shift.run.state is RunState.FAILED
    cells = evidence.matrix(shift.ledger, shift.run)
    assert {cell.state for cell in cells.values()}.isdisjoint({CellState.RUNNING})
    assert not [e for e in evidence.evidence(shift.ledger, RUN) if e.says in (Says.RUNNING, Says.PENDING)]
