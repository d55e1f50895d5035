"""What the disk's thread finds between a listing of the queue and what is done with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from console.actions import requests
from console.driver import round
from console.ledger import runs
from console.ledger.moves import move
from console.ledger.store import Ledger
from console.settings.model import Policy
from flowspec.readiness import Verdict
from flowspec.states import CANCEL_WITHDRAWN, RunState
from tests.fake_globus import Clock, Remote, judge, make_context


@pytest.fixture
def ctx(tmp_path):
    return make_context(Ledger(tmp_path / "ledger.db", now=Clock()), Remote(), Policy())


def meanwhile(monkeypatch: pytest.MonkeyPatch, state: RunState, do: Callable[[], object]) -> None:
    """Right after the first listing of the runs in this state, do that."""
    listing, pending = runs.runs, [do]

    def listed(ledger: Ledger, *states: RunState) -> Any:
        found = listing(ledger, *states)
        if states == (state,) and found and pending:
            pending.pop()()
        return found

    monkeypatch.setattr(runs, "runs", listed)


def test_a_run_that_changes_again_while_it_is_queued_is_left_alone(ctx, monkeypatch):
    judge(ctx, 1)
    meanwhile(monkeypatch, RunState.READY, lambda: judge(ctx, 1, Verdict.ARRIVING))
    round.launch_what_is_due(ctx)
    assert runs.run(ctx.ledger, 1).state is RunState.ARRIVING
    assert ctx.remote.flows.there == []


def test_a_run_that_vanishes_while_it_is_started_is_not_launched(ctx, monkeypatch):
    judge(ctx, 1)
    judge(ctx, 2)
    meanwhile(monkeypatch, RunState.QUEUED, lambda: runs.record_gone(ctx.ledger, 2))
    round.launch_what_is_due(ctx)
    assert [runs.run(ctx.ledger, run).state for run in (1, 2)] == [RunState.RUNNING, RunState.GONE]
    assert len(ctx.remote.flows.there) == 1


def test_a_run_that_vanishes_while_it_is_refused_is_gone(ctx, monkeypatch):
    judge(ctx, 1, segments=())
    ctx.ledger.put("auto", "off")
    stale = runs.run(ctx.ledger, 1)
    runs.record_gone(ctx.ledger, 1)
    monkeypatch.setattr(runs, "runs", lambda ledger, *states: [stale] if states == (RunState.QUEUED,) else [])
    round.launch_what_is_due(ctx)
    assert runs.run(ctx.ledger, 1).state is RunState.GONE


def test_a_fault_of_ours_is_answered_and_does_not_block_what_is_asked_next(ctx, monkeypatch):
    judge(ctx, 1)

    def faulty(ctx, request):
        ctx.ledger.put("auto", "off")
        move(ctx.ledger, 1, CANCEL_WITHDRAWN)

    monkeypatch.setitem(requests.VERBS, "faulty", faulty)
    first, second = (ctx.ledger.ask(verb, 1, actor="me@here") for verb in ("faulty", "launch"))
    round.answer_requests(ctx)
    refused = ctx.ledger.request(first)
    assert (refused.state, "there is no way to running" in refused.answer) == ("refused", True)
    assert ctx.ledger.get("auto") != "off", "nothing was changed"
    assert ctx.ledger.request(second).state == "done"
