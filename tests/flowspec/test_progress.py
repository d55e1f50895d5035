"""A place is done when its output is there, not when somebody says so."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowspec.conditions import reason
from flowspec.progress import Evidence, Says, Witness, counts, current_stage, fold
from flowspec.stages import CellState, Stage
from tests.reasons import words

RAW = {0: 1000, 1: 1000}


def evidence(stage, segment, witness, says, size=None, note=""):
    return Evidence(stage, segment, witness, says, words(note), size, 1.0)


def cell(*items, stage=Stage.FIT, segment=0):
    return fold(RAW, items, RAW)[(stage, segment)]


FILE, TASK, LOG = Witness.FILE, Witness.TASK, Witness.LOG
FIT = Stage.FIT


@pytest.mark.parametrize(
    ("items", "state", "why"),
    [
        ([], CellState.WAITING, "waits for transfer"),
        ([evidence(FIT, 0, LOG, Says.RUNNING, note="fit is under way")], CellState.RUNNING, "fit is under way"),
        ([evidence(FIT, 0, TASK, Says.PENDING, note="waits for a worker")], CellState.WAITING, "waits for a worker"),
        ([evidence(FIT, 0, TASK, Says.DONE, 1200)], CellState.RUNNING, "reported done; its output is being looked for"),
        (
            [evidence(FIT, 0, TASK, Says.DONE, 1200), evidence(FIT, 0, FILE, Says.ABSENT, note="it is older")],
            CellState.DISAGREES,
            "it is older",
        ),
        (
            [evidence(FIT, 0, TASK, Says.DONE, 1200), evidence(FIT, 0, FILE, Says.DONE, 1200, note="it is cut")],
            CellState.DISAGREES,
            "it is cut",
        ),
        (
            [evidence(FIT, 0, TASK, Says.DONE, 1200), evidence(FIT, 0, FILE, Says.ABSENT)],
            CellState.DISAGREES,
            "reported done, but its output is not there",
        ),
        (
            [evidence(FIT, 0, TASK, Says.DONE, 1200), evidence(FIT, 0, FILE, Says.DONE, 1100)],
            CellState.DISAGREES,
            "1,100 bytes there, but 1,200 were reported",
        ),
        (
            [evidence(FIT, 0, TASK, Says.DONE, 1200), evidence(FIT, 0, FILE, Says.DONE, 1200)],
            CellState.DONE,
            "1,200 bytes there",
        ),
        ([evidence(FIT, 0, FILE, Says.DONE, 1200)], CellState.DONE, "1,200 bytes there"),
        (
            [evidence(FIT, 0, FILE, Says.DONE, 900)],
            CellState.DISAGREES,
            "900 bytes, less than the 1,000 of the segment it was made from",
        ),
        ([evidence(FIT, 0, FILE, Says.DONE, 0)], CellState.DISAGREES, "the output is empty"),
        (
            [evidence(FIT, 0, TASK, Says.FAILED, note="rc 134"), evidence(FIT, 0, FILE, Says.DONE, 1200)],
            CellState.FAILED,
            "rc 134",
        ),
        (
            [evidence(FIT, 0, LOG, Says.FAILED, note="worker lost"), evidence(FIT, 0, FILE, Says.DONE, 1200)],
            CellState.DONE,
            "1,200 bytes there",
        ),
        ([evidence(FIT, 0, LOG, Says.FAILED, note="worker lost")], CellState.FAILED, "worker lost"),
    ],
)
def test_one_place(items, state, why):
    found = cell(*items)
    assert (found.state, found.why) == (state, why)


def made(stage, segment, at=1.0):
    return [
        Evidence(stage, segment, TASK, Says.DONE, reason("task.done", stage=stage.value, seconds=1), 1200, at),
        Evidence(stage, segment, FILE, Says.DONE, size=1200, at=5.0),
    ]


REFUSED = reason("failed.input", file="run-0007-00-fitted.evt", events=7, words="only 7 events can be read")


def test_what_a_job_could_not_use_is_no_good_output_of_the_stage_before():
    refused = Evidence(Stage.CONVERT, 0, TASK, Says.FAILED, REFUSED, at=2.0)
    matrix = fold(RAW, [*made(FIT, 0), *made(FIT, 1), refused], RAW)
    assert matrix[(FIT, 0)].state is CellState.DISAGREES
    assert matrix[(FIT, 0)].why == "convert could not use it: only 7 events can be read"
    assert matrix[(FIT, 1)].state is CellState.DONE
    # What was made anew after that is good again, whatever the old refusal said.
    assert fold(RAW, [*made(FIT, 0, at=3.0), refused], RAW)[(FIT, 0)].state is CellState.DONE


def test_an_analysis_names_the_converted_files_that_it_could_not_use():
    spoilt = Evidence(
        Stage.ANALYZE, None, TASK, Says.FAILED, reason("failed.input", missing=[1], words="spoilt"), at=2.0
    )
    matrix = fold(RAW, [*made(Stage.CONVERT, 0), *made(Stage.CONVERT, 1), spoilt], RAW)
    states = [matrix[(Stage.CONVERT, segment)].state for segment in (0, 1)]
    assert states == [CellState.DONE, CellState.DISAGREES]


def test_a_flow_log_that_names_a_missing_input_accuses_no_output():
    log = Evidence(Stage.CONVERT, 0, LOG, Says.FAILED, REFUSED, at=2.0)
    assert fold(RAW, [*made(FIT, 0), log], RAW)[(FIT, 0)].state is CellState.DONE


def test_a_fit_that_lost_more_than_it_gained_is_judged_by_its_job_and_not_by_its_size():
    told = reason("task.lossy", stage="fit", seconds=1, lost=8, hits=10, events=0)
    job = Evidence(FIT, 0, TASK, Says.DONE, told, 700, 1.0)
    assert cell(job, Evidence(FIT, 0, FILE, Says.DONE, size=700)).state is CellState.DONE
    assert cell(Evidence(FIT, 0, FILE, Says.DONE, size=700)).state is CellState.DISAGREES


def test_files_of_a_transfer_are_done_one_by_one():
    running = [evidence(Stage.TRANSFER, s, TASK, Says.RUNNING, note="1/2 files") for s in RAW]
    sizes = {0: 1000, 1: 400}
    found = fold(RAW, [*running, *(evidence(Stage.TRANSFER, s, FILE, Says.DONE, sizes[s]) for s in RAW)], RAW)
    assert found[(Stage.TRANSFER, 0)].state is CellState.DONE
    assert found[(Stage.TRANSFER, 1)].state is CellState.RUNNING
    assert found[(Stage.TRANSFER, 1)].why == "400 of 1,000 bytes there"


def test_counts_and_the_current_stage():
    matrix = fold(RAW, [evidence(Stage.TRANSFER, s, FILE, Says.DONE, 1000) for s in RAW], RAW)
    assert counts(matrix)["transfer"] == {"done": 2}
    assert counts(matrix)["fit"] == {"waiting": 2}
    assert current_stage(matrix) is Stage.FIT
    assert matrix[(Stage.ANALYZE, None)].why == "waits for 2 segments to be converted"


@given(
    st.lists(
        st.builds(
            Evidence,
            st.sampled_from(Stage),
            st.sampled_from([None, 0, 1, 2]),
            st.sampled_from(Witness),
            st.sampled_from(Says),
            st.builds(words, st.text(max_size=5)),
            st.none() | st.integers(0, 2000),
        )
    )
)
def test_every_cell_has_a_reason_and_done_has_a_file(items):
    matrix = fold(RAW, items, RAW)
    files = {(e.stage, e.segment): e for e in items if e.witness is FILE}
    for place, found in matrix.items():
        assert found.why
        if found.state is CellState.DONE:
            assert files[place].says is Says.DONE


def test_a_convert_of_a_fit_that_failed_has_not_failed_itself():
    failed = Evidence(Stage.FIT, 0, Witness.TASK, Says.FAILED, reason("failed.abort", words="return code 134"))
    nothing = Evidence(Stage.CONVERT, 0, Witness.TASK, Says.FAILED, reason("failed.input", words="input is missing"))
    matrix = fold([0], [failed, nothing], {0: 10})
    assert matrix[(Stage.FIT, 0)].state is CellState.FAILED
    assert (matrix[(Stage.CONVERT, 0)].state, matrix[(Stage.CONVERT, 0)].why) == (CellState.WAITING, "waits for fit")
    assert fold([0], [nothing], {0: 10})[(Stage.CONVERT, 0)].state is CellState.FAILED, "its input should be there"
