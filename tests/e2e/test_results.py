"""A driver that starts on results that were lost and on a run that was taken again says so, and launches nothing."""

from __future__ import annotations

import json
import shutil

import pytest

from console.ledger import runs
from console.reading.snapshot import snapshot
from flowspec import names
from flowspec.states import RunState
from screens.rows import main
from tests import sandbox_records
from tests.pipeline_fixture import console, running_pipeline
from tests.waiting import until

__all__ = ["console"]

DELETED, CUT, AGAIN, UNTOUCHED = 5, 6, 7, 8


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory):
    """Four runs are done; while nobody drives a result is deleted, one is cut, and one run is taken again."""
    with running_pipeline(tmp_path_factory.mktemp("results") / "sandbox") as pipeline:
        pipeline.start_driver()
        for run in (DELETED, CUT, AGAIN, UNTOUCHED):
            pipeline.deliver(pipeline.take(run, segments=2, events=10))
        for run in (DELETED, CUT, AGAIN, UNTOUCHED):
            pipeline.wait_for(run, RunState.DONE)
        pipeline.kill_driver()
        result(pipeline, DELETED).unlink()
        cut = result(pipeline, CUT).read_bytes()[:-1]
        result(pipeline, CUT).write_bytes(cut)
        shutil.rmtree(pipeline.settings.dtn.runs / f"run{AGAIN}")
        for left in (pipeline.sandbox.directory / "daq").rglob(f"run{AGAIN}"):
            shutil.rmtree(left)
        pipeline.deliver(pipeline.take(AGAIN, segments=2, events=10))
        pipeline.flows_before = len(pipeline.flow_runs())
        pipeline.start_driver()
        yield pipeline


def result(pipeline, run):
    return pipeline.settings.dtn.results / names.sorted_file(run)


def test_a_driver_says_at_its_first_look_what_became_of_results_and_launches_nothing(pipeline, console):
    told = {
        DELETED: (RunState.FAILED, "its result is no longer on the DTN disk: r brings it back"),
        CUT: (RunState.FAILED, "a ROOT file that is cut: "),
        AGAIN: (RunState.DONE, "taken again since: launched was the take that began "),
        UNTOUCHED: (RunState.DONE, "the result is back: run-0008-sorted.root"),
    }
    missing = {
        DELETED: "return the result; the analysis is there",
        CUT: "return the result; the analysis is there",
        AGAIN: "transfer 2: segment 00-01",
    }
    for run, (state, words) in told.items():
        until(lambda run=run, state=state, words=words: says(pipeline, run, state, words), every=0.05)
        until(lambda run=run: runs.run(pipeline.ledger, run).verdict == "ready", every=0.05)
        status = json.loads(console("status", str(run), "--json"))["run"]
        assert (status["state"], status["why"]) == (state.value, runs.run(pipeline.ledger, run).why)
        shown = main.run(snapshot(pipeline.ledger).run(run))[-1][0]
        assert shown.split(":")[0] in status["why"]
        if run in missing:
            assert missing[run] in console("retry", str(run), "--dry-run")
        else:
            assert "nothing is missing" in console("retry", str(run), "--dry-run", code=1)
    assert json.loads(console("status", str(DELETED), "--json"))["run"]["return"]["why"] == (
        "its result is no longer on the DTN disk"
    )
    assert len(pipeline.flow_runs()) == pipeline.flows_before


def says(pipeline, run, state, words):
    found = runs.run(pipeline.ledger, run)
    return found is not None and found.state is state and words in found.why


def test_a_lost_result_is_only_returned_and_a_new_take_is_analyzed(pipeline, console):
    before = sandbox_records.records(pipeline.sandbox.directory).functions(DELETED)
    for run in (DELETED, CUT, AGAIN):
        console("retry", str(run))
    for run in (DELETED, CUT, AGAIN):
        until(lambda run=run: says(pipeline, run, RunState.DONE, "the result is back"), every=0.1)
    done = sandbox_records.records(pipeline.sandbox.directory)
    assert done.functions(DELETED) == before
    assert done.functions(AGAIN)["fit"] == 4
    assert runs.run(pipeline.ledger, AGAIN).launched_started == runs.run(pipeline.ledger, AGAIN).started
