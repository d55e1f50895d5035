"""How often the ledger is asked: by one launch, by one poll of an attempt under way, by one look of the screen."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from console.actions import queue
from console.driver import round
from console.ledger import runs
from console.ledger.store import Ledger
from console.reading.snapshot import SnapshotReader
from console.settings.model import Policy
from flowspec.states import RunState
from tests.benchmarks.result import Result
from tests.console.evidence.test_poll import Globus
from tests.fake_globus import Clock, judge, make_context

# Of the version before runs were read once (0.1.0), counted in the same way.
PEERS = {"launch": 14, "poll": 28, "look": 14}
AIMS = {"launch": 6, "poll": 20, "look": 14}


@contextmanager
def _queued(count: int) -> Iterator[tuple[queue.Context, list[str]]]:
    """So many runs in the queue of a ledger whose statements are noted."""
    with tempfile.TemporaryDirectory() as directory:
        ctx = make_context(Ledger(Path(directory) / "ledger.db", now=Clock()), Globus(), Policy(max_in_flight=10))
        for run in range(1, count + 1):
            judge(ctx, run, segments=(0,))
            found = runs.run(ctx.ledger, run)
            if found is not None:
                queue.queue(ctx, found, "driver")
        statements: list[str] = []
        ctx.ledger._db.set_trace_callback(statements.append)
        yield ctx, statements


def _queries(statements: list[str], do: Callable[[], object]) -> int:
    statements.clear()
    do()
    return sum(statement.lstrip().startswith("SELECT") for statement in statements)


def _more(do: Callable[[queue.Context, list[str]], int]) -> int:
    """What one run more costs: the same with two runs and with one."""
    with _queued(1) as one, _queued(2) as two:
        return do(*two) - do(*one)


def _launch(ctx: queue.Context, statements: list[str]) -> int:
    return _queries(statements, lambda: queue.start_live(ctx, lambda: None, runs.runs(ctx.ledger, RunState.QUEUED)))


def _poll(ctx: queue.Context, statements: list[str]) -> int:
    queue.start_live(ctx, lambda: None, runs.runs(ctx.ledger, RunState.QUEUED))
    round.follow_attempts(ctx)  # names the tasks
    return _queries(statements, lambda: round.follow_attempts(ctx))


def queries_launch() -> Result:
    """SELECTs of one launch, besides those of the round."""
    return Result("queries_launch", _more(_launch), "SELECTs", AIMS["launch"], PEERS["launch"])


def queries_poll() -> Result:
    """SELECTs of one poll of an attempt at its fit, besides those of the round."""
    return Result("queries_poll", _more(_poll), "SELECTs", AIMS["poll"], PEERS["poll"])


def queries_look() -> Result:
    """SELECTs of a look of the screen at which nothing has changed."""
    with _queued(3) as (ctx, statements):
        reader = SnapshotReader(ctx.ledger)
        reader.snapshot()
        return Result("queries_look", _queries(statements, reader.snapshot), "SELECTs", AIMS["look"], PEERS["look"])


BENCHMARKS = (queries_launch, queries_poll, queries_look)
