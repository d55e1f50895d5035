"""Failures that are alike give one alert; rules of the profile say which are done again by themselves."""

from __future__ import annotations

from dataclasses import replace

import pytest

from console.actions.conclude import ALIKE_SECONDS
from console.ledger import events, new_failures
from console.reading.snapshot import snapshot
from flowspec.conditions import reason
from flowspec.retry_rules import RetryRule
from flowspec.stages import Stage
from flowspec.states import RunState
from tests.retry_fixture import World

FIT_0 = (Stage.FIT, 0)
RUNS = range(1, 6)


def aborted(run, what="insufficient data points"):
    return {FIT_0: reason("failed.fitconf", rc=134, words=f"fit of run {run} segment 00: return code 134: {what}")}


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def failing(world, run, fails=None):
    world.found(run, [0, 1])
    world.round()
    return world.works(run, fails or aborted(run))


def important(world):
    return [event for event in events.newest(world.ledger, 100) if event.level == "bad"]


def test_runs_that_fail_alike_within_minutes_are_one_alert_that_counts_them(world):
    for run in RUNS:
        failing(world, run)
    (alert,) = important(world)
    assert (alert.run, alert.alike) == (1, 4)
    assert alert.words.startswith(
        "5 runs failed alike: r on one of them retries all. The first: run 1 attempt 1 failed:"
    )
    new = new_failures.read(world.ledger)
    assert (new.failed, new.rings) == (5, alert.event), "all are counted, and the bell rings once"
    assert all("attempt 1 failed" in events.of_run(world.ledger, run, 1)[0].text for run in RUNS)
    seen = snapshot(world.ledger)
    assert [row.run for row in seen.alike(seen.run(3))] == [5, 4, 3, 2, 1]


def test_another_cause_or_the_same_run_once_more_or_much_later_is_an_alert_of_its_own(world):
    failing(world, 1)
    failing(world, 2, aborted(2, "Failed to find endpoint"))
    assert len(important(world)) == 2
    world.ask("retry", 1)
    world.works(1, aborted(1))
    assert [event.run for event in important(world)] == [1, 2, 1]
    world.clock.time += ALIKE_SECONDS
    failing(world, 3)
    assert [event.run for event in important(world)] == [3, 1, 2, 1]
    seen = snapshot(world.ledger)
    assert seen.alike(seen.run(2)) == ()


def test_by_a_rule_of_the_profile_a_failure_is_done_again_so_often_after_its_pause(world):
    world.ctx = replace(world.ctx, retry_rules=(RetryRule("failed.fitconf", 1, 10.0, "fit"),))
    run = failing(world, 1)
    assert 8 <= run.again_at - world.clock.time <= 12
    world.clock.time += 12
    world.round()
    run = world.works(1, aborted(1))
    assert (run.state, run.again_at) == (RunState.FAILED, None)


def test_by_a_rule_of_no_times_what_passes_by_itself_waits_for_a_person(world):
    world.ctx = replace(world.ctx, retry_rules=(RetryRule("failed.worker", 0, 10.0),))
    assert failing(world, 1, {FIT_0: reason("failed.worker", words="ManagerLost")}).again_at is None
    assert failing(world, 2, {FIT_0: reason("failed.site", words="maintenance")}).again_at is not None
