import pytest

from console.driver import round
from console.ledger import runs
from console.ledger.store import Ledger
from console.settings.model import Policy
from flowspec.states import RunState
from tests.fake_globus import Clock, Remote, judge, make_context
from tests.ledger_fixture import stand


@pytest.fixture
def ctx(tmp_path):
    """Run 1 is queued behind a limit of no flow runs."""
    made = make_context(Ledger(tmp_path / "ledger.db", now=Clock()), Remote(), Policy(max_in_flight=3))
    judge(made, 1)
    stand(made.ledger, 1, state=RunState.QUEUED, why="is next")
    return made


def ask(ctx, verb):
    number = ctx.ledger.ask(verb, 1, actor="anna@daq1")
    round.launch_what_is_due(ctx)
    return ctx.ledger.request(number)


def run(ctx):
    return runs.run(ctx.ledger, 1)


def test_a_held_run_waits_until_it_is_released_and_others_go_past_it(ctx):
    assert ask(ctx, "hold").answer == "run 1 is held: it is not launched until it is released"
    judge(ctx, 2)
    for _ in range(3):
        round.launch_what_is_due(ctx)
    assert (run(ctx).state, run(ctx).why) == (RunState.QUEUED, "held by anna@daq1: h releases it")
    assert runs.run(ctx.ledger, 2).state is RunState.RUNNING
    again = ask(ctx, "hold")
    assert (again.state, again.answer) == ("refused", "run 1 is held already, by anna@daq1")
    assert ask(ctx, "release").answer == "run 1 is released: anna@daq1 had held it"
    assert (run(ctx).state, run(ctx).held_by) == (RunState.RUNNING, None)
    assert "running" in ask(ctx, "release").answer


def test_a_hold_is_durable_and_ends_with_the_queue(ctx):
    ask(ctx, "hold")
    reopened = Ledger(ctx.ledger.path, now=ctx.ledger.now)
    assert runs.run(reopened, 1).held_by == "anna@daq1"
    reopened.close()
    ask(ctx, "cancel")
    ask(ctx, "retry")
    assert (run(ctx).state, run(ctx).held_by) == (RunState.RUNNING, None)
