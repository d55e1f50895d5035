"""What Globus does not say of one flow run does not stop the others; of two, the service is in trouble."""

from __future__ import annotations

from dataclasses import replace

import pytest

from console.ledger import attempts, runs
from console.ledger.store import Ledger
from console.settings.model import Policy
from flowspec.states import RunState
from remote.globus.errors import RemoteError
from remote.globus.flows import LogEntry
from tests.fake_globus import Clock, Remote, judge, make_context
from tests.shift_fixture import one_round

LATER = RemoteError("later", "flows", "log", "503: try again", "wait")
BUG = RemoteError("bug", "flows", "log", "404: no such log", "report it")


@pytest.fixture
def ctx(tmp_path):
    """Three runs under way."""
    ctx = make_context(Ledger(tmp_path / "ledger.db", now=Clock()), Remote(), Policy(max_in_flight=3))
    ctx = replace(ctx, endpoints={})
    for run in (1, 2, 3):
        judge(ctx, run)
    one_round(ctx)
    return ctx


def logs(ctx, **errors):
    """From now on the log of each flow run tells that its transfer has begun, or fails like this."""

    def log(flow_run, after=None):
        if flow_run in errors:
            raise errors[flow_run]
        return [LogEntry("2026-11-23T00:00:01+00:00", "ActionStarted", "", {"state_name": "Transfer"})]

    ctx.remote.flows.log = log


def followed(ctx):
    return {attempt.run for attempt in attempts.open_attempts(ctx.ledger) if attempt.visits}


@pytest.mark.parametrize("error", [LATER, BUG], ids=lambda error: error.kind)
def test_trouble_with_one_stops_no_other(ctx, error):
    logs(ctx, **{"run-0": error})
    assert one_round(ctx) == []
    assert followed(ctx) == {2, 3}
    assert runs.run(ctx.ledger, 1).state is RunState.RUNNING
    assert runs.run(ctx.ledger, 1).why == f"how far it is cannot be seen, flows: {error.cause}; {error.next_step}"


def test_trouble_with_one_that_lasts_is_somebodys(ctx):
    logs(ctx, **{"run-0": BUG})
    one_round(ctx)
    assert not runs.run(ctx.ledger, 1).stuck
    ctx.ledger.now.time += ctx.patience
    for _ in range(2):
        one_round(ctx)
        assert runs.run(ctx.ledger, 1).stuck
    assert runs.run(ctx.ledger, 1).why.endswith("c gives it up")
    logs(ctx)
    one_round(ctx)
    assert not runs.run(ctx.ledger, 1).stuck


def test_trouble_with_two_is_that_of_the_service(ctx):
    """It is left alone for a while: no third one is asked for."""
    logs(ctx, **{"run-0": LATER, "run-1": LATER})
    assert one_round(ctx) == ["503: try again"]
    assert followed(ctx) == set()
