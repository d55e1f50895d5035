"""What lies between a task and its function: the real compute endpoint beside the sandbox's own workers."""

from __future__ import annotations

import logging
import sys
import tempfile
import time
import uuid
from pathlib import Path

from globus_compute_sdk import Executor

from remote.sandbox.compute.environment import environment
from tests.benchmarks.result import Result
from tests.remote.sandbox.compute.test_compute_contract import client_of
from tests.sandbox_fixture import start_sandbox
from tests.waiting import HANGS_AFTER

TASKS, WORKERS, SECONDS = 40, 2, 1.0
IDEAL = TASKS * SECONDS / WORKERS


def sleep(seconds: float) -> float:
    import time

    time.sleep(seconds)
    return seconds


def forty_tasks_workers() -> Result:
    """Seconds until 40 tasks of 1 s are back, with 2 workers that are there, by the Executor. Peer: the ideal."""
    return Result("forty_tasks_workers", _forty_tasks(), "s", aim=1.10 * IDEAL, peer=IDEAL)


def forty_tasks_endpoint() -> Result:
    """The same through the unmodified globus-compute-endpoint and Parsl, once a first task was there."""
    place = environment(lambda text: print(text, file=sys.stderr))
    value = _forty_tasks("--endpoint-environment", str(place))
    return Result("forty_tasks_endpoint", value, "s", aim=1.10 * IDEAL, peer=IDEAL)


def _forty_tasks(*options: str) -> float:
    logging.getLogger("globus_compute_sdk").setLevel(
        logging.CRITICAL
    )  # of results it listens on when the sandbox is gone
    with (
        tempfile.TemporaryDirectory() as directory,
        start_sandbox(Path(directory), "--workers", str(WORKERS), *options) as sandbox,
        Executor(
            endpoint_id=sandbox.info["endpoints"]["frib-fit-mpi"],
            client=client_of(sandbox),
            task_group_id=str(uuid.uuid4()),  # all executors of a process have one otherwise, and its first service
        ) as executor,
    ):
        for first in [executor.submit(sleep, 0.1) for _ in range(WORKERS)]:
            first.result(HANGS_AFTER)
        start = time.perf_counter()
        for task in [executor.submit(sleep, SECONDS) for _ in range(TASKS)]:
            task.result(HANGS_AFTER)
        return time.perf_counter() - start


BENCHMARKS = (forty_tasks_workers, forty_tasks_endpoint)
