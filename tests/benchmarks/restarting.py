"""A driver that comes back to 20 flow runs under way, with 50 and with 500 finished runs in the ledger."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

from tests.benchmarks.result import Result
from tests.restart_fixture import FIRST_FINISHED, Restart, finish, forget, many_under_way, rest, restart

SECONDS = 3.0


@functools.cache
def _restarts() -> dict[int, Restart]:
    """By the number of finished runs."""
    found = {}
    with tempfile.TemporaryDirectory() as directory, many_under_way(Path(directory) / "sandbox") as pipeline:
        begin = FIRST_FINISHED
        for finished in (50, 500):
            finish(pipeline, range(begin, FIRST_FINISHED + finished))
            begin = FIRST_FINISHED + finished
            forget(pipeline)
            rest()
            found[finished] = restart(pipeline)
    return found


def restart_500() -> Result:
    """Start of the driver until 20 flow runs under way are known again; 500 runs have ended before."""
    return Result("restart_500", _restarts()[500].seconds, "s", aim=SECONDS)


def restart_requests_50() -> Result:
    """What the other end is asked until then, with 50 runs that have ended."""
    return Result("restart_requests_50", _restarts()[50].requests, "requests")


def restart_requests_500() -> Result:
    """The same with 500 runs that have ended."""
    return Result("restart_requests_500", _restarts()[500].requests, "requests")


BENCHMARKS = (restart_500, restart_requests_50, restart_requests_500)
