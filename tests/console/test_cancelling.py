"""Cancelling: each step may fail or be repeated, and nothing is ticked before it was seen gone."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from console import attempts, cancel_lines, cancelling, pollers, queueing, records, requests
from console.attempts import LOOKUP_SECONDS
from console.states import AttemptState, RunState
from console.status import status_json, status_text
from flowspec.plan import plan_all
from flowspec.readiness import Judgement, Verdict
from flowspec.stages import Stage
from remote.globus.compute import TaskStatus
from remote.globus.errors import RemoteError
from tests.cancel_fixture import ID, Globus, Killed, Mortal, iso, operations

DOWN = RemoteError("later", "flows", "run", "the service cannot be reached", "wait")
FORBIDDEN = RemoteError("operator", "transfer", "mkdir", "403: no right", "ask for the right")


@pytest.fixture
def globus():
    return Globus()


@pytest.fixture
def ops(tmp_path, globus):
    return operations(tmp_path, globus)


def start(ops, *, send=True):
    """Run 7 of three segments, its attempt intended, and started unless told otherwise."""
    judged = Judgement(7, Verdict.READY, "complete", (0, 1, 2), 3000, "title", 1, 2, 1.0, "print")
    records.record_judgement(ops.ledger, "/data/run7", judged, dict.fromkeys((0, 1, 2), 1000))
    queueing.queue(ops, run(ops), "me@here")
    attempts.intend(ops, run(ops), plan_all(7, (0, 1, 2)), "me@here")
    if send:
        attempts.send_intents(ops)


def ask(ops, verb, **args):
    number = ops.ledger.ask(verb, 7, actor="anna@daq1", **args)
    requests.answer(ops, ops.ledger.request(number))
    return ops.ledger.request(number)


def cancel(ops):
    return ask(ops, "cancel")


def see(ops):
    """A round; returns the error after which the chore pauses."""
    ops.ledger.now.time += 1
    try:
        cancelling.see_through(ops)
    except RemoteError as error:
        return error
    return None


def run(ops):
    return records.run(ops.ledger, 7)


def attempt(ops):
    return records.newest_attempt(ops.ledger, 7)


def lines(ops):
    return {line.id: line for line in cancel_lines.read(ops.ledger, attempt(ops).attempt)}


def gone(ops):
    return {id for id, line in lines(ops).items() if line.gone}


def test_the_marker_comes_first_and_each_line_is_ticked_when_seen_gone(ops, globus):
    start(ops)
    globus.fits("running", "running", "pending")
    assert cancel(ops).answer == "run 7 attempt 1 is being cancelled: flow run flow-run-1 and the site are being told"
    assert run(ops).state is RunState.CANCELLING
    globus.calls.clear()
    see(ops)
    marker = ops.places.cancelled(7, attempt(ops).tag)
    assert globus.made == {marker}
    assert globus.calls.index("transfer.make_directories") < globus.calls.index("flows.cancel")
    assert gone(ops) == {marker, "flow-run-1"}
    assert run(ops).why == (
        "cancelled by anna@daq1, still running: fit of segments 00, 01, 02 (task ids task-0, task-1 and 1 more)"
    )
    globus.task_ends(1)
    see(ops)
    assert gone(ops) == {marker, "flow-run-1", "task-1"}
    assert lines(ops)["task-1"].seen == "ended (return code 143)"
    assert lines(ops)["task-2"].seen == "pending"
    assert run(ops).why.endswith("fit of segments 00, 02 (task ids task-0, task-2)")
    globus.task_ends(0)
    globus.task_ends(2)
    see(ops)
    assert run(ops).state is RunState.CANCELLED
    assert run(ops).why == "cancelled by anna@daq1: nothing of it runs any more. r does what is missing"
    assert attempt(ops).state is AttemptState.CANCELLED
    told = [row["text"] for row in ops.ledger.rows("SELECT text FROM events WHERE text LIKE '%cancel%'")]
    assert len(told) == 2, "one event when asked, one at the end"
    globus.calls.clear()
    see(ops)
    assert globus.calls == []


def test_what_was_cancelled_is_not_shown_as_failed(ops, globus):
    start(ops)
    globus.fits("running", "running", "pending")
    cancel(ops)
    for number in range(2):
        globus.task_ends(number)
    globus.task_ends(2, rc=134, cause="fit of run 7 segment 02: return code 134: aborted")
    see(ops)
    cells = records.matrix(ops.ledger, run(ops))
    assert [cells[(Stage.FIT, s)].state.value for s in range(3)] == ["waiting", "waiting", "failed"]


def test_transfer_tasks_are_cancelled_also_one_that_the_log_does_not_tell(ops, globus):
    start(ops)
    globus.transfers_files()
    globus.transfers["transfer-2"] = replace(globus.transfers["transfer-1"], id="transfer-2")
    cancel(ops)
    see(ops)
    assert {"transfer-1", "transfer-2"} <= gone(ops)
    assert run(ops).state is RunState.CANCELLED


def test_a_stage_that_starts_in_the_last_moment_is_found(ops, globus):
    start(ops)
    globus.transfers_files()
    globus.late = [globus.entry("ActionStarted", "fit")]
    globus.late.append(globus.entry("ActionPolled", "fit", "tg_group-1"))
    globus.groups["group-1"] = ["task-0", "task-1", "task-2"]
    globus.tasks = {f"task-{n}": TaskStatus(f"task-{n}", "pending") for n in range(3)}
    cancel(ops)
    see(ops)
    assert {"task-0", "task-1", "task-2"} <= lines(ops).keys() - gone(ops)
    for number in range(3):
        globus.task_ends(number)
    see(ops)
    assert run(ops).state is RunState.CANCELLED


def test_an_action_without_an_id_is_waited_for(ops, globus):
    """A flow run that has just started an action: cancelled now, its log might never tell the tasks."""
    start(ops)
    globus.tells("ActionStarted", "fit")
    cancel(ops)
    see(ops)
    assert "flows.cancel" not in globus.calls
    assert globus.made, "but the jobs know already"
    globus.tells("ActionPolled", "fit", "tg_group-1")
    globus.groups["group-1"] = ["task-0"]
    globus.task_ends(0)
    see(ops)
    assert run(ops).state is RunState.CANCELLED


def test_tasks_whose_ids_are_never_told_are_ticked_by_what_the_jobs_leave_at_the_site(ops, globus):
    start(ops)
    globus.tells("ActionStarted", "fit")
    cancel(ops)
    ops.ledger.now.time += cancelling.UNTOLD_SECONDS
    globus.told_at_the_site = {"fit-00": None, "fit-02": None}
    see(ops)
    assert globus.flow_run.cancelled
    assert run(ops).state is RunState.CANCELLING
    assert lines(ops)["not told: fit"].seen == "the site has not told the end of fit-01"
    globus.told_at_the_site["fit-01"] = None
    see(ops)
    assert run(ops).state is RunState.CANCELLED


def test_a_stage_that_could_not_be_started_has_no_tasks(ops, globus):
    start(ops)
    globus.tells("ActionStarted", "fit")
    globus.tells("ActionFailed", "fit")
    cancel(ops)
    see(ops)
    assert run(ops).state is RunState.CANCELLED


def test_the_log_is_read_until_it_tells_the_end(ops, globus):
    start(ops)
    globus.fits("pending")
    globus.task_ends(0)
    cancel(ops)
    end, globus.log = globus.log, []
    globus.broken["flows.cancel"] = DOWN
    see(ops)
    globus.flow_run = replace(globus.flow_run, status="FAILED", completed=iso(30), details={"code": "FlowCanceled"})
    globus.log = end
    ops.ledger.now.time = pollers.flowlog.seconds(iso(30))
    see(ops)
    assert "flow-run-1" not in gone(ops), "ended, but the log does not tell it yet"
    globus.tells("FlowCanceled")
    see(ops)
    assert run(ops).state is RunState.CANCELLED


def test_an_offline_endpoint_leaves_its_lines_until_it_is_back(ops, globus):
    start(ops)
    globus.fits("running", "pending", "pending")
    cancel(ops)
    with ops.ledger.change() as db:
        db.execute("INSERT INTO endpoints VALUES ('e', 'frib-fit-mpi', 'fit', 0, 1000000, '{}')")
    globus.task_ends(0)
    for _ in range(3):
        see(ops)
    assert run(ops).state is RunState.CANCELLING
    still = "fit of segments 01, 02 (task ids task-1, task-2), endpoint frib-fit-mpi offline"
    assert run(ops).why == f"cancelled by anna@daq1, still running: {still}"
    assert cancel(ops).answer == f"run 7 is being cancelled already: {run(ops).why}"
    told = status_text(ops.ledger, 7)
    assert "cancel: asked by anna@daq1" in told
    rows = {line.split()[-2]: line.split() for line in told.splitlines() if line.endswith(("pending", "143)", "made"))}
    assert rows["task-1"][0] == "-"
    document = status_json(ops.ledger, 7)["run"]["cancel"]
    assert [(line["what"], line["gone_at"] is None) for line in document if line["kind"] == "compute task"] == [
        ("fit of segment 00", False), ("fit of segment 01", True), ("fit of segment 02", True),
    ]  # fmt: skip
    for number in (1, 2):
        globus.task_ends(number, cause="fit of run 7 segment 01: cancelled before it was started")
    see(ops)
    assert run(ops).state is RunState.CANCELLED


MARK, END, END_TRANSFER = "transfer.make_directories", "flows.cancel", "transfer.cancel"


@pytest.mark.parametrize(
    ("broken", "done_all_the_same"),
    [
        (MARK, {END, END_TRANSFER}),
        ("flows.run", {MARK}),  # the log, which names the transfer task, is not read then
        (END, {MARK, END_TRANSFER}),
        ("transfer.task", {MARK, END}),
        ("compute.batch_status", {MARK, END, END_TRANSFER}),
        ("compute.task_group", {MARK, END, END_TRANSFER}),
    ],
)
def test_what_fails_does_not_stop_the_rest_and_is_done_again(ops, globus, broken, done_all_the_same):
    start(ops)
    globus.transfers_files()
    globus.fits("running", "pending")
    globus.broken = {broken: DOWN}
    cancel(ops)
    assert see(ops) is DOWN
    assert run(ops).state is RunState.CANCELLING
    assert done_all_the_same <= set(globus.calls)
    globus.broken = {}
    globus.task_ends(0)
    globus.task_ends(1)
    assert see(ops) is None
    assert run(ops).state is RunState.CANCELLED


def test_a_marker_that_cannot_be_made_is_told_and_holds_nothing_up(ops, globus):
    start(ops)
    globus.fits("running")
    globus.broken = {"transfer.make_directories": FORBIDDEN}
    cancel(ops)
    see(ops)
    assert "marker at the site" in run(ops).why
    assert "cannot be made: 403: no right" in run(ops).why
    globus.task_ends(0, rc=0)
    see(ops)
    assert run(ops).state is RunState.CANCELLED


def test_a_driver_that_dies_between_any_two_calls_sees_the_cancel_through(ops, globus):
    """Killed after each call in turn: the next driver knows nothing but the ledger."""
    start(ops)
    globus.transfers_files()
    globus.fits("running", "pending", "pending")
    cancel(ops)
    for number in range(3):
        globus.task_ends(number)

    deaths = 0
    while run(ops).state is RunState.CANCELLING:
        assert deaths < 100
        try:
            see(replace(ops, remote=Mortal(ops.remote, calls=deaths + 1)))
        except Killed:
            deaths += 1
    assert deaths > 3
    assert run(ops).state is RunState.CANCELLED
    assert all(line.gone for line in lines(ops).values())


def test_an_intent_that_was_never_sent_is_cancelled_at_once(ops, globus):
    start(ops, send=False)
    assert "Globus had not been asked to start it" in cancel(ops).answer
    assert run(ops).state is RunState.CANCELLED
    attempts.send_intents(ops)
    assert globus.calls == []


@pytest.mark.parametrize("effect", [True, False])
def test_an_intent_without_an_answer_is_settled_first_and_not_sent_again(ops, globus, effect):
    start(ops, send=False)
    lost = RemoteError("later", "flows", "start", "no answer in time", "wait", ambiguous=True)
    globus.broken = {"flows.start": lost}
    attempts.send_intents(ops)
    if effect:
        globus._start(ID, {}, "a label", [attempt(ops).tag])
        globus.fits("running")
    answer = cancel(ops)
    assert (answer.state, run(ops).state) == ("done", RunState.CANCELLING)
    assert "whether its flow run was started is being found out" in answer.answer
    globus.broken = {}
    see(ops)
    assert run(ops).state is RunState.CANCELLING
    assert attempt(ops).tag in run(ops).why
    ops.ledger.now.time += LOOKUP_SECONDS
    attempts.send_intents(ops)
    see(ops)
    assert globus.calls.count("flows.start") == 1
    assert globus.made
    if effect:
        assert globus.flow_run.cancelled
        assert run(ops).why.endswith("still running: fit of segment 00 (task ids task-0)")
        globus.task_ends(0)
        see(ops)
    assert run(ops).state is RunState.CANCELLED


def test_a_queued_run_is_taken_from_the_queue(ops, globus):
    start(ops, send=False)
    records.set_attempt(ops.ledger, 1, state=AttemptState.FAILED.value)
    queueing.queue(ops, run(ops), "me@here")
    assert cancel(ops).answer == "run 7 is no longer queued"
    assert run(ops).state is RunState.CANCELLED


def test_between_two_attempts_no_further_one_is_started(ops, globus):
    start(ops)
    records.set_attempt(ops.ledger, 1, state=AttemptState.SUCCEEDED.value)
    assert cancel(ops).answer == "run 7 is cancelled: no further attempt is started"
    queueing.go_on(ops)
    assert len(records.attempts(ops.ledger, 7)) == 1


def test_a_run_that_is_done_is_not_cancelled(ops, globus):
    start(ops)
    records.set_run(ops.ledger, 7, state=RunState.DONE.value)
    refused = cancel(ops)
    assert (refused.state, refused.answer) == ("refused", "run 7 is done: there is nothing to cancel")


def test_a_flow_run_that_had_succeeded_is_left_to_the_pollers(ops, globus):
    start(ops)
    globus.ends("SUCCEEDED", "FlowSucceeded")
    cancel(ops)
    see(ops)
    assert (run(ops).state, attempt(ops).cancel_at) == (RunState.RUNNING, None)
    assert "had succeeded before it could be cancelled" in run(ops).why
    assert lines(ops) == {}
    assert attempt(ops).state is AttemptState.STARTED


def test_the_first_part_of_a_long_run_that_had_succeeded_is_the_last(ops, globus):
    start(ops)
    plan = json.loads(ops.ledger.row("SELECT plan FROM attempts")["plan"]) | {"left": 5}
    records.set_attempt(ops.ledger, 1, plan=json.dumps(plan))
    globus.ends("SUCCEEDED", "FlowSucceeded")
    cancel(ops)
    see(ops)
    assert run(ops).state is RunState.CANCELLED


def test_pollers_leave_a_cancel_alone_and_hand_over_one_from_elsewhere(ops, globus):
    start(ops)
    globus.fits("running")
    ops.remote.flows.runs = lambda flows, since: [globus.flow_run]
    ops.remote.transfer.stat = lambda *_: None
    globus.ends("FAILED", "FlowCanceled")  # in the web app
    pollers.poll_attempts(ops)
    assert run(ops).state is RunState.CANCELLING
    assert attempt(ops).cancel_by == "somebody at Globus"
    pollers.poll_attempts(ops)
    assert attempt(ops).state is AttemptState.STARTED
    see(ops)
    assert run(ops).why.endswith("still running: fit of segment 00 (task ids task-0)")
    globus.task_ends(0)
    see(ops)
    assert run(ops).why.startswith("cancelled by somebody at Globus: nothing of it runs any more")
