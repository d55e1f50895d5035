"""Drills on the real rig, of what takes longer than a test may: the unmodified endpoints in blocks of a real Slurm."""

from __future__ import annotations

import subprocess

from flowspec.states import RunState
from tests.drills.desk import Desk
from tests.waiting import until


def block_at_walltime(desk: Desk) -> float:
    """A block comes to its walltime while something in it fits: that is fitted again in another one by itself."""
    desk.world.hold(True)
    run = desk.deliver()
    [block] = until(_running, every=0.2)
    subprocess.run(["scontrol", "update", f"JobId={block}", "TimeLimit=1"], check=True)  # minutes
    seen = desk.see(f"run {run} running: fit 0/1: waits for a worker since")
    until(lambda: _state(block) == "TIMEOUT", every=0.5)
    until(_running, every=0.5)
    desk.world.hold(False)
    desk.wait_for(RunState.DONE, run)
    desk.see(f"run {run} done")
    site = desk.world.sandbox.directory / "site"
    made = [path.name for folder in ("fitted", "converted") for path in (site / folder / f"run{run}").iterdir()]
    assert sorted(made) == [f"run-{run:04d}-00-fitted.evt", f"run-{run:04d}-00-fitted.root"]
    return seen


def _running() -> list[str]:
    listed = subprocess.run(["squeue", "--noheader", "--states=RUNNING", "--format=%i"], capture_output=True, text=True)
    return listed.stdout.split()


def _state(block: str) -> str:
    """The walltime is looked at every half minute."""
    listed = subprocess.run(
        ["squeue", "--noheader", "--states=all", f"--jobs={block}", "--format=%T"], capture_output=True, text=True
    )
    return listed.stdout.strip()
