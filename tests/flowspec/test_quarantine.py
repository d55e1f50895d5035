"""What failed where, and the segments that retries leave out: by codes, whatever the sentences say."""

from __future__ import annotations

import pytest

from flowspec.catalogue import sentence
from flowspec.causes import Kind, classify, kind_of
from flowspec.cells import Cell
from flowspec.conditions import Reason, reason
from flowspec.plan import plan_all
from flowspec.progress import Evidence, Says, Witness, places
from flowspec.quarantine import Failure, found_in, quarantine
from flowspec.stages import CellState, Stage

DONE = Cell(CellState.DONE, reason("file.there"))
ABORT = Reason("failed.abort", {"rc": 134, "words": "insufficient data points"})


def failure(attempt: int, why: Reason, segment: int | None = 3, stage: Stage = Stage.FIT) -> Failure:
    return Failure(attempt, stage, segment, kind_of(why.code), why)


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
        "retry it with --segments 3, or waive it"
    )


def test_what_passes_by_code_puts_no_segment_into_quarantine_whatever_is_said_of_it():
    lost = Reason("failed.worker", {"words": "return code 134: aborted"})
    assert failure(1, lost).kind is Kind.PASSES
    assert quarantine([failure(1, lost), failure(2, lost), failure(3, ABORT)], range(5), matrix(3)) == {}


def test_a_failure_has_the_reason_of_its_cell_or_of_the_attempt():
    plan, why = plan_all(7, range(5)), classify("ActionTimeout")
    told = [Evidence(Stage.CONVERT, 3, Witness.TASK, Says.FAILED, ABORT)]
    assert found_in(2, plan, Stage.CONVERT, matrix(3), told, why) == [failure(2, ABORT, stage=Stage.CONVERT)]
    assert found_in(2, plan, Stage.FIT, matrix(), [], why) == [Failure(2, Stage.FIT, None, Kind.PASSES, why)]
