"""A pause with a driver of its own and a queue: nothing more is started, whoever drives, until somebody resumes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from console.ledger.presence import driver
from console.ledger.store import Ledger
from flowspec.states import RunState
from tests.e2e.test_launch_order import DRIVE, take
from tests.pipeline_fixture import Pipeline, running_pipeline
from tests.sandbox_records import records, set_fault
from tests.waiting import HANGS_AFTER, until

RUNS = 30
START_SECONDS = 0.4  # a start takes so long: all of them take many times a second


@contextmanager
def driving(pipeline: Pipeline, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-c", DRIVE, str(pipeline.profile)]
    with log.open("ab") as errors:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=errors, env=os.environ)
    assert process.stdin is not None
    try:
        yield process
    finally:
        process.stdin.close()
        process.wait(HANGS_AFTER)


def started(pipeline: Pipeline) -> list[float]:
    """When the flow runs of this experiment were started, by the sandbox's clock, which is ours."""
    return [run["started"] for run in records(pipeline.sandbox.directory).flow_runs]


def answered(ledger: Ledger, verb: str, run: int | None = None, **args: object) -> str:
    number = ledger.ask(verb, run, actor="anna@daq1", **args)

    def answer() -> str | None:
        request = ledger.request(number)
        return request.answer if request is not None and request.state != "asked" else None

    found = until(answer)
    assert found is not None
    return found


def test_a_pause_stops_every_launch_within_a_second_and_outlives_the_driver(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"MAX_IN_FLIGHT": "100", "AUTO_RETRIES": "3", "RETRY_PAUSE": "0.1"}.items():
        monkeypatch.setenv(f"FRIB_CONSOLE__POLICY__{name}", value)
    with running_pipeline(tmp_path / "sandbox", speed=20) as pipeline:
        ledger, directory = pipeline.ledger, pipeline.sandbox.directory
        set_fault(directory, "transfer-failed", times=0)  # what was launched comes back, to be retried by itself
        set_fault(directory, "slow-reply", service="flows", path="POST /flows/*/run", seconds=START_SECONDS, times=0)
        for run in range(1, RUNS + 1):
            take(pipeline.settings.dtn.runs, run)
        with driving(pipeline, tmp_path / "log") as first:
            until(lambda: len(started(pipeline)) >= 3)
            asked = time.time()
            assert answered(ledger, "pause", reason="maintenance").startswith("launching is paused: maintenance.")
            until(lambda: pipeline.state(RUNS) is RunState.QUEUED)
            answered(ledger, "auto", on=True)  # whole rounds pass
            answered(ledger, "auto", on=True)
            before = started(pipeline)
            assert max(before) - asked < 1.0
            assert len(before) < RUNS
            first.kill()
        with driving(pipeline, tmp_path / "log"):
            until(lambda: (there := driver(ledger.path)) is not None and there.epoch == 2)
            reconciled = ledger.get("reconciled")
            until(lambda: ledger.get("reconciled") != reconciled)  # from now on it would launch
            answered(ledger, "auto", on=True)
            until(lambda: all(pipeline.state(run) is not RunState.READY for run in range(1, RUNS + 1)))
            answered(ledger, "auto", on=True)
            assert started(pipeline) == before
            rows = ledger.rows("SELECT DISTINCT code FROM conditions JOIN runs USING (run) WHERE state = 'queued'")
            assert "queue.paused" in {row["code"] for row in rows}
            assert "anna@daq1 had paused it" in answered(ledger, "resume")
            until(lambda: len(started(pipeline)) > len(before) + 1)
