"""Plans do what is missing and nothing else, and keep within the state of a flow run."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from flowspec import plan
from flowspec.cells import Cell
from flowspec.plan import SEGMENTS_PER_ATTEMPT, STATE_LIMIT, plan_all, plan_missing
from flowspec.stages import CellState, Stage
from tests.reasons import words

DONE = Cell(CellState.DONE, words("there"))
FAILED = Cell(CellState.FAILED, words("rc 134"))
SEGMENT_STAGES = (Stage.TRANSFER, Stage.FIT, Stage.CONVERT)


def matrix_of(done: dict[int, int], analyzed: bool = False, returned: bool = False):
    """done: segment -> how many of its stages are done."""
    cells = {}
    for segment, count in done.items():
        for place, stage in enumerate(SEGMENT_STAGES):
            cells[(stage, segment)] = DONE if place < count else FAILED
    cells[(Stage.ANALYZE, None)] = DONE if analyzed else FAILED
    cells[(Stage.RETURN, None)] = DONE if returned else FAILED
    return cells


def test_a_new_run_is_planned_whole():
    planned = plan_all(1217, [2, 0, 1])
    assert planned.transfer == planned.fit == planned.convert == planned.expected == (0, 1, 2)
    assert planned.analyze
    assert planned.left == 0
    assert planned.start is Stage.TRANSFER
    assert planned.describe() == "transfer 3, fit 3, convert 3, analyze, return"


def test_a_retry_repeats_only_the_segment_that_failed_at_fit():
    planned = plan_missing(1214, range(8), matrix_of(dict.fromkeys(range(8), 3) | {7: 1}))
    assert (planned.transfer, planned.fit, planned.convert) == ((), (7,), (7,))
    assert planned.start is Stage.FIT
    assert planned.analyze
    assert "7 of 8 segments are converted already" in planned.describe()


def test_different_segments_start_at_different_stages():
    planned = plan_missing(1, [0, 1, 2, 3], matrix_of({0: 3, 1: 2, 2: 1, 3: 0}))
    assert (planned.transfer, planned.fit, planned.convert) == ((3,), (2, 3), (1, 2, 3))


def test_only_the_return_is_missing():
    planned = plan_missing(1, [0], matrix_of({0: 3}, analyzed=True))
    assert planned.start is Stage.RETURN
    assert not planned.analyze


def test_nothing_is_missing():
    assert plan_missing(1, [0], matrix_of({0: 3}, analyzed=True, returned=True)) is None


def test_a_disagreement_is_repeated():
    cells = matrix_of({0: 3}, analyzed=True, returned=True)
    cells[(Stage.FIT, 0)] = Cell(CellState.DISAGREES, words("reported done, but its output is not there"))
    planned = plan_missing(1, [0], cells)
    assert (planned.transfer, planned.fit, planned.convert, planned.analyze) == ((), (0,), (0,), True)


def test_raw_data_that_were_removed_at_the_site_after_the_fit_are_not_missed():
    cells = matrix_of({0: 3})
    cells[(Stage.TRANSFER, 0)] = Cell(CellState.DISAGREES, words("reported done, but its output is not there"))
    assert plan_missing(1, [0], cells).start is Stage.ANALYZE


def test_a_long_run_is_split_and_every_part_fits_in_the_state_of_a_flow_run():
    segments = list(range(300))
    cells: dict = {}
    parts = []
    while (part := plan_missing(7, segments, cells)) is not None:
        parts.append(part)
        cells |= {(stage, s): DONE for s in part.convert for stage in SEGMENT_STAGES}
        if part.analyze:
            cells |= {(Stage.ANALYZE, None): DONE, (Stage.RETURN, None): DONE}
    assert [s for part in parts for s in part.convert] == segments
    assert [part.analyze for part in parts] == [False] * (len(parts) - 1) + [True]
    assert all(worst_state(part) < STATE_LIMIT for part in parts)


def worst_state(part: plan.Plan) -> int:
    """Bytes of the results when every reply is as long as a bad one may be, as the Compute action gives them."""
    reply = "x" * plan.BAD_REPLY
    results = [{"output": reply, "task_id": "9656eff2-8105-445c-8501-154dfe1d88e5"} for _ in part.convert]
    body = [part.transfer, part.fit, part.convert, part.expected]
    return len(json.dumps({"result": [reply] * len(results), "results": results, "input": body}))


@given(st.dictionaries(st.integers(0, 400), st.integers(0, 3), min_size=1))
def test_every_plan_is_consistent(done):
    planned = plan_missing(1, done, matrix_of(done))
    assert planned is not None
    assert set(planned.transfer) <= set(planned.fit) <= set(planned.convert) <= set(planned.expected)
    assert len(planned.convert) <= SEGMENTS_PER_ATTEMPT
    assert planned.analyze == (planned.left == 0)
    assert {s for s in done if done[s] == 3}.isdisjoint(planned.convert)
