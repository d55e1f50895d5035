"""A run that is stuck gives its slot back after a while; who waits for stuck runs says so."""

from __future__ import annotations

from dataclasses import replace

import pytest

from console.driver import round
from console.ledger import attempts, conditions, runs
from console.ledger.store import Ledger
from console.settings.model import Policy
from flowspec.conditions import Reason, Topic, reason
from flowspec.states import RunState
from tests.fake_globus import Clock, Remote, judge, make_context

CELL = {"code": "words", "parameters": {"words": "no such file"}}
MISSING = Reason("flow.waits", {"stage": "fit", "done": 0, "total": 2, "cell": CELL})
MOVES = reason("attempt.started", number=1)


@pytest.fixture
def ctx(tmp_path):
    """Two slots, runs 1 and 2 in them, at their fits; 3 and 4 wait."""
    ctx = make_context(Ledger(tmp_path / "ledger.db", now=Clock()), Remote(), Policy(max_in_flight=2))
    for run in (1, 2, 3, 4):
        judge(ctx, run)
    round.launch_what_is_due(ctx)
    for attempt in (1, 2):
        attempts.set_attempt(ctx.ledger, attempt, stage="fit")
    return ctx


def get(ctx, why, *numbers):
    for number in numbers:
        conditions.put(ctx.ledger, number, Topic.PROGRESS, [why])


def launch(ctx, after=0.0):
    ctx.ledger.now.time += after
    round.launch_what_is_due(ctx)
    return [run.run for run in reversed(runs.runs(ctx.ledger, RunState.RUNNING))]


def waits(ctx, number):
    run = runs.run(ctx.ledger, number)
    return run.why, run.stuck


def test_who_waits_for_stuck_runs_says_so(ctx):
    get(ctx, MISSING, 1)
    assert launch(ctx) == [1, 2]
    assert waits(ctx, 3) == ("waits: 2 of 2 slots in use", False)
    get(ctx, MISSING, 2)
    assert launch(ctx) == [1, 2]
    assert waits(ctx, 3) == ("waits: 2 of 2 slots are held by stuck runs: p shows them", True)
    get(ctx, MOVES, 2)
    launch(ctx)
    assert waits(ctx, 4) == ("waits: 2 of 2 slots in use", False)


def test_a_stuck_run_gives_its_slot_back_and_keeps_its_flow_run(ctx):
    get(ctx, MISSING, 1)
    assert launch(ctx, ctx.policy.stuck_gives_slot_back - 1) == [1, 2]
    assert launch(ctx, 1) == [1, 2, 3]
    assert ctx.remote.flows.cancelled == []
    get(ctx, MOVES, 1)  # three are under way now, until one has ended
    assert launch(ctx) == [1, 2, 3]


def test_a_stuck_transfer_keeps_its_place_at_globus(tmp_path):
    ctx = make_context(Ledger(tmp_path / "ledger.db", now=Clock()), Remote(), Policy(max_in_flight=3))
    for run in (1, 2, 3, 4):
        judge(ctx, run)
    assert launch(ctx) == [1, 2, 3]
    get(ctx, MISSING, 1, 2)
    launch(ctx, ctx.policy.stuck_gives_slot_back)
    assert waits(ctx, 4) == ("waits: 3 transfers under way, Globus takes no more at a time", False)
    get(ctx, MISSING, 3)
    assert launch(ctx, ctx.policy.stuck_gives_slot_back) == [1, 2, 3]
    told = "waits: 3 transfers are stuck, and Globus takes no more at a time: p shows them, c gives one up"
    assert waits(ctx, 4) == (told, True)


def test_how_long_is_a_setting(ctx):
    ctx = replace(ctx, policy=Policy(max_in_flight=2, stuck_gives_slot_back=60.0))
    get(ctx, MISSING, 1)
    launch(ctx)
    assert launch(ctx, 60) == [1, 2, 3]
