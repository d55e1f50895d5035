"""Retries on a whole sandbox, counted by the sandbox's own records."""

from __future__ import annotations

import json
import re
from collections import Counter

import pytest

from console.ledger import attempts as attempt_rows
from console.ledger import evidence, runs
from flowspec.stages import CellState, Stage
from flowspec.states import RunState
from tests import sandbox_records
from tests.pipeline_fixture import console, running_pipeline
from tests.waiting import until

__all__ = ["console"]


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory):
    # So quick, as a lost worker is told after 60 s.
    with running_pipeline(tmp_path_factory.mktemp("retry") / "sandbox", speed=10) as pipeline:
        pipeline.start_driver()
        yield pipeline


def fault(pipeline, name, **args):
    sandbox_records.set_fault(pipeline.sandbox.directory, name, **args)


def work_of(pipeline, run):
    """What the sandbox did for a run so far: calls by function, and files that were copied."""
    done = sandbox_records.records(pipeline.sandbox.directory)
    name = f"run-{run:04d}-"
    return done.functions(run) + Counter(copied=len(done.copied(name)))


def wait_for(pipeline, run, state, attempts):
    """The run has ended in this state with its n-th attempt."""

    def ended():
        found = runs.run(pipeline.ledger, run)
        newest = attempt_rows.newest_attempt(pipeline.ledger, run)
        return newest and newest.number == attempts and newest.ended_at and found.state is state and found

    return until(ended)


def test_one_of_eight_segments_that_failed_is_retried_with_the_least_of_work(pipeline, console):
    fault(pipeline, "function-crash", stage="fit", run=5, segment=7)
    pipeline.deliver(pipeline.take(5, segments=8, events=10))
    failed = wait_for(pipeline, 5, RunState.FAILED, attempts=1)
    assert failed.why.startswith("fit of segment 07 failed: ")
    matrix = evidence.matrix(pipeline.ledger, failed)
    assert all(matrix[(Stage.CONVERT, segment)].state is CellState.DONE for segment in range(7))
    before = work_of(pipeline, 5)
    assert (before["fit"], before["copied"]) == (8, 8)
    shown = json.loads(console("retry", "5", "--dry-run", "--json"))
    assert (shown["plan"]["fit"], shown["plan"]["convert"], shown["plan"]["transfer"]) == ([7], [7], [])
    assert "skipped: segment 00-06, converted already" in shown["lines"]
    assert work_of(pipeline, 5) == before
    assert console("retry", "5").startswith("run 5 attempt 2: fit 1, convert 1, analyze, return;")
    wait_for(pipeline, 5, RunState.DONE, attempts=2)
    assert work_of(pipeline, 5) - before == Counter(fit=1, convert=1, analyze=1, copied=1)  # the copy is the return


def test_what_passes_by_itself_and_what_does_not(pipeline, console):
    """A worker is lost in run 6: nobody has to do anything. A segment of run 7 crashes the fit again and again."""
    fault(pipeline, "worker-lost", stage="fit", run=6, segment=0)
    fault(pipeline, "function-crash", stage="fit", run=7, segment=1, times=0)
    for run in (6, 7):
        pipeline.deliver(pipeline.take(run, segments=2, events=10))
    wait_for(pipeline, 7, RunState.FAILED, attempts=1)
    assert console("retry", "7").startswith("run 7 attempt 2: fit 1, convert 1")
    wait_for(pipeline, 6, RunState.DONE, attempts=2)
    by_itself = [attempt.actor for attempt in attempt_rows.attempts(pipeline.ledger, 6)]
    assert by_itself == ["driver", "driver"]
    told = [row["text"] for row in pipeline.ledger.rows("SELECT text FROM events WHERE run = 6")]
    assert any("WorkerLost" in text and "(1 of 3)" in text for text in told)

    wait_for(pipeline, 7, RunState.FAILED, attempts=2)
    assert "segment 01 quarantined: failed twice at fit" in console("retry", "7", code=1)
    assert console("retry", "7", "--segments", "0", code=1).startswith("console: run 7: segment 01 quarantined")
    assert "waived: beam was off" in console("waive", "7", "1", "--reason", "beam was off")
    console("retry", "7")
    done = wait_for(pipeline, 7, RunState.DONE, attempts=3)
    assert "; 1/2 segments: 01 waived by " in done.why
    assert done.why.endswith(": beam was off")
    assert "waived by" in console("status", "7")


