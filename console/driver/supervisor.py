"""What an open console looks after: that somebody drives. When the driver dies or hangs, another is started."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from pathlib import Path

from console.driver.process import EXIT_ANOTHER, EXIT_DISK, EXIT_REPLACED, driver_log, last_line, spawn_driver
from console.ledger.presence import Presence, advice, driver

LOOK_SECONDS = 0.5
SHORT_LIFE = 10.0  # a driver that ended sooner than this is started again with growing pauses
WORST_PAUSE = 30.0
DISK_PAUSE = 5.0  # as soon as there is room on a disk somebody should drive
NOT_ITS_FAULT = (EXIT_ANOTHER, EXIT_REPLACED, -signal.SIGKILL)  # the next one may start at once
START_SECONDS = 10.0  # a process that does not drive after this time is stuck


class Supervisor:
    """A thread that starts a driver whenever there is none that is alive. `problem()` is what to tell the operator.

    Any number of consoles may do so at once: the lock lets one of the drivers work, the others end quietly. The new
    driver itself ends the one that hangs (`console.driver.takeover`).
    """

    def __init__(self, ledger: Path, profile: Path, *, lifeline: bool) -> None:
        self._ledger, self._profile, self._lifeline = ledger, profile, lifeline
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._pause = 0.0
        self._seen: Presence | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="supervisor", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def problem(self) -> str | None:
        seen = self._seen
        if seen is not None and seen.hung and not seen.here:
            return advice(seen)
        process = self._process
        code = process.poll() if process is not None else None
        if code is None or code in NOT_ITS_FAULT or self._pause == 0.0:
            return None
        return f"the driver ends at once (exit code {code}): {last_line(driver_log(self._ledger))}"

    def close(self) -> None:
        """Stop looking. A driver with a lifeline ends; a detached one goes on."""
        self._stop.set()
        self._thread.join(2.0)
        process = self._process
        if process is None or process.stdin is None:
            return
        process.stdin.close()
        try:
            process.wait(3.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _watch(self) -> None:
        while not self._stop.is_set():
            self.look()
            self._stop.wait(LOOK_SECONDS)

    def look(self) -> None:
        """Start a driver if there is none that is alive, and the pause after the last one is over."""
        self._seen = seen = driver(self._ledger)
        if seen is not None and not (seen.hung and seen.here):
            return
        process = self._process
        drives = process is not None and seen is not None and seen.pid == process.pid
        lived = time.monotonic() - self._started
        if process is not None and process.poll() is None and not drives:
            if lived > START_SECONDS:
                process.kill()
            return
        code = process.poll() if process is not None and not drives else None
        if code is None or code in NOT_ITS_FAULT or lived > SHORT_LIFE + self._pause:
            self._pause = 0.0
        elif lived < self._pause:
            return
        else:
            self._pause = min(DISK_PAUSE if code == EXIT_DISK else WORST_PAUSE, max(1.0, 2 * self._pause))
        self._started = time.monotonic()
        self._process = spawn_driver(self._ledger, self._profile, lifeline=self._lifeline)
