"""A run that seems to hang: its attempt is ended as by a cancel, then what is missing is done again."""

from __future__ import annotations

from console import records, retrying
from console.states import SUSPICION, RunState
from tests.console.test_cancelling import ask, cancel, globus, ops, run, see, start  # noqa: F401


def test_a_run_that_may_hang_is_ended_and_done_again_when_all_of_it_is_gone(ops, globus):
    start(ops)
    globus.fits("running", "done", "done")
    assert ask(ops, "retry").answer == "run 7 is running: only a run that has ended is retried"
    records.set_run(ops.ledger, 7, why="fit 2/3: segment 00 running since 10:00, usually 2 s: it may hang" + SUSPICION)
    assert "a retry ends it first" in ask(ops, "retry", dry=True).answer
    answer = ask(ops, "retry", wish={"from": "convert"}).answer
    assert answer.endswith("what is missing is done again when nothing of it runs any more")
    see(ops)
    retrying.queue_what_is_due(ops)
    assert run(ops).state is RunState.CANCELLING, "something of it still runs"
    for number in range(3):
        globus.task_ends(number)
    see(ops)
    assert run(ops).state is RunState.CANCELLED
    retrying.queue_what_is_due(ops)
    assert (run(ops).state, run(ops).again_at) == (RunState.QUEUED, None)
    assert run(ops).wish == {"from": "convert"}


def test_a_cancel_meanwhile_is_for_good(ops, globus):
    start(ops)
    globus.fits("running", "running", "running")
    records.set_run(ops.ledger, 7, why="fit 0/3: segment 00 running since 10:00: it may hang" + SUSPICION)
    ask(ops, "retry")
    assert cancel(ops).answer == "run 7 is not done again by itself; r does what is missing"
    for number in range(3):
        globus.task_ends(number)
    see(ops)
    retrying.queue_what_is_due(ops)
    assert run(ops).state is RunState.CANCELLED


def test_words_of_others_are_no_suspicion(ops, globus):
    start(ops)
    globus.fits("running", "running", "running")
    records.set_run(
        ops.ledger, 7, why="how far it is cannot be seen, flows: it may be down; r ends it and does it again?"
    )
    assert ask(ops, "retry").state == "refused"
    assert run(ops).state is RunState.RUNNING
