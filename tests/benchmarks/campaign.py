"""The console on a campaign of 2,000 and of 10,000 runs, 20 of them changing every second; what travels, and how fast.

A real pseudo-terminal of 120x40 with 256 colours, as over ssh. Peers in the same run: the same data in plain Textual
DataTables, and htop where it is installed.
"""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.benchmarks import campaign_ledger
from tests.benchmarks.result import ROOT, Result
from tests.benchmarks.terminal import Terminal, running
from tests.waiting import HANGS_AFTER

CHANGES = 20.0  # per second
WATCHED = 12.0  # seconds, for what is told per second
KEYS = 60
QUESTIONS = 7
QUIET = 0.1  # seconds without a byte: what a key has caused is painted
RESTLESS = 3.0
UNWANTED = ("COLORTERM", "NO_COLOR", "TMUX", "COLUMNS", "LINES")
PROFILE = ROOT / "docs/profiles/e21062.toml"


@dataclass(frozen=True)
class Measured:
    """What a program cost; bytes and seconds."""

    first_paint: float = 0.0
    idle_bytes: float = 0.0  # per second
    idle_cpu: float = 0.0  # of a core
    busy_bytes: float = 0.0
    busy_cpu: float = 0.0
    key_bytes: float = 0.0
    key_seconds: Sequence[float] = ()
    question_bytes: float = 0.0
    memory: float = 0.0
    quit_time: float = 0.0


@contextlib.contextmanager
def driven(ledger: Path, rate: float) -> Iterator[None]:
    command = [sys.executable, "-m", "tests.benchmarks.campaign_ledger", str(ledger), str(rate)]
    driver = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert driver.stdin is not None
    assert driver.stdout is not None
    try:
        if not driver.stdout.readline():
            raise RuntimeError("the stand-in for the driver did not start")
        yield
    finally:
        driver.stdin.close()
        driver.wait(HANGS_AFTER)


class Session:
    """A program on a terminal; it is up when `sign` is shown."""

    def __init__(self, terminal: Terminal, sign: str) -> None:
        self.terminal = terminal
        start = time.perf_counter()
        terminal.wait_for(sign)
        self.first_paint = time.perf_counter() - start
        self.process = psutil.Process(terminal.pid)
        self.settle(1.0)
        if terminal.closed:
            raise RuntimeError(f"it ended at once: {terminal.text()[-500:]}")

    def settle(self, quiet: float = QUIET) -> tuple[int, float]:
        """Read until nothing has come for so long, but not for ever: bytes, and seconds until the last of them."""
        start = last = time.perf_counter()
        before = len(self.terminal.output)
        while time.perf_counter() - last < quiet and last - start < RESTLESS and not self.terminal.closed:
            count = len(self.terminal.output)
            self.terminal.read(quiet)
            if len(self.terminal.output) != count:
                last = time.perf_counter()
        return len(self.terminal.output) - before, last - start

    def per_second(self) -> tuple[float, float]:
        """Bytes, and seconds of computing, while it is let alone."""
        before, cpu = len(self.terminal.output), sum(self.process.cpu_times()[:2])
        self.terminal.watch(WATCHED)
        spent = sum(self.process.cpu_times()[:2]) - cpu
        return (len(self.terminal.output) - before) / WATCHED, spent / WATCHED

    def press(self, keys: bytes) -> tuple[int, float]:
        self.terminal.send(keys)
        return self.settle()

    def quit(self, key: bytes = b"q") -> float:
        start = time.perf_counter()
        self.terminal.send(key)
        self.terminal.wait_for_exit()
        return time.perf_counter() - start


