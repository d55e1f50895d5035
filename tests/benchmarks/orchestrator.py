"""What waiting for Flows costs: the same jobs with its real polling intervals, with and without hints to it.

One factor, SCALE, divides the intervals of Flows, the durations of the jobs and the console's own pace, so that minutes
become seconds; what is told is multiplied by it again. What cannot be scaled (starting processes, requests, the limit
of requests to Compute) weighs SCALE times as much as it would, so that the hints do better than is measured here.
"""

from __future__ import annotations

import contextlib
import functools
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from console.ledger import attempts
from console.ledger import hints as hints_rows
from flowspec import flowlog
from flowspec.flowlog import Visit
from flowspec.stages import Stage
from flowspec.states import RunState
from remote.sandbox.daq.taking import take_run
from tests.benchmarks.result import Result
from tests.pipeline_fixture import Pipeline, running_pipeline
from tests.waiting import until

SCALE = 20.0
# Seconds of the site's clock. In the middle between two looks of Flows (255 and 511, 127 and 255, 63 and 127): what is
# lost on an action without hints is then the mean of what an action of about this length loses.
JOBS = {"fit": 383.0, "convert": 191.0, "analyze": 95.0}
TRANSFER = 47.0
POLL_INTERVAL = 5.0  # of the console; the default
RUN, EVENTS = 1, 100


@dataclass(frozen=True)
class Course:
    """How long a run took from END_RUN to its result, and how long of that Flows had not noticed an end; in seconds."""

    whole: float
    waiting: float

    @property
    def share(self) -> float:
        """Percent of the whole that was waiting for Flows."""
        return 100 * self.waiting / self.whole


@functools.cache
def measured() -> dict[bool, Course]:
    """The course of one run with hints (True) and of one without, which go at the same time."""
    with contextlib.ExitStack() as stack:
        pipelines = {hints: stack.enter_context(_pipeline(hints)) for hints in (True, False)}
        taken = {hints: pipeline.take(RUN, segments=1, events=EVENTS) for hints, pipeline in pipelines.items()}
        ended = {hints: pipeline.deliver(taken[hints]) for hints, pipeline in pipelines.items()}
        return {hints: _course(pipeline, ended[hints]) for hints, pipeline in pipelines.items()}


@contextlib.contextmanager
def _pipeline(hints: bool) -> Iterator[Pipeline]:
    """A driven sandbox whose services and jobs, and whose console, are SCALE times as fast as they would be."""
    with tempfile.TemporaryDirectory() as directory, contextlib.ExitStack() as stack:
        size = take_run(Path(directory) / "trial", RUN, segments=1, events=EVENTS).bytes
        rate = int(size * SCALE / TRANSFER)
        sandbox = Path(directory) / "sandbox"
        pipeline = stack.enter_context(running_pipeline(sandbox, polling="real", speed=SCALE, rate=rate))
        with (sandbox / "site" / "kit" / "site.conf").open("a") as conf:
            for stage, seconds in JOBS.items():
                conf.write(f"[[ $stage != {stage} ]] || sleep {seconds / SCALE}\n")
        if not hints:
            hints_rows.switch_off(pipeline.ledger, 10, "")
        with _environment("FRIB_CONSOLE__POLICY__POLL_INTERVAL", str(POLL_INTERVAL / SCALE)):
            pipeline.start_driver()
        until(lambda: pipeline.ledger.row("SELECT 1 FROM sources WHERE name = 'flows'"))
        yield pipeline


@contextlib.contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    os.environ[name] = value
    try:
        yield
    finally:
        del os.environ[name]


def _course(pipeline: Pipeline, ended: float) -> Course:
    run = pipeline.wait_for(RUN, RunState.DONE)
    attempt = attempts.newest_attempt(pipeline.ledger, RUN)
    assert attempt is not None
    assert run.finished_at is not None
    waits = [
        flowlog.seconds(visit.ended or "") - _source_ended(pipeline, stage, visit)
        for stage, visit in attempt.visits.items()
    ]
    return Course((run.finished_at - ended) * SCALE, sum(waits) * SCALE)


def _source_ended(pipeline: Pipeline, stage: Stage, visit: Visit) -> float:
    """When a transfer task was completed, or a job had written its report."""
    if stage in (Stage.TRANSFER, Stage.RETURN):
        return flowlog.seconds(pipeline.make_context().remote.transfer.task(str(visit.action)).completed or "")
    name = "analyze.json" if stage is Stage.ANALYZE else f"{stage.value}-00.json"
    report = pipeline.sandbox.directory / "site" / "logs" / f"run{RUN}" / name
    return report.stat().st_mtime


def end_to_result_real_polling() -> Result:
    """END_RUN to result, s, when Flows polls as it really does, with hints. Peer: the same jobs without hints."""
    with_hints, without = measured()[True], measured()[False]
    return Result("end_to_result_real_polling", with_hints.whole, "s", peer=without.whole)


def waiting_for_flows() -> Result:
    """How much of that was waiting for Flows to notice an end, %, with hints. Peer: without hints."""
    with_hints, without = measured()[True], measured()[False]
    return Result("waiting_for_flows", with_hints.share, "%", peer=without.share)


BENCHMARKS = (end_to_result_real_polling, waiting_for_flows)
