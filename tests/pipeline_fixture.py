"""The whole pipeline for tests: a sandbox process with the real functions, and the driver as a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from console.cli.parser import main
from console.cli.sandbox import Sandbox
from console.connect import make_context
from console.context import Context
from console.driver.process import spawn_driver
from console.ledger import runs
from console.ledger.presence import driver
from console.ledger.store import Ledger
from console.settings.constants import PROFILE_VARIABLE
from console.settings.profiles import load
from flowspec.states import RunState
from remote.sandbox.daq.rsync import Rsync
from remote.sandbox.daq.taking import TakenRun, take_run
from tests.waiting import HANGS_AFTER, until


class Pipeline:
    """A sandbox in a directory, its settings and ledger. Runs are taken and delivered when a test says so."""

    def __init__(self, directory: Path, **options: Any) -> None:
        self.sandbox = Sandbox(directory, **options)
        self.settings = self.sandbox.start(lambda _: None)
        self.ledger = Ledger(self.settings.ledger)
        self._driver: subprocess.Popen[bytes] | None = None

    @property
    def profile(self) -> Path:
        return self.sandbox.profile

    def make_context(self) -> Context:
        return make_context(load(self.profile), self.ledger)

    def take(self, run: int, segments: int = 2, events: int = 20) -> TakenRun:
        return take_run(self.sandbox.directory / "daq", run, segments=segments, events=events)

    def deliver(self, taken: TakenRun) -> float:
        return Rsync(self.sandbox.directory / "daq", self.settings.dtn.runs).deliver(taken)

    def start_driver(self) -> None:
        self._driver = spawn_driver(self.settings.ledger, self.profile, lifeline=True)
        until(lambda: driver(self.settings.ledger))

    def kill_driver(self) -> None:
        assert self._driver is not None
        self._driver.send_signal(signal.SIGKILL)
        self._driver.wait()

    def end_driver(self) -> None:
        if self._driver is not None and self._driver.stdin is not None:
            self._driver.stdin.close()
            self._driver.wait(HANGS_AFTER)
        self._driver = None

    def state(self, run: int) -> RunState | None:
        found = runs.run(self.ledger, run)
        return found.state if found else None

    def wait_for(self, run: int, state: RunState) -> runs.Run:
        def reached() -> runs.Run | None:
            found = runs.run(self.ledger, run)
            ended = found is not None and found.state in (RunState.FAILED, RunState.DONE, RunState.CANCELLED)
            assert not ended or found is None or found.state is state, f"run {run} is {found.state}: {found.why}"
            return found if found is not None and found.state is state else None

        return until(reached, every=0.05)

    def flow_runs(self) -> list[str]:
        """The ids of all flow runs that the sandbox knows, as the service lists them."""
        ctx = self.make_context()
        return [run.id for run in ctx.remote.flows.runs([ctx.flow_id])]

    def close(self) -> None:
        self.end_driver()
        self.ledger.close()
        self.sandbox.close()
        for folder, _, _ in os.walk(self.sandbox.directory):
            Path(folder).chmod(0o700)


@pytest.fixture
def console(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    """Runs a command with the profile of the fixture `pipeline`, which is to end with `code`; what it printed."""
    monkeypatch.setenv(PROFILE_VARIABLE, str(pipeline.profile))

    def run(*words: str, code: int = 0) -> str:
        assert main(words) == code, capsys.readouterr()
        out, err = capsys.readouterr()
        return (out if code == 0 else err).strip()

    return run


@contextmanager
def running_pipeline(directory: Path, **options: Any) -> Iterator[Pipeline]:
    """`options` are those of console.cli.sandbox.Sandbox."""
    pipeline = Pipeline(directory, **options)
    try:
        yield pipeline
    finally:
        pipeline.close()
