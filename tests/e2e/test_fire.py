"""Short versions of the fire tests; the long ones are `python -m tests.fire --kills 200` and `--points`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from flowspec.states import RunState
from tests.fire import points
from tests.fire.soak import Soak
from tests.fire.verdict import judge
from tests.fire.world import World
from tests.sandbox_records import clear_faults, records, set_fault, struck
from tests.waiting import until

RUNS = 40


def test_random_kills_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    report = Soak(tmp_path, 7, print).burn(15)
    assert report.verdict.good, report
    assert report.runs > 1
    assert report.takeovers


@pytest.mark.parametrize("story", points.STORIES)
def test_killed_at_a_durable_step(story: str) -> None:
    assert points.burn(2, print, [story]) == 2


def test_forty_runs_at_once_all_finish_and_never_more_are_in_flight_than_allowed(tmp_path: Path) -> None:
    world = World(tmp_path, workers=2)
    try:
        for _ in range(RUNS):
            world.new_run()
        world.start_driver()
        until(lambda: all(world.state(run) is RunState.DONE for run in world.runs), every=0.5)
        assert judge(world).good
        ctx = world.make_context()
        flow_runs = ctx.remote.flows.runs([ctx.flow_id])
        assert len(flow_runs) == RUNS
        spans = [(datetime.fromisoformat(r.started), datetime.fromisoformat(str(r.completed))) for r in flow_runs]
        at_once = max(sum(began <= moment < ended for began, ended in spans) for moment, _ in spans)
        assert 1 < at_once <= world.settings.policy.max_in_flight
    finally:
        world.close()


@pytest.mark.parametrize("service", ["transfer", "compute"])
def test_an_end_that_nobody_can_confirm_yet_is_no_failure(tmp_path: Path, service: str) -> None:
    """Flows says succeeded while another witness cannot be asked."""
    world = World(tmp_path)
    try:
        run = world.new_run()
        world.hold(True)
        world.start_driver()
        until(lambda: any(w["run"] == run for w in records(world.sandbox.directory).working))
        path = {"transfer": "GET /v0.10/*", "compute": "POST /v2/batch_status"}[service]
        set_fault(world.sandbox.directory, "http-503", service=service, path=path, times=0)
        world.hold(False)
        until(lambda: records(world.sandbox.directory).flow_runs[0]["status"] == "SUCCEEDED")
        seen = struck(world.sandbox.directory, "http-503")
        until(lambda: struck(world.sandbox.directory, "http-503") >= seen + 2)
        assert world.state(run) is RunState.RUNNING
        clear_faults(world.sandbox.directory)
        world.wait_for(run, RunState.DONE)
        assert judge(world).good
    finally:
        world.close()
