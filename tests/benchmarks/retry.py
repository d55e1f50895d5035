"""What a retry of one bad segment costs, against repeating the whole run as the original does."""

from __future__ import annotations

import tempfile
from pathlib import Path

from console.ledger import attempts as attempt_rows
from console.ledger.store import actor
from flowspec.states import RunState
from tests import sandbox_records
from tests.benchmarks.result import Result
from tests.pipeline_fixture import Pipeline, running_pipeline
from tests.waiting import until

RUN, SEGMENTS = 1, 8


def retry_of_one_in_8() -> Result:
    """Jobs and copied files of the retry after 1 of 8 segments failed at fit. Peer: of repeating everything."""
    with tempfile.TemporaryDirectory() as directory, running_pipeline(Path(directory) / "sandbox") as pipeline:
        folder = pipeline.sandbox.directory
        sandbox_records.set_fault(folder, "function-crash", stage="fit", run=RUN, segment=SEGMENTS - 1)
        pipeline.deliver(pipeline.take(RUN, segments=SEGMENTS, events=20))
        pipeline.start_driver()
        _ended(pipeline, RunState.FAILED, 1)
        begun = _work(pipeline)
        _retry(pipeline, 2)
        retried = _work(pipeline) - begun
        for path in (folder / "site" / "rawdata", folder / "dtn" / "results"):  # else they need not be copied again
            for file in path.rglob(f"run-{RUN:04d}-*"):
                file.unlink()
        _retry(pipeline, 3, wish={"everything": True})
        return Result("retry_of_one_in_8", retried, "jobs", aim=4, peer=_work(pipeline) - begun - retried)


def _work(pipeline: Pipeline) -> int:
    done = sandbox_records.records(pipeline.sandbox.directory)
    return sum(done.functions(RUN).values()) + len(done.copied(f"run-{RUN:04d}-"))


def _retry(pipeline: Pipeline, number: int, **args: object) -> None:
    pipeline.ledger.ask("retry", RUN, actor=actor(), **args)
    _ended(pipeline, RunState.DONE, number)


def _ended(pipeline: Pipeline, state: RunState, attempts: int) -> None:
    def ended() -> bool:
        newest = attempt_rows.newest_attempt(pipeline.ledger, RUN)
        return newest is not None and newest.number == attempts and pipeline.state(RUN) is state

    until(ended)


BENCHMARKS = (retry_of_one_in_8,)