@contextlib.contextmanager
def _session(command: Sequence[str], sign: str) -> Iterator[Session]:
    with tempfile.TemporaryDirectory() as home:
        places = {"HOME": home, "TERM": "xterm-256color", "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT)}
        kept = {name: value for name, value in os.environ.items() if name not in UNWANTED}
        with running(command, kept | places) as terminal:
            yield Session(terminal, sign)


@contextlib.contextmanager
def campaign(runs: int) -> Iterator[tuple[Path, Path, str]]:
    """The ledger, a profile that names it, and the newest run."""
    with tempfile.TemporaryDirectory() as directory:
        ledger, profile = Path(directory) / "ledger.db", Path(directory) / "profile.toml"
        campaign_ledger.make(ledger, runs)
        profile.write_text(f'ledger = "{ledger}"\n' + PROFILE.read_text())
        yield ledger, profile, str(campaign_ledger.FIRST + runs - 1)


def _measure(command: Sequence[str], sign: str, ledger: Path) -> Measured:
    with driven(ledger, 0), _session(command, sign) as session:
        idle_bytes, idle_cpu = session.per_second()
        keys = [session.press(b"j") for _ in range(KEYS)]
        for _ in range(KEYS - 5):
            session.press(b"\x1b[A")
        questions = []
        for _ in range(QUESTIONS):
            session.terminal.send(b"c")
            questions.append(session.settle(0.5)[0])
            session.terminal.send(b"\x1b")
            session.settle(0.5)
        memory = session.process.memory_info().rss
        first_paint = session.first_paint
    with driven(ledger, CHANGES), _session(command, sign) as session:
        busy_bytes, busy_cpu = session.per_second()
    with driven(ledger, 0), _session(command, sign) as session, contextlib.closing(sqlite3.connect(ledger)) as db:
        db.execute("BEGIN IMMEDIATE")  # somebody hangs in the middle of writing: what is asked now cannot be written
        session.press(b"a")
        quit_time = session.quit()
    return Measured(
        first_paint=first_paint, idle_bytes=idle_bytes, idle_cpu=idle_cpu, busy_bytes=busy_bytes, busy_cpu=busy_cpu,
        key_bytes=statistics.mean(count for count, _ in keys), key_seconds=[seconds for _, seconds in keys],
        question_bytes=statistics.median(questions), memory=memory, quit_time=quit_time,
    )  # fmt: skip


@functools.cache
def console(runs: int) -> Measured:
    with campaign(runs) as (ledger, profile, newest):
        return _measure([sys.executable, "-m", "screens", "--profile", str(profile)], newest, ledger)


@functools.cache
def tables(runs: int) -> Measured:
    with campaign(runs) as (ledger, _, newest):
        return _measure([sys.executable, "-m", "tests.benchmarks.datatable_peer", str(ledger)], newest, ledger)


@functools.cache
def htop() -> Measured | None:
    if (program := shutil.which("htop")) is None:
        return None
    with _session([program], "PID") as session:
        idle_bytes, idle_cpu = session.per_second()
        keys = [session.press(b"\x1b[B") for _ in range(KEYS)]
        memory = session.process.memory_info().rss
        return Measured(
            first_paint=session.first_paint, idle_bytes=idle_bytes, idle_cpu=idle_cpu,
            key_bytes=statistics.median(count for count, _ in keys), key_seconds=[seconds for _, seconds in keys],
            memory=memory, quit_time=session.quit(),
        )  # fmt: skip


# ---- benchmarks: of each measure one for each size of the campaign, and one against htop where that can be compared


def _percentile(part: float) -> Callable[[Measured], float]:
    return lambda measured: sorted(measured.key_seconds)[int(part * (len(measured.key_seconds) - 1))] * 1000


MEASURES: dict[str, tuple[str, Callable[[Measured], float], str, float | None]] = {
    "idle_bytes": ("sent while nothing happens", lambda m: m.idle_bytes, "B/s", 60),
    "idle_cpu": ("computing while nothing happens", lambda m: 100 * m.idle_cpu, "% core", 0.5),
    "busy_bytes": ("sent while 20 runs change every second", lambda m: m.busy_bytes, "B/s", 1500),
    "busy_cpu": ("computing while 20 runs change every second", lambda m: 100 * m.busy_cpu, "% core", 5),
    "key_bytes": ("sent for a cursor key, mean of 60", lambda m: m.key_bytes, "B", 500),
    "key_p50": ("cursor key to painted, median of 60", _percentile(0.5), "ms", None),
    "key_p99": ("cursor key to painted, 99 of 100", _percentile(0.99), "ms", 30),
    "question_bytes": ("sent for a confirmation that opens", lambda m: m.question_bytes, "B", 4000),
    "campaign_first_paint": ("start to the newest run in sight", lambda m: m.first_paint, "s", 0.6),
    "campaign_quit_time": ("`q` to the end while the ledger hangs", lambda m: m.quit_time, "s", 1.0),
    "campaign_memory": ("resident memory", lambda m: m.memory / 1e6, "MB", 120),
}
WITH_HTOP = ("idle_bytes", "idle_cpu", "key_bytes", "key_p50", "key_p99")


def _benchmark(measure: str, runs: int) -> Callable[[], Result]:
    told, of, unit, aim = MEASURES[measure]
    name = measure if runs == 2000 else f"{measure}_{runs}"

    def benchmark() -> Result:
        return Result(name, of(console(runs)), unit, aim=aim, peer=of(tables(runs)))

    benchmark.__name__ = name
    benchmark.__doc__ = f"{told}, {runs} runs. Peer: plain Textual DataTables."
    return benchmark


def _against_htop(measure: str) -> Callable[[], Result]:
    told, of, unit, aim = MEASURES[measure]

    def benchmark() -> Result:
        peer = htop()
        return Result(f"{measure}_htop", of(console(2000)), unit, aim=aim, peer=of(peer) if peer else None)

    benchmark.__name__ = f"{measure}_htop"
    benchmark.__doc__ = f"{told}, 2000 runs. Peer: htop, where it is installed."
    return benchmark


BENCHMARKS = (
    *(_benchmark(measure, runs) for runs in (2000, 10_000) for measure in MEASURES),
    *map(_against_htop, WITH_HTOP),
)
