"""From the end of a run to its flow run and to its result, on a whole sandbox."""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path

from console.ledger import attempts, runs
from flowspec.states import RunState
from tests.benchmarks.result import Result
from tests.pipeline_fixture import Pipeline, running_pipeline
from tests.waiting import until

ORIGINAL_LAUNCH = 185.0  # s: looks every 300 s, then 30 s of quiet; the mean of 30 to 335 s
LAUNCHES = 20
UNLIMITED = {"FRIB_CONSOLE__POLICY__MAX_IN_FLIGHT": "100"}  # a launch is not to wait for the runs before it


@contextlib.contextmanager
def _driven() -> Iterator[Pipeline]:
    with tempfile.TemporaryDirectory() as directory, running_pipeline(Path(directory) / "sandbox") as pipeline:
        os.environ.update(UNLIMITED)
        try:
            pipeline.start_driver()
            until(lambda: pipeline.ledger.row("SELECT 1 FROM sources WHERE name = 'flows'"))
            yield pipeline
        finally:
            for name in UNLIMITED:
                del os.environ[name]


def end_to_launch() -> Result:
    """END_RUN whole on the local disk to flow run started, median of 20. Peer: the mean of the original's trigger."""
    waits = []
    with _driven() as pipeline:
        for run in range(1, LAUNCHES + 1):
            ended_at = pipeline.deliver(pipeline.take(run, segments=1, events=5))
            until(lambda run=run: _started_at(pipeline, run))
            waits.append((_started_at(pipeline, run) or 0) - ended_at)
    return Result("end_to_launch", statistics.median(waits), "s", aim=0.5, peer=ORIGINAL_LAUNCH)


def _started_at(pipeline: Pipeline, run: int) -> float | None:
    attempt = attempts.newest_attempt(pipeline.ledger, run)
    return attempt.started_at if attempt and attempt.flow_run else None


def end_to_result() -> Result:
    """END_RUN to the result on the DTN: 4 segments of 400 events. Peer: the sum of what its jobs took by themselves."""
    with _driven() as pipeline:
        ended_at = pipeline.deliver(pipeline.take(1, segments=4, events=400))
        until(lambda: pipeline.state(1) is RunState.DONE)
        run = runs.run(pipeline.ledger, 1)
        assert run is not None
        assert run.finished_at is not None
        reports = (pipeline.sandbox.directory / "site" / "logs" / "run1").glob("*.json")
        work = sum(json.loads(report.read_text())["seconds"] for report in reports)
    return Result("end_to_result", run.finished_at - ended_at, "s", peer=work)


BENCHMARKS = (end_to_launch, end_to_result)
