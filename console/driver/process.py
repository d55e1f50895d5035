"""Starting the driver as a process of its own, finding it, ending it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING

from console.driver.own_files import cap_log
from console.ledger.presence import Presence, advice, driver, signal_exactly
from console.settings.private import make_directory
from flowspec import text

if TYPE_CHECKING:
    from console.settings.model import Settings

START_SECONDS = 10.0
STOP_SECONDS = 10.0
# How a driver ends, besides 0 (told to), 1 (it failed) and 2 (bad use).
EXIT_ANOTHER = 3  # another one drives
EXIT_REPLACED = 4  # another one has taken over from it
EXIT_HUNG = 5  # it found that it hangs
EXIT_DISK = 6  # there can be no lock: a disk that is full or read-only
CHILD_DIRECTORY = "/"  # `python -m` would prefer whatever lies in the current directory


class ProcessProblem(Exception):
    """A process that would not start or end; says which and where its log is."""


def driver_log(ledger: Path) -> Path:
    return ledger.with_name("driver.log")


def open_log(path: Path) -> IO[bytes]:
    make_directory(path.parent)
    cap_log(path)
    return open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600), "ab", buffering=0)


def _log_or_nowhere(path: Path) -> IO[bytes]:
    """A log that cannot be opened keeps nobody from driving."""
    try:
        return open_log(path)
    except OSError:
        return open(os.devnull, "ab", buffering=0)


def python(*arguments: str) -> list[str]:
    """The command that runs a module of this project with the Python that runs us."""
    return [sys.executable, "-m", *arguments]


def spawn_driver(ledger: Path, profile: Path, *, lifeline: bool) -> subprocess.Popen[bytes]:
    """Start a driver in the background. With `lifeline` it ends when the returned process's stdin is closed, also by
    our death; without, it is detached and outlives us and our terminal."""
    command = python("console", "--profile", str(profile), "watch", "--background")
    with _log_or_nowhere(driver_log(ledger)) as log:
        return subprocess.Popen(
            [*command, "--lifeline"] if lifeline else command,
            stdin=subprocess.PIPE if lifeline else subprocess.DEVNULL,
            stdout=log, stderr=log, cwd=CHILD_DIRECTORY, start_new_session=True,
        )  # fmt: skip


def start_driver(settings: Settings, profile: Path) -> Presence:
    """The driver of this ledger, started in the background when there is none, or none that is alive."""
    present = driver(settings.ledger)
    if present is not None and not present.hung:
        return present
    if present is not None and not present.here:
        raise ProcessProblem(advice(present))
    process = spawn_driver(settings.ledger, profile, lifeline=False)
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        now = driver(settings.ledger)
        if now is not None and now.pid and not now.same_process(present):
            return now
        if process.poll() not in (None, EXIT_ANOTHER):
            raise ProcessProblem(f"the driver ended at once: {last_line(driver_log(settings.ledger))}")
        time.sleep(0.05)
    raise ProcessProblem(f"no driver after {START_SECONDS:.0f} s: see {driver_log(settings.ledger)}")


def stop_driver(ledger: Path) -> Presence | None:
    """End the driver of this ledger; None when there was none. What it launched goes on at Globus."""
    present = driver(ledger)
    if present is None:
        return None
    if not present.here:
        raise ProcessProblem(f"the driver runs on {present.host} (pid {present.pid}): stop it there")
    _end(ledger, present, signal.SIGTERM)
    until = time.monotonic() + STOP_SECONDS
    while present.same_process(now := driver(ledger)):
        if now is not None and now.hung:  # it does not hear of that
            _end(ledger, present, signal.SIGKILL)
        if time.monotonic() > until:
            raise ProcessProblem(f"the driver (pid {present.pid}) does not end; kill -9 {present.pid} is safe")
        time.sleep(0.05)
    return present


def _end(ledger: Path, present: Presence, number: int) -> None:
    """The lock file is not trusted with a signal: the process must be the one that took it, and of this account."""
    try:
        if not signal_exactly(present.pid, present.born, number) and present.same_process(driver(ledger)):
            raise ProcessProblem(
                f"nothing was stopped: process {present.pid} is not the one that took the driver's lock "
                "(a driver that is just starting can be stopped in a moment)"
            )
    except PermissionError as error:
        raise ProcessProblem(f"the driver was started by {present.who}: {error}") from error


def last_line(log: Path) -> str:
    """The last line of a log, or where to look when it has none."""
    try:
        lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    except OSError as error:
        return f"its log cannot be read: {error}"
    return text.clean(lines[-1]).strip() if lines else f"nothing in {log}"
