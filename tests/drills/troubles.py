"""Further drills: what else has stopped a night. As in stories.py, each returns the seconds from the trouble to its
sentence on the screen."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time

from flowspec.names import segment_file
from flowspec.states import RunState
from tests import sandbox_records
from tests.drills.desk import Desk
from tests.tmux import terminal
from tests.waiting import HANGS_AFTER, until

DONE, CANCELLED = RunState.DONE, RunState.CANCELLED


def _struck(desk: Desk, fault: str) -> None:
    until(lambda: sandbox_records.struck(desk.world.sandbox.directory, fault))


def quota_full(desk: Desk) -> float:
    """The quota at the site is full: the transfer stands still until somebody has made room, and then goes on."""
    desk.fault("quota-full", run=desk.next_run, stage="transfer")
    run = desk.deliver()
    _struck(desk, "quota-full")
    seen = desk.see(f"{run} STUCK", "c: quota exceeded", "1 stuck")
    desk.clear()
    desk.see(f"{run} done")
    return seen


def missing_path(desk: Desk) -> float:
    """A file that is to be transferred is not there any more: the transfer goes on when somebody has put it back."""
    desk.fault("missing-path", run=desk.next_run, stage="transfer")
    run = desk.deliver()
    _struck(desk, "missing-path")
    seen = desk.see(f"{run} STUCK", "c: file not found", "1 stuck")
    desk.clear()
    desk.wait_for(DONE, run)
    return seen


def consent_missing(desk: Desk) -> float:
    """Globus asks for a consent in the middle of a run; to clear the fault stands for `console login`."""
    desk.fault("consent-missing", stage="fit", run=desk.next_run)
    run = desk.deliver()
    seen = desk.see(f"{run} STUCK", "console login")
    desk.clear()
    desk.press("r")  # a real login resumes it by itself
    desk.wait_for(DONE, run)
    return seen


def late_segment(desk: Desk) -> float:
    """A segment comes to the DTN after its run was done: r adds it."""
    run = desk.deliver()
    desk.wait_for(DONE, run)
    directory = desk.world.settings.dtn.runs / f"run{run}"
    directory.chmod(0o700)
    shutil.copyfile(directory / segment_file(run, 0), directory / segment_file(run, 1))
    seen = desk.see("r adds what came after the launch: 1 segment arrived")
    desk.retry(run)
    until(lambda: sandbox_records.records(desk.world.sandbox.directory).functions(run)["fit"] == 2)
    return seen


def driver_hangs(desk: Desk) -> float:
    """The driver stands still without dying: the console ends it and starts another."""
    stopped = until(desk.world.driver)
    os.kill(stopped.pid, signal.SIGSTOP)
    began = time.monotonic()
    until(lambda: (there := desk.world.driver()) is not None and there.pid != stopped.pid)
    desk.see("driver started", "driver here")
    seen = time.monotonic() - began
    run = desk.deliver()
    desk.wait_for(DONE, run)
    return seen


def console_killed(desk: Desk) -> float:
    """The line drops, and the console with it: the work goes on, and the next console tells what happened meanwhile."""
    desk.world.hold(True)
    run = desk.deliver()
    desk.see(f"{run} running")
    desk.window.kill("console")
    desk.world.hold(False)
    desk.wait_for(DONE, run)
    began = time.monotonic()
    with terminal(desk.world.sandbox.directory.parent / "again", "--profile", str(desk.world.profile)) as window:
        window.wait_for(f"{run} done", "last result")
        return time.monotonic() - began


def two_operators(desk: Desk) -> float:
    """Another operator cancels the run that one is asked about: what is answered then is refused, and says why."""
    desk.world.hold(True)
    run = desk.deliver()
    desk.see(f"{run} running")
    desk.press("Home", "c")
    desk.see(f"Cancel run {run}?")
    command = [sys.executable, "-m", "console", "--profile", str(desk.world.profile), "cancel", str(run)]
    cancelled = subprocess.run(command, capture_output=True, text=True, check=False, timeout=HANGS_AFTER)
    assert cancelled.returncode == 0, cancelled.stderr
    desk.wait_for(CANCELLED, run)
    desk.press("Tab", "Enter")
    seen = desk.see("refused:", f"run {run}", "cancelled")
    desk.world.hold(False)
    return seen


def launched_elsewhere(desk: Desk) -> float:
    """A second console with a ledger of its own is opened on the same experiment: it launches nothing, and says who
    does."""
    directory = desk.world.sandbox.directory.parent / "bert"
    directory.mkdir(mode=0o700)
    environment = {**os.environ, "FRIB_CONSOLE__LEDGER": str(directory / "ledger.db")}
    shutil.copy(desk.world.settings.ledger.with_name("deployed.json"), directory / "deployed.json")
    command = [sys.executable, "-m", "console", "--profile", str(desk.world.profile), "watch"]
    began = time.monotonic()
    second = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        status = [*command[:-1], "status"]
        until(
            lambda: "drives this experiment" in subprocess.run(
                status, env=environment, capture_output=True, text=True, check=False, timeout=HANGS_AFTER
            ).stdout,
            every=0.3,
        )  # fmt: skip
        seen = time.monotonic() - began
        run = desk.deliver()
        desk.wait_for(DONE, run)
        assert len(sandbox_records.records(desk.world.sandbox.directory).flow_runs) == 1
        return seen
    finally:
        second.terminate()
        second.wait(HANGS_AFTER)


def cancel_that_burns(desk: Desk) -> float:
    """A run is cancelled while its endpoint is offline: it says what still runs until that was seen to end."""
    desk.world.hold(True)
    run = desk.deliver()
    until(lambda: sandbox_records.records(desk.world.sandbox.directory).working_on(run))
    desk.see(f"{run} running")
    desk.press("Home", "c")
    desk.confirm(f"Cancel run {run}?")
    seen = desk.see(f"{run} cancelling")
    desk.wait_for(CANCELLED, run)
    assert not sandbox_records.records(desk.world.sandbox.directory).working_on(run)
    desk.world.hold(False)
    return seen
