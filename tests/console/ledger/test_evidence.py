"""Evidence and failures come back from the ledger as they were written."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest

from console.ledger import evidence, failures, job_reports
from console.ledger.attempts import newest_attempt
from flowspec.causes import Kind
from flowspec.conditions import Reason, reason
from flowspec.progress import Evidence, Says, Witness
from flowspec.quarantine import Failure
from flowspec.stages import Stage
from flowspec.states import AttemptState, RunState
from tests.ledger_fixture import DemoLedger

ABORT = Reason("failed.abort", {"rc": 134, "words": 'it said "no"; \x1b[2J'})
FILE = Evidence(Stage.FIT, 0, Witness.FILE, Says.DONE, size=5, at=1.0, modified="2026-07-01 03:00:00+00:00")
TASK = Evidence(Stage.ANALYZE, None, Witness.TASK, Says.FAILED, ABORT, None, 2.0, 3.5)


@pytest.fixture
def demo(tmp_path):
    demo = DemoLedger(tmp_path / "ledger.db")
    demo.launched(7, RunState.RUNNING, "", Stage.FIT, segments=2, attempt_state=AttemptState.STARTED)
    with demo.ledger.change() as db:
        db.execute("DELETE FROM evidence")
    return demo


def test_evidence_comes_back_as_it_was_written(demo):
    assert evidence.record_evidence(demo.ledger, 7, [FILE, TASK], 1)
    assert {*map(str, evidence.evidence(demo.ledger, 7))} == {str(FILE), str(TASK)}
    assert not evidence.record_evidence(demo.ledger, 7, [replace(FILE, at=9.0)], 1), "only the time is another"
    assert evidence.record_evidence(demo.ledger, 7, [replace(FILE, modified="2026-07-01 04:00:00+00:00")], 1)
    assert evidence.record_evidence(demo.ledger, 7, [replace(TASK, reason=Reason("failed.abort", {"rc": 139}))], 1)


def test_an_output_that_is_to_be_made_again_keeps_the_time_at_which_it_was_written(demo):
    evidence.record_evidence(demo.ledger, 7, [FILE, TASK], 1)
    evidence.mark_outdated(demo.ledger, 7, [FILE, TASK], [(Stage.FIT, 0)])
    old = [item for item in evidence.evidence(demo.ledger, 7) if item.witness is Witness.OLD]
    assert [(item.size, item.modified) for item in old] == [(FILE.size, FILE.modified)]


def test_only_a_task_whose_code_says_so_may_be_lost(demo):
    attempt = newest_attempt(demo.ledger, 7)
    lost = reason("task.lost", since=1.0, endpoint="frib-fit-mpi", idle=2)
    talk = Reason("task.pending", {"words": "it may be lost; r ends it and does it again"})
    items = [Evidence(Stage.FIT, s, Witness.TASK, Says.PENDING, why) for s, why in ((0, lost), (1, talk))]
    evidence.record_evidence(demo.ledger, 7, items, attempt.attempt)
    assert evidence.lost_places(demo.ledger, attempt) == {(Stage.FIT, 0)}
    assert [item.segment for item in evidence.of_tasks(demo.ledger, attempt, Stage.FIT)] == [0, 1]
    assert evidence.of_tasks(demo.ledger, attempt, Stage.CONVERT) == []


def test_a_failure_has_the_memory_of_its_job_from_the_report_that_was_fetched(demo):
    place = job_reports.ReportPlace(1, 7, Stage.FIT, 0)
    failures.record(demo.ledger, 7, [Failure(1, Stage.FIT, s, Kind.STAYS, ABORT) for s in (0, 1)])
    job_reports.request(demo.ledger, [place, replace(place, segment=1)], "driver")
    document = json.dumps(asdict(job_reports.JobReport(peak=7 << 30)))
    job_reports.set_reports(demo.ledger, job_reports.of_place(demo.ledger, place), document=document)
    assert {f.segment: f.peak for f in failures.of_run(demo.ledger, 7)} == {0: 7 << 30, 1: None}


def test_a_failure_comes_back_as_it_was_written(demo):
    found = [Failure(1, Stage.FIT, 0, Kind.STAYS, ABORT), Failure(1, Stage.ANALYZE, None, Kind.UNKNOWN, Reason("x"))]
    failures.record(demo.ledger, 7, found)
    assert sorted(failures.of_run(demo.ledger, 7), key=str) == sorted(found, key=str)
