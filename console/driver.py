"""The driver: the one process that acts. It watches the run directory, carries out requests, launches and follows runs.

Five threads: the main one keeps the heartbeat and waits for the end, one keeps the ledger (`console.crew`), one watches
the runs on disk, one the room for results, one talks to Globus. They meet only in the ledger and in a wake-up, so that
neither a hanging file system nor a hanging service stops the others.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from console import actions, cancelling, diskspace, jobreports, logins, pollers, reconciling
from console.chore import Chore
from console.crew import Crew
from console.discovery import Discovery
from console.ledger import Ledger
from console.operations import Operations
from console.presence import DriverLock
from console.settings import Settings
from console.setup import operations

TICK_SECONDS = 0.2  # how soon a request in the ledger is seen
LAUNCH_SECONDS = 1.0
ENDPOINT_SECONDS = 8.0
SETTLE_SECONDS = 300.0


class Driver:
    """Drives one experiment until `stop` is set. `load` reads the settings, again after something was deployed."""

    def __init__(self, load: Callable[[], Settings], lock: DriverLock, came: str = "") -> None:
        self._load = load
        self.settings = load()
        self._crew = Crew(self.settings.ledger, lock, came)
        self.stop = self._crew.stop
        self._news_from_disk = threading.Event()

    def run(self) -> int:
        """Until told to stop; returns the exit code. The lock must be held."""
        return self._crew.run(self._watch_disk, self._watch_space, self._talk_to_globus)

    def _watch_disk(self) -> None:
        Discovery.of(self.settings, self._crew.ledger(), self._news_from_disk.set).run(self.stop)

    def _watch_space(self) -> None:
        """Apart from all else: a file system that does not answer holds up whoever asks it."""
        ledger, results = self._crew.ledger(), self.settings.dtn.results
        space = Chore("results", lambda: diskspace.look(ledger, results), diskspace.LOOK_SECONDS)
        while not self.stop.wait(TICK_SECONDS):
            space.run(ledger)

    def _talk_to_globus(self) -> None:
        ledger = self._crew.ledger()
        if not ledger.get("auto"):
            ledger.put("auto", "on" if self.settings.policy.auto_launch else "off")
        ops = self._connect(ledger)
        if ops is None:
            return
        launcher = Chore("launcher", lambda: actions.launch_what_is_due(ops), LAUNCH_SECONDS)
        cancels = Chore("cancel", lambda: cancelling.see_through(ops), self.settings.policy.poll_interval)
        looking = [
            Chore("flows", lambda: pollers.poll_attempts(ops), self.settings.policy.poll_interval),
            Chore("compute", lambda: pollers.poll_endpoints(ops), ENDPOINT_SECONDS),
            Chore("reports", lambda: jobreports.fetch(ops), self.settings.policy.poll_interval),
            Chore("flows", lambda: reconciling.settle(ops), SETTLE_SECONDS),
        ]
        real = self.settings.globus.token_file is None
        looking.append(Chore("login", lambda: logins.look(ledger, ops.remote.login, real=real), logins.LOOK_SECONDS))
        settled: list[bool] = []  # nothing is started before ledger and Globus are known to agree
        settling = [
            Chore("launcher", lambda: actions.answer_requests(ops), TICK_SECONDS),
            Chore("flows", lambda: settled.append(reconciling.settle(ops)), LAUNCH_SECONDS),
        ]
        while not self.stop.is_set():
            for chore in looking if settled else settling:
                if self._news_from_disk.is_set() or ledger.asked():
                    self._news_from_disk.clear()
                    launcher.due = min(launcher.due, time.monotonic())
                    cancels.due = min(cancels.due, time.monotonic())
                # What operators ask for waits for one look at most, never for all of them.
                for each in (launcher, cancels, chore) if settled else (chore,):
                    if not self.stop.is_set():
                        each.run(ledger)
                        self._crew.alive()
            self._news_from_disk.wait(TICK_SECONDS)

    def _connect(self, ledger: Ledger) -> Operations | None:
        """The clients and places; tried again until they can be had. None when the driver is to stop."""
        found: list[Operations] = []
        connect = Chore("globus", lambda: found.append(operations(self._load(), ledger)), ENDPOINT_SECONDS)
        while not connect.run(ledger):
            self._crew.alive()
            if self.stop.wait(TICK_SECONDS):
                return None
        return found[0]
