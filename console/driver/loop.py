"""The driver: the one process that acts. It watches the run directory, carries out requests, launches and follows runs.

Five threads: the main one keeps the heartbeat and waits for the end, one keeps the ledger (`console.driver.threads`),
one watches the runs on disk, one the room for results, one talks to Globus. They meet only in the ledger and in a
wake-up, so that neither a hanging file system nor a hanging service stops the others.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from console.actions import cancel, fetch_reports, reconcile
from console.connect import make_context
from console.context import Context
from console.disk import space as disk_space
from console.disk.discovery import Discovery
from console.driver import round
from console.driver.periodic import Periodic
from console.driver.threads import DriverThreads
from console.evidence import poll
from console.ledger import logins
from console.ledger.presence import DriverLock
from console.ledger.store import Ledger
from console.settings.model import Settings

TICK_SECONDS = 0.2  # how soon a request in the ledger is seen
LAUNCH_SECONDS = 1.0
ENDPOINT_SECONDS = 8.0
SETTLE_SECONDS = 300.0


class Driver:
    """Drives one experiment until `stop` is set. `load` reads the settings, again after something was deployed."""

    def __init__(self, load: Callable[[], Settings], lock: DriverLock, came: str = "") -> None:
        self._load = load
        self.settings = load()
        self._threads = DriverThreads(self.settings.ledger, lock, came)
        self.stop = self._threads.stop
        self._news_from_disk = threading.Event()

    def run(self) -> int:
        """Until told to stop; returns the exit code. The lock must be held."""
        return self._threads.run(self._watch_disk, self._watch_space, self._talk_to_globus)

    def _watch_disk(self) -> None:
        Discovery.of(self.settings, self._threads.ledger(), self._news_from_disk.set).run(self.stop)

    def _watch_space(self) -> None:
        """Apart from all else: a file system that does not answer holds up whoever asks it."""
        ledger, results = self._threads.ledger(), self.settings.dtn.results
        space = Periodic("results", lambda: disk_space.look(ledger, results), disk_space.LOOK_SECONDS)
        while not self.stop.wait(TICK_SECONDS):
            space.run(ledger)

    def _talk_to_globus(self) -> None:
        ledger = self._threads.ledger()
        if not ledger.get("auto"):
            ledger.put("auto", "on" if self.settings.policy.auto_launch else "off")
        ctx = self._connect(ledger)
        if ctx is None:
            return
        launcher = Periodic("launcher", lambda: round.launch_what_is_due(ctx), LAUNCH_SECONDS)
        cancels = Periodic("cancel", lambda: cancel.see_through(ctx), self.settings.policy.poll_interval)
        looking = [
            Periodic("flows", lambda: poll.poll_attempts(ctx), self.settings.policy.poll_interval),
            Periodic("compute", lambda: poll.poll_endpoints(ctx), ENDPOINT_SECONDS),
            Periodic("reports", lambda: fetch_reports.fetch(ctx), self.settings.policy.poll_interval),
            Periodic("flows", lambda: reconcile.settle(ctx), SETTLE_SECONDS),
        ]
        real = self.settings.globus.token_file is None
        looking.append(Periodic("login", lambda: logins.look(ledger, ctx.remote.login, real=real), logins.LOOK_SECONDS))
        settled: list[bool] = []  # nothing is started before ledger and Globus are known to agree
        settling = [
            Periodic("launcher", lambda: round.answer_requests(ctx), TICK_SECONDS),
            Periodic("flows", lambda: settled.append(reconcile.settle(ctx)), LAUNCH_SECONDS),
        ]
        while not self.stop.is_set():
            for periodic in looking if settled else settling:
                if self._news_from_disk.is_set() or ledger.asked():
                    self._news_from_disk.clear()
                    launcher.due = min(launcher.due, time.monotonic())
                    cancels.due = min(cancels.due, time.monotonic())
                # What operators ask for waits for one look at most, never for all of them.
                for each in (launcher, cancels, periodic) if settled else (periodic,):
                    if not self.stop.is_set():
                        each.run(ledger)
                        self._threads.alive()
            self._news_from_disk.wait(TICK_SECONDS)

    def _connect(self, ledger: Ledger) -> Context | None:
        """The clients and places; tried again until they can be had. None when the driver is to stop."""
        found: list[Context] = []
        connect = Periodic("globus", lambda: found.append(make_context(self._load(), ledger)), ENDPOINT_SECONDS)
        while not connect.run(ledger):
            self._threads.alive()
            if self.stop.wait(TICK_SECONDS):
                return None
        return found[0]
