"""The console as an operator has it: a real terminal, real keys, a whole sandbox behind it."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from console.ledger.presence import driver
from flowspec.states import RunState
from tests.pipeline_fixture import Pipeline
from tests.tmux import terminal
from tests.waiting import until


@pytest.mark.parametrize("size", [(120, 40), (80, 24)], ids=lambda size: f"{size[0]}x{size[1]}")
def test_a_run_comes_home_another_is_cancelled_and_retried(tmp_path, size):
    with terminal(tmp_path, "--sandbox", size=size) as window:
        window.wait_for("Runs", "driver here", "l launch", "q quit")
        window.wait_for("1217", "recording")
        window.wait_for("1217 running")
        window.press("c")
        asked = window.wait_for("Cancel run 1217")
        assert "No, go back" in asked
        window.press("Escape")
        window.wait_for("1217 done")
        window.press("l")
        window.wait_for("run 1217 is done: nothing to launch")
        window.wait_for("1218 running")
        window.press(":")  # by its number: the next run may have come on top meanwhile
        window.wait_for(":_")
        window.press("run 1218")
        window.wait_for(":run 1218_")
        window.press("Enter")
        window.wait_for("Segments of 1218")
        window.press("c")
        window.wait_for("Cancel run 1218")
        window.press("Tab")
        window.press("Enter")
        window.wait_for("1218 cancelled")
        window.press("r")
        window.wait_for("Retry run 1218?", "starts at ")  # what was done before the cancel stays
        window.press("Tab")
        window.press("Enter")
        window.wait_for("1218 running")
        window.wait_for("1218 done")
        window.press("?")
        window.wait_for("Help")
        window.press("Escape")
        window.press("Enter")
        window.wait_for("attempt 2", "1218")
        window.press("q")
        assert window.wait_for_end() == 0
        window.nothing_is_left()
        assert not list(tmp_path.glob("frib-sandbox-*"))


def test_nothing_is_left_when_the_terminal_is_closed(tmp_path):
    with terminal(tmp_path, "--sandbox") as window:
        window.wait_for("1217")
        assert window.processes("remote.sandbox.compute.worker")
        window.close()
        window.nothing_is_left()
        assert not list(tmp_path.glob("frib-sandbox-*"))


def test_nothing_is_left_when_the_screen_is_killed(tmp_path):
    with terminal(tmp_path, "--sandbox") as window:
        window.wait_for("1217")
        window.kill("bin/console", "--sandbox")
        window.nothing_is_left()


def test_without_its_loopback_globus_the_screen_ends_and_says_so(tmp_path):
    with terminal(tmp_path, "--sandbox") as window:
        window.wait_for("1217")
        window.kill("remote.sandbox", "--port")
        assert window.wait_for_end() == 1
        window.wait_for("the sandbox is gone: the sandbox process ended (signal 9)")
        window.nothing_is_left()


def test_a_killed_driver_is_replaced_and_a_killed_worker_too(tmp_path):
    with terminal(tmp_path, "--sandbox") as window:
        window.wait_for("1217 running")
        killed = window.kill("watch", "--lifeline")
        until(lambda: [p for p in window.processes("watch", "--lifeline") if p.pid != killed])
        window.wait_for("driver here")
        workers = len(window.processes("remote.sandbox.compute.worker"))
        window.kill("remote.sandbox.compute.worker")
        until(lambda: len(window.processes("remote.sandbox.compute.worker")) == workers)
        window.wait_for("1217 done")
        window.kill("remote.sandbox.daq")
        window.wait_for("the daq process ended (signal 9)")
        window.press("q")
        assert window.wait_for_end() == 0
        window.nothing_is_left()


def test_with_a_profile_the_driver_outlives_the_screen_until_it_is_stopped(tmp_path):
    pipeline = Pipeline(tmp_path / "sandbox")
    console = [sys.executable, "-m", "console", "--profile", str(pipeline.profile)]
    try:
        with terminal(tmp_path / "window", "--profile", str(pipeline.profile)) as window:
            window.wait_for("no runs yet", "driver here")
            window.press("q")
            assert window.wait_for_end() == 0
            present = driver(pipeline.settings.ledger)
            assert present is not None
            assert present.mode == "background"
            window.close()
            pipeline.deliver(pipeline.take(7, segments=1))
            until(lambda: pipeline.state(7) is not None and pipeline.state(7).value == "done")
            status = json.loads(subprocess.run([*console, "status", "--json"], capture_output=True, check=True).stdout)
            assert status["driver"]["pid"] == present.pid
            assert [run["state"] for run in status["runs"]] == ["done"]
            stopped = subprocess.run([*console, "driver", "stop"], capture_output=True, text=True, check=True)
            assert re.search(rf"pid {present.pid}\b.*has ended", stopped.stdout)
            assert driver(pipeline.settings.ledger) is None
    finally:
        subprocess.run([*console, "driver", "stop"], capture_output=True, check=False)
        pipeline.close()


def test_auto_launch_asks_with_its_number_and_is_taken_back_but_for_what_has_started(tmp_path):
    pipeline = Pipeline(tmp_path / "sandbox", auto_launch=False)
    try:
        with terminal(tmp_path / "window", "--profile", str(pipeline.profile)) as window:
            window.wait_for("no runs yet", "driver here", "auto OFF")
            for run in range(1, 7):
                pipeline.deliver(pipeline.take(run, segments=1))
            for run in range(1, 7):
                window.wait_for(f"{run} ready")
            window.press("o")
            window.wait_for("Launch 6 complete runs now?", "Now: runs 1 to 6.")
            window.press("Enter")
            window.wait_for("nothing was done", "auto OFF")
            window.press("o")
            window.wait_for("Yes, launch 6 complete runs")
            window.press("Tab")
            window.press("Enter")
            window.wait_for("auto ON", "auto-launch is on: 6 queued")
            window.press("u")
            window.wait_for("auto-launch is off;", "taken back", "had started: left running, c cancels", "auto OFF")
            left = {run for run in range(1, 7) if pipeline.state(run) is RunState.READY}
            assert 0 < len(left) < 6
            for run in {*range(1, 7)} - left:
                pipeline.wait_for(run, RunState.DONE)
            assert {run for run in range(1, 7) if pipeline.state(run) is RunState.READY} == left
            window.press("q")
            assert window.wait_for_end() == 0
    finally:
        subprocess.run(
            [sys.executable, "-m", "console", "--profile", str(pipeline.profile), "driver", "stop"], check=False
        )
        pipeline.close()


def test_read_only_looks_and_starts_nobody(tmp_path):
    pipeline = Pipeline(tmp_path / "sandbox")
    try:
        with terminal(tmp_path / "window", "--profile", str(pipeline.profile), "--read-only") as window:
            window.wait_for("READ-ONLY", "driver NONE")
            window.press("o")
            window.wait_for("--read-only: this console only looks")
            window.press("q")
            assert window.wait_for_end() == 0
        assert driver(pipeline.settings.ledger) is None
        assert pipeline.ledger.rows("SELECT * FROM requests") == []
    finally:
        pipeline.close()
