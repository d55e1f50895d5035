"""Launch, retry, cancel: intent before effect, one flow run for each attempt whatever happens to the reply."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from console import actions, records
from console.actions import LOOKUP_SECONDS
from console.ledger import Ledger
from console.operations import Operations
from console.states import AttemptState, RunState
from flowspec.inputs import Places
from flowspec.readiness import Judgement, Verdict
from flowspec.stages import Stage
from remote.globus.errors import RemoteError
from remote.globus.flows import FlowRun

ID = "9656eff2-8105-445c-8501-154dfe1d88e5"


class Clock:
    time = 1_000_000.0

    def __call__(self) -> float:
        return self.time


@dataclass
class Flows:
    """The service as far as starting goes: it loses the request or the reply when told to."""

    runs: list[FlowRun] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)

    def start(self, flow_id, body, label, tags, run_managers=(), run_monitors=()):
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "before":
            raise RemoteError("later", "flows", "start", "the line broke", "wait", ambiguous=True)
        if fault == "refused":
            raise RemoteError("operator", "flows", "start", "403: no right", "ask for the right")
        run = FlowRun(
            f"run-{len(self.runs)}", flow_id, "ACTIVE", label, tuple(tags), "2026-11-23T00:00:00+00:00", None, {}
        )
        self.runs.append(run)
        if fault == "after":
            raise RemoteError("later", "flows", "start", "no answer in time", "wait", ambiguous=True)
        return run

    def find_by_tag(self, flow_id, tag, since=None):
        return [run for run in self.runs if tag in run.tags]

    def cancel(self, run_id):
        self.cancelled.append(run_id)


class Transfer:
    def ls(self, collection, path):
        return None

    def stat(self, collection, path):
        return None


@dataclass
class Remote:
    flows: Flows = field(default_factory=Flows)
    transfer: Transfer = field(default_factory=Transfer)


@pytest.fixture
def ops(tmp_path):
    places = Places(ID, "/runs", "/results", ID, "/top", "/kit", dict.fromkeys(list(Stage)[1:4], (ID, ID)))
    ledger = Ledger(tmp_path / "ledger.db", now=Clock())
    return Operations(ledger, Remote(), places, "e21062", tmp_path, ID, {Stage.FIT: ID}, 3)


def judge(ops, run, verdict=Verdict.READY, segments=(0, 1), reason="complete"):
    judged = Judgement(run, verdict, reason, segments, 2000, "title", 1, 2, 1.0, "print")
    return records.record_judgement(ops.ledger, f"/data/run{run}", judged, dict.fromkeys(segments, 1000))


def state(ops, run):
    return records.run(ops.ledger, run).state


def ask(ops, verb, run, **args):
    number = ops.ledger.ask(verb, run, actor="me@here", **args)
    actions.launch_what_is_due(ops)
    return ops.ledger.request(number)


def test_a_ready_run_is_launched_by_itself(ops):
    judge(ops, 1)
    actions.launch_what_is_due(ops)
    (attempt,) = records.attempts(ops.ledger, 1)
    assert (attempt.state, attempt.flow_run, state(ops, 1)) == (AttemptState.STARTED, "run-0", RunState.RUNNING)
    assert attempt.tag in ops.remote.flows.runs[0].tags
    actions.launch_what_is_due(ops)
    assert len(ops.remote.flows.runs) == 1


@pytest.mark.parametrize("verdict", [Verdict.TAKING, Verdict.ARRIVING, Verdict.INCOMPLETE, Verdict.ABNORMAL])
def test_what_is_not_ready_is_never_launched_by_itself(ops, verdict):
    judge(ops, 1, verdict)
    actions.launch_what_is_due(ops)
    assert ops.remote.flows.runs == []
    request = ask(ops, "launch", 1)
    assert request.state == "refused"
    assert verdict.value in request.answer


def test_an_incomplete_run_is_launched_when_told_to_anyway(ops):
    judge(ops, 1, Verdict.INCOMPLETE, reason="segment 03 is missing")
    assert ask(ops, "launch", 1, force=True).state == "done"
    assert len(ops.remote.flows.runs) == 1


def test_with_auto_launch_off_a_ready_run_waits_for_the_operator(ops):
    assert ask(ops, "auto", None, on=False).answer == "auto-launch is off"
    judge(ops, 1)
    actions.launch_what_is_due(ops)
    assert state(ops, 1) is RunState.READY
    ask(ops, "launch", 1)
    assert state(ops, 1) is RunState.RUNNING


@pytest.mark.parametrize(("fault", "flow_runs"), [("after", 1), ("before", 1)])
def test_a_lost_reply_leads_to_one_flow_run(ops, fault, flow_runs):
    ops.remote.flows.faults = [fault]
    judge(ops, 1)
    actions.launch_what_is_due(ops)
    (attempt,) = records.attempts(ops.ledger, 1)
    assert attempt.state is AttemptState.INTENT
    assert "tried again" in attempt.why
    actions.launch_what_is_due(ops)  # too early to know: the flow run may still appear in the list
    assert records.attempts(ops.ledger, 1)[0].state is AttemptState.INTENT
    ops.ledger.now.time += LOOKUP_SECONDS
    actions.launch_what_is_due(ops)
    (attempt,) = records.attempts(ops.ledger, 1)
    assert attempt.state is AttemptState.STARTED
    assert len(ops.remote.flows.runs) == flow_runs
    assert attempt.tag in ops.remote.flows.runs[0].tags


def test_a_start_that_is_refused_fails_with_the_cause_and_the_next_step(ops):
    ops.remote.flows.faults = ["refused"]
    judge(ops, 1)
    actions.launch_what_is_due(ops)
    run = records.run(ops.ledger, 1)
    assert run.state is RunState.FAILED
    assert "403: no right; ask for the right" in run.why
    assert ask(ops, "retry", 1).state == "done"
    assert [a.number for a in records.attempts(ops.ledger, 1)] == [1, 2]
    assert state(ops, 1) is RunState.RUNNING


def test_no_more_runs_in_flight_than_allowed(ops):
    for run in range(1, 6):
        judge(ops, run)
    actions.launch_what_is_due(ops)
    assert len(ops.remote.flows.runs) == 3
    waiting = records.runs(ops.ledger, RunState.QUEUED)
    assert {run.run for run in waiting} == {4, 5}
    assert all(run.why == "held: 3 runs are in flight, the limit is 3" for run in waiting)


def test_runs_wait_for_an_offline_endpoint(ops):
    with ops.ledger.change() as db:
        db.execute("INSERT INTO endpoints VALUES ('e', 'frib-fit-mpi', 'fit', 0, 1000000, '{}')")
    judge(ops, 1)
    actions.launch_what_is_due(ops)
    assert records.run(ops.ledger, 1).why.startswith("held: compute endpoint frib-fit-mpi is offline since")


def test_a_queued_run_that_changes_again_waits(ops):
    ops.ledger.put("auto", "off")
    judge(ops, 1)
    records.set_run(ops.ledger, 1, state=RunState.QUEUED.value)
    judge(ops, 1, Verdict.ARRIVING, reason="run 1 is arriving: segment 02 is being copied")
    actions.launch_what_is_due(ops)
    assert records.run(ops.ledger, 1).why == "held: run 1 is arriving: segment 02 is being copied"
    assert ops.remote.flows.runs == []
    judge(ops, 1)
    actions.launch_what_is_due(ops)
    assert state(ops, 1) is RunState.RUNNING


def test_cancel_names_the_flow_run_and_a_queued_run_leaves_the_queue(ops):
    for run in range(1, 5):
        judge(ops, run)
    actions.launch_what_is_due(ops)
    assert "flow run run-0" in ask(ops, "cancel", 1).answer
    assert ops.remote.flows.cancelled == ["run-0"]
    assert state(ops, 1) is RunState.CANCELLING
    assert ask(ops, "cancel", 4).state == "done"
    assert state(ops, 4) is RunState.CANCELLED


def test_requests_that_make_no_sense_are_refused(ops):
    judge(ops, 1)
    actions.launch_what_is_due(ops)
    for verb, run, why in [
        ("launch", 1, "nothing to launch"),
        ("retry", 1, "only a failed or cancelled run"),
        ("launch", 99, "not known"),
        ("explode", 1, "does not know the request"),
    ]:
        request = ask(ops, verb, run)
        assert request.state == "refused"
        assert why in request.answer


def test_the_directory_name_of_the_run_is_kept(ops):
    judged = Judgement(12, Verdict.READY, "complete", (0,), 1000, "t", 1, 2, 1.0, "p")
    records.record_judgement(ops.ledger, str(Path("/data/run0012")), judged, {0: 1000})
    actions.launch_what_is_due(ops)
    assert records.attempts(ops.ledger, 12)[0].body["source"]["path"] == "/runs/run0012/"
