"""A line that stalls: nobody reads the console's terminal. The driver goes on, and later the screen is right again.

FRIB_STALL_SECONDS=60 stalls it for longer.
"""

from __future__ import annotations

import fcntl
import os
import re
import struct
import sys
import termios
import time
from pathlib import Path
from typing import Any

import pyte

from flowspec.states import RunState
from tests.benchmarks.terminal import Terminal, running
from tests.fire.world import World
from tests.waiting import until

STALL_SECONDS = float(os.environ.get("FRIB_STALL_SECONDS", "8"))
SIZE = 100, 30
MODES = re.compile(rb"\x1b\[[?>=<][\d;]*\$?[a-z]")
AGE = re.compile(r" +\d+ [smhd]\b")
REDRAW = b"\x0c"


class Reader:
    """What an emulator makes of what is read of a terminal."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal, self._fed = terminal, 0
        self._screen = pyte.Screen(*SIZE)
        self._stream = pyte.ByteStream(self._screen)
        self._stream.feed(b"\x1b[?7l")

    def read(self) -> str:
        self._terminal.watch(0.2)
        self._stream.feed(MODES.sub(b"", self._terminal.output[self._fed :]))
        self._fed = len(self._terminal.output)
        return "\n".join(self._screen.display)

    def wait_for(self, *words: str) -> None:
        until(lambda: all(word in self.read() for word in words), told=lambda: f"{words} not in\n{self.read()}")

    def settle(self) -> list[str]:
        """The screen when it stands still, without the header, in which a clock runs, and without ages."""
        seen = self.read()
        while seen != (seen := self.read()):
            pass
        return [AGE.sub(" AGE", line) for line in seen.splitlines()[1:]]


def waiting(terminal: Terminal) -> int:
    """Bytes that wait for a reader."""
    return int(struct.unpack("i", fcntl.ioctl(terminal.fd, termios.FIONREAD, b"\0" * 4))[0])


def fill(terminal: Terminal) -> int:
    """Have the console write until nothing more fits; returns how many bytes wait."""
    full = -1
    while full != (full := waiting(terminal)):
        for _ in range(10):
            terminal.send(REDRAW)
        time.sleep(1.0)  # nothing tells that a program does not write
    return full


def heard(world: World) -> dict[str, Any]:
    return {row["name"]: row["ok_at"] for row in world.ledger.rows("SELECT name, ok_at FROM sources")}


def test_a_line_that_nobody_reads_stops_only_the_screen(tmp_path: Path) -> None:
    world = World(tmp_path / "world")
    try:
        world.start_driver()
        first = world.new_run()
        command = [sys.executable, "-m", "screens", "--profile", str(world.profile)]
        with running(command, {**os.environ, "TERM": "xterm-256color", "LANG": "C.UTF-8"}, *SIZE) as terminal:
            reader = Reader(terminal)
            reader.wait_for(f"{first} done", "driver here")

            stalled = time.monotonic()
            full = fill(terminal)
            assert full > 4000
            before = heard(world)
            second, third = world.new_run(), world.new_run()
            until(lambda: all(world.state(run) is RunState.DONE for run in (second, third)), every=0.1)
            until(lambda: time.monotonic() - stalled > STALL_SECONDS)
            last = world.new_run()  # launched after all that time, too
            until(lambda: world.state(last) is RunState.DONE, every=0.1)
            after = heard(world)
            assert all(after[source] > before[source] for source in ("disk", "flows", "compute"))
            assert waiting(terminal) == full, "the console could write: the line was not stalled"

            reader.wait_for(*(f"{run} done" for run in (first, second, third, last)))
            seen = reader.settle()
            terminal.send(REDRAW)
            assert reader.settle() == seen
            terminal.send(b"q")
            assert terminal.wait_for_exit() == 0
    finally:
        world.close()
