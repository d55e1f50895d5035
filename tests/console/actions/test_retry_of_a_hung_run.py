"""A run that seems to hang: its attempt is ended as by a cancel, then what is missing is done again."""

from __future__ import annotations

from console.actions import retry
from flowspec.catalogue import nested
from flowspec.conditions import Reason, reason
from flowspec.standing import SUSPECT
from flowspec.states import RunState
from tests.console.actions.test_cancel_proof import ask, cancel, ctx, globus, run, see, start  # noqa: F401
from tests.ledger_fixture import stand

HANGS = reason(SUSPECT, stage="fit", done=2, total=3, cell=nested(Reason("words", {"words": "it may hang"})))


def test_a_run_that_may_hang_is_ended_and_done_again_when_all_of_it_is_gone(ctx, globus):
    start(ctx)
    globus.fits("running", "done", "done")
    assert ask(ctx, "retry").answer == "run 7 is running: only a run that has ended is retried"
    stand(ctx.ledger, 7, why=HANGS)
    assert "a retry ends it first" in ask(ctx, "retry", dry=True).answer
    answer = ask(ctx, "retry", wish={"from": "convert"}).answer
    assert answer.endswith("what is missing is done again when nothing of it runs any more")
    see(ctx)
    retry.queue_what_is_due(ctx)
    assert run(ctx).state is RunState.CANCELLING, "something of it still runs"
    for number in range(3):
        globus.task_ends(number)
    see(ctx)
    assert run(ctx).state is RunState.CANCELLED
    retry.queue_what_is_due(ctx)
    assert (run(ctx).state, run(ctx).again_at) == (RunState.QUEUED, None)
    assert run(ctx).wish == {"from": "convert"}


def test_a_cancel_meanwhile_is_for_good(ctx, globus):
    start(ctx)
    globus.fits("running", "running", "running")
    stand(ctx.ledger, 7, why=HANGS)
    ask(ctx, "retry")
    assert cancel(ctx).answer == "run 7 is not done again by itself; r does what is missing"
    for number in range(3):
        globus.task_ends(number)
    see(ctx)
    retry.queue_what_is_due(ctx)
    assert run(ctx).state is RunState.CANCELLED


def test_words_of_others_are_no_suspicion(ctx, globus):
    start(ctx)
    globus.fits("running", "running", "running")
    stand(ctx.ledger, 7, why="how far it is cannot be seen, flows: it may be down; r ends it and does it again?")
    assert ask(ctx, "retry").state == "refused"
    assert run(ctx).state is RunState.RUNNING
