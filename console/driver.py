"""The driver: the one process that acts. It watches the run directory, carries out requests, launches and follows runs.

Three threads: the main one keeps the heartbeat and waits for the end, one watches the disk, one talks to Globus. They
meet only in the ledger and in a wake-up, so that neither a hanging file system nor a hanging service stops the others.
"""

from __future__ import annotations

import logging
import random
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass

from console import actions, pollers
from console.discovery import Discovery
from console.ledger import Ledger
from console.operations import Operations
from console.presence import BEAT_SECONDS, DriverLock
from console.settings import Settings, SettingsError
from console.setup import operations
from remote.globus.errors import RemoteError

log = logging.getLogger("console.driver")

TICK_SECONDS = 0.2  # how soon a request in the ledger is seen
LAUNCH_SECONDS = 1.0
ENDPOINT_SECONDS = 10.0
WORST_PAUSE = 60.0  # seconds between tries of something that keeps failing
LEAVE_SECONDS = 2.0  # how long a call that is under way may hold up the end


@dataclass
class Chore:
    """Something done again and again on one thread; after a failure with growing pauses.

    `source` is the name under which the ledger says that this does not work. `due` is of the monotonic clock: a
    computer's clock that is set must not put the driver to sleep.
    """

    source: str
    do: Callable[[], object]
    seconds: float
    due: float = 0.0
    failures: int = 0
    problem_of: str = ""

    def run(self, ledger: Ledger) -> bool:
        """Do it when it is due. True when it was done and went well."""
        if time.monotonic() < self.due:
            return False
        try:
            self.do()
        except RemoteError as error:
            self._failed(ledger, error.service, f"{error.cause}; {error.next_step}")
            return False
        except SettingsError as error:
            self._failed(ledger, self.source, str(error))
            return False
        except Exception as error:  # a bug in one chore must be seen and must not stop the others
            log.error("%s: %s", self.source, traceback.format_exc())
            self._failed(ledger, self.source, f"internal error, see the driver's log: {type(error).__name__}: {error}")
            return False
        if self.failures:
            ledger.heard(self.problem_of)
        self.failures = 0
        self.due = time.monotonic() + self.seconds * random.uniform(0.9, 1.1)
        return True

    def _failed(self, ledger: Ledger, source: str, problem: str) -> None:
        self.failures += 1
        pause = min(WORST_PAUSE, max(1.0, self.seconds) * 2.0**self.failures)
        self.due = time.monotonic() + pause * random.uniform(0.5, 1.0)
        self.problem_of = source
        ledger.unheard(source, problem)


class Driver:
    """Drives one experiment until `stop` is set. `load` reads the settings, again after something was deployed."""

    def __init__(self, load: Callable[[], Settings]) -> None:
        self._load = load
        self.settings = load()
        self.stop = threading.Event()
        self._news_from_disk = threading.Event()
        self._died = threading.Event()

    def run(self, lock: DriverLock) -> int:
        """Until told to stop; returns the exit code. `lock` must be held."""
        works = (self._watch_disk, self._talk_to_globus)
        threads = [threading.Thread(target=self._guarded, args=(work,), daemon=True) for work in works]
        for thread in threads:
            thread.start()
        while not self._died.is_set() and not self.stop.wait(BEAT_SECONDS):
            lock.beat()
        self.stop.set()
        for thread in threads:
            thread.join(LEAVE_SECONDS)
        return 1 if self._died.is_set() else 0

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception:
            log.critical("the driver stops: %s", traceback.format_exc())
            self._died.set()

    def _watch_disk(self) -> None:
        Discovery.of(self.settings, Ledger(self.settings.ledger), self._news_from_disk.set).run(self.stop)

    def _talk_to_globus(self) -> None:
        ledger = Ledger(self.settings.ledger)
        if not ledger.get("auto"):
            ledger.put("auto", "on" if self.settings.policy.auto_launch else "off")
        ops = self._connect(ledger)
        if ops is None:
            return
        launcher = Chore("launcher", lambda: actions.launch_what_is_due(ops), LAUNCH_SECONDS)
        chores = [
            launcher,
            Chore("flows", lambda: pollers.poll_attempts(ops), self.settings.policy.poll_interval),
            Chore("compute", lambda: pollers.poll_endpoints(ops), ENDPOINT_SECONDS),
        ]
        while not self.stop.is_set():
            if self._news_from_disk.is_set() or ledger.asked():
                self._news_from_disk.clear()
                launcher.due = min(launcher.due, time.monotonic())
            for chore in chores:
                if not self.stop.is_set():
                    chore.run(ledger)
            self._news_from_disk.wait(TICK_SECONDS)

    def _connect(self, ledger: Ledger) -> Operations | None:
        """The clients and places; tried again until they can be had. None when the driver is to stop."""
        found: list[Operations] = []
        connect = Chore("globus", lambda: found.append(operations(self._load(), ledger)), ENDPOINT_SECONDS)
        while not connect.run(ledger):
            if self.stop.wait(TICK_SECONDS):
                return None
        return found[0]
