"""How soon the screen is there, on a profile that was validated before: 0 to 100,000 runs on a real terminal of 120x40.

And what the list of so many runs costs after that: memory, and a read of the ledger in which one run has changed.
"""

from __future__ import annotations

import contextlib
import functools
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from console.ledger.store import Ledger
from console.reading.run_list import SCREENFUL
from console.reading.snapshot import SnapshotReader
from tests.benchmarks import campaign_ledger
from tests.benchmarks.campaign import UNWANTED, campaign, driven
from tests.benchmarks.result import ROOT, Result, seconds_of
from tests.benchmarks.terminal import Terminal, running

SIZES = (0, 2000, 10_000, 100_000)
TIMES = 7
READS = 40
AIM = 0.4  # s
MEMORY_AIMS = {0: 60, 2000: 70, 10_000: 95, 100_000: 350}  # MB; before runs were read in slices


@dataclass(frozen=True)
class Started:
    """Seconds to the first paint, and resident bytes when all runs are read."""

    first_paint: float
    memory: float


@functools.cache
def started(runs: int) -> Started:
    """Medians of several starts; the start that validates the profile does not count."""
    with campaign(runs) as (ledger, profile, newest), driven(ledger, 0), tempfile.TemporaryDirectory() as home:
        sign = newest if runs else "no runs yet"
        times = [_first_paint(profile, home, sign) for _ in range(TIMES + 1)]
        with _console(profile, home) as terminal:
            terminal.wait_for(sign)
            memory = _settled_memory(terminal)
    return Started(statistics.median(times[1:]), memory)


def _first_paint(profile: Path, home: str, sign: str) -> float:
    start = time.perf_counter()
    with _console(profile, home) as terminal:
        terminal.wait_for(sign)
        painted = time.perf_counter() - start
        terminal.send(b"q")
        if code := terminal.wait_for_exit():
            raise RuntimeError(f"console ended with exit code {code}: {terminal.text()[-300:]!r}")
    return painted


@contextlib.contextmanager
def _console(profile: Path, home: str) -> Iterator[Terminal]:
    places = {"HOME": home, "TERM": "xterm-256color", "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT)}
    kept = {name: value for name, value in os.environ.items() if name not in (*UNWANTED, "XDG_STATE_HOME")}
    with running([sys.executable, "-m", "screens", "--profile", str(profile)], kept | places) as terminal:
        yield terminal


def _settled_memory(terminal: Terminal) -> float:
    """Resident bytes, as soon as they have not grown for a while: then all runs are read."""
    process, memory = psutil.Process(terminal.pid), 0
    while (now := process.memory_info().rss) > memory:
        memory = now
        terminal.watch(2.0)
    return float(memory)


def read_after_a_change(runs: int) -> float:
    """Milliseconds of a read of the ledger in which one of the newest runs has changed; median."""
    with campaign(runs) as (path, _, newest), contextlib.closing(Ledger(path)) as ledger:
        reader = SnapshotReader(ledger, SCREENFUL)
        while not reader.complete:
            reader.snapshot()
        times = []
        for number in range(READS):
            run = int(newest) - number % campaign_ledger.UNDER_WAY
            with contextlib.closing(Ledger(path)) as other, other.change() as db:
                db.execute("UPDATE runs SET bytes = bytes + 1, updated = ? WHERE run = ?", (time.time(), run))
            times.append(seconds_of(reader.snapshot))
    return 1000 * statistics.median(times)


# ---- benchmarks: one for each size


def _first_paint_of(runs: int) -> Callable[[], Result]:
    def benchmark() -> Result:
        return Result(f"first_paint_{runs}", started(runs).first_paint, "s", aim=AIM)

    benchmark.__name__ = f"first_paint_{runs}"
    benchmark.__doc__ = f"`console --profile FILE` to the newest of {runs} runs in sight, median of {TIMES}."
    return benchmark


def _memory_of(runs: int) -> Callable[[], Result]:
    def benchmark() -> Result:
        return Result(f"memory_{runs}", started(runs).memory / 1e6, "MB", aim=MEMORY_AIMS[runs])

    benchmark.__name__ = f"memory_{runs}"
    benchmark.__doc__ = f"Resident memory of the screen when all of {runs} runs are read."
    return benchmark


def read_10000() -> Result:
    """A read of a ledger of 10,000 runs of which one has changed, median of 40."""
    return Result("read_10000", read_after_a_change(10_000), "ms", aim=2.5)


def read_100000() -> Result:
    """A read of a ledger of 100,000 runs of which one has changed, median of 40."""
    return Result("read_100000", read_after_a_change(100_000), "ms", aim=10)


BENCHMARKS = (*(kind(runs) for runs in SIZES for kind in (_first_paint_of, _memory_of)), read_10000, read_100000)
