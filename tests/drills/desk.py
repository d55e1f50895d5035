"""An operator's desk: a running world, and a screen on which things are read and keys are pressed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flowspec.states import RunState
from remote.sandbox.daq.taking import TakenRun
from tests import sandbox_records
from tests.drills.driver import FREE_SPACE
from tests.fire.world import World
from tests.tmux import Terminal, terminal
from tests.waiting import HANGS_AFTER, until

SLOW_LINE = (sys.executable, "-m", "tests.slow_line")  # 10 kB/s, 150 ms each way


class Desk:
    """`pressed` counts the keys, `told` says of each that mended something whether the screen had told to press it."""

    def __init__(self, world: World, window: Terminal) -> None:
        self.world, self.window = world, window
        self.pressed = 0
        self.told: list[tuple[str, bool]] = []

    # ---- the other end

    def fault(self, name: str, **args: Any) -> None:
        sandbox_records.set_fault(self.world.sandbox.directory, name, **args)

    def clear(self, name: str = "") -> None:
        sandbox_records.clear_faults(self.world.sandbox.directory, name)

    @property
    def next_run(self) -> int:
        """The number that the next run will have."""
        return self.world.runs[-1] + 1 if self.world.runs else 101

    def deliver(self, segments: int = 1, events: int = 0) -> int:
        return self.bring(self.world.take(self.next_run, segments, events))

    def bring(self, taken: TakenRun) -> int:
        """A run that was taken comes to the DTN."""
        self.world.deliver(taken)
        self.world.runs.append(taken.run)
        return taken.run

    def wait_for(self, state: RunState, *runs: int) -> None:
        for run in runs:
            until(lambda run=run: self.world.state(run) is state, every=0.1)

    # ---- the screen

    def text(self) -> str:
        """The screen in one line: where a bar breaks its lines does not matter."""
        return " ".join(self.window.text().split())

    def see(self, *sentences: str) -> float:
        """Wait until all of these are on the screen; how many seconds that took, which is for the drills to report."""
        began = time.monotonic()
        until(
            lambda: all(words in self.text() for words in sentences),
            every=0.05,
            told=lambda: f"{sentences}\n{self.window.text()}",
        )
        return time.monotonic() - began

    def press(self, *keys: str) -> None:
        for key in keys:
            self.window.press(key)
            self.pressed += 1

    def act(self, key: str) -> None:
        """Press a key that mends; what stands in the list of keys, the last line, does not tell to press it."""
        sentences = " ".join(self.window.text().splitlines()[:-1])
        self.told.append((key, re.search(rf"(?<![\w:/]){key}[: ]\s?\w", sentences) is not None))
        self.press(key)

    def select(self, run: int) -> None:
        """Show this run only; the line of the run under the cursor then tells all that there is to say of it."""
        self.press("Escape", "Escape")
        until(self._filter_is_open, every=0.3)
        self.press("C-u", *f"run:{run}")
        self.see(f"/run:{run}_")
        self.press("Enter")
        self.see(f" run {run} ")

    def _filter_is_open(self) -> bool:
        """A letter that comes at once with another key is none, so it may take two."""
        if there := "enter keeps it" in self.text():
            return there
        self.press("/")
        return False

    def confirm(self, question: str) -> None:
        """Answer a question with yes."""
        self.see(question)
        self.press("Tab", "Enter")

    def retry(self, run: int) -> None:
        self.act("r")
        self.confirm(f"Retry run {run}?")

    def cancel(self, run: int) -> None:
        self.act("c")
        self.confirm(f"Cancel run {run}?")


@contextmanager
def desk_in(
    directory: Path, *, driver: bool = True, poll_interval: float = 0.7, policy: str = "", far: bool = False,
    **options: Any,
) -> Iterator[Desk]:  # fmt: skip
    """A world with a screen at work. With `driver` it is the less patient one, else the screen starts its own.

    `far`: the screen is small, 80x24, and behind a slow line. `policy`: further lines of that section of the profile.
    `options`: see `World`.
    """
    world = World(directory / "world", **options)
    text = world.profile.read_text()
    text = text.replace("poll_interval = 0.7", f"poll_interval = {poll_interval}")
    world.profile.write_text(text.replace("[policy]\n", f"[policy]\n{policy}\n"))
    process = _drive(world, directory) if driver else None
    try:
        until(lambda: process is None or world.driver())
        line: dict[str, Any] = {"size": (80, 24), "through": SLOW_LINE} if far else {}
        with terminal(directory / "window", "--profile", str(world.profile), **line) as window:
            desk = Desk(world, window)
            desk.see("driver here", "compute disk flows ok")
            yield desk
    finally:
        if process is not None:
            process.kill()
            process.wait(HANGS_AFTER)
        elif (found := world.driver()) is not None:
            os.kill(found.pid, 9)
        world.close()


def free_space(directory: Path) -> Path:
    """The file in which a test tells the less patient driver what is free on the DTN's disk: `FREE TOTAL`, in bytes."""
    return directory / "free-space"


def _drive(world: World, directory: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.drills.driver", "--profile", str(world.profile), "watch"]
    environment = {**os.environ, FREE_SPACE: str(free_space(directory))}
    with (directory / "driver.log").open("ab") as log:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
