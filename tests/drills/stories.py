"""The drills. Each tells what goes wrong, waits until the screen says so, mends it as an operator would.

Each returns the seconds from the trouble to its sentence on the screen.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from flowspec.ringitems import Frame, ItemType
from flowspec.states import RunState
from tests import sandbox_records
from tests.drills import troubles
from tests.drills.desk import Desk, desk_in, free_space
from tests.waiting import until

DONE = RunState.DONE
MANY = 30


def corrupt_segment(desk: Desk) -> float:
    """One segment is damaged on its way to the site: r copies it again."""
    desk.world.quick(False)
    desk.fault("corrupt-segment", run=desk.next_run, segment=1, where="site")
    run = desk.deliver(segments=2, events=20)
    until(lambda: sandbox_records.struck(desk.world.sandbox.directory, "corrupt-segment"))
    seen = desk.see(f"{run} FAILED", "r: fit of 01")
    desk.retry(run)
    desk.see(f"run {run} done")
    return seen


def endpoint_offline(desk: Desk) -> float:
    """An endpoint goes offline, and comes back: the runs wait for it."""
    desk.fault("endpoint-offline", endpoint="frib-fit-mpi")
    seen = desk.see("frib-fit-mpi is OFFLINE: runs wait for it")
    run = desk.deliver()
    desk.see("waits: compute endpoint frib-fit-mpi is offline since")
    desk.clear()
    desk.see(f"run {run} done")
    return seen


def wrong_directory(desk: Desk) -> float:
    """The directory of the runs is not where the profile says, as when its file system is not mounted."""
    runs = desk.world.settings.dtn.runs
    elsewhere = runs.rename(runs.with_name("elsewhere"))
    seen = desk.see(f"{runs} is not there: mount its file system, or correct dtn.runs in the profile")
    elsewhere.rename(runs)
    run = desk.deliver()
    desk.see(f"run {run} done")
    return seen


def abnormal_end(desk: Desk) -> float:
    """The DAQ ended a run abnormally: nobody launches it but an operator."""
    taken = desk.world.take(desk.next_run, segments=1, events=0)
    last = taken.segments[-1]
    last.parent.chmod(0o700)
    last.chmod(0o600)
    with last.open("ab") as file:
        file.write(Frame(ItemType.ABNORMAL_ENDRUN, b"").encode())
    run = desk.bring(taken)
    seen = desk.see(f"{run} ABNORMAL", "l: ended abnormally")
    desk.act("l")
    desk.confirm(f"Launch run {run} all the same?")
    desk.see(f"run {run} done")
    return seen


def token_expired(desk: Desk) -> float:
    """The login has run out while a run comes in; to clear the fault stands for `console login`."""
    desk.fault("token-expired")
    run = desk.deliver()
    seen = desk.see(f"{run} STUCK", "log in to Globus again (console login)")
    desk.clear()
    desk.see(f"run {run} done")
    return seen


def disk_almost_full(desk: Desk) -> float:
    """The disk that the results come back to has hardly any room: nothing is launched until somebody makes some."""
    file = free_space(desk.world.sandbox.directory.parent)
    file.write_text("2000000000 100000000000")
    seen = desk.see("DTN 98 % full", "the DTN disk is 98 % full, 2.0 G free: nothing is launched")
    run = desk.deliver()
    desk.see("waits: the DTN disk is 98 % full, 2.0 G free; starts when there is room in")
    file.write_text("50000000000 100000000000")
    desk.see(f"run {run} done")
    assert "% full" not in desk.text().partition("Runs")[0]
    return seen


def globus_unreachable(desk: Desk) -> float:
    """Every line to Globus breaks: a run that comes in waits."""
    desk.fault("connection-reset", times=0)
    seen = desk.see("flows OLD", "the line broke during the call")
    run = desk.deliver()
    desk.see(f"run {run} running: attempt 1 could not be started: the line broke")
    desk.clear()
    desk.see(f"run {run} done")
    return seen


def hung_job(desk: Desk) -> float:
    """A program hangs: r ends it at the site and does it again."""
    before = desk.deliver()
    desk.see(f"run {before} done")
    desk.fault("function-hang", run=desk.next_run, stage="fit")
    run = desk.deliver()
    until(lambda: sandbox_records.records(desk.world.sandbox.directory).working_on(run))
    seen = desk.see(f"{run} STUCK", "r: fit of 00 may hang")
    desk.press("Home")
    desk.see(f"run {run} STUCK: fit 0/1: segment 00 running since")
    desk.act("r")
    desk.confirm(f"End run {run} and do it again?")
    desk.see(f"run {run} done")
    return seen


def output_missing(desk: Desk) -> float:
    """A function says that it has succeeded, and has left nothing."""
    desk.fault("silent-success", run=desk.next_run, stage="fit", who="function")
    run = desk.deliver()
    until(lambda: sandbox_records.struck(desk.world.sandbox.directory, "silent-success"))
    seen = desk.see("fit 0/1: segment 00 reported done, but its output is not there")
    desk.see("fit of segment 00 failed: reported done, but its output is not there", "r retries what is missing")
    desk.retry(run)
    desk.see(f"run {run} done")
    return seen


def driver_killed(desk: Desk) -> float:
    """Somebody kills the driver from another terminal: the console starts another."""
    killed = until(desk.world.driver)
    os.kill(killed.pid, signal.SIGKILL)
    began = time.monotonic()
    until(lambda: (there := desk.world.driver()) is not None and there.pid != killed.pid)
    desk.see("driver started", "driver here")
    seen = time.monotonic() - began
    desk.see(f"{killed.pid}")
    run = desk.deliver()
    desk.see(f"run {run} done")
    return seen


def many_failed(desk: Desk) -> float:
    """A broken program at the site has failed 30 runs; it is mended, and all are retried at once."""
    with desk.world.broken("EventEditor"):
        runs = [desk.deliver() for _ in range(MANY)]
        seen = desk.see("fit of segment 00 failed", "FAILED")
        desk.wait_for(RunState.FAILED, *runs)
    desk.see(f"{MANY} failed")
    desk.press("p")
    desk.see("problems only")
    desk.press("*")
    desk.see(f"{MANY} marked")
    desk.act("r")
    desk.confirm(f"Retry {MANY} runs?")
    desk.wait_for(DONE, *runs)
    return seen


def sbatch_refused(desk: Desk) -> float:
    """Slurm refuses the endpoint its block: it is mended at the site, and what was asked meanwhile is done again."""
    desk.fault("sbatch-refused", endpoint="frib-fit-mpi")
    run = desk.deliver()
    until(lambda: sandbox_records.records(desk.world.sandbox.directory).calls)
    seen = desk.see(f"{run} STUCK", "frib-fit-mpi has begun nothing since")
    desk.clear()
    desk.act("r")
    desk.confirm(f"End run {run} and do it again?")
    desk.see(f"run {run} done")
    return seen


def block_lost(desk: Desk) -> float:
    """A block is lost, and the operator does not wait until Compute has noticed: its second execution of the task meets
    the next attempt at work, and touches nothing of it."""
    desk.world.hold(True)
    desk.fault("block-lost", run=desk.next_run, stage="fit")
    run = desk.deliver()
    sandbox = desk.world.sandbox.directory
    until(lambda: sandbox_records.struck(sandbox, "block-lost"))
    until(lambda: not sandbox_records.records(sandbox).working_on(run))
    seen = desk.see(f"run {run} running: fit 0/1: running since")
    desk.press("c")  # which nothing tells to press: it would be mended by itself
    desk.confirm(f"Cancel run {run}?")
    desk.see(f"run {run} cancelled")
    desk.retry(run)
    until(lambda: _fits(sandbox, run) == [("success", 2), ("running", 1)])
    desk.world.hold(False)
    desk.see(f"run {run} done")
    assert _fits(sandbox, run) == [("success", 2), ("success", 1)]
    site = sandbox / "site"
    made = [path.name for folder in ("fitted", "converted") for path in (site / folder / f"run{run}").iterdir()]
    assert sorted(made) == [f"run-{run:04d}-00-fitted.evt", f"run-{run:04d}-00-fitted.root"]
    report = json.loads((site / "logs" / f"run{run}" / "fit-00.json").read_text())
    assert report["rc"] == 0, "the report is of the attempt that did it"
    return seen


def _fits(sandbox: Path, run: int) -> list[tuple[str, int]]:
    """(status, how often it was executed) of each fit of a run, in the order in which they were asked for."""
    calls = sandbox_records.records(sandbox).calls
    return [(call["status"], call["executions"]) for call in calls if (call["run"], call["function"]) == (run, "fit")]


def user_endpoint_killed(desk: Desk) -> float:
    """A user endpoint is killed: its task is never answered, and its program goes on. r ends it and does it again."""
    before = desk.deliver()
    desk.see(f"run {before} done")
    desk.world.hold(True)
    desk.fault("user-endpoint-killed", run=desk.next_run, stage="fit")
    run = desk.deliver()
    sandbox = desk.world.sandbox.directory
    until(lambda: sandbox_records.struck(sandbox, "user-endpoint-killed"))
    seen = desk.see(f"{run} STUCK", "r: fit of 00 may hang")
    assert sandbox_records.records(sandbox).working_on(run)
    desk.press("Home")
    desk.see(f"run {run} STUCK: fit 0/1: segment 00 running since")
    desk.act("r")
    desk.confirm(f"End run {run} and do it again?")
    until(lambda: _fits(sandbox, run) == [("running", 1), ("running", 1)])
    desk.world.hold(False)
    desk.see(f"run {run} done")
    return seen


def wrong_run(desk: Desk) -> float:
    """An operator is about to cancel the wrong run: the question names it, and no is the answer that is focused."""
    desk.world.hold(True)
    first, second = desk.deliver(), desk.deliver()
    desk.see(f" {first} running", f" {second} running")
    desk.press("Home")
    desk.see(f"run {second} running: fit 0/1")
    desk.press("c")
    seen = desk.see(f"Cancel run {second}?", "No, go back")
    desk.press("Enter")
    desk.see("nothing was done")
    desk.world.hold(False)
    desk.wait_for(DONE, first, second)
    return seen


class Drill(NamedTuple):
    tell: Callable[[Desk], float]
    options: dict[str, Any]  # of desk_in


DRILLS = {
    "corrupt-segment": Drill(corrupt_segment, {}),
    "endpoint-offline": Drill(endpoint_offline, {}),
    "wrong-directory": Drill(wrong_directory, {}),
    "abnormal-end": Drill(abnormal_end, {}),
    "token-expired": Drill(token_expired, {}),
    "disk-almost-full": Drill(disk_almost_full, {"driver": True}),
    "globus-unreachable": Drill(globus_unreachable, {}),
    "hung-job": Drill(hung_job, {}),
    "output-missing": Drill(output_missing, {}),
    "driver-killed": Drill(driver_killed, {}),
    "many-failed": Drill(many_failed, {"policy": "max_in_flight = 40\nauto_retries = 0"}),
    "sbatch-refused": Drill(sbatch_refused, {"driver": True}),
    "block-lost": Drill(block_lost, {"driver": True}),
    "user-endpoint-killed": Drill(user_endpoint_killed, {"driver": True}),
    "wrong-run": Drill(wrong_run, {}),
    "quota-full": Drill(troubles.quota_full, {}),
    "missing-path": Drill(troubles.missing_path, {}),
    "consent-missing": Drill(troubles.consent_missing, {}),
    "late-segment": Drill(troubles.late_segment, {}),
    "driver-hangs": Drill(troubles.driver_hangs, {}),
    "console-killed": Drill(troubles.console_killed, {}),
    "two-operators": Drill(troubles.two_operators, {}),
    "launched-elsewhere": Drill(troubles.launched_elsewhere, {}),
    "cancel-that-burns": Drill(troubles.cancel_that_burns, {}),
}


class Result(NamedTuple):
    """`visible` in seconds. `untold`: the keys that mended something although the screen had not told to press them."""

    visible: float
    keys: int
    told: str
    untold: str


def run(name: str, directory: Path, *, far: bool = False) -> Result:
    """One drill in a world of its own, with `far` at a small screen behind a slow line. Raises AssertionError when it
    goes wrong."""
    drill = DRILLS[name]
    with desk_in(directory, far=far, **{"driver": False, "poll_interval": 1.0, **drill.options}) as desk:
        visible = drill.tell(desk)
        told, untold = ("".join(key for key, told in desk.told if told is so) for so in (True, False))
        return Result(visible, desk.pressed, told, untold)
