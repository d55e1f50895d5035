"""What a run costs after its END_RUN: with its closed segments done while it is recorded, and without.

A DAQ of 12 segments and work that is large against the overheads; what is told is divided by the work that no streaming
can spare: fit and convert of the last segment, and the analysis.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from console.ledger import attempts, runs
from flowspec.states import RunState
from tests.benchmarks.result import Result
from tests.pipeline_fixture import Pipeline, running_pipeline
from tests.recording import Recording
from tests.sandbox_records import set_fault, struck
from tests.waiting import until

SEGMENTS, EVENTS, RUN = 12, 5, 1
TAKING = 5.0  # seconds of data taking for each segment
JOBS = {"fit": 8.0, "convert": 4.0, "analyze": 8.0}  # seconds of sleep; fit and its wrapper sleep each
WORKERS = 6  # of each endpoint: half the segments at a time; keeping up takes 3.3, the last ones find one free
POLICY = {"STREAMING_SEGMENTS": "3", "SETTLE": "0.5", "MAX_IN_FLIGHT": "8"}


@dataclass(frozen=True)
class Course:
    """Seconds from END_RUN: until the first flow run after it was started, and until the result; the work of the last
    segment and the analysis; flow runs of the run, and what Globus was asked from its first segment to its result."""

    launch: float
    result: float
    work: float
    flow_runs: int
    requests: int


@functools.cache
def measured(streaming: bool, polling: str) -> Course:
    with _pipeline(streaming, polling) as pipeline:
        set_fault(pipeline.sandbox.directory, "slow-reply", seconds=0, times=0)  # does nothing but count
        daq = pipeline.sandbox.directory / "daq"
        recording = Recording(daq, pipeline.settings.dtn.runs, RUN, SEGMENTS, EVENTS)
        for segment in range(SEGMENTS):
            recording.write(segment, part=0.5 if segment == recording.last else 1.0)
            time.sleep(TAKING)  # the DAQ's pace, which is what is simulated
        ended = recording.end()
        until(lambda: pipeline.state(RUN) in (RunState.DONE, RunState.FAILED))
        return _course(pipeline, ended)


def _course(pipeline: Pipeline, ended: float) -> Course:
    run = runs.run(pipeline.ledger, RUN)
    assert run is not None
    assert run.finished_at is not None, run.why
    made = attempts.attempts(pipeline.ledger, RUN)
    after = [attempt.started_at for attempt in made if attempt.started_at and attempt.started_at > ended]
    logs = pipeline.sandbox.directory / "site" / "logs" / f"run{RUN}"
    last = (f"fit-{SEGMENTS - 1:02d}", f"convert-{SEGMENTS - 1:02d}", "analyze")
    work = sum(json.loads((logs / f"{name}.json").read_text())["seconds"] for name in last)
    requests = struck(pipeline.sandbox.directory, "slow-reply")
    return Course(min(after) - ended, run.finished_at - ended, work, len(made), requests)


@contextlib.contextmanager
def _pipeline(streaming: bool, polling: str) -> Iterator[Pipeline]:
    policy = {f"FRIB_CONSOLE__POLICY__{name}": value for name, value in POLICY.items()}
    policy["FRIB_CONSOLE__POLICY__STREAMING"] = str(streaming).lower()
    with tempfile.TemporaryDirectory() as directory, contextlib.ExitStack() as stack:
        sandbox = Path(directory) / "sandbox"
        pipeline = stack.enter_context(running_pipeline(sandbox, polling=polling, workers=WORKERS))
        with (sandbox / "site" / "kit" / "site.conf").open("a") as conf:
            conf.writelines(f"[[ $stage != {stage} ]] || sleep {seconds}\n" for stage, seconds in JOBS.items())
        before = dict(os.environ)
        os.environ.update(policy)
        try:
            pipeline.start_driver()
        finally:
            os.environ.clear()
            os.environ.update(before)
        until(lambda: pipeline.ledger.row("SELECT 1 FROM sources WHERE name = 'flows'"))
        yield pipeline


def _over_work(name: str, course: Course, aim: float | None = None) -> Result:
    return Result(name, course.result / course.work, "x work", aim=aim)


def streaming_result() -> Result:
    """END_RUN to result over the work of the last segment and the analysis, 12 segments, streamed."""
    return _over_work("streaming_result", measured(True, "quick"), aim=1.25)


def streaming_off_result() -> Result:
    """The same, not streamed."""
    return _over_work("streaming_off_result", measured(False, "quick"))


def streaming_real_polling() -> Result:
    """The same, streamed, when Flows polls as it really does, with hints. Peer: not streamed."""
    on, off = measured(True, "real"), measured(False, "real")
    return Result("streaming_real_polling", on.result / on.work, "x work", peer=off.result / off.work)


def streaming_launch() -> Result:
    """END_RUN to the start of the next flow run, streamed, one run."""
    return Result("streaming_launch", measured(True, "quick").launch, "s", aim=0.5)


def streaming_flow_runs() -> Result:
    """Flow runs of a streamed run of 12 segments. Peer: not streamed."""
    on, off = measured(True, "quick"), measured(False, "quick")
    return Result("streaming_flow_runs", on.flow_runs, "flow runs", peer=off.flow_runs)


def streaming_requests() -> Result:
    """What Globus is asked for a streamed run, from its first segment to its result. Peer: not streamed."""
    on, off = measured(True, "quick"), measured(False, "quick")
    return Result("streaming_requests", on.requests, "requests", peer=off.requests)


BENCHMARKS = (
    streaming_result,
    streaming_off_result,
    streaming_real_polling,
    streaming_launch,
    streaming_flow_runs,
    streaming_requests,
)
