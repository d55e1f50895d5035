"""What jobs used, out of the evidence of their tasks and of the files that they read."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.ledger import evidence
from console.ledger.attempts import newest_attempt
from console.ledger.job_uses import job_uses
from flowspec.conditions import Reason, reason
from flowspec.progress import Evidence, Says, Witness
from flowspec.stages import Stage
from flowspec.states import RunState
from flowspec.usage import JobUse
from tests.ledger_fixture import SEGMENT_BYTES, DemoLedger


@pytest.fixture
def demo(tmp_path: Path) -> DemoLedger:
    """Two runs of two segments, whose files are all there."""
    demo = DemoLedger(tmp_path / "ledger.db")
    for run in (7, 8):
        demo.launched(run, RunState.DONE, "", Stage.RETURN, segments=2)
        for stage in (Stage.TRANSFER, Stage.FIT, Stage.CONVERT):
            demo.files(run, stage, [0, 1])
    return demo


def replied(demo: DemoLedger, run: int, stage: Stage, segment: int | None, says: Says, why: Reason) -> None:
    attempt = newest_attempt(demo.ledger, run)
    assert attempt is not None
    evidence.record_evidence(
        demo.ledger, run, [Evidence(stage, segment, Witness.TASK, says, why, None, demo.at)], attempt.attempt
    )


def test_a_job_counts_when_it_told_what_it_used_also_one_that_failed(demo: DemoLedger) -> None:
    replied(demo, 7, Stage.FIT, 0, Says.DONE, reason("task.done", stage="fit", seconds=3, peak=4000))
    replied(demo, 7, Stage.FIT, 1, Says.DONE, reason("task.done", stage="fit", seconds=3))
    replied(demo, 8, Stage.FIT, 1, Says.FAILED, reason("failed.memory", peak=9000, words="killed"))
    assert job_uses(demo.ledger, Stage.FIT, 9) == [JobUse(4000, SEGMENT_BYTES), JobUse(9000, SEGMENT_BYTES)]
    assert job_uses(demo.ledger, Stage.FIT, 1) == [JobUse(9000, SEGMENT_BYTES)], "of the newest attempt"
    assert job_uses(demo.ledger, Stage.CONVERT, 9) == []


def test_the_analysis_reads_all_that_was_converted(demo: DemoLedger) -> None:
    replied(demo, 7, Stage.ANALYZE, None, Says.DONE, reason("task.done", stage="analyze", seconds=3, peak=5000))
    assert job_uses(demo.ledger, Stage.ANALYZE, 9) == [JobUse(5000, 2 * SEGMENT_BYTES)]
