"""Launch and retry: intent before effect, one flow run for each attempt whatever happens to the reply."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from console import actions, records
from console.attempts import LOOKUP_SECONDS
from console.ledger import Ledger
from console.settings import Policy
from console.states import AttemptState, RunState
from flowspec.readiness import Judgement, Verdict
from flowspec.stages import Stage
from remote.globus.errors import RemoteError
from tests.fake_globus import Clock, Remote, judge, operations


@pytest.fixture
def ops(tmp_path):
    return operations(Ledger(tmp_path / "ledger.db", now=Clock()), Remote(), Policy(max_in_flight=3))


def launch(ops):
    """A round; that Globus cannot be asked is shown on the run, which the tests look at."""
    with suppress(RemoteError):
        actions.launch_what_is_due(ops)


def state(ops, run):
    return records.run(ops.ledger, run).state


def ask(ops, verb, run, **args):
    number = ops.ledger.ask(verb, run, actor="me@here", **args)
    launch(ops)
    return ops.ledger.request(number)


def test_a_ready_run_is_launched_by_itself(ops):
    judge(ops, 1)
    launch(ops)
    (attempt,) = records.attempts(ops.ledger, 1)
    assert (attempt.state, attempt.flow_run, state(ops, 1)) == (AttemptState.STARTED, "run-0", RunState.RUNNING)
    assert attempt.tag in ops.remote.flows.there[0].tags
    launch(ops)
    assert len(ops.remote.flows.there) == 1


@pytest.mark.parametrize("verdict", [Verdict.TAKING, Verdict.ARRIVING, Verdict.INCOMPLETE, Verdict.ABNORMAL])
def test_what_is_not_ready_is_never_launched_by_itself(ops, verdict):
    judge(ops, 1, verdict)
    launch(ops)
    assert ops.remote.flows.there == []
    request = ask(ops, "launch", 1)
    assert request.state == "refused"
    assert verdict.value in request.answer


def test_an_incomplete_run_is_launched_when_told_to_anyway(ops):
    judge(ops, 1, Verdict.INCOMPLETE, reason="segment 03 is missing")
    assert ask(ops, "launch", 1, force=True).state == "done"
    assert len(ops.remote.flows.there) == 1


def test_with_auto_launch_off_a_ready_run_waits_for_the_operator(ops):
    assert ask(ops, "auto", None, on=False).answer == "auto-launch is off"
    judge(ops, 1)
    launch(ops)
    assert state(ops, 1) is RunState.READY
    ask(ops, "launch", 1)
    assert state(ops, 1) is RunState.RUNNING


@pytest.mark.parametrize(("fault", "flow_runs"), [("after", 1), ("before", 1)])
def test_a_lost_reply_leads_to_one_flow_run(ops, fault, flow_runs):
    ops.remote.flows.faults = [fault]
    judge(ops, 1)
    launch(ops)
    (attempt,) = records.attempts(ops.ledger, 1)
    assert attempt.state is AttemptState.INTENT
    assert "tried again" in attempt.why
    launch(ops)  # too early to know: the flow run may still appear in the list
    assert records.attempts(ops.ledger, 1)[0].state is AttemptState.INTENT
    ops.ledger.now.time += LOOKUP_SECONDS
    launch(ops)
    (attempt,) = records.attempts(ops.ledger, 1)
    assert attempt.state is AttemptState.STARTED
    assert len(ops.remote.flows.there) == flow_runs
    assert attempt.tag in ops.remote.flows.there[0].tags


def test_what_the_login_does_not_allow_holds_the_runs_until_it_is_mended(ops):
    ops.remote.flows.faults = ["refused"]
    judge(ops, 1)
    judge(ops, 2)
    launch(ops)
    assert "could not be started: 403: no right; ask for the right" in records.run(ops.ledger, 1).why
    assert records.run(ops.ledger, 2).why.startswith("held: run 1 is before it and could not be started: 403")
    ops.ledger.now.time += LOOKUP_SECONDS
    launch(ops)
    assert len(ops.remote.flows.there) == 2


def test_what_globus_calls_nonsense_fails_with_the_cause_and_may_be_tried_again(ops):
    ops.remote.flows.faults = ["nonsense"]
    judge(ops, 1)
    launch(ops)
    run = records.run(ops.ledger, 1)
    assert run.state is RunState.FAILED
    assert "400: no such field; report it" in run.why
    assert ask(ops, "retry", 1).state == "done"
    assert [a.number for a in records.attempts(ops.ledger, 1)] == [1, 2]
    assert state(ops, 1) is RunState.RUNNING


def test_no_more_runs_in_flight_than_allowed(ops):
    for run in range(1, 6):
        judge(ops, run)
    launch(ops)
    assert len(ops.remote.flows.there) == 3
    waiting = records.runs(ops.ledger, RunState.QUEUED)
    assert {run.run for run in waiting} == {4, 5}
    assert all(run.why == "held: 3 runs are in flight, the limit is 3" for run in waiting)


def test_runs_wait_for_an_offline_endpoint(ops):
    with ops.ledger.change() as db:
        db.execute("INSERT INTO endpoints VALUES ('e', 'frib-fit-mpi', 'fit', 0, 1000000, '{}')")
    judge(ops, 1)
    launch(ops)
    assert records.run(ops.ledger, 1).why.startswith("held: compute endpoint frib-fit-mpi is offline since")


def test_a_queued_run_that_changes_again_waits(ops):
    ops.ledger.put("auto", "off")
    judge(ops, 1)
    records.set_run(ops.ledger, 1, state=RunState.QUEUED.value)
    judge(ops, 1, Verdict.ARRIVING, reason="run 1 is arriving: segment 02 is being copied")
    launch(ops)
    assert records.run(ops.ledger, 1).why == "held: run 1 is arriving: segment 02 is being copied"
    assert ops.remote.flows.there == []
    judge(ops, 1)
    launch(ops)
    assert state(ops, 1) is RunState.RUNNING


def test_requests_that_make_no_sense_are_refused(ops):
    judge(ops, 1)
    launch(ops)
    for verb, run, why in [
        ("launch", 1, "nothing to launch"),
        ("retry", 1, "only a run that has ended is retried"),
        ("launch", 99, "not known"),
        ("explode", 1, "does not know the request"),
    ]:
        request = ask(ops, verb, run)
        assert request.state == "refused"
        assert why in request.answer


def test_the_directory_name_of_the_run_is_kept(ops):
    judged = Judgement(12, Verdict.READY, "complete", (0,), 1000, "t", 1, 2, 1.0, "p")
    records.record_judgement(ops.ledger, str(Path("/data/run0012")), judged, {0: 1000})
    launch(ops)
    assert records.attempts(ops.ledger, 12)[0].body["source"]["path"] == "/runs/run0012/"


def started(ops):
    return [int(run.label.split("run ")[1].split()[0]) for run in ops.remote.flows.there]


@pytest.mark.parametrize(("order", "runs"), [("oldest", [1, 2, 3]), ("newest", [5, 4, 3])])
def test_the_order_of_the_queue_is_policy(ops, order, runs):
    ops = replace(ops, policy=Policy(order=order))
    for run in range(1, 6):
        judge(ops, run)
    launch(ops)
    assert started(ops) == runs


def test_a_campaign_waits_behind_new_data(ops):
    ops.ledger.put("auto", "off")
    for run in range(1, 5):
        judge(ops, run)
        records.set_run(ops.ledger, run, state=RunState.QUEUED.value, ready_at=float(run), priority=int(run < 3))
    launch(ops)
    assert started(ops) == [3, 4, 1]


def test_three_transfers_at_a_time(ops):
    ops = replace(ops, policy=Policy(max_in_flight=10))
    for run in range(1, 6):
        judge(ops, run)
    launch(ops)
    assert started(ops) == [1, 2, 3]
    assert records.run(ops.ledger, 4).why == "held: 3 transfers are under way, Globus runs no more at a time"
    records.set_attempt(ops.ledger, 1, stage="fit")
    launch(ops)
    assert started(ops) == [1, 2, 3, 4]


def test_runs_wait_for_workers(ops):
    judge(ops, 1)
    launch(ops)
    with ops.ledger.change() as db:
        db.execute("""INSERT INTO endpoints VALUES ('e', 'frib-fit-mpi', 'fit', 1, 1000000, '{"total_workers": 2}')""")
    records.add_tasks(ops.ledger, 1, Stage.FIT, [f"task-{n}" for n in range(10)])
    judge(ops, 2)
    launch(ops)
    assert records.run(ops.ledger, 2).why == "held: 8 segments wait for the 2 workers of frib-fit-mpi"
    records.end_tasks(ops.ledger, ["task-0"])
    launch(ops)
    assert started(ops) == [1, 2]


def test_while_globus_takes_nothing_one_run_is_tried_and_the_others_wait_behind_it(ops):
    ops.remote.flows.faults = ["before"] * 9
    for run in range(1, 4):
        judge(ops, run)
    with pytest.raises(RemoteError):
        actions.launch_what_is_due(ops)
    assert len(ops.remote.flows.faults) == 8
    assert "run 1 is before it and could not be started: the line broke" in records.run(ops.ledger, 3).why
    assert len(records.open_attempts(ops.ledger)) == 1
