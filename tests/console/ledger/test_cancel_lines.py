"""The lines of a cancel: kept in order, ticked once, told in a sentence or in a few lines."""

from __future__ import annotations

from dataclasses import replace

import pytest

from console.ledger import attempts, cancel_lines
from console.ledger.cancel_lines import CancelLine, LineKind, left, ticks
from flowspec import catalogue
from flowspec.conditions import Reason, reason
from flowspec.stages import Stage
from flowspec.states import RunState
from tests.ledger_fixture import DemoLedger


def status(words: str) -> Reason:
    return reason("seen.status", status=words)


FLOW_RUN = CancelLine(LineKind.FLOW_RUN, "flow-run-1", observed=status("ACTIVE"))
ANALYZE = CancelLine(LineKind.COMPUTE_TASK, "a-task", Stage.ANALYZE, observed=status("pending"))


def fits(*segments: int) -> list[CancelLine]:
    return [CancelLine(LineKind.COMPUTE_TASK, f"t{s}", Stage.FIT, s, status("running")) for s in segments]


@pytest.fixture
def demo(tmp_path) -> DemoLedger:
    demo = DemoLedger(tmp_path / "ledger.db")
    demo.launched(7, RunState.CANCELLING, "", Stage.FIT)
    return demo


def test_lines_are_kept_in_the_order_in_which_they_are_told_to_end(demo):
    (attempt,) = attempts.attempts(demo.ledger, 7)
    expected = [FLOW_RUN, *fits(2, 10, 100), ANALYZE]
    for line in reversed(expected):
        cancel_lines.write(demo.ledger, attempt.attempt, line)
    assert cancel_lines.read(demo.ledger, attempt.attempt) == expected


def test_what_is_gone_stays_gone(demo):
    (attempt,) = attempts.attempts(demo.ledger, 7)
    for gone_at in (None, 5.0, None, 9.0):
        cancel_lines.write(demo.ledger, attempt.attempt, replace(FLOW_RUN, gone_at=gone_at))
    assert [line.gone_at for line in cancel_lines.read(demo.ledger, attempt.attempt)] == [5.0]


def test_what_is_left_is_told_with_its_ids_and_the_endpoint_that_is_offline():
    lines = [FLOW_RUN, *fits(3, 7, 9), replace(fits(8)[0], gone_at=1.0), ANALYZE]
    told = reason("cancel.left", who="anna", **left(lines, {"fit": "frib-fit-mpi"}))
    assert catalogue.sentence(told) == (
        "cancelled by anna, still running: flow run flow-run-1 (ACTIVE); "
        "fit of segments 03, 07, 09 (task ids t3, t7 and 1 more), "
        "endpoint frib-fit-mpi offline; analyze (task ids a-task)"
    )
    assert left([replace(line, gone_at=1.0) for line in lines], {}) == {"lines": [], "stages": []}


def test_the_tasks_of_a_stage_are_ticked_together():
    lines = [replace(FLOW_RUN, observed=Reason("seen.cancelled"), gone_at=1.0), *fits(10, 9)]
    assert ticks(lines, {}) == [
        (True, "flow run cancelled"),
        (False, "fit 0 of 2 ended; left: segments 10, 09 (task ids t10, t9)"),
    ]
    lines[1] = replace(lines[1], gone_at=1.0)
    assert ticks(lines, {})[1] == (False, "fit 1 of 2 ended; left: segment 09 (task ids t9)")
    lines[2] = replace(lines[2], gone_at=1.0)
    assert ticks(lines, {})[1] == (True, "fit 2 of 2 ended")
