"""Launch and retry: intent before effect, one flow run for each attempt whatever happens to the reply."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import pytest

from console.actions import queue
from console.actions.launch import LOOKUP_SECONDS
from console.driver import round
from console.ledger import attempts, evidence
from console.ledger import runs as run_rows
from console.ledger.store import Ledger
from console.settings.model import Policy
from flowspec.conditions import reason
from flowspec.progress import Evidence, Says, Witness
from flowspec.readiness import Judgement, Verdict
from flowspec.stages import Stage
from flowspec.states import AttemptState, RunState
from remote.globus.errors import RemoteError
from tests.fake_globus import Clock, Remote, judge, make_context
from tests.ledger_fixture import stand


@pytest.fixture
def ctx(tmp_path):
    return make_context(Ledger(tmp_path / "ledger.db", now=Clock()), Remote(), Policy(max_in_flight=3))


def launch(ctx):
    """A round; that Globus cannot be asked is shown on the run, which the tests look at."""
    with suppress(RemoteError):
        round.launch_what_is_due(ctx)


def state(ctx, run):
    return run_rows.run(ctx.ledger, run).state


def ask(ctx, verb, run, **args):
    number = ctx.ledger.ask(verb, run, actor="me@here", **args)
    launch(ctx)
    return ctx.ledger.request(number)


def test_a_ready_run_is_launched_by_itself(ctx):
    judge(ctx, 1)
    launch(ctx)
    (attempt,) = attempts.attempts(ctx.ledger, 1)
    assert (attempt.state, attempt.flow_run, state(ctx, 1)) == (AttemptState.STARTED, "run-0", RunState.RUNNING)
    assert attempt.tag in ctx.remote.flows.there[0].tags
    launch(ctx)
    assert len(ctx.remote.flows.there) == 1


@pytest.mark.parametrize("verdict", [Verdict.TAKING, Verdict.ARRIVING, Verdict.INCOMPLETE, Verdict.ABNORMAL])
def test_what_is_not_ready_is_never_launched_by_itself(ctx, verdict):
    judge(ctx, 1, verdict, reason=f"is {verdict.value}")
    launch(ctx)
    assert ctx.remote.flows.there == []
    request = ask(ctx, "launch", 1)
    assert request.state == "refused"
    assert RunState(verdict.value).word in request.answer


def test_an_incomplete_run_is_launched_when_told_to_anyway(ctx):
    judge(ctx, 1, Verdict.INCOMPLETE, reason="segment 03 is missing")
    assert ask(ctx, "launch", 1, force=True).state == "done"
    assert len(ctx.remote.flows.there) == 1


def test_with_auto_launch_off_a_ready_run_waits_for_the_operator(ctx):
    assert ask(ctx, "auto", None, on=False).answer == "auto-launch is off"
    judge(ctx, 1)
    launch(ctx)
    assert state(ctx, 1) is RunState.READY
    ask(ctx, "launch", 1)
    assert state(ctx, 1) is RunState.RUNNING


@pytest.mark.parametrize(("fault", "flow_runs"), [("after", 1), ("before", 1)])
def test_a_lost_reply_leads_to_one_flow_run(ctx, fault, flow_runs):
    ctx.remote.flows.faults = [fault]
    judge(ctx, 1)
    launch(ctx)
    (attempt,) = attempts.attempts(ctx.ledger, 1)
    assert attempt.state is AttemptState.INTENT
    assert "tried again" in attempt.why
    launch(ctx)  # listed, it is found; else it is too early to know: it may still appear in the list
    found = AttemptState.STARTED if fault == "after" else AttemptState.INTENT
    assert attempts.attempts(ctx.ledger, 1)[0].state is found
    ctx.ledger.now.time += LOOKUP_SECONDS
    launch(ctx)
    (attempt,) = attempts.attempts(ctx.ledger, 1)
    assert attempt.state is AttemptState.STARTED
    assert len(ctx.remote.flows.there) == flow_runs
    assert attempt.tag in ctx.remote.flows.there[0].tags


def test_what_the_login_does_not_allow_holds_the_runs_until_it_is_mended(ctx):
    ctx.remote.flows.faults = ["refused"]
    judge(ctx, 1)
    judge(ctx, 2)
    launch(ctx)
    assert "could not be started: 403: no right; ask for the right" in run_rows.run(ctx.ledger, 1).why
    assert run_rows.run(ctx.ledger, 2).why.startswith("waits: run 1 is before it and could not be started: 403")
    ctx.ledger.now.time += LOOKUP_SECONDS
    launch(ctx)
    assert len(ctx.remote.flows.there) == 2


def test_what_globus_calls_nonsense_fails_with_the_cause_and_may_be_tried_again(ctx):
    ctx.remote.flows.faults = ["nonsense"]
    judge(ctx, 1)
    launch(ctx)
    run = run_rows.run(ctx.ledger, 1)
    assert run.state is RunState.FAILED
    assert "400: no such field; report it" in run.why
    assert ask(ctx, "retry", 1).state == "done"
    assert [a.number for a in attempts.attempts(ctx.ledger, 1)] == [1, 2]
    assert state(ctx, 1) is RunState.RUNNING


def test_no_more_runs_in_flight_than_allowed(ctx):
    for run in range(1, 6):
        judge(ctx, run)
    launch(ctx)
    assert len(ctx.remote.flows.there) == 3
    waiting = run_rows.runs(ctx.ledger, RunState.QUEUED)
    assert {run.run for run in waiting} == {4, 5}
    assert all(run.why == "waits: 3 of 3 slots in use" for run in waiting)


def test_runs_wait_for_an_offline_endpoint(ctx):
    with ctx.ledger.change() as db:
        db.execute("INSERT INTO endpoints VALUES ('e', 'frib-fit-mpi', 'fit', 0, 1000000, '{}')")
    judge(ctx, 1)
    launch(ctx)
    assert run_rows.run(ctx.ledger, 1).why.startswith("waits: compute endpoint frib-fit-mpi is offline since")


def test_a_queued_run_that_changes_again_waits(ctx):
    ctx.ledger.put("auto", "off")
    judge(ctx, 1)
    stand(ctx.ledger, 1, state=RunState.QUEUED)
    judge(ctx, 1, Verdict.ARRIVING, reason="is arriving: segment 02 is being copied")
    launch(ctx)
    assert run_rows.run(ctx.ledger, 1).why == "waits: it is arriving: segment 02 is being copied"
    assert ctx.remote.flows.there == []
    judge(ctx, 1)
    launch(ctx)
    assert state(ctx, 1) is RunState.RUNNING


def test_requests_that_make_no_sense_are_refused(ctx):
    judge(ctx, 1)
    launch(ctx)
    for verb, run, why in [
        ("launch", 1, "nothing to launch"),
        ("retry", 1, "only a run that has ended is retried"),
        ("launch", 99, "not known"),
        ("explode", 1, "does not know the request"),
    ]:
        request = ask(ctx, verb, run)
        assert request.state == "refused"
        assert why in request.answer


def test_the_directory_name_of_the_run_is_kept(ctx):
    judged = Judgement(12, Verdict.READY, reason("words", words="is complete"), (0,), 1000, "t", 1, 2, 1.0, "p")
    run_rows.record_judgement(ctx.ledger, str(Path("/data/run0012")), judged, {0: 1000})
    launch(ctx)
    assert attempts.attempts(ctx.ledger, 12)[0].body["source"]["path"] == "/runs/run0012/"


def started(ctx):
    return [int(run.label.split("run ")[1].split()[0]) for run in ctx.remote.flows.there]


@pytest.mark.parametrize(("order", "runs"), [("oldest", [1, 2, 3]), ("newest", [5, 4, 3])])
def test_the_order_of_the_queue_is_policy(ctx, order, runs):
    ctx = replace(ctx, policy=Policy(order=order))
    for run in range(1, 6):
        judge(ctx, run)
    launch(ctx)
    assert started(ctx) == runs


@pytest.mark.parametrize(("order", "expected"), [("oldest", [4, 2, 5, 3, 1]), ("newest", [1, 3, 5, 2, 4])])
def test_the_queue_goes_by_the_end_that_the_daq_wrote_and_then_by_number(ctx, order, expected):
    """Neither by when they were judged, nor by when they were queued; without an END_RUN by their begin."""
    ctx.ledger.put("auto", "off")
    for run, begun, ended in [(5, 290, 300), (4, 100, 200), (3, 350, None), (2, 50, 300), (1, 310, 400)]:
        judge(ctx, run)
        stand(ctx.ledger, run, state=RunState.QUEUED, started=begun, ended=ended, ready_at=1000.0 - run)
    queued = queue.in_order(run_rows.runs(ctx.ledger), newest_first=order == "newest")
    assert [run.run for run in queued] == expected
    ctx = replace(ctx, policy=Policy(order=order))
    launch(ctx)
    assert started(ctx) == expected[:3]


def test_a_campaign_waits_behind_new_data(ctx):
    ctx.ledger.put("auto", "off")
    for run in range(1, 5):
        judge(ctx, run)
        stand(ctx.ledger, run, state=RunState.QUEUED, ready_at=float(run), priority=int(run < 3))
    launch(ctx)
    assert started(ctx) == [3, 4, 1]


def test_three_transfers_at_a_time(ctx):
    ctx = replace(ctx, policy=Policy(max_in_flight=10))
    for run in range(1, 6):
        judge(ctx, run)
    launch(ctx)
    assert started(ctx) == [1, 2, 3]
    assert run_rows.run(ctx.ledger, 4).why == "waits: 3 transfers under way, Globus takes no more at a time"
    attempts.set_attempt(ctx.ledger, 1, stage="fit")
    launch(ctx)
    assert started(ctx) == [1, 2, 3, 4]


def test_what_is_brought_back_counts_as_a_transfer_too(ctx):
    ctx = replace(ctx, policy=Policy(max_in_flight=10))
    for run in range(1, 5):
        judge(ctx, run)
    launch(ctx)
    attempts.set_attempt(ctx.ledger, 1, stage=Stage.RETURN.value)
    launch(ctx)
    assert started(ctx) == [1, 2, 3]


def test_a_flow_run_is_found_however_far_the_clock_of_globus_is_behind(ctx):
    """Its time of start, by which it is looked for, is of another clock than the intent."""
    ctx.remote.flows.faults = ["after"]
    judge(ctx, 1)
    launch(ctx)
    begun = datetime.fromtimestamp(ctx.now() - 3600, timezone.utc)
    find = ctx.remote.flows.find_by_tag
    ctx.remote.flows.find_by_tag = lambda flow, tag, since: (
        find(flow, tag) if datetime.fromisoformat(since) <= begun else []
    )
    ctx.ledger.now.time += LOOKUP_SECONDS
    launch(ctx)
    assert attempts.attempts(ctx.ledger, 1)[0].state is AttemptState.STARTED
    assert len(ctx.remote.flows.there) == 1


def test_a_driver_that_dies_before_the_answer_has_not_done_it(ctx, monkeypatch):
    """Else the next one, which finds the request unanswered, would do it again."""

    class Killed(BaseException):
        pass

    def die(*_):
        raise Killed

    ctx.ledger.put("auto", "off")
    judge(ctx, 1)
    number = ctx.ledger.ask("launch", 1, actor="me@here")
    with monkeypatch.context() as dying:
        dying.setattr(Ledger, "answer", die)
        with pytest.raises(Killed):
            launch(ctx)
    assert (state(ctx, 1), ctx.ledger.request(number).state) == (RunState.READY, "asked")
    launch(ctx)
    assert (state(ctx, 1), ctx.ledger.request(number).state) == (RunState.RUNNING, "done")


def test_runs_wait_for_workers(ctx):
    judge(ctx, 1)
    launch(ctx)
    with ctx.ledger.change() as db:
        db.execute("""INSERT INTO endpoints VALUES ('e', 'frib-fit-mpi', 'fit', 1, 1000000, '{"total_workers": 2}')""")
    attempts.add_tasks(ctx.ledger, 1, Stage.FIT, [f"task-{n}" for n in range(10)])
    judge(ctx, 2)
    launch(ctx)
    assert run_rows.run(ctx.ledger, 2).why == "waits: 8 segments are before it at the 2 workers of frib-fit-mpi"
    attempts.end_tasks(ctx.ledger, ["task-0"])
    launch(ctx)
    assert started(ctx) == [1, 2]


def test_runs_wait_for_an_endpoint_that_tells_no_workers(ctx):
    judge(ctx, 1)
    launch(ctx)
    with ctx.ledger.change() as db:
        db.execute("INSERT INTO endpoints VALUES ('e', 'frib-fit-mpi', 'fit', 1, 1000000, '{}')")
    attempts.add_tasks(ctx.ledger, 1, Stage.FIT, [f"task-{n}" for n in range(10)])
    fits = [Evidence(Stage.FIT, s, Witness.TASK, Says.RUNNING, reason("task.running"), None, 0.0) for s in (0, 1)]
    evidence.record_evidence(ctx.ledger, 1, fits, 1)
    judge(ctx, 2)
    launch(ctx)
    assert run_rows.run(ctx.ledger, 2).why == "waits: 8 segments are before it at frib-fit-mpi, where 2 run"
    attempts.end_tasks(ctx.ledger, ["task-0"])
    launch(ctx)
    assert started(ctx) == [1, 2]


def test_while_globus_takes_nothing_one_run_is_tried_and_the_others_wait_behind_it(ctx):
    ctx.remote.flows.faults = ["before"] * 9
    for run in range(1, 4):
        judge(ctx, run)
    with pytest.raises(RemoteError):
        round.launch_what_is_due(ctx)
    assert len(ctx.remote.flows.faults) == 8
    assert "run 1 is before it and could not be started: the line broke" in run_rows.run(ctx.ledger, 3).why
    assert len(attempts.open_attempts(ctx.ledger)) == 1


def test_a_lost_reply_is_settled_though_the_clock_was_set_back(ctx):
    ctx.remote.flows.faults = ["after"]
    judge(ctx, 1)
    launch(ctx)
    ctx.ledger.now.time -= 7200
    launch(ctx)
    assert attempts.attempts(ctx.ledger, 1)[0].state is AttemptState.STARTED
    assert len(ctx.remote.flows.there) == 1
