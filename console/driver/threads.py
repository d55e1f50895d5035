"""The threads of the driver, and what they do when the ledger or one of them fails.

A ledger that cannot be written (a full or read-only disk) ends no thread: nothing is done until it can be written
again, and others read why beside the lock. A thread that hangs in the talk to Globus ends the process, so that another
can take over. A driver that was replaced ends at once.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from console.driver.periodic import Periodic
from console.driver.process import EXIT_HUNG, EXIT_REPLACED
from console.driver.takeover import raise_epoch
from console.ledger import backups, runs, schema
from console.ledger.errors import DiskProblem, LedgerError, NoLongerDriving
from console.ledger.presence import BEAT_SECONDS, DriverLock, in_the_kernel
from console.ledger.store import Ledger

log = logging.getLogger("console.driver.loop")

HUNG_AFTER = 180.0  # seconds for one periodic: each call of it has a time limit of its own
LEAVE_SECONDS = 2.0  # how long a call that is under way may hold up the end
RETRY_SECONDS = 1.0
BACKUP_SECONDS = 60.0  # between looks whether a backup is due

Work = Callable[[], None]


class DriverThreads:
    """Runs the works of a driver until `stop` is set. `came` tells from whom it took over, if it did."""

    def __init__(self, path: Path, lock: DriverLock, came: str) -> None:
        self.path = path
        self.stop = threading.Event()
        self._lock, self._came = lock, came
        self._epoch: int | None = None
        self._opened, self._died = threading.Event(), threading.Event()
        self._problem, self._problem_since, self._writing = "", 0.0, threading.Lock()
        self._alive_at = time.monotonic()

    def ledger(self) -> Ledger:
        """A connection for the calling thread, good for as long as no other driver takes over."""
        return Ledger(self.path, epoch=self._epoch)

    def alive(self) -> None:
        """Called by the talk to Globus whenever it has got on."""
        self._alive_at = time.monotonic()

    def run(self, *works: Work) -> int:
        """Until told to stop; returns the exit code. The last of the works is the talk to Globus."""
        works = (self._keep_ledger, *works)
        threads = [threading.Thread(target=self._guarded, args=(work,), daemon=True) for work in works]
        for thread in threads:
            thread.start()
        while not self.stop.wait(BEAT_SECONDS):
            self._beat()
            if time.monotonic() - self._alive_at > HUNG_AFTER and self._opened.is_set():
                self._hung(threads[-1])
        for thread in threads:
            thread.join(LEAVE_SECONDS)
        return 1 if self._died.is_set() else 0

    def _beat(self) -> None:
        try:
            self._lock.beat()
        except NoLongerDriving as error:
            _leave(EXIT_REPLACED, f"the driver ends, it was replaced: {error}")
        self._lock.tell(problem=self._problem)

    def _hung(self, thread: threading.Thread) -> None:
        if in_the_kernel(thread.native_id or 0):  # another process would only hang there as well
            self._problem = "a file system does not answer: nothing is launched until it does (is the DTN mounted?)"
        else:
            _leave(EXIT_HUNG, f"the driver ends: nothing has moved for {HUNG_AFTER:.0f} s; another one goes on")

    def _guarded(self, work: Work) -> None:
        while not self.stop.is_set():
            try:
                if work == self._keep_ledger or self._opened.wait(RETRY_SECONDS):
                    work()
                    return
            except NoLongerDriving as error:
                _leave(EXIT_REPLACED, f"the driver ends, it was replaced: {error}")
            except (DiskProblem, sqlite3.OperationalError) as error:
                self._wait_for_the_disk(error)
            except LedgerError as error:
                self._die(str(error))
            except Exception:
                self._die(traceback.format_exc())

    def _die(self, why: str) -> None:
        log.critical("the driver stops: %s", why)
        self._died.set()
        self.stop.set()

    # ---- the ledger

    def _keep_ledger(self) -> None:
        """Open the ledger for all, then make backups now and then."""
        if not self._opened.is_set():
            if not self._came:
                schema.check(self.path)
            first = Ledger(self.path)
            self._epoch = raise_epoch(first, self._lock, self._came)
            first.close()
            self._problem = ""
            self.alive()
            self._opened.set()
            if self._came:  # somebody has just worked with it: a large one is looked through while work goes on
                schema.check(self.path)
        ledger = self.ledger()
        backup = Periodic("backup", lambda: self._back_up(ledger), BACKUP_SECONDS)
        while not self.stop.wait(RETRY_SECONDS):
            backup.run(ledger)

    def _back_up(self, ledger: Ledger) -> None:
        if runs.any_known(ledger):
            backups.keep(self.path)

    def _wait_for_the_disk(self, error: Exception) -> None:
        log.error("the ledger cannot be used: %s", error)
        self._tell_problem(error)
        while not self.stop.wait(RETRY_SECONDS) and not self._writable():
            pass

    def _tell_problem(self, error: Exception) -> None:
        if not self._problem:
            self._problem_since = time.monotonic()
        self._problem = f"the ledger cannot be written: {error}; nothing is launched or watched until it can"

    def _writable(self) -> bool:
        """Whether work can go on; the first who finds that it can, writes down that it could not."""
        with self._writing:
            self.alive()
            if not self._opened.is_set() or not self._problem:
                return True
            try:
                ledger = self.ledger()
                lasted = time.monotonic() - self._problem_since
                text = f"the ledger can be written again after {lasted:.0f} s; nothing was launched meanwhile"
                ledger.event("warning", text, actor="driver")
                ledger.close()
            except (DiskProblem, sqlite3.OperationalError) as error:
                self._tell_problem(error)
                return False
            log.info("%s", text)
            self._problem = ""
            return True


def _leave(code: int, why: str) -> NoReturn:
    """End the process at once, whatever its threads are doing."""
    log.critical("%s", why)
    os._exit(code)
