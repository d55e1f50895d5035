"""SIGKILL at every durable step: each time the same small story, killed one step later, then told to its end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from console.ledger import attempts, runs
from console.ledger.store import Ledger
from flowspec.states import RunState
from tests.fire.verdict import judge
from tests.fire.world import World
from tests.sandbox_records import records as sandbox_records
from tests.waiting import HANGS_AFTER, until


class Points:
    """One world; each story is told of a new run in it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.world = World(directory / "world", streaming=True)

    def close(self) -> None:
        self.world.close()

    def launch(self) -> RunState:
        self.world.new_run()
        return RunState.DONE

    def retry(self) -> RunState:
        """A run whose fit failed, asked to be retried while nobody drives."""
        run = self.world.new_run()
        with self.world.broken("EventEditor"), self._driver():
            until(lambda: self.world.state(run) is RunState.FAILED)
        self.world.ledger.ask("retry", run, actor="me@here")
        return RunState.DONE

    def cancel(self) -> RunState:
        """A run that is being fitted, asked to be cancelled while nobody drives."""
        run = self.world.new_run()
        self.world.hold(True)
        with self._driver():
            until(lambda: run in (w["run"] for w in self._working()))
        self.world.ledger.ask("cancel", run, actor="me@here")
        return RunState.CANCELLED

    def takeover(self) -> RunState:
        """A driver that stopped responding has just started an attempt."""
        run = self.world.new_run()
        process = self._spawn(0)
        until(lambda: attempts.newest_attempt(self.world.ledger, run))
        process.send_signal(signal.SIGSTOP)
        return RunState.DONE

    def early(self) -> RunState:
        """A run that is being recorded, and ends as soon as an early attempt of it is intended."""
        self.world.quick(False)
        recording = self.world.record(3)

        def end() -> None:
            with contextlib.closing(Ledger(self.world.settings.ledger, read_only=True)) as ledger:
                until(lambda: attempts.attempts(ledger, recording.whole.run))
            recording.end()

        threading.Thread(target=end, daemon=True).start()
        return RunState.DONE

    def tell(self, story: Callable[[], RunState], at: int) -> list[str]:
        """Kill the driver of the story at step `at`; returns the steps that it came to. At 0 it is not killed."""
        goal = story()
        run = self.world.runs[-1]
        trace = self.directory / f"{story.__name__}-{at}.trace"
        doomed = self._spawn(at, trace)
        self._until(run, lambda: doomed.poll() is not None or self.world.state(run) is goal)
        if doomed.poll() is None:
            doomed.kill()
        doomed.wait(HANGS_AFTER)
        with self._driver():
            self._until(run, lambda: self.world.state(run) is goal and not self.world.ledger.asked())
        self.world.hold(False)
        if goal is RunState.CANCELLED:
            assert self._working() == []
            self.world.cancelled.add(run)
        verdict = judge(self.world)
        assert verdict.good, f"{story.__name__} killed at step {at}: {verdict}"
        return trace.read_text().splitlines()

    def tell_all(self, story: Callable[[], RunState], say: Callable[[str], None], few: int | None = None) -> int:
        """Kill at every step of the story, or at so `few`, evenly spread. Returns at how many."""
        steps = self.tell(story, 0)
        every = len(steps)
        chosen = range(1, every + 1) if few is None else sorted({1 + n * every // few for n in range(few)})
        for at in chosen:
            reached = self.tell(story, at)
            say(f"{story.__name__}: killed at step {at} of about {every}, {reached[-1]}")
        return len(chosen)

    def _working(self) -> list[dict[str, Any]]:
        return sandbox_records(self.world.sandbox.directory).working

    def _until(self, run: int, condition: Callable[[], object]) -> None:
        try:
            until(condition)
        except AssertionError:
            found = runs.run(self.world.ledger, run)
            said = f"run {run} stays {found.state.value}: {found.why}" if found else f"run {run} is not in the ledger"
            log = (self.directory / "driver.log").read_text()[-2000:]
            raise AssertionError(f"{said}; the driver's log:\n{log}") from None

    @contextlib.contextmanager
    def _driver(self) -> Iterator[None]:
        process = self._spawn(0)
        try:
            yield
        finally:
            process.kill()
            process.wait(HANGS_AFTER)

    def _spawn(self, at: int, trace: Path = Path(os.devnull)) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.fire.doomed", str(at), str(trace), "--profile", str(self.world.profile)]
        with (self.directory / "driver.log").open("ab") as log:
            return subprocess.Popen([*command, "watch"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)


STORIES = ("launch", "retry", "cancel", "takeover", "early")


def burn(few: int | None, say: Callable[[str], None], stories: Iterable[str] = STORIES) -> int:
    """All stories; returns the number of kills. Raises AssertionError at the first that ends badly."""
    with tempfile.TemporaryDirectory(prefix="frib-fire-") as directory:
        points = Points(Path(directory))
        try:
            return sum(points.tell_all(getattr(points, story), say, few) for story in stories)
        finally:
            points.close()
