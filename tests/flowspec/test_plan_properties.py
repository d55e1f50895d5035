"""What holds for every plan, whatever is there, wished for, waived, changed or in quarantine; and how it is told."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowspec.cells import Cell
from flowspec.explanation import explain
from flowspec.numbers import parse_ranges, ranges
from flowspec.plan import SEGMENTS_PER_ATTEMPT, Plan, Wish, plan_missing, repeated_later
from flowspec.stages import RUN_STAGES, SEGMENT_STAGES, STAGES, CellState, Stage
from tests.reasons import words

SEGMENTS = range(6)
CELLS = {state: Cell(state, words(state.value)) for state in CellState}
OF_CELLS = st.sampled_from(list(CELLS.values()))
SOME = st.sets(st.sampled_from(SEGMENTS))
PLACES = [(stage, s) for stage in SEGMENT_STAGES for s in SEGMENTS] + [(stage, None) for stage in RUN_STAGES]
MATRICES = st.fixed_dictionaries(dict.fromkeys(PLACES, OF_CELLS))
WISHES = st.builds(
    Wish,
    st.none() | st.sampled_from(STAGES),
    st.none() | st.sets(st.sampled_from(SEGMENTS), min_size=1).map(lambda s: tuple(sorted(s))),
    st.booleans(),
)


def done(matrix, stage, segment):
    return matrix[(stage, segment)].state is CellState.DONE


@given(MATRICES, WISHES, SOME, SOME, SOME)
def test_every_plan(matrix, wish, quarantined, waived, changed):
    plan = plan_missing(1, SEGMENTS, matrix, wish=wish, quarantined=quarantined, waived=waived, changed=changed)
    if plan is None:
        return
    touched = {s for stage in SEGMENT_STAGES for s in plan.segments(stage)}
    # Segments outside are never touched.
    allowed = set(wish.segments) if wish.segments is not None else set(SEGMENTS) - quarantined
    assert touched <= allowed - waived
    # What comes after a repeated stage is repeated, and in order.
    assert set(plan.transfer) <= set(plan.fit) <= set(plan.convert)
    assert all(list(segments) == sorted(segments) for segments in (plan.transfer, plan.fit, plan.convert))
    for segment in touched:
        first = next(stage for stage in SEGMENT_STAGES if segment in plan.segments(stage))
        # A stage starts where its input is.
        if first is not Stage.TRANSFER and segment not in changed:
            assert done(matrix, SEGMENT_STAGES[SEGMENT_STAGES.index(first) - 1], segment)
        # Nothing that is good is done again unless it was wished for, or its data changed.
        good = all(done(matrix, stage, segment) for stage in SEGMENT_STAGES)
        if good and segment not in changed:
            assert wish.again is not None
            assert first is wish.again
    # The analysis is the join: it comes when every segment that it expects is or will be there.
    missing = {s for s in plan.expected if s not in plan.convert and not done(matrix, Stage.CONVERT, s)}
    assert plan.joins == (not plan.held)
    if plan.joins:
        assert not missing
    else:
        assert not plan.analyze
        assert missing <= set(plan.held)
    assert set(plan.expected) == set(SEGMENTS) - waived
    assert plan.places()
    assert Plan(**{k: tuple(v) if isinstance(v, list) else v for k, v in json.loads(json.dumps(asdict(plan))).items()})


@given(MATRICES)
def test_what_a_plan_does_is_not_planned_again(matrix):
    plan = plan_missing(1, SEGMENTS, matrix)
    if plan is not None:
        after = matrix | dict.fromkeys(plan.places(), CELLS[CellState.DONE])
        assert plan_missing(1, SEGMENTS, after) is None


@given(st.integers(SEGMENTS_PER_ATTEMPT, 3 * SEGMENTS_PER_ATTEMPT), st.sampled_from(SEGMENT_STAGES))
def test_splitting_keeps_the_order_and_repeats_each_segment_once(count, stage):
    places = [(s, n) for s in SEGMENT_STAGES for n in range(count)] + [(s, None) for s in RUN_STAGES]
    matrix, wish, taken = dict.fromkeys(places, CELLS[CellState.DONE]), Wish(stage), []
    while (plan := plan_missing(1, range(count), matrix, wish=wish)) is not None:
        taken += plan.convert
        assert (len(plan.convert) <= SEGMENTS_PER_ATTEMPT, plan.analyze) == (True, not plan.left)
        matrix |= dict.fromkeys(repeated_later(plan, wish), CELLS[CellState.WAITING])
        matrix |= dict.fromkeys(plan.places(), CELLS[CellState.DONE])
        wish = Wish()
    assert taken == list(range(count))


@given(WISHES)
def test_a_wish_survives_the_ledger(wish):
    assert Wish.from_json(json.loads(json.dumps(wish.to_json()))) == wish
    assert (wish.to_json() == {}) == (wish == Wish())


@pytest.mark.parametrize(
    "document",
    [{"from": "bake"}, {"segments": []}, {"segments": [True]}, {"segments": [-1]}, {"segments": 3}, {"everything": 1.5},
     {"stage": "fit"}, {"from": ["fit"]}],
)  # fmt: skip
def test_what_is_no_wish_is_refused(document):
    with pytest.raises(ValueError, match=r"no stage|no list|true or false|has no"):
        Wish.from_json(document)


def test_waived_segments_are_not_expected_and_the_analysis_is_made_again_without_them():
    matrix = dict.fromkeys(PLACES, CELLS[CellState.DONE])
    plan = plan_missing(1, SEGMENTS, matrix, waived={2}, analyzed=SEGMENTS)
    assert (plan.start, plan.expected, plan.describe()) == (
        Stage.ANALYZE, (0, 1, 3, 4, 5), "analyze, return; 5 of 5 segments are converted already; segment 02 waived",
    )  # fmt: skip
    assert plan_missing(1, SEGMENTS, matrix, waived=SEGMENTS) is None


# ---- told to people


def test_a_plan_is_told_with_reasons_what_is_skipped_and_what_is_overwritten():
    matrix = dict.fromkeys(PLACES, CELLS[CellState.DONE]) | {(Stage.FIT, 4): Cell(CellState.FAILED, words("rc 134"))}
    plan = plan_missing(1, SEGMENTS, matrix, wish=Wish(segments=(3, 4)), waived={5})
    there = {(Stage.FIT, 4), (Stage.CONVERT, 4), (Stage.ANALYZE, None), (Stage.RETURN, None), (Stage.CONVERT, 0)}
    assert explain(plan, matrix, there, ["segment 05 waived by anna@daq1: noise"]) == [
        "starts at fit",
        "fit 1: segment 04 (04 rc 134)",
        "convert 1: segment 04",
        "analyze 5/6 segments, return the result",
        "skipped: segment 00-03, converted already",
        "segment 05 waived by anna@daq1: noise",
        "made again, though there: run-0001-04-fitted.evt, run-0001-04-fitted.root, run-0001-sorted.root, "
        "the result run-0001-sorted.root",
    ]


def test_a_plan_that_cannot_come_to_the_analysis_says_why():
    matrix = dict.fromkeys(PLACES, CELLS[CellState.WAITING])
    plan = plan_missing(1, SEGMENTS, matrix, wish=Wish(segments=(3,)))
    lines = explain(plan, matrix)
    assert "no analysis: segment 00-02, 04-05 would be missing in it" in lines
    assert lines[-1] == "no file that is there is made again"


# ---- numbers


@given(st.sets(st.integers(0, 5000), min_size=1), st.integers(1, 4))
def test_numbers_are_read_as_they_are_written(numbers, width):
    assert parse_ranges(ranges(numbers, width)) == tuple(sorted(numbers))


@given(st.text(alphabet="0123456789-, x"))
def test_any_text_is_numbers_or_refused(text):
    with contextlib.suppress(ValueError):
        assert all(number >= 0 for number in parse_ranges(text))


@pytest.mark.parametrize("text", ["", "3,", "a", "7-3", "-1", "1-99999999", "٣", "1.5", "12345678901"])
def test_what_is_no_set_of_numbers_is_refused(text):
    with pytest.raises(ValueError, match=r"neither a number|no range|at once"):
        parse_ranges(text)
