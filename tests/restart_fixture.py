"""A driver that comes back to many flow runs under way, and to a ledger of many more that have ended."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from console.ledger import attempts, evidence
from console.ledger import runs as run_rows
from flowspec.conditions import NO_REASON, reason
from flowspec.plan import plan_all
from flowspec.progress import Evidence, Says, Witness
from flowspec.readiness import Judgement, Verdict
from flowspec.stages import STAGES, CellState, Stage
from flowspec.states import AttemptState, RunState
from remote.globus.compute import REQUEST_SECONDS
from tests.ledger_fixture import stand
from tests.pipeline_fixture import Pipeline, running_pipeline
from tests.sandbox_records import clear_faults, set_fault, struck
from tests.sandbox_records import records as sandbox_records
from tests.waiting import until

RUNNING = 20
FIRST_FINISHED = 10_000  # run number
UNLIMITED = {"FRIB_CONSOLE__POLICY__MAX_IN_FLIGHT": "100"}


class Restart(NamedTuple):
    seconds: float  # from the start of the process until the ledger is right again
    requests: int  # that the other end got until then


@contextmanager
def many_under_way(directory: Path) -> Iterator[Pipeline]:
    """Twenty flow runs whose fits end while nobody drives; their conversions are not begun. No driver runs."""
    with running_pipeline(directory, workers=5, speed=5) as pipeline:
        os.environ.update(UNLIMITED)
        try:
            set_fault(directory, "endpoint-slow", stage="convert", seconds=600)
            for run in range(1, RUNNING + 1):
                pipeline.deliver(pipeline.take(run, segments=1, events=5))
            pipeline.start_driver()
            until(lambda: len(_started(pipeline)) == RUNNING)
            pipeline.kill_driver()
            until(lambda: _calls(directory, "convert") == RUNNING, every=0.2)
            yield pipeline
        finally:
            for name in UNLIMITED:
                del os.environ[name]


def finish(pipeline: Pipeline, runs: range) -> None:
    """Write runs into the ledger that were done long ago, and then cleaned up, as the driver would have."""
    ledger, why = pipeline.ledger, reason("words", words="is complete")
    with ledger.change():
        for run in runs:
            sizes = dict.fromkeys(range(4), 1000)
            judged = Judgement(run, Verdict.READY, why, (0, 1, 2, 3), 4000, "", 0, 0, 1.0, f"f{run}")
            run_rows.record_judgement(ledger, str(pipeline.settings.dtn.runs / f"run{run}"), judged, sizes)
            plan = plan_all(run, (0, 1, 2, 3))
            tag, flow = f"frib-{run}-1-{run:016x}", str(pipeline.settings.flows.analysis)
            attempt = attempts.add_intent(ledger, plan, 1, tag, {}, f"x run {run}", flow, "driver")
            attempts.set_attempt(
                ledger, attempt, state=AttemptState.SUCCEEDED.value, flow_run=f"flow-run-{run}", ended_at=ledger.now()
            )
            for stage in STAGES:
                found = [Evidence(stage, s, Witness.FILE, Says.DONE, NO_REASON, 1000, 0.0) for s in _places(stage)]
                evidence.record_evidence(ledger, run, found, attempt)
            done = {"state": RunState.DONE, "why": "the result is back", "verdict": run_rows.GONE}
            stand(ledger, run, **done, finished_at=ledger.now())
            evidence.refresh_progress(ledger, run)


def rest() -> None:
    """Until what the driver before has asked of Compute no longer counts: restarts can be compared then."""
    time.sleep(REQUEST_SECONDS)


def restart(pipeline: Pipeline) -> Restart:
    """Start the driver until it knows of each run under way that it waits for its conversion; then kill it."""
    clear_faults(pipeline.sandbox.directory, "slow-reply")
    set_fault(pipeline.sandbox.directory, "slow-reply", seconds=0, times=0)  # does nothing but count
    began = time.monotonic()
    pipeline.start_driver()
    until(lambda: all(_right(pipeline, run) for run in range(1, RUNNING + 1)))
    seconds = time.monotonic() - began
    requests = struck(pipeline.sandbox.directory, "slow-reply")
    pipeline.kill_driver()
    return Restart(seconds, requests)


def forget(pipeline: Pipeline, *, everything: bool = False) -> None:
    """Let the ledger be behind again: what the tasks said is forgotten, or everything since the launch."""
    with pipeline.ledger.change() as db:
        for run in range(1, RUNNING + 1):
            stand(pipeline.ledger, run, why="nobody has looked")
            for witness in Witness if everything else (Witness.TASK,):
                for attempt in attempts.attempts(pipeline.ledger, run):
                    evidence.forget_evidence(pipeline.ledger, attempt, witness, *Says)
        if everything:
            db.execute("DELETE FROM tasks")
            db.execute("UPDATE attempts SET visits = '{}', log_after = NULL WHERE run <= ?", (RUNNING,))


def _right(pipeline: Pipeline, run: int) -> bool:
    found = run_rows.run(pipeline.ledger, run)
    assert found is not None
    matrix = evidence.matrix(pipeline.ledger, found)
    fitted = matrix[(Stage.FIT, 0)].state is CellState.DONE
    return fitted and found.state is RunState.RUNNING and found.why.startswith("convert 0/1: ")


def _started(pipeline: Pipeline) -> list[attempts.Attempt]:
    return [a for a in attempts.open_attempts(pipeline.ledger) if a.flow_run]


def _calls(directory: Path, function: str) -> int:
    return sum(call["function"] == function for call in sandbox_records(directory).calls)


def _places(stage: Stage) -> list[int | None]:
    return [0, 1, 2, 3] if stage.per_segment else [None]
