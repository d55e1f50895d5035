"""The threads of the driver, and what they do when the ledger or one of them fails.

None ends before the driver does: what went wrong is told as the trouble of a source, and the work begins again.

A ledger that cannot be written (a full or read-only disk) ends no thread: nothing is done until it can be written
again, and others read why in the lock file. When the thread that must progress (the talk to Globus) hangs, the process
ends, so that another can take over. A driver that was replaced ends at once.
"""

from __future__ import annotations

import logging
import os
import random
import sqlite3
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from console.driver import systemd
from console.driver.periodic import Periodic
from console.driver.process import EXIT_HUNG, EXIT_REPLACED
from console.driver.takeover import raise_epoch
from console.ledger import backups, runs, schema, sources
from console.ledger.errors import DiskProblem, LedgerError, NoLongerDriving, cause_of
from console.ledger.presence import BEAT_SECONDS, DriverLock, in_the_kernel
from console.ledger.store import Ledger
from flowspec import backoff

log = logging.getLogger("console.driver.loop")

NO_PROGRESS_SECONDS = 180.0  # for one periodic: each call of it has a time limit of its own
END_SECONDS = 2.0  # how long a call that is under way may hold up the end
RETRY_SECONDS = 1.0
BACKUP_SECONDS = 60.0  # between looks whether a backup is due
PAUSES, PAUSE_SPREAD = backoff.doubling(1.0, 30.0), (0.5, 1.0)  # seconds before a work that failed begins again
STEADY_SECONDS = 60.0  # a work that went well for so long has not failed twice in a row


@dataclass(frozen=True)
class Work:
    """What one thread does until the driver stops."""

    name: str
    do: Callable[[], None]


