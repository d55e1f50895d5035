"""What an open console looks after: that somebody drives. When the driver dies, another is started."""

from __future__ import annotations

import subprocess
import threading
import time
from pathlib import Path

from console.presence import driver
from console.processes import driver_log, last_line, spawn_driver

LOOK_SECONDS = 0.5
SHORT_LIFE = 10.0  # a driver that ended sooner than this is started again with growing pauses
WORST_PAUSE = 30.0


class Supervisor:
    """A thread that starts a driver whenever there is none. `problem()` is what to tell the operator."""

    def __init__(self, ledger: Path, profile: Path, *, lifeline: bool) -> None:
        self._ledger, self._profile, self._lifeline = ledger, profile, lifeline
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._pause = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="supervisor", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def problem(self) -> str | None:
        process = self._process
        if process is None or process.poll() is None or self._pause == 0.0:
            return None
        return f"the driver ends at once (exit code {process.returncode}): {last_line(driver_log(self._ledger))}"

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
        """Start a driver if there is none and the pause after the last one is over."""
        if driver(self._ledger) is not None or (self._process is not None and self._process.poll() is None):
            return
        lived = time.monotonic() - self._started
        if self._process is not None and lived < self._pause:
            return
        if self._process is not None:
            self._pause = min(WORST_PAUSE, max(1.0, 2 * self._pause)) if lived < SHORT_LIFE else 0.0
        self._started = time.monotonic()
        self._process = spawn_driver(self._ledger, self._profile, lifeline=self._lifeline)
