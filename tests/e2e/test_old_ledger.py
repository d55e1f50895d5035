"""A ledger that version 0.1.0 has written is opened by this version, and its open attempts go on to their results."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.ledger import attempts, dossier, evidence, runs
from console.ledger.store import Ledger
from flowspec.causes import Kind
from flowspec.progress import Says, Witness
from flowspec.states import RunState
from tests.pipeline_fixture import Pipeline, running_pipeline
from tests.sandbox_records import clear_faults, set_fault
from tests.waiting import until

DUMP = Path(__file__).parents[1] / "data" / "ledger-0.1.0.sql"
FLOW = "a6db3ded-bf51-41a9-9dca-703fa2790c35"
FUNCTIONS = {
    "fit": "91b0a038-23df-4c0a-83a4-9c27b9c2db05",
    "convert": "d625418c-b04c-49a1-8535-a06e9225d6de",
    "analyze": "ca1713a3-59a5-4a60-ab4c-d21515f0e3d9",
}
INACTIVE, HANGING, HELD = 6, 3, 5


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """Flow runs with the input documents of the old ledger are under way; no driver runs."""
    with running_pipeline(tmp_path_factory.mktemp("old"), workers=2, speed=5) as pipeline:
        settings, path = pipeline.settings, pipeline.settings.ledger
        pipeline.ledger.close()
        for file in path.parent.glob(f"{path.name}*"):
            file.unlink()
        sql = DUMP.read_text().replace("/SANDBOX", str(pipeline.sandbox.directory))
        sql = sql.replace(FLOW, str(settings.flows.analysis))
        for stage, function in FUNCTIONS.items():
            sql = sql.replace(function, str(getattr(settings.compute, stage).function))
        db = sqlite3.connect(path)
        db.executescript(sql)
        db.close()
        path.chmod(0o600)
        pipeline.ledger = Ledger(path)
        for run, segments in ((INACTIVE, 1), (HANGING, 2), (HELD, 1)):
            pipeline.deliver(pipeline.take(run, segments=segments))
        yield pipeline


def test_what_the_old_sentences_said_is_known(pipeline: Pipeline) -> None:
    found = {run.run: run for run in runs.runs(pipeline.ledger)}
    assert found[1].why == "the result is back: run-0001-sorted.root"
    assert found[2].why.endswith("EventEditor ended with return code 134. r retries what is missing")
    assert found[1].reason == "is complete: 2 segments of whole items, END_RUN in run-0001-01.evt"
    assert [run.run for run in found.values() if run.inactive] == [INACTIVE]
    assert [run.run for run in found.values() if run.suspected] == [HANGING]
    assert (found[HELD].held_by, found[HELD].why) == ("me@here", "held by me@here: h releases it")
    assert found[INACTIVE].why.startswith("Globus has stopped the flow run: Globus asks for a consent that is missing")
    assert found[INACTIVE].why.count("console login") == 1
    of_the_failed = dossier.read(pipeline.ledger, 2)
    assert of_the_failed is not None
    (failure,) = of_the_failed.failures
    assert (failure.kind, failure.segment, failure.reason.code) == (Kind.STAYS, 1, "failed.abort")


def test_open_attempts_go_on_to_their_results(pipeline: Pipeline) -> None:
    ctx, directory = pipeline.make_context(), pipeline.sandbox.directory
    with pipeline.ledger.change() as db:
        db.execute("DELETE FROM tasks")  # of the Compute that is gone, as are the flow runs below
    set_fault(directory, "consent-missing", service="flows")
    for run in (INACTIVE, HANGING):
        attempt = attempts.newest_attempt(pipeline.ledger, run)
        assert attempt is not None
        # The flow run of the sandbox that wrote the ledger is gone: one of the same input and tag takes its place.
        flow_run = ctx.remote.flows.start(attempt.flow_id, dict(attempt.body), attempt.label, [attempt.tag], (), ())
        evidence.forget_evidence(pipeline.ledger, attempt, Witness.TASK, *Says)
        attempts.set_attempt(pipeline.ledger, attempt.attempt, flow_run=flow_run.id, visits={}, log_after=None)
        until(lambda id=flow_run.id: ctx.remote.flows.run(id).status == "INACTIVE")
        if run == INACTIVE:
            continue
        clear_faults(directory, "consent-missing")
        ctx.remote.flows.resume(flow_run.id, attempt.flow_id)
    pipeline.start_driver()
    request = pipeline.ledger.ask("retry", INACTIVE, actor="me@here")
    until(lambda: pipeline.ledger.request(request).state != "asked")
    assert "is being resumed" in pipeline.ledger.request(request).answer
    pipeline.wait_for(INACTIVE, RunState.DONE)
    pipeline.wait_for(HANGING, RunState.DONE)
    assert pipeline.state(HELD) is RunState.QUEUED
    pipeline.ledger.ask("release", HELD, actor="me@here")
    pipeline.wait_for(HELD, RunState.DONE)
