"""Watching the disk: 10,000 run directories at rest, of 20 segments each."""

from __future__ import annotations

import atexit
import functools
import json
import math
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from console.disk.discovery import Discovery
from console.disk.listener import LedgerListener
from console.ledger.store import Ledger
from console.settings.model import Policy
from tests.benchmarks.idle import BEGIN, END, LOOKS
from tests.benchmarks.result import ROOT, Result, seconds_of
from tests.discovery_fixture import begin, end, item

RUNS, SEGMENTS = 10_000, 20
AIM = 50.0  # ms


class Mountain:
    """Complete runs, and a ledger in which they are judged. Made once for all benchmarks, and deleted at the end."""

    def __init__(self, segments: int) -> None:
        base = Path(tempfile.mkdtemp(prefix="mountain-"))
        atexit.register(shutil.rmtree, base)
        self.runs, self.ledger = base / "runs", base / "ledger.db"
        event = item(30, b"\0" * 36)
        for run in range(1, RUNS + 1):
            folder = self.runs / f"run{run}"
            folder.mkdir(parents=True)
            for segment in range(segments):
                head, tail = begin(run) if segment == 0 else b"", end(run) if segment == segments - 1 else b""
                (folder / f"run-{run:04d}-{segment:02d}.evt").write_bytes(head + event + tail)
        self.first_start = seconds_of(self.judge)

    def judge(self) -> None:
        """From the start of a driver until every run is judged."""
        discovery = Discovery(self.runs, LedgerListener(Ledger(self.ledger), lambda: None), Policy())
        discovery.look()
        while discovery.next_due < math.inf:
            time.sleep(max(0.0, discovery.next_due - time.monotonic()))
            discovery.look_at(())

    def look_times(self, mode: str) -> list[float]:
        """Milliseconds of each look in a process of its own."""
        return [float(ms) for ms in json.loads(self._idle([], mode))]

    def calls(self, mode: str) -> float:
        """System calls per look, of all threads, by strace."""
        if shutil.which("strace") is None:
            raise RuntimeError("strace is not installed: nothing else here sees every system call")
        trace = self.ledger.with_name("trace")
        self._idle(["strace", "-f", "-o", str(trace)], mode)
        lines = trace.read_text(errors="replace").splitlines()
        (first,) = (number for number, line in enumerate(lines) if BEGIN in line)
        (last,) = (number for number, line in enumerate(lines) if END in line)
        return sum("resumed>" not in line for line in lines[first + 1 : last]) / LOOKS

    def _idle(self, through: list[str], mode: str) -> str:
        command = [*through, sys.executable, "-m", "tests.benchmarks.idle", str(self.runs), str(self.ledger), mode]
        return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


@functools.cache
def mountain(segments: int = SEGMENTS) -> Mountain:
    return Mountain(segments)


def idle_look_polling() -> Result:
    """A look at 10,000 x 20 at rest, on a file system without events; median of 120."""
    return Result("idle_look_polling", statistics.median(mountain().look_times("polling")), "ms", aim=AIM)


def idle_look_inotify() -> Result:
    """A look at 10,000 x 20 at rest, on a file system with events; median of 120."""
    return Result("idle_look_inotify", statistics.median(mountain().look_times("inotify")), "ms", aim=AIM)


def idle_look_slowest() -> Result:
    """The slowest of 120 such looks, without events: once a minute the list of the runs is read."""
    return Result("idle_look_slowest", max(mountain().look_times("polling")), "ms", aim=AIM)


def idle_look_growth() -> Result:
    """How many times longer a look takes with 20 segments per run than with one; medians of 120."""
    times = {segments: statistics.median(mountain(segments).look_times("polling")) for segments in (SEGMENTS, 1)}
    return Result("idle_look_growth", times[SEGMENTS] / times[1], "x", aim=1.5)


def idle_calls_polling() -> Result:
    """System calls per such look, without events; mean of 120, by strace."""
    return Result("idle_calls_polling", mountain().calls("polling"), "calls")


def idle_calls_inotify() -> Result:
    """System calls per such look, with events; mean of 120, by strace."""
    return Result("idle_calls_inotify", mountain().calls("inotify"), "calls")


def first_start() -> Result:
    """From nothing to 10,000 x 20 small segments read, judged and in the ledger."""
    return Result("first_start", mountain().first_start, "s")


def restart_of_watcher() -> Result:
    """The same again with the ledger of before: listed, found unchanged, not read."""
    return Result("restart_of_watcher", seconds_of(mountain().judge), "s")


BENCHMARKS = (
    idle_look_polling,
    idle_look_inotify,
    idle_look_slowest,
    idle_look_growth,
    idle_calls_polling,
    idle_calls_inotify,
    first_start,
    restart_of_watcher,
)