def test_a_segment_that_loses_its_worker_every_time_is_quarantined_and_the_rest_goes_on(pipeline, console):
    """Its run gives up after two attempts, whoever asks for more; its neighbour comes home meanwhile."""
    fault(pipeline, "worker-lost", stage="fit", run=9, segment=1, times=0)
    pipeline.deliver(pipeline.take(9, segments=3, events=10))
    pipeline.deliver(pipeline.take(10, segments=2, events=10))
    failed = wait_for(pipeline, 9, RunState.FAILED, attempts=2)
    lost = "segment 01 quarantined: its worker was lost in two attempts at fit while the other segments went well; "
    likely = r"it may need more memory than a worker has(: used [\d.]+ [MG]B)?; fewer workers per node give it more; "
    assert re.search(re.escape(lost) + likely + "enter shows it: x there waives it, r tries it once more", failed.why)
    assert failed.again_at is None
    matrix = evidence.matrix(pipeline.ledger, failed)
    assert [matrix[(Stage.CONVERT, segment)].state is CellState.DONE for segment in range(3)] == [True, False, True]
    wait_for(pipeline, 10, RunState.DONE, attempts=1)

    assert lost in console("retry", "9", code=1)
    assert console("retry", "9", "--segments", "1").startswith("run 9 attempt 3: fit 1, convert 1, analyze, return")
    again = wait_for(pipeline, 9, RunState.FAILED, attempts=3)
    assert ("its worker was lost in 3 attempts" in again.why, again.again_at) == (True, None)

    sandbox_records.clear_faults(pipeline.sandbox.directory, "worker-lost")
    console("retry", "9", "--segments", "1")
    wait_for(pipeline, 9, RunState.DONE, attempts=4)
    assert work_of(pipeline, 9)["fit"] == 3 + 1 + 1 + 1


def test_an_inactive_flow_run_goes_on_after_the_consent_was_given(pipeline, console):
    fault(pipeline, "consent-missing", service="flows", stage="fit", run=8)
    pipeline.deliver(pipeline.take(8, segments=1, events=10))
    waiting = until(lambda: (run := runs.run(pipeline.ledger, 8)) and "has stopped the flow run" in run.why and run)
    assert "a consent that is missing" in waiting.why
    assert "console login" in waiting.why
    sandbox_records.clear_faults(pipeline.sandbox.directory, "consent-missing")
    assert "is being resumed" in console("retry", "8")
    wait_for(pipeline, 8, RunState.DONE, attempts=1)


def test_bad_use_is_one_line(pipeline, console):
    for words, said in [
        (("retry", "5", "--from", "bake"), "--from bake: expected transfer, fit, convert, analyze, return"),
        (("retry", "5", "--segments", "3-"), "'3-' is neither a number nor a range"),
        (("retry", "5", "--all", "--from", "fit"), "give one of them"),
        (("waive", "5", "3"), "--reason TEXT"),
        (("reprocess", "12-"), "'12-' is neither a number nor a range"),
    ]:
        line = console(*words, code=2)
        assert said in line
        assert line.startswith("console: ")
        assert "\n" not in line


def test_a_campaign_is_told_first(pipeline, console):
    told = console("reprocess", "5-99", "--from", "convert", "--dry-run").splitlines()
    assert told[0].startswith("run 5: convert 8, analyze, return; 10 files that are there are made again")
    assert any(line.startswith("left out, not known: ") for line in told)
    assert console("reprocess", "6", "--from", "analyze").startswith("1 runs are queued behind live data")
    wait_for(pipeline, 6, RunState.DONE, attempts=3)
    assert attempt_rows.newest_attempt(pipeline.ledger, 6).plan.convert == ()
