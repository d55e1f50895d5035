"""A ledger that lags behind Globus: what was started is found again, and nothing is started twice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from console.actions.launch import write_intent
from console.actions.reconcile import settle
from console.context import Context
from console.driver import round
from console.ledger import attempts, dossier, runs
from console.ledger.store import Ledger
from flowspec.conditions import reason
from flowspec.plan import plan_all
from flowspec.readiness import Judgement, Verdict
from flowspec.states import AttemptState, RunState
from tests.ledger_fixture import end_attempt, stand
from tests.pipeline_fixture import Pipeline, running_pipeline


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory):
    with running_pipeline(tmp_path_factory.mktemp("reconciling"), auto_launch=False) as pipeline:
        yield pipeline


def judged(ctx: Context, run: int) -> runs.Run:
    found = Judgement(run, Verdict.READY, reason("words", words="is complete"), (0, 1), 20, "", 1, 2, 1.0, "print")
    runs.record_judgement(ctx.ledger, f"/data/run{run}", found, {0: 10, 1: 10})
    return runs.run(ctx.ledger, run)


def started_run(pipeline: Pipeline, run: int) -> attempts.Attempt:
    ctx = pipeline.make_context()
    judged(ctx, run)
    stand(ctx.ledger, run, RunState.QUEUED)
    write_intent(ctx, dossier.read(ctx.ledger, run), plan_all(run, (0, 1)), "me@here")
    round.launch_what_is_due(ctx)
    attempt = attempts.newest_attempt(ctx.ledger, run)
    assert attempt is not None
    assert attempt.flow_run is not None
    return attempt


def with_ledger(pipeline: Pipeline, path: Path) -> Context:
    return replace(pipeline.make_context(), ledger=Ledger(path))


def events(ctx: Context) -> str:
    return "\n".join(row["text"] for row in ctx.ledger.rows("SELECT text FROM events"))


def test_a_lost_ledger_finds_its_flow_runs_again(pipeline: Pipeline, tmp_path: Path) -> None:
    there = started_run(pipeline, 21)
    ctx = with_ledger(pipeline, tmp_path / "new.db")
    settle(ctx)
    found = attempts.newest_attempt(ctx.ledger, 21)
    assert found is not None
    assert (found.flow_run, found.tag, found.plan) == (there.flow_run, there.tag, there.plan)
    assert f"flow run {there.flow_run} was not in the ledger" in events(ctx)
    judged(ctx, 21)  # the directory is seen later than the flow run
    round.follow_attempts(ctx)
    run = runs.run(ctx.ledger, 21)
    assert run is not None
    assert run.state is not RunState.READY
    assert run.path == "/data/run21"
    settle(ctx)
    assert len(attempts.attempts(ctx.ledger, 21)) == 1


def test_an_intent_whose_answer_was_lost_gets_its_flow_run(pipeline: Pipeline) -> None:
    attempt, ctx = started_run(pipeline, 22), pipeline.make_context()
    end_attempt(ctx.ledger, attempt.attempt, state=AttemptState.INTENT, flow_run=None)
    settle(ctx)
    (found,) = attempts.attempts(ctx.ledger, 22)
    assert (found.state, found.flow_run) == (AttemptState.STARTED, attempt.flow_run)


def test_a_second_flow_run_of_an_attempt_is_cancelled(pipeline: Pipeline) -> None:
    attempt, ctx = started_run(pipeline, 23), pipeline.make_context()
    again = ctx.remote.flows.start(attempt.flow_id, dict(attempt.body), attempt.label, [attempt.tag, "FRIB"])
    settle(ctx)
    assert ctx.remote.flows.run(again.id).cancelled
    assert not ctx.remote.flows.run(str(attempt.flow_run)).cancelled
    assert f"flow run {again.id} is a second one" in events(ctx)


def test_a_flow_run_that_shows_up_after_its_attempt_was_given_up_is_cancelled(pipeline: Pipeline) -> None:
    attempt, ctx = started_run(pipeline, 25), pipeline.make_context()
    end_attempt(ctx.ledger, attempt.attempt, state=AttemptState.CANCELLED, flow_run=None)
    settle(ctx)
    assert ctx.remote.flows.run(str(attempt.flow_run)).cancelled
    (found,) = attempts.attempts(ctx.ledger, 25)
    assert (found.state, found.flow_run) == (AttemptState.CANCELLED, attempt.flow_run)


def test_an_intent_that_was_never_sent_gives_way_to_a_flow_run_of_another_ledger(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    other = started_run(pipeline, 24)
    ctx = with_ledger(pipeline, tmp_path / "other.db")
    judged(ctx, 24)
    stand(ctx.ledger, 24, RunState.QUEUED)
    write_intent(ctx, dossier.read(ctx.ledger, 24), plan_all(24, (0, 1)), "me@here")
    settle(ctx)
    mine, theirs = attempts.attempts(ctx.ledger, 24)
    assert (mine.state, mine.flow_run) == (AttemptState.CANCELLED, None)
    assert (theirs.state, theirs.flow_run) == (AttemptState.STARTED, other.flow_run)


def test_a_run_of_which_both_have_a_flow_run_is_left_alone(pipeline: Pipeline, tmp_path: Path) -> None:
    other = started_run(pipeline, 26)
    ctx = with_ledger(pipeline, tmp_path / "other.db")
    judged(ctx, 26)
    stand(ctx.ledger, 26, RunState.QUEUED)
    write_intent(ctx, dossier.read(ctx.ledger, 26), plan_all(26, (0, 1)), "me@here")
    (mine,) = attempts.attempts(ctx.ledger, 26)
    end_attempt(ctx.ledger, mine.attempt, state=AttemptState.STARTED, flow_run="mine")
    settle(ctx)
    assert len(attempts.attempts(ctx.ledger, 26)) == 1
    assert f"flow run {other.flow_run} (ACTIVE) is not in the ledger, which has others" in events(ctx)
