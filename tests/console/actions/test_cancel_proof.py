"""Cancelling: each step may fail or be repeated, and nothing is ticked before it was seen gone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from console.actions import cancel as cancelling
from console.actions import cancel_steps, launch, queue, requests
from console.cli.status import status_json, status_text
from console.evidence import poll
from console.ledger import attempts, cancel_lines, dossier, evidence, runs
from flowspec import text
from flowspec.conditions import reason
from flowspec.plan import plan_all
from flowspec.readiness import Judgement, Verdict
from flowspec.stages import Stage
from flowspec.states import AttemptState, RunState
from remote.globus.compute import TaskStatus
from remote.globus.errors import RemoteError
from tests.cancel_fixture import Globus, Killed, Mortal, iso, make_context

DOWN = RemoteError("later", "flows", "run", "the service cannot be reached", "wait")
FORBIDDEN = RemoteError("operator", "transfer", "mkdir", "403: no right", "ask for the right")


@pytest.fixture
def globus():
    return Globus()


@pytest.fixture
def ctx(tmp_path, globus):
    return make_context(tmp_path, globus)


def start(ctx, *, send=True):
    """Run 7 of three segments, its attempt intended, and started unless told otherwise."""
    judged = Judgement(7, Verdict.READY, reason("run.complete"), (0, 1, 2), 3000, "title", 1, 2, 1.0, "print")
    runs.record_judgement(ctx.ledger, "/data/run7", judged, dict.fromkeys((0, 1, 2), 1000))
    queue.queue(ctx, run(ctx), "me@here")
    launch.write_intent(ctx, dossier.read(ctx.ledger, 7), plan_all(7, (0, 1, 2)), "me@here")
    if send:
        launch.send_intents(ctx, None)


def ask(ctx, verb, **args):
    number = ctx.ledger.ask(verb, 7, actor="anna@daq1", **args)
    requests.answer(ctx, ctx.ledger.request(number))
    return ctx.ledger.request(number)


def cancel(ctx):
    return ask(ctx, "cancel")


def see(ctx):
    """A round; returns the error after which the chore pauses."""
    ctx.ledger.now.time += 1
    try:
        cancelling.continue_cancels(ctx)
    except RemoteError as error:
        return error
    return None


def run(ctx):
    return runs.run(ctx.ledger, 7)


def attempt(ctx):
    return attempts.newest_attempt(ctx.ledger, 7)


def lines(ctx):
    return {line.id: line for line in cancel_lines.read(ctx.ledger, attempt(ctx).attempt)}


def gone(ctx):
    return {id for id, line in lines(ctx).items() if line.gone}


def test_a_cancel_that_does_not_end_is_somebodys(ctx, globus):
    start(ctx)
    globus.transfers_files()
    cancel(ctx)
    asked = ctx.now()
    globus.broken["transfer.cancel"] = FORBIDDEN
    see(ctx)
    assert run(ctx).state is RunState.CANCELLING
    assert not run(ctx).stuck
    ctx.ledger.now.time = asked + ctx.patience
    see(ctx)
    assert run(ctx).stuck
    assert run(ctx).why.startswith(f"cancelled by anna@daq1 {text.clock(asked)}, still running: ")


def test_the_marker_comes_first_and_each_line_is_ticked_when_seen_gone(ctx, globus):
    start(ctx)
    globus.fits("running", "running", "pending")
    assert cancel(ctx).answer == "run 7 attempt 1 is being cancelled: flow run flow-run-1 and the site are being told"
    assert run(ctx).state is RunState.CANCELLING
    globus.calls.clear()
    see(ctx)
    marker = ctx.places.cancelled(7, attempt(ctx).tag)
    assert globus.made == {marker}
    assert globus.calls.index("transfer.make_directories") < globus.calls.index("flows.cancel")
    assert gone(ctx) == {marker, "flow-run-1"}
    assert run(ctx).why == (
        "cancelled by anna@daq1, still running: fit of segments 00, 01, 02 (task ids task-0, task-1 and 1 more)"
    )
    globus.task_ends(1)
    see(ctx)
    assert gone(ctx) == {marker, "flow-run-1", "task-1"}
    assert lines(ctx)["task-1"].words == "ended (return code 143)"
    assert lines(ctx)["task-2"].words == "pending"
    assert run(ctx).why.endswith("fit of segments 00, 02 (task ids task-0, task-2)")
    globus.task_ends(0)
    globus.task_ends(2)
    see(ctx)
    assert run(ctx).state is RunState.CANCELLED
    assert run(ctx).why == "cancelled by anna@daq1: nothing of it runs any more. r does what is missing"
    assert attempt(ctx).state is AttemptState.CANCELLED
    told = [row["text"] for row in ctx.ledger.rows("SELECT text FROM events WHERE text LIKE '%cancel%'")]
    assert len(told) == 2, "one event when asked, one at the end"
    globus.calls.clear()
    see(ctx)
    assert globus.calls == []


def test_what_was_cancelled_is_not_shown_as_failed(ctx, globus):
    start(ctx)
    globus.fits("running", "running", "pending")
    cancel(ctx)
    for number in range(2):
        globus.task_ends(number)
    globus.task_ends(2, rc=134, cause="fit of run 7 segment 02: return code 134: aborted")
    see(ctx)
    cells = evidence.matrix(ctx.ledger, run(ctx))
    assert [cells[(Stage.FIT, s)].state.value for s in range(3)] == ["waiting", "waiting", "failed"]


def test_transfer_tasks_are_cancelled_also_one_that_the_log_does_not_tell(ctx, globus):
    start(ctx)
    globus.transfers_files()
    globus.transfers["transfer-2"] = replace(globus.transfers["transfer-1"], id="transfer-2")
    cancel(ctx)
    see(ctx)
    assert {"transfer-1", "transfer-2"} <= gone(ctx)
    assert run(ctx).state is RunState.CANCELLED


def test_a_stage_that_starts_in_the_last_moment_is_found(ctx, globus):
    start(ctx)
    globus.transfers_files()
    globus.late = [globus.entry("ActionStarted", "fit")]
    globus.late.append(globus.entry("ActionPolled", "fit", "tg_group-1"))
    globus.groups["group-1"] = ["task-0", "task-1", "task-2"]
    globus.tasks = {f"task-{n}": TaskStatus(f"task-{n}", "pending") for n in range(3)}
    cancel(ctx)
    see(ctx)
    assert {"task-0", "task-1", "task-2"} <= lines(ctx).keys() - gone(ctx)
    for number in range(3):
        globus.task_ends(number)
    see(ctx)
    assert run(ctx).state is RunState.CANCELLED


def test_an_action_without_an_id_is_waited_for(ctx, globus):
    """A flow run that has just started an action: cancelled now, its log might never tell the tasks."""
    start(ctx)
    globus.tells("ActionStarted", "fit")
    cancel(ctx)
    see(ctx)
    assert "flows.cancel" not in globus.calls
    assert globus.made, "but the jobs know already"
    globus.tells("ActionPolled", "fit", "tg_group-1")
    globus.groups["group-1"] = ["task-0"]
    globus.task_ends(0)
    see(ctx)
    assert run(ctx).state is RunState.CANCELLED


def test_tasks_whose_ids_are_never_told_are_ticked_by_what_the_jobs_leave_at_the_site(ctx, globus):
    start(ctx)
    globus.tells("ActionStarted", "fit")
    cancel(ctx)
    ctx.ledger.now.time += cancel_steps.ACTION_ID_SECONDS
    globus.told_at_the_site = {"fit-00": None, "fit-02": None}
    see(ctx)
    assert globus.flow_run.cancelled
    assert run(ctx).state is RunState.CANCELLING
    assert lines(ctx)["not told: fit"].words == "the site has not told the end of fit-01"
    globus.told_at_the_site["fit-01"] = None
    see(ctx)
    assert run(ctx).state is RunState.CANCELLED


def test_a_stage_that_could_not_be_started_has_no_tasks(ctx, globus):
    start(ctx)
    globus.tells("ActionStarted", "fit")
    globus.tells("ActionFailed", "fit")
    cancel(ctx)
    see(ctx)
    assert run(ctx).state is RunState.CANCELLED


def test_the_log_is_read_until_it_tells_the_end(ctx, globus):
    start(ctx)
    globus.fits("pending")
    globus.task_ends(0)
    cancel(ctx)
    end, globus.log = globus.log, []
    globus.broken["flows.cancel"] = DOWN
    see(ctx)
    globus.flow_run = replace(globus.flow_run, status="FAILED", completed=iso(30), details={"code": "FlowCanceled"})
    globus.log = end
    ctx.ledger.now.time = poll.flowlog.seconds(iso(30))
    see(ctx)
    assert "flow-run-1" not in gone(ctx), "ended, but the log does not tell it yet"
    globus.tells("FlowCanceled")
    see(ctx)
    assert run(ctx).state is RunState.CANCELLED


def test_an_offline_endpoint_leaves_its_lines_until_it_is_back(ctx, globus):
    start(ctx)
    globus.fits("running", "pending", "pending")
    cancel(ctx)
    with ctx.ledger.change() as db:
        db.execute("INSERT INTO endpoints VALUES ('e', 'frib-fit-mpi', 'fit', 0, 1000000, '{}')")
    globus.task_ends(0)
    for _ in range(3):
        see(ctx)
    assert run(ctx).state is RunState.CANCELLING
    still = "fit of segments 01, 02 (task ids task-1, task-2), endpoint frib-fit-mpi offline"
    assert run(ctx).why == f"cancelled by anna@daq1, still running: {still}"
    assert cancel(ctx).answer == f"run 7 is being cancelled already: {run(ctx).why}"
    told = status_text(ctx.ledger, 7)
    assert "cancel: asked by anna@daq1" in told
    rows = {line.split()[-2]: line.split() for line in told.splitlines() if line.endswith(("pending", "143)", "made"))}
    assert rows["task-1"][0] == "-"
    document = status_json(ctx.ledger, 7)["run"]["cancel"]
    assert [(line["what"], line["gone_at"] is None) for line in document if line["kind"] == "compute task"] == [
        ("fit of segment 00", False), ("fit of segment 01", True), ("fit of segment 02", True),
    ]  # fmt: skip
    for number in (1, 2):
        globus.task_ends(number, cause="fit of run 7 segment 01: cancelled before it was started")
    see(ctx)
    assert run(ctx).state is RunState.CANCELLED


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
def test_what_fails_does_not_stop_the_rest_and_is_done_again(ctx, globus, broken, done_all_the_same):
    start(ctx)
    globus.transfers_files()
    globus.fits("running", "pending")
    globus.broken = {broken: DOWN}
    cancel(ctx)
    assert see(ctx) is DOWN
    assert run(ctx).state is RunState.CANCELLING
    assert done_all_the_same <= set(globus.calls)
    globus.broken = {}
    globus.task_ends(0)
    globus.task_ends(1)
    assert see(ctx) is None
    assert run(ctx).state is RunState.CANCELLED


def test_a_marker_that_cannot_be_made_is_told_and_holds_nothing_up(ctx, globus):
    start(ctx)
    globus.fits("running")
    globus.broken = {"transfer.make_directories": FORBIDDEN}
    cancel(ctx)
    see(ctx)
    assert "marker at the site" in run(ctx).why
    assert "cannot be made: 403: no right" in run(ctx).why
    globus.task_ends(0, rc=0)
    see(ctx)
    assert run(ctx).state is RunState.CANCELLED


def test_a_driver_that_dies_between_any_two_calls_sees_the_cancel_through(ctx, globus):
    """Killed after each call in turn: the next driver knows nothing but the ledger."""
    start(ctx)
    globus.transfers_files()
    globus.fits("running", "pending", "pending")
    cancel(ctx)
    for number in range(3):
        globus.task_ends(number)

    deaths = 0
    while run(ctx).state is RunState.CANCELLING:
        assert deaths < 100
        try:
            see(replace(ctx, remote=Mortal(ctx.remote, calls=deaths + 1)))
        except Killed:
            deaths += 1
    assert deaths > 3
    assert run(ctx).state is RunState.CANCELLED
    assert all(line.gone for line in lines(ctx).values())
