import pytest

from console import actions, records
from console.ledger import Ledger
from console.settings import Policy
from console.states import RunState
from tests.fake_globus import Clock, Remote, judge, operations


@pytest.fixture
def ops(tmp_path):
    """Run 1 is queued behind a limit of no flow runs."""
    made = operations(Ledger(tmp_path / "ledger.db", now=Clock()), Remote(), Policy(max_in_flight=3))
    judge(made, 1)
    records.set_run(made.ledger, 1, state=RunState.QUEUED.value, why="is next")
    return made


def ask(ops, verb):
    number = ops.ledger.ask(verb, 1, actor="anna@daq1")
    actions.launch_what_is_due(ops)
    return ops.ledger.request(number)


def run(ops):
    return records.run(ops.ledger, 1)


def test_a_held_run_waits_until_it_is_released_and_others_go_past_it(ops):
    assert ask(ops, "hold").answer == "run 1 is held: it is not launched until it is released"
    judge(ops, 2)
    for _ in range(3):
        actions.launch_what_is_due(ops)
    assert (run(ops).state, run(ops).why) == (RunState.QUEUED, "held by anna@daq1: h releases it")
    assert records.run(ops.ledger, 2).state is RunState.RUNNING
    again = ask(ops, "hold")
    assert (again.state, again.answer) == ("refused", "run 1 is held already, by anna@daq1")
    assert ask(ops, "release").answer == "run 1 is released: anna@daq1 had held it"
    assert (run(ops).state, run(ops).held_by) == (RunState.RUNNING, None)
    assert "running" in ask(ops, "release").answer


def test_a_hold_is_durable_and_ends_with_the_queue(ops):
    ask(ops, "hold")
    reopened = Ledger(ops.ledger.path, now=ops.ledger.now)
    assert records.run(reopened, 1).held_by == "anna@daq1"
    reopened.close()
    ask(ops, "cancel")
    ask(ops, "retry")
    assert (run(ops).state, run(ops).held_by) == (RunState.RUNNING, None)
