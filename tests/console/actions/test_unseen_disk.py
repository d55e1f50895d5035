"""While it is not known what lies on the disk nothing is launched, and whatever waits says so."""

from __future__ import annotations

import pytest

from console.actions.launch import LOOKUP_SECONDS
from console.disk.listener import LOOKED, SOURCE
from console.driver import round
from console.ledger import runs, sources
from console.ledger.store import EPOCH, Ledger
from console.settings.model import Policy
from flowspec.conditions import reason
from flowspec.readiness import Judgement, Verdict
from flowspec.states import RunState
from remote.globus.errors import RemoteError
from tests.fake_globus import Clock, Remote, judge, make_context
from tests.ledger_fixture import stand

LOST = "/data is empty, and 5 runs were there: is its file system mounted?"


@pytest.fixture
def ctx(tmp_path):
    ledger = Ledger(tmp_path / "ledger.db", now=Clock())
    ledger.put(EPOCH, "7")
    ledger.close()
    return make_context(Ledger(tmp_path / "ledger.db", now=Clock(), epoch=7), Remote(), Policy())


def run(ctx, number):
    found = runs.run(ctx.ledger, number)
    return found.state, found.why


def launched(ctx):
    return len(ctx.remote.flows.there)


def test_nothing_is_launched_while_the_runs_cannot_be_seen_and_at_once_when_they_can(ctx):
    ctx.ledger.put(LOOKED, "7")
    sources.failed(ctx.ledger, SOURCE, LOST)
    judge(ctx, 1)
    round.launch_what_is_due(ctx)
    assert run(ctx, 1) == (RunState.QUEUED, f"waits for the DTN disk: {LOST}")
    assert launched(ctx) == 0
    sources.answered(ctx.ledger, SOURCE)
    round.launch_what_is_due(ctx)
    assert run(ctx, 1)[0] is RunState.RUNNING
    assert launched(ctx) == 1


def test_nothing_is_launched_before_this_driver_has_looked(ctx):
    ctx.ledger.put(LOOKED, "6")  # the one before it
    judge(ctx, 1)
    round.launch_what_is_due(ctx)
    assert run(ctx, 1) == (RunState.QUEUED, "waits: this driver has not looked at all run directories yet")
    ctx.ledger.put(LOOKED, "7")
    round.launch_what_is_due(ctx)
    assert launched(ctx) == 1


def test_a_hold_of_a_person_is_not_hidden(ctx):
    judge(ctx, 1)
    ctx.ledger.ask("launch", 1, actor="anna@daq1")
    ctx.ledger.ask("hold", 1, actor="anna@daq1")
    round.launch_what_is_due(ctx)
    assert run(ctx, 1) == (RunState.QUEUED, "held by anna@daq1: h releases it")


def test_an_attempt_that_was_meant_to_start_waits_as_well_and_says_so(ctx):
    ctx.ledger.put(LOOKED, "7")
    ctx.remote.flows.faults = ["refused"]
    judge(ctx, 1)
    with pytest.raises(RemoteError, match="403"):
        round.launch_what_is_due(ctx)
    assert (launched(ctx), run(ctx, 1)[0]) == (0, RunState.RUNNING)
    sources.failed(ctx.ledger, SOURCE, LOST)
    round.launch_what_is_due(ctx)
    assert run(ctx, 1) == (RunState.RUNNING, f"attempt 1 waits for the DTN disk: {LOST}")
    assert launched(ctx) == 0
    sources.answered(ctx.ledger, SOURCE)
    ctx.ledger.now.time += LOOKUP_SECONDS
    round.launch_what_is_due(ctx)
    assert (launched(ctx), run(ctx, 1)[1]) == (1, "attempt 1 started")


@pytest.mark.parametrize("verdict", [Verdict.INCOMPLETE, Verdict.ABNORMAL])
def test_a_queued_run_that_turns_out_incomplete_is_taken_from_the_queue(ctx, verdict):
    judge(ctx, 1)
    round.launch_what_is_due(ctx)
    assert run(ctx, 1)[0] is RunState.QUEUED
    judge(ctx, 1, Verdict.ARRIVING)
    judge(ctx, 1, verdict, reason="is incomplete: run-0001-01.evt is missing")
    assert run(ctx, 1) == (RunState(verdict.value), "is incomplete: run-0001-01.evt is missing")
    ctx.ledger.put(LOOKED, "7")
    round.launch_what_is_due(ctx)
    assert launched(ctx) == 0
    told = ctx.ledger.rows("SELECT text FROM events ORDER BY event DESC LIMIT 1")[0]["text"]
    assert told == "run 1 is taken from the queue: it is incomplete: run-0001-01.evt is missing"


def test_a_queued_run_whose_directory_cannot_be_listed_just_now_waits_in_the_queue(ctx):
    ctx.ledger.put(LOOKED, "7")
    judge(ctx, 1)
    ctx.ledger.ask("launch", 1, actor="anna@daq1")
    ctx.ledger.ask("hold", 1, actor="anna@daq1")
    round.launch_what_is_due(ctx)
    unlisted = reason("run.incomplete.unlisted", words="cannot be listed: Input/output error")
    judged = Judgement(1, Verdict.INCOMPLETE, unlisted, (), 0, "", None, None, None, "other")
    runs.record_judgement(ctx.ledger, "/data/run1", judged, {})
    ctx.ledger.ask("release", 1, actor="anna@daq1")
    round.launch_what_is_due(ctx)
    why = "waits: it is not launched by itself: its directory cannot be listed: Input/output error"
    assert (run(ctx, 1), launched(ctx)) == ((RunState.QUEUED, why), 0)
    judge(ctx, 1)
    round.launch_what_is_due(ctx)
    assert launched(ctx) == 1


def test_an_incomplete_run_that_somebody_launched_stays_in_the_queue(ctx):
    judge(ctx, 1, Verdict.INCOMPLETE)
    ctx.ledger.ask("launch", 1, actor="anna@daq1", force=True)
    round.launch_what_is_due(ctx)
    judge(ctx, 1, Verdict.INCOMPLETE, reason="the same, read again by another driver")
    assert run(ctx, 1)[0] is RunState.QUEUED
    ctx.ledger.put(LOOKED, "7")
    round.launch_what_is_due(ctx)
    assert launched(ctx) == 1


def test_what_was_launched_before_goes_on_by_what_its_retry_finds(ctx):
    judge(ctx, 1)
    stand(ctx.ledger, 1, state=RunState.QUEUED, launched_sizes={0: 1000, 1: 1000})
    judge(ctx, 1, Verdict.INCOMPLETE)
    assert run(ctx, 1)[0] is RunState.QUEUED