class DriverThreads:
    """Runs the works of a driver until `stop` is set. `takeover` says from whom it took over, if it did; `held` why it
    launches nothing though all is well with the ledger."""

    def __init__(self, path: Path, lock: DriverLock, takeover: str, held: Callable[[], str] = str) -> None:
        self.path = path
        self.stop = threading.Event()
        self._lock, self._takeover, self._held = lock, takeover, held
        self._epoch: int | None = None
        self._opened, self.failure = threading.Event(), ""  # why it had to stop
        self._problem, self._problem_since, self._writing = "", 0.0, threading.Lock()
        self._progress_at = time.monotonic()

    def ledger(self) -> Ledger:
        """A connection for the calling thread, good for as long as no other driver takes over."""
        return Ledger(self.path, epoch=self._epoch)

    def progress(self) -> None:
        """Called by the work that must progress, whenever it does."""
        self._progress_at = time.monotonic()

    def run(self, *works: Work, must_progress: Work) -> int:
        """Until `stop` is set; returns the exit code. When `must_progress` makes no `progress`, the process ends."""
        progressing_thread = self._thread(must_progress, after=self._opened)
        others = [self._thread(work, after=self._opened) for work in works]
        threads = [self._thread(Work("ledger", self._keep_ledger)), *others, progressing_thread]
        for thread in threads:
            thread.start()
        while not self.stop.wait(BEAT_SECONDS):
            self._beat()
            if time.monotonic() - self._progress_at > NO_PROGRESS_SECONDS and self._opened.is_set():
                self._hung(progressing_thread)
        for thread in threads:
            thread.join(END_SECONDS)
        return 1 if self.failure else 0

    def _thread(self, work: Work, after: threading.Event | None = None) -> threading.Thread:
        return threading.Thread(target=self._guarded, args=(work, after), name=work.name, daemon=True)

    def _beat(self) -> None:
        try:
            self._lock.beat()
        except NoLongerDriving as error:
            _end_process(EXIT_REPLACED, f"the driver ends, it was replaced: {error}")
        systemd.notify(systemd.ALIVE)
        self._lock.publish(problem=self._problem or self._held())

    def _hung(self, thread: threading.Thread) -> None:
        if in_the_kernel(thread.native_id or 0):  # another process would only hang there as well
            self._problem = "a file system does not answer: nothing is launched until it does (is the DTN mounted?)"
        else:
            text = f"the driver ends: nothing has moved for {NO_PROGRESS_SECONDS:.0f} s; another one goes on"
            _end_process(EXIT_HUNG, text)

    def _guarded(self, work: Work, after: threading.Event | None) -> None:
        """Do the work, once `after` is set; again when the ledger can be used again, after a pause when it failed."""
        failures, began, problem = 0, time.monotonic(), ""
        while not self.stop.is_set():
            try:
                if problem:
                    self._tell(work, problem)
                    problem = ""
                    pause = backoff.pause(failures, PAUSES)
                    self.stop.wait(backoff.jittered(pause, PAUSE_SPREAD, random.random))
                elif after is None or after.wait(RETRY_SECONDS):
                    began = time.monotonic()
                    work.do()
                    return
            except NoLongerDriving as error:
                _end_process(EXIT_REPLACED, f"the driver ends, it was replaced: {error}")
            except (DiskProblem, sqlite3.OperationalError) as error:
                self._wait_for_the_disk(error)
            except (LedgerError, sqlite3.DatabaseError) as error:
                self._fail(str(error))
            except Exception as error:
                log.error("the thread %s begins again: %s", work.name, traceback.format_exc())
                failures = 1 if time.monotonic() - began > STEADY_SECONDS else failures + 1
                problem = f"{cause_of(error)} (see the driver's log); it is tried again"

    def _tell(self, work: Work, problem: str) -> None:
        self.progress()  # it does not hang
        if not self._opened.is_set():
            self._problem = f"{work.name}: {problem}"
            return
        with closing(self.ledger()) as ledger:
            sources.failed(ledger, work.name, problem, chore=sources.THREAD)

    def _fail(self, why: str) -> None:
        log.critical("the driver stops: %s", why)
        self.failure = why
        self.stop.set()

    # ---- the ledger

    def _keep_ledger(self) -> None:
        """Open the ledger for all, then make backups now and then."""
        if not self._opened.is_set():
            if not self._takeover:
                schema.check(self.path)
            first = Ledger(self.path)
            self._epoch = raise_epoch(first, self._lock, self._takeover)
            first.close()
            self._problem = ""
            self.progress()
            self._opened.set()
            if self._takeover:  # somebody has just worked with it: a large one is looked through while work goes on
                schema.check(self.path)
        ledger = self.ledger()
        backup = Periodic("backup", lambda: self._back_up(ledger), BACKUP_SECONDS)
        while not self.stop.wait(RETRY_SECONDS):
            backup.run(ledger)
            sources.forget_threads(ledger)

    def _back_up(self, ledger: Ledger) -> None:
        if runs.any_known(ledger):
            backups.keep(self.path)

    def _wait_for_the_disk(self, error: Exception) -> None:
        log.error("the ledger cannot be used: %s", error)
        self._set_ledger_problem(error)
        while not self.stop.wait(RETRY_SECONDS) and not self._writable():
            pass

    def _set_ledger_problem(self, error: Exception) -> None:
        if not self._problem:
            self._problem_since = time.monotonic()
        self._problem = f"the ledger cannot be written: {error}; nothing is launched or watched until it can"

    def _writable(self) -> bool:
        """Whether work can go on; the first thread that finds that it can writes an event."""
        with self._writing:
            self.progress()
            if not self._opened.is_set() or not self._problem:
                return True
            try:
                ledger = self.ledger()
                lasted = time.monotonic() - self._problem_since
                text = f"the ledger can be written again after {lasted:.0f} s; nothing was launched meanwhile"
                ledger.event("warning", text, actor="driver")
                ledger.close()
            except (DiskProblem, sqlite3.OperationalError) as error:
                self._set_ledger_problem(error)
                return False
            log.info("%s", text)
            self._problem = ""
            return True


def _end_process(code: int, why: str) -> NoReturn:
    """End the process at once, whatever its threads are doing."""
    log.critical("%s", why)
    os._exit(code)
