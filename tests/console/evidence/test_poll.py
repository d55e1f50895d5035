"""One poll of several attempts: trouble with one stops no other, trouble with a service stops all; who is judged."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from console.actions import launch, queue
from console.driver import round
from console.evidence.poll import poll_attempts
from console.ledger import attempts, conditions, dossier, runs
from console.ledger.store import Ledger
from console.settings.model import Policy
from flowspec import catalogue
from flowspec.conditions import Topic, reason
from flowspec.plan import plan_all
from flowspec.standing import INACTIVE, SUSPECT
from flowspec.states import RunState
from remote.globus.compute import TaskStatus
from remote.globus.errors import RemoteError
from remote.globus.flows import FlowRun, LogEntry
from remote.globus.transfer import TransferTask
from tests.fake_globus import Clock, judge, make_context

LATER = RemoteError("later", "transfer", "task", "503: busy", "wait")
NO_RIGHT = RemoteError("operator", "transfer", "task", "403: no right", "ask for the right")
BEGAN = "2026-11-23T10:00:00+00:00"


class Globus:
    """Flow runs "flow-N", each at fit, after transfer task "transfer-N"; `broken`: what a call about one raises."""

    def __init__(self) -> None:
        self.flow_runs: dict[str, FlowRun] = {}
        self.broken: dict[str, RemoteError] = {}
        self.calls: list[str] = []
        self.spare = 20
        self.flows: Any = SimpleNamespace(
            start=self._start, runs=lambda flows, since: [*self.flow_runs.values()], log=self._log
        )
        self.transfer: Any = SimpleNamespace(task=self._task, ls=lambda collection, folder: {})
        self.compute: Any = SimpleNamespace(
            spare=lambda: self.spare, task_group=self._group, batch_status=self._batch_status
        )

    def _ask(self, call: str) -> None:
        self.calls.append(call)
        if call in self.broken:
            raise self.broken[call]

    def _start(self, flow_id: str, body: Any, label: str, *_: Any) -> FlowRun:
        flow_run = FlowRun(f"flow-{label.split()[2]}", flow_id, "ACTIVE", label, (), BEGAN, None, {})
        self.flow_runs[flow_run.id] = flow_run
        return flow_run

    def _log(self, flow_run: str, after: str | None = None) -> list[LogEntry]:
        self._ask(f"log of {flow_run}")
        number = flow_run.removeprefix("flow-")

        def polled(state: str, action: str) -> LogEntry:
            output = {"action_id": action, "status": "ACTIVE", "details": {"task_id": action}}
            return LogEntry(BEGAN, "ActionPolled", "", {"state_name": state, "output": output})

        if after is not None:
            return []
        return [
            LogEntry(BEGAN, "ActionStarted", "", {"state_name": "Transfer"}),
            polled("Transfer", f"transfer-{number}"),
            LogEntry(BEGAN, "ActionStarted", "", {"state_name": "Fit"}),
            polled("Fit", f"tg_group-{number}"),
        ]

    def _task(self, task: str) -> TransferTask:
        self._ask(task)
        return TransferTask(task, "ACTIVE", "", 2, 0, 0, 0, 0.0, 0, "OK", "", None, "", None, None)

    def _group(self, group: str) -> list[str]:
        self._ask(group)
        return [f"task of {group}"]

    def _batch_status(self, tasks: list[str]) -> dict[str, TaskStatus]:
        self._ask("batch status")
        return {task: TaskStatus(task, "running") for task in tasks}


@pytest.fixture
def globus():
    return Globus()


@pytest.fixture
def nothing_started(tmp_path, globus):
    return make_context(Ledger(tmp_path / "ledger.db", now=Clock()), globus, Policy())


@pytest.fixture
def ctx(nothing_started):
    """Three runs whose attempts are under way."""
    for number in (1, 2, 3):
        start(nothing_started, number)
    return nothing_started


def start(ctx, number):
    judge(ctx, number, segments=(0,))
    queue.queue(ctx, runs.run(ctx.ledger, number), "me@here")
    launch.write_intent(ctx, dossier.read(ctx.ledger, number), plan_all(number, (0,)), "me@here")
    assert launch.send_intents(ctx, None).trouble is None


def ends(globus, number):
    flow_run = globus.flow_runs[f"flow-{number}"]
    globus.flow_runs[flow_run.id] = replace(flow_run, status="FAILED", completed=BEGAN)


def to_be_judged(poll):
    return [each.attempt.run for each in poll.attempts if each.can_be_judged]


def test_all_is_well(ctx):
    poll = poll_attempts(ctx)
    assert poll.trouble is None
    assert to_be_judged(poll) == [1, 2, 3]
    assert all(each.every_witness_asked for each in poll.attempts)


@pytest.mark.parametrize("call", ["log of flow-2", "group-2", "transfer-2"])
@pytest.mark.parametrize("error", [LATER, NO_RIGHT])
def test_trouble_with_one_is_said_of_its_run_and_the_others_go_on(ctx, globus, call, error):
    globus.broken[call] = error
    poll = poll_attempts(ctx)
    assert poll.trouble is None
    assert to_be_judged(poll) == [1, 3]
    assert error.cause in runs.run(ctx.ledger, 2).why
    assert "transfer-3" in globus.calls


def test_trouble_with_the_only_attempt_is_the_services(nothing_started, globus):
    start(nothing_started, 2)
    globus.broken["transfer-2"] = LATER
    poll = poll_attempts(nothing_started)
    assert poll.trouble is LATER
    assert to_be_judged(poll) == []


def test_what_is_to_be_asked_later_for_two_is_so_for_all(ctx, globus):
    globus.broken |= {"transfer-1": LATER, "transfer-2": LATER}
    poll = poll_attempts(ctx)
    assert poll.trouble is LATER
    assert "transfer-3" not in globus.calls
    assert to_be_judged(poll) == []


def test_what_was_found_out_before_a_service_failed_holds(ctx, globus):
    globus.broken |= {"transfer-2": LATER, "transfer-3": LATER}
    poll = poll_attempts(ctx)
    assert poll.trouble is LATER
    assert to_be_judged(poll) == [1]


@pytest.mark.parametrize("first", [NO_RIGHT, LATER])
def test_a_refusal_does_not_stop_the_others_even_as_the_second_trouble(ctx, globus, first):
    globus.broken |= {"transfer-1": first, "transfer-2": NO_RIGHT}
    poll = poll_attempts(ctx)
    assert poll.trouble is first
    assert to_be_judged(poll) == [3]


def test_without_flows_nothing_is_found_out(ctx, globus):
    globus.broken |= {"log of flow-1": LATER, "log of flow-2": LATER}
    with pytest.raises(RemoteError):
        poll_attempts(ctx)
    assert "transfer-1" not in globus.calls


@pytest.mark.parametrize("missing", ["Compute fails", "Compute takes no request now"])
def test_an_end_is_not_judged_without_compute_and_the_others_are(ctx, globus, missing):
    ends(globus, 2)
    if missing == "Compute fails":
        globus.broken["batch status"] = LATER
    else:
        globus.spare = 0
    poll = poll_attempts(ctx)
    assert (poll.trouble is LATER) == (missing == "Compute fails")
    assert to_be_judged(poll) == [1, 3]
    assert {"transfer-1", "transfer-2", "transfer-3"} <= set(globus.calls), "the others are asked all the same"


def test_the_round_judges_what_can_be_judged_and_then_tells_of_the_trouble(ctx, globus):
    ends(globus, 1)
    ends(globus, 2)
    globus.broken["batch status"] = LATER
    with pytest.raises(RemoteError):
        round.follow_attempts(ctx)
    assert runs.run(ctx.ledger, 1).state is RunState.RUNNING
    assert runs.run(ctx.ledger, 3).why.startswith("transfer")
    del globus.broken["batch status"]
    round.follow_attempts(ctx)
    assert [runs.run(ctx.ledger, number).state for number in (1, 2, 3)] == [
        RunState.FAILED,
        RunState.FAILED,
        RunState.RUNNING,
    ]


def test_a_cancel_is_not_followed(ctx, globus):
    attempts.set_attempt(ctx.ledger, 2, cancel_by="me@here", cancel_at=1.0)
    assert to_be_judged(poll_attempts(ctx)) == [1, 3]
    assert "transfer-2" not in globus.calls


@pytest.mark.parametrize(
    ("known", "answer"),
    [
        (reason(INACTIVE, words="Globus asks for a consent", consent=True), "is being resumed"),
        (reason(SUSPECT, words="fit of segment 00 may hang"), "what is missing is done again when nothing of it runs"),
    ],
    ids=["inactive", "may hang"],
)
def test_a_poll_that_failed_hides_nothing_that_was_known(ctx, globus, known, answer):
    """A 503 for one look must not take `r` away from a run that waits for it."""
    conditions.put(ctx.ledger, 2, Topic.PROGRESS, [known])
    globus.broken["transfer-2"] = LATER
    poll_attempts(ctx)
    run = runs.run(ctx.ledger, 2)
    assert {condition.code for condition in run.conditions} >= {known.code, "poll.failed"}
    assert run.why.startswith(catalogue.sentence(known))
    request = ctx.ledger.ask("retry", 2, actor="me@here")
    round.answer_requests(ctx)
    answered = ctx.ledger.request(request)
    assert (answered.state, answer in answered.answer) == ("done", True), answered.answer


def test_what_could_not_be_seen_is_forgotten_with_the_next_poll(ctx, globus):
    globus.broken["transfer-2"] = LATER
    round.follow_attempts(ctx)
    assert "cannot be seen" in runs.run(ctx.ledger, 2).why
    del globus.broken["transfer-2"]
    round.follow_attempts(ctx)
    assert "cannot be seen" not in runs.run(ctx.ledger, 2).why
