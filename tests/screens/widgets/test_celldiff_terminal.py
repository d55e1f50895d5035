"""The console on a real pseudo-terminal that is resized and suspended, with and without the cell diff."""

from __future__ import annotations

import fcntl
import os
import re
import signal
import struct
import sys
import termios
import time
from pathlib import Path
from typing import Any

import psutil
import pyte

from console.ledger.presence import lock_path
from screens.widgets.celldiff import SWITCHED_OFF_BY
from tests.benchmarks.terminal import Terminal, running
from tests.ledger_fixture import DemoLedger
from tests.waiting import HANGS_AFTER, until

PROGRAM = """
from pathlib import Path
from tests.screen_driver import make_app
app = make_app(Path({ledger!r}))
app.run(mouse=False)
app.request_writer.join()  # it leaves: the next console is the only one again
"""
UNWANTED = ("COLORTERM", "COLUMNS", "LINES")  # the last two would be believed before the terminal
MODES = re.compile(rb"\x1b\[[?>=<][\d;]*\$?[a-z]")


class Emulated:
    """What an emulator makes of a program's bytes."""

    def __init__(self, terminal: Terminal, columns: int, rows: int, beat: Path) -> None:
        self._beat = beat
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self._stream.feed(b"\x1b[?7l")
        self._terminal, self._fed = terminal, 0

    def resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._terminal.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.screen.resize(rows, columns)

    def wait_for(self, *words: str, quiet: float = 0.15) -> None:
        """Until all of these are shown and nothing more comes."""
        os.utime(self._beat)  # the driver is alive
        deadline = time.monotonic() + HANGS_AFTER
        while True:
            before = len(self._terminal.output)
            self._terminal.watch(quiet)
            self._stream.feed(MODES.sub(b"", self._terminal.output[self._fed :]))  # modes are compared by themselves
            self._fed = len(self._terminal.output)
            shown = "\n".join(self.screen.display)
            if before == self._fed and all(word in shown for word in words):
                return
            assert time.monotonic() < deadline, f"{words} not in\n{shown}"

    def scribble(self) -> None:
        """As a shell does while the console is suspended."""
        self._stream.feed(b"\x1b[2J\x1b[5;5Hsomething else was here")

    def cells(self) -> list[list[Any]]:
        screen = self.screen
        return [
            [(c := screen.buffer[y][x]).data, c.bg, c.reverse]
            for y in range(screen.lines)
            for x in range(screen.columns)
        ]


def shift(demo: DemoLedger, **environ: str) -> tuple[list[list[Any]], list[bytes], int]:
    """The last screen of a session, the modes that were set in it, and the bytes it took."""
    places = {"TERM": "xterm-256color", "LANG": "C.UTF-8", "TZ": "UTC", **environ}
    command = [sys.executable, "-c", PROGRAM.format(ledger=str(demo.ledger.path))]
    kept = {name: value for name, value in os.environ.items() if name not in UNWANTED}
    with running(command, kept | places, 100, 30) as terminal:
        emulated = Emulated(terminal, 100, 30, lock_path(demo.ledger.path))
        emulated.wait_for("Endpoints", "Segments of 1214")
        terminal.send(b"jjjjj")
        emulated.wait_for("Segments of 1217")
        emulated.resize(80, 24)
        emulated.wait_for("q quit", "Slurm Priority |")
        terminal.send(b"j")
        emulated.wait_for("Segments of 1216")
        emulated.resize(120, 40)
        emulated.wait_for("WORK", "4 queued")
        process = psutil.Process(terminal.pid)
        terminal.send(b"\x1a")
        until(lambda: process.status() == psutil.STATUS_STOPPED)
        emulated.wait_for()
        emulated.scribble()
        process.send_signal(signal.SIGCONT)
        emulated.wait_for("WORK", "Segments of 1216")
        terminal.send(b"j")
        emulated.wait_for("Segments of 1215", quiet=0.6)
        cells = emulated.cells()
        terminal.send(b"q")
        assert terminal.wait_for_exit() == 0
        return cells, MODES.findall(terminal.output), len(terminal.output)


def test_resizing_and_suspending_end_in_the_same_screen_and_modes(demo: DemoLedger) -> None:
    sparing, sparing_modes, few = shift(demo)
    plain, plain_modes, many = shift(demo, **{SWITCHED_OFF_BY: "1"})
    assert sparing == plain
    assert sparing_modes == plain_modes
    assert b"\x1b[?2004h" in plain_modes
    assert few < many
