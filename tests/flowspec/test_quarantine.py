"""What failed where, and the segments that retries leave out: by codes, whatever the sentences say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flowspec.catalogue import sentence
from flowspec.causes import Kind, classify, kind_of
from flowspec.cells import Cell
from flowspec.conditions import Reason, reason
from flowspec.plan import plan_all
from flowspec.progress import Evidence, Says, Witness, places
from flowspec.quarantine import Failure, found_in, quarantine, times_at
from flowspec.stages import CellState, Stage

DONE = Cell(CellState.DONE, reason("file.there"))
ABORT = Reason("failed.abort", {"rc": 134, "words": "insufficient data points"})


def failure(
    attempt: int, why: Reason, segment: int | None = 3, stage: Stage = Stage.FIT, others_well: int | None = None
) -> Failure:
    return Failure(attempt, stage, segment, kind_of(why.code), why, others_well)


def matrix(*bad: int):
    good = dict.fromkeys(places(range(5)), DONE)
    return good | {(Stage.CONVERT, s): Cell(CellState.FAILED, ABORT) for s in bad}


@pytest.mark.parametrize(
    ("why", "blamed"),
    [
        (Reason("failed.spoilt", {"words": "anything"}), True),
        (Reason("failed.short", {}), True),
        (Reason("failed.empty", {}), True),
        (Reason("failed.garbage", {"offset": 145}), True),
        (Reason("failed.losses", {"lost": 8, "hits": 40, "events": 2}), True),
        (reason("file.small", size=1, raw=2), True),
        (Reason("failed.abort", {"rc": 1, "words": "no ring item: 3 of 4 physics events, it was cut"}), False),
        (reason("file.differs", size=1, reported=2), False),
    ],
)
def test_the_input_is_to_blame_by_code(why, blamed):
    assert failure(1, why).blames_input is blamed
    assert failure(1, why, stage=Stage.CONVERT).blames_input is False


def test_a_segment_that_failed_twice_is_quarantined_with_the_last_cause():
    found = quarantine([failure(1, classify("rc 1"), stage=Stage.CONVERT), failure(2, ABORT)], range(5), matrix(3))
    assert {segment: why.code for segment, why in found.items()} == {3: "segment.quarantined"}
    assert found[3].parameters["cause"] == {"code": "failed.abort", "parameters": ABORT.parameters}
    assert sentence(found[3]) == (
        "segment 03 quarantined: failed twice at fit and convert: insufficient data points; "
        "enter shows it: x there waives it, r tries it once more"
    )


def test_what_passes_by_code_puts_no_segment_into_quarantine_whatever_is_said_of_it():
    lost = Reason("failed.worker", {"words": "return code 134: aborted"})
    assert failure(1, lost).kind is Kind.PASSES
    assert quarantine([failure(1, lost), failure(2, lost), failure(3, ABORT)], range(5), matrix(3)) == {}


# ---- lost with its worker


LOST = Reason("failed.worker", {"words": "WorkerLost"})


def unfitted(*bad: int):
    return matrix() | {(stage, s): Cell(CellState.FAILED, LOST) for stage in (Stage.FIT, Stage.CONVERT) for s in bad}


@pytest.mark.parametrize(
    ("others_well", "quarantined"),
    [
        ((4, None), True),  # the second attempt does only what is missing
        ((4, 1), True),
        ((4, 0), False),  # all that was left was lost: the block, or a neighbour on its node
        ((0, 0), False),
        ((None, None), False),  # there never was another that went well
        ((4,), False),
        ((4, 0, None), True),
    ],
)
def test_a_segment_that_loses_its_worker_twice_while_others_go_well_is_quarantined(others_well, quarantined):
    found = [failure(attempt, LOST, others_well=well) for attempt, well in enumerate(others_well, 1)]
    assert (quarantine(found, range(5), unfitted(3)).keys() == {3}) is quarantined


def test_the_words_name_the_likely_cause_and_what_to_do():
    found = [failure(1, LOST, others_well=4), failure(2, Reason("failed.killed"))]
    assert sentence(quarantine(found, range(5), unfitted(3))[3]) == (
        "segment 03 quarantined: its worker was lost in two attempts at fit while the other segments went well; "
        "it may need more memory than a worker has; fewer workers per node give it more; "
        "enter shows it: x there waives it, r tries it once more"
    )


def test_the_words_name_the_memory_that_the_jobs_used_at_most_where_a_reply_or_a_report_tells():
    told = Reason("failed.killed", {"peak": 3 << 30})
    reported = replace(failure(1, LOST, others_well=4), peak=40_802_189_312)
    for second in (failure(2, told), failure(2, LOST)):
        assert "has: used 38.0 GB; " in sentence(quarantine([reported, second], range(5), unfitted(3))[3])
    found = [failure(1, told, others_well=4), failure(2, LOST)]
    assert "has: used 3.0 GB; " in sentence(quarantine(found, range(5), unfitted(3))[3])


def test_two_stages_of_a_segment_that_lost_a_worker_are_no_suspicion():
    found = [failure(1, LOST, others_well=4), failure(2, LOST, stage=Stage.CONVERT, others_well=4)]
    assert quarantine(found, range(5), unfitted(3)) == {}


def test_a_stage_that_went_well_since_counts_from_the_start():
    found = [replace(failure(1, LOST, others_well=4), mended=True), failure(2, LOST, others_well=4)]
    assert quarantine(found, range(5), unfitted(3)) == {}
    assert times_at((Stage.FIT, 3), found, unfitted(3)) == 1
    assert times_at((Stage.FIT, 3), found, matrix()) == 0  # it has just gone well


@pytest.mark.parametrize(("bad", "times"), [((), 0), ((2,), 2)])
def test_a_stage_as_a_whole_went_well_when_it_did_for_every_segment(bad, times):
    found = [failure(1, LOST, segment=None), failure(2, LOST, segment=None), failure(3, LOST)]
    assert times_at((Stage.FIT, None), found, unfitted(*bad)) == times


# ---- where an attempt failed


def test_a_failure_has_the_reason_of_its_cell_or_of_the_attempt():
    plan, why = plan_all(7, range(5)), classify("ActionTimeout")
    told = [Evidence(Stage.CONVERT, 3, Witness.TASK, Says.FAILED, ABORT)]
    assert found_in(2, plan, Stage.CONVERT, matrix(3), told, why) == [
        failure(2, ABORT, stage=Stage.CONVERT, others_well=4)
    ]
    assert found_in(2, plan, Stage.FIT, matrix(), [], why) == [Failure(2, Stage.FIT, None, Kind.PASSES, why)]
