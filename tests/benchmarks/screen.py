"""The console on a real terminal of 120x40, with a sandbox behind it."""

from __future__ import annotations

import functools
import os
import statistics
import sys
import tempfile
import time

from tests.benchmarks.result import Result
from tests.benchmarks.terminal import running

TIMES = 5
PATIENCE = 30.0  # seconds
AT_WORK = 2.0  # seconds between the first paint and the q, so that sandbox, driver and screen are all busy
POSTING = 1.02  # s to first paint: a well-known Textual program


@functools.cache
def paint_and_quit_seconds() -> tuple[float, float]:
    """Medians, of the same sessions."""
    sessions = [_session() for _ in range(TIMES)]
    return statistics.median(s[0] for s in sessions), statistics.median(s[1] for s in sessions)


def _session() -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as home:
        places = {"HOME": home, "TMPDIR": home, "TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}
        environ = {name: value for name, value in os.environ.items() if not name.startswith("XDG_")} | places
        start = time.perf_counter()
        with running([sys.executable, "-m", "screens", "--sandbox"], environ) as terminal:
            terminal.wait_for("Runs", PATIENCE)
            painted = time.perf_counter()
            terminal.watch(AT_WORK)
            pressed = time.perf_counter()
            terminal.send(b"q")
            code = terminal.wait_for_exit(PATIENCE)
            ended = time.perf_counter()
        if code:
            raise RuntimeError(f"console --sandbox ended with exit code {code}: {terminal.text()[-300:]!r}")
    return painted - start, ended - pressed


def first_paint() -> Result:
    """`console --sandbox` to the first sight of its panes, median of 5. Peer: Posting, without a sandbox."""
    return Result("first_paint", paint_and_quit_seconds()[0], "s", aim=1.0, peer=POSTING)


def quit_time() -> Result:
    """`q` to the end of the process, with everything at work, median of 5."""
    return Result("quit_time", paint_and_quit_seconds()[1], "s", aim=1.0)


BENCHMARKS = (first_paint, quit_time)
