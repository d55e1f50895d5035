"""A ledger that lags behind Globus: what was started is found again, and nothing is started twice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from console import actions, pollers, records
from console.attempts import intend
from console.ledger import Ledger
from console.operations import Operations
from console.reconciling import settle
from console.states import AttemptState, RunState
from flowspec.plan import plan_all
from flowspec.readiness import Judgement, Verdict
from tests.pipeline_fixture import Pipeline, running_pipeline


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory):
    with running_pipeline(tmp_path_factory.mktemp("reconciling"), auto_launch=False) as pipeline:
        yield pipeline


def judged(ops: Operations, run: int) -> records.Run:
    found = Judgement(run, Verdict.READY, "complete", (0, 1), 20, "", 1, 2, 1.0, "print")
    return records.record_judgement(ops.ledger, f"/data/run{run}", found, {0: 10, 1: 10})


def started_run(pipeline: Pipeline, run: int) -> records.Attempt:
    ops = pipeline.operations()
    intend(ops, judged(ops, run), plan_all(run, (0, 1)), "me@here")
    actions.launch_what_is_due(ops)
    attempt = records.newest_attempt(ops.ledger, run)
    assert attempt is not None
    assert attempt.flow_run is not None
    return attempt


def with_ledger(pipeline: Pipeline, path: Path) -> Operations:
    return replace(pipeline.operations(), ledger=Ledger(path))


def events(ops: Operations) -> str:
    return "\n".join(row["text"] for row in ops.ledger.rows("SELECT text FROM events"))


def test_a_lost_ledger_finds_its_flow_runs_again(pipeline: Pipeline, tmp_path: Path) -> None:
    there = started_run(pipeline, 21)
    ops = with_ledger(pipeline, tmp_path / "new.db")
    settle(ops)
    found = records.newest_attempt(ops.ledger, 21)
    assert found is not None
    assert (found.flow_run, found.tag, found.plan) == (there.flow_run, there.tag, there.plan)
    assert f"flow run {there.flow_run} was not in the ledger" in events(ops)
    judged(ops, 21)  # the directory is seen later than the flow run
    pollers.poll_attempts(ops)
    run = records.run(ops.ledger, 21)
    assert run is not None
    assert run.state is not RunState.READY
    assert run.path == "/data/run21"
    settle(ops)
    assert len(records.attempts(ops.ledger, 21)) == 1


def test_an_intent_whose_answer_was_lost_gets_its_flow_run(pipeline: Pipeline) -> None:
    attempt, ops = started_run(pipeline, 22), pipeline.operations()
    records.set_attempt(ops.ledger, attempt.attempt, state=AttemptState.INTENT.value, flow_run=None)
    settle(ops)
    (found,) = records.attempts(ops.ledger, 22)
    assert (found.state, found.flow_run) == (AttemptState.STARTED, attempt.flow_run)


def test_a_second_flow_run_of_an_attempt_is_cancelled(pipeline: Pipeline) -> None:
    attempt, ops = started_run(pipeline, 23), pipeline.operations()
    again = ops.remote.flows.start(attempt.flow_id, dict(attempt.body), attempt.label, [attempt.tag, "FRIB"])
    settle(ops)
    assert ops.remote.flows.run(again.id).cancelled
    assert not ops.remote.flows.run(str(attempt.flow_run)).cancelled
    assert f"flow run {again.id} is a second one" in events(ops)


def test_a_flow_run_that_shows_up_after_its_attempt_was_given_up_is_cancelled(pipeline: Pipeline) -> None:
    attempt, ops = started_run(pipeline, 25), pipeline.operations()
    records.set_attempt(ops.ledger, attempt.attempt, state=AttemptState.CANCELLED.value, flow_run=None)
    settle(ops)
    assert ops.remote.flows.run(str(attempt.flow_run)).cancelled
    (found,) = records.attempts(ops.ledger, 25)
    assert (found.state, found.flow_run) == (AttemptState.CANCELLED, attempt.flow_run)


def test_a_run_that_is_under_way_otherwise_is_left_alone(pipeline: Pipeline, tmp_path: Path) -> None:
    other = started_run(pipeline, 24)
    ops = with_ledger(pipeline, tmp_path / "other.db")
    intend(ops, judged(ops, 24), plan_all(24, (0, 1)), "me@here")
    settle(ops)
    (mine,) = records.attempts(ops.ledger, 24)
    assert mine.flow_run is None
    assert f"flow run {other.flow_run} (ACTIVE) is not in the ledger, which has others" in events(ops)
