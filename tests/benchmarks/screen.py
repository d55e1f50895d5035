"""The console on a real terminal of 120x40: on a profile whose driver is at work, and with a sandbox of its own."""

from __future__ import annotations

import functools
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks.result import Result
from tests.benchmarks.terminal import running
from tests.pipeline_fixture import running_pipeline

TIMES = 5
AT_WORK = 2.0  # seconds between the first paint and the q, so that sandbox, driver and screen are all busy
POSTING = 1.02  # s to first paint: a well-known Textual program


@functools.cache
def sandbox_seconds() -> tuple[float, float]:
    """To first paint and to quit, medians of the same sessions."""
    return _medians("--sandbox")


@functools.cache
def profile_seconds() -> tuple[float, float]:
    """The same on a profile."""
    with tempfile.TemporaryDirectory() as directory, running_pipeline(Path(directory) / "sandbox") as pipeline:
        pipeline.start_driver()
        pipeline.deliver(pipeline.take(1, segments=1, events=20))
        return _medians("--profile", str(pipeline.profile))


def _medians(*arguments: str) -> tuple[float, float]:
    sessions = [_session(*arguments) for _ in range(TIMES)]
    return statistics.median(s[0] for s in sessions), statistics.median(s[1] for s in sessions)


def _session(*arguments: str) -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as home:
        places = {"HOME": home, "TMPDIR": home, "TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}
        environ = {name: value for name, value in os.environ.items() if not name.startswith("XDG_")} | places
        start = time.perf_counter()
        with running([sys.executable, "-m", "screens", *arguments], environ) as terminal:
            terminal.wait_for("Runs")
            painted = time.perf_counter()
            terminal.watch(AT_WORK)
            pressed = time.perf_counter()
            terminal.send(b"q")
            code = terminal.wait_for_exit()
            ended = time.perf_counter()
        if code:
            raise RuntimeError(f"console {arguments[0]} ended with exit code {code}: {terminal.text()[-300:]!r}")
    return painted - start, ended - pressed


def first_paint() -> Result:
    """`console --profile FILE` to the first sight of its panes, median of 5. Peer: Posting."""
    return Result("first_paint", profile_seconds()[0], "s", aim=0.6, peer=POSTING)


def quit_time() -> Result:
    """`q` to the end of the process, on a profile, median of 5."""
    return Result("quit_time", profile_seconds()[1], "s", aim=1.0)


def sandbox_first_paint() -> Result:
    """`console --sandbox` to the first sight of its panes, a loopback Globus started and deployed to; median of 5."""
    return Result("sandbox_first_paint", sandbox_seconds()[0], "s", aim=3.0)


def sandbox_quit_time() -> Result:
    """`q` to the end of everything that the sandbox started, at work; median of 5."""
    return Result("sandbox_quit_time", sandbox_seconds()[1], "s", aim=1.0)


BENCHMARKS = (first_paint, quit_time, sandbox_first_paint, sandbox_quit_time)
