"""Having an endpoint execute a compute function outside of any flow, and waiting for what it returns."""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Iterable, Sequence
from typing import Any

from console.cli.asking import Failure, remotely
from console.settings.model import Settings
from flowspec.stages import Stage
from remote.globus.compute import Compute, TaskStatus

# Seconds between looks; the last one again and again: the driver asks Compute as well.
PAUSES = (0.2, 0.5, 1.0, 2.0, 3.0)
TOLD_SECONDS = 30.0  # how often it is said what is waited for
ENDED = ("success", "failed")


def call(
    settings: Settings, stage: Stage, function: str, calls: Sequence[dict[str, Any]], seconds: float
) -> list[TaskStatus]:
    """Have the endpoint of a stage execute a function, once for each of these arguments; how each task ended, in order.

    Raises Failure when the endpoint is offline, and when not all have ended after so many seconds; SettingsError when
    the function is not registered.
    """
    from console.connect import remote

    function_id, endpoint = settings.function(function), getattr(settings.compute, stage.value).endpoint
    compute = remotely(lambda: remote(settings).compute)
    status = remotely(lambda: compute.endpoint_status(endpoint))
    if not status.online:
        raise Failure(f"the endpoint of {stage.value} ({endpoint}) is {status.status}: start it at the site")
    tasks = remotely(lambda: compute.submit(endpoint, function_id, calls))
    found = _wait(compute, tasks, f"{function} on the endpoint of {stage.value}", seconds)
    return [found[task] for task in tasks]


def _wait(compute: Compute, tasks: Sequence[str], what: str, seconds: float) -> dict[str, TaskStatus]:
    began = told = time.monotonic()
    pauses: Iterable[float] = itertools.chain(PAUSES, itertools.repeat(PAUSES[-1]))
    for pause in pauses:
        found: dict[str, TaskStatus] = remotely(lambda: compute.batch_status(tasks))
        open_tasks = [task for task in found.values() if task.status not in ENDED]
        now = time.monotonic()
        if not open_tasks:
            break
        if now - began > seconds:
            raise Failure(f"{what}: {_open(open_tasks)} after {seconds:.0f} s; {_advice(open_tasks)}")
        if now - told > TOLD_SECONDS:
            told = now
            print(f"{what}: {_open(open_tasks)} after {now - began:.0f} s", file=sys.stderr)
        time.sleep(pause)
    return found


def _open(tasks: Sequence[TaskStatus]) -> str:
    running = sum(task.status == "running" for task in tasks)
    return f"{running} running, {len(tasks) - running} waiting"


def _advice(tasks: Sequence[TaskStatus]) -> str:
    if any(task.status == "running" for task in tasks):
        return "they go on at the site"
    return "no worker has taken them: Slurm has given no node, or the endpoint cannot start one (squeue at the site)"
