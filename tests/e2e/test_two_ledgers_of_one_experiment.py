"""Two real drivers with two ledgers on one experiment, as of two accounts, or after a ledger was copied."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.disk import mark as marks
from console.driver.process import spawn_driver
from console.ledger import runs
from console.ledger.presence import driver
from console.ledger.store import Ledger
from flowspec.states import RunState
from tests.pipeline_fixture import Pipeline, running_pipeline
from tests.sandbox_records import clear_faults, records, set_fault
from tests.waiting import HANGS_AFTER, until

LEDGER = "FRIB_CONSOLE__LEDGER"
TEN = range(1, 11)


class Second:
    """A second account's console: the same profile, another ledger."""

    def __init__(self, first: Pipeline, directory: Path) -> None:
        self.first, self.path = first, directory / "ledger.db"
        self.environment = {**os.environ, LEDGER: str(self.path)}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        os.environ[LEDGER] = str(self.path)
        try:
            self.process = spawn_driver(self.path, self.first.profile, lifeline=True)
        finally:
            del os.environ[LEDGER]
        until(lambda: (there := driver(self.path)) is not None and there.epoch)
        self.ledger = Ledger(self.path)

    def console(self, *words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "console", "--profile", str(self.first.profile), *words],
            env=self.environment, capture_output=True, text=True, timeout=HANGS_AFTER,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def found(self, run: int) -> runs.Run | None:
        return runs.run(self.ledger, run)

    def states(self) -> Counter[RunState]:
        return Counter(run.state for run in runs.runs(self.ledger))

    def close(self) -> None:
        if self.process is not None:
            self.process.stdin.close()
            self.process.wait(HANGS_AFTER)
            self.ledger.close()


@pytest.fixture
def first(tmp_path: Path) -> Iterator[Pipeline]:
    with running_pipeline(tmp_path / "sandbox", speed=10) as pipeline:
        yield pipeline


@pytest.fixture
def second(first: Pipeline, tmp_path: Path) -> Iterator[Second]:
    directory = tmp_path / "bert"
    directory.mkdir(mode=0o700)
    with contextlib.closing(Second(first, directory)) as made:
        yield made


def deliver(pipeline: Pipeline, numbers: range) -> None:
    for run in numbers:
        pipeline.deliver(pipeline.take(run, segments=1, events=5))


def launches(pipeline: Pipeline) -> Counter[int]:
    """How many flow runs of each run the sandbox has started."""
    tags = [tag for run in records(pipeline.sandbox.directory).flow_runs for tag in run["tags"]]
    return Counter(int(tag.split("-")[1]) for tag in tags if tag.startswith("frib-"))


def deployed_as(pipeline: Pipeline, second: Second) -> None:
    shutil.copy(pipeline.settings.ledger.with_name("deployed.json"), second.path.with_name("deployed.json"))


def once(numbers: range) -> Counter[int]:
    return Counter(dict.fromkeys(numbers, 1))


def test_of_ten_runs_none_is_doubled_and_the_second_says_who_drives_where(first: Pipeline, second: Second) -> None:
    """Each account has deployed a flow of its own, as the profile names none."""
    first.start_driver()
    until(lambda: marks.read(first.settings.dtn.results))
    second.console("functions", "register")
    second.console("flows", "deploy")
    second.start()
    deliver(first, TEN)
    until(lambda: second.states()[RunState.QUEUED])
    said = until(lambda: driver(second.path).problem)
    there = marks.read(first.settings.dtn.results)
    for known in (there.host, f"uid {os.getuid()}", str(first.settings.ledger), "drives this experiment since"):
        assert known in said
    until(lambda: said in {run.why for run in runs.runs(second.ledger, RunState.QUEUED)})
    assert said in second.console("status")
    assert said in second.console("driver", "status")
    for run in TEN:
        first.wait_for(run, RunState.DONE)
    assert launches(first) == once(TEN)
    first.end_driver()  # its shift is over: the second one drives on
    until(lambda: second.states()[RunState.DONE] == len(TEN), told=lambda: str(second.states()))
    deliver(first, range(11, 12))
    until(lambda: second.states()[RunState.DONE] == len(TEN) + 1, told=lambda: str(second.states()))
    assert launches(first) == once(range(1, 12))
    assert driver(second.path).problem == ""


def test_a_copied_ledger_doubles_nothing_not_even_what_was_about_to_start(first: Pipeline, second: Second) -> None:
    starting = f"/flows/{first.settings.flows.analysis}/run"
    set_fault(first.sandbox.directory, "http-500", service="flows", path=starting, moment="before", times=0)
    first.start_driver()
    deliver(first, range(1, 5))
    until(lambda: first.ledger.rows("SELECT 1 FROM attempts WHERE state = 'intent'"))
    first.kill_driver()
    clear_faults(first.sandbox.directory, "http-500")
    with contextlib.closing(sqlite3.connect(second.path)) as copy:
        first.ledger._db.backup(copy)
    deployed_as(first, second)
    first.start_driver()
    second.start()
    for run in range(1, 5):
        first.wait_for(run, RunState.DONE)
    assert launches(first) == once(range(1, 5))
    first.end_driver()
    until(lambda: second.states()[RunState.DONE] == 4, told=lambda: str(second.states()))
    assert launches(first) == once(range(1, 5))


def test_when_the_driver_dies_the_second_one_goes_on(first: Pipeline, second: Second) -> None:
    deployed_as(first, second)
    first.start_driver()
    until(lambda: marks.read(first.settings.dtn.results))
    second.start()
    deliver(first, range(1, 2))
    first.wait_for(1, RunState.RUNNING)
    first.kill_driver()
    deliver(first, range(2, 4))
    until(lambda: second.states()[RunState.DONE] == 3, told=lambda: str(second.states()))
    assert launches(first) == once(range(1, 4))
    assert any("whose driver has died" in row["text"] for row in second.ledger.rows("SELECT text FROM events"))


def test_taking_over_is_said_and_the_other_one_holds(first: Pipeline, second: Second) -> None:
    deployed_as(first, second)
    first.start_driver()
    until(lambda: marks.read(first.settings.dtn.results))
    second.start()
    until(lambda: driver(second.path).problem)
    assert "launches in 30 s" in second.console("driver", "take-over", "--yes")
    problem = until(lambda: driver(first.settings.ledger).problem)
    assert str(second.path) in problem
    deliver(first, range(1, 3))
    until(lambda: second.states()[RunState.DONE] == 2, told=lambda: str(second.states()))
    assert launches(first) == once(range(1, 3))
    assert second.console("driver", "take-over") == "no other console drives this experiment\n"
