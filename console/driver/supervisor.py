"""Keeps a driver alive as long as a console is open: when the driver dies or hangs, another is started."""

from __future__ import annotations

import random
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

from console.driver.process import EXIT_ANOTHER, EXIT_DISK, EXIT_REPLACED, driver_log, last_line, spawn_driver
from console.ledger.errors import cause_of
from console.ledger.presence import Presence, advice, driver
from flowspec import backoff

CHECK_SECONDS = 0.5
SHORT_LIFE = 10.0  # a driver that ended sooner than this is started again with growing pauses
# Seconds from the start of a driver that ended at once to the next start: the first one may follow without a pause.
PAUSES = (0.0, *backoff.doubling(1.0, 30.0))
DISK_PAUSES = (0.0, *backoff.doubling(1.0, 5.0))  # as soon as there is room on a disk somebody should drive
TROUBLE_PAUSES, TROUBLE_SPREAD = backoff.doubling(CHECK_SECONDS, 5.0), (0.5, 1.0)  # the same of what keeps us from it
NOT_ITS_FAULT = (EXIT_ANOTHER, EXIT_REPLACED, -signal.SIGKILL)  # the next one may start at once
START_SECONDS = 10.0  # a process that does not drive after this time is stuck


class Supervisor:
    """A thread that starts a driver whenever there is none that is alive. `problem()` is what the operator has to know.

    Any number of consoles may do so at once: the lock lets one of the drivers work, the others end quietly. The new
    driver itself ends the one that hangs (`console.driver.takeover`).
    """

    def __init__(
        self, ledger: Path, profile: Path, *, lifeline: bool, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._ledger, self._profile, self._lifeline, self._clock = ledger, profile, lifeline, clock
        self._process: subprocess.Popen[bytes] | None = None  # the driver that was started last
        self._started_at = 0.0
        self._short_lives = 0  # of drivers in a row that ended at once, by their own fault
        self._present: Presence | None = None  # who drives
        self._trouble = ""  # what kept us from looking who drives, or from starting a driver
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._supervise, name="supervisor", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def problem(self) -> str | None:
        present = self._present
        if present is not None and present.hung and not present.here:
            return advice(present)
        if self._trouble:
            return self._trouble
        process = self._process
        code = process.poll() if process is not None else None
        if code is None or code in NOT_ITS_FAULT or not self._short_lives:
            return None
        return f"the driver ends at once (exit code {code}): {last_line(driver_log(self._ledger))}"

    def starting(self) -> bool:
        """Whether nobody drives yet because the first driver of this console was started a moment ago, or is to be."""
        process = self._process
        if self._present is not None or self._trouble or self._short_lives:
            return False
        return process is None or (process.poll() is None and self._clock() - self._started_at < START_SECONDS)

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

    def _supervise(self) -> None:
        """Whatever goes wrong, it is shown and tried again: what has passed must not leave an experiment undriven."""
        troubles = 0
        while not self._stop.is_set():
            try:
                self.check()
            except Exception as error:
                troubles += 1
                self._trouble = f"no driver can be started, it is tried again by itself: {cause_of(error)}"
                pause = backoff.pause(troubles, TROUBLE_PAUSES)
                self._stop.wait(backoff.jittered(pause, TROUBLE_SPREAD, random.random))
            else:
                troubles, self._trouble = 0, ""
                self._stop.wait(CHECK_SECONDS)

    def check(self) -> None:
        """Start a driver if there is none that is alive, and the pause after the last one is over."""
        self._present = present = driver(self._ledger)
        if present is not None and not (present.hung and present.here):
            return
        process = self._process
        if process is None or (present is not None and present.pid == process.pid):  # ours drives, and hangs
            self._short_lives = 0
        elif (code := process.poll()) is None:  # it has not become the driver yet
            if self._clock() - self._started_at > START_SECONDS:
                process.kill()
            return
        elif not self._count_end(code):
            return
        self._started_at = self._clock()
        self._process = spawn_driver(self._ledger, self._profile, lifeline=self._lifeline)

    def _count_end(self, code: int) -> bool:
        """The driver that was started last has ended with `code`. True when the pause after that is over."""
        lived = self._clock() - self._started_at
        pauses = DISK_PAUSES if code == EXIT_DISK else PAUSES
        pause = backoff.pause(self._short_lives + 1, pauses)
        if code in NOT_ITS_FAULT or lived > SHORT_LIFE + pause:
            self._short_lives = 0
        elif lived < pause:
            return False
        else:
            self._short_lives += 1
        return True
