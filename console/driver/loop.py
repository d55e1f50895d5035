"""The driver: the one process that acts. It discovers runs on disk, carries out requests, launches and follows runs.

Nine threads: the main one keeps the heartbeat and waits for the end, one keeps the ledger (`console.driver.threads`),
one discovers the runs on disk, one keeps the mark beside the results, one measures the room for results, one looks at
the results, one looks after the driver's log and profile, one calls somebody, one talks to Globus. They meet
only in the ledger, in a wake-up and in the time until which the mark lets us launch, so that neither a hanging file
system nor a hanging service stops the others.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from console.actions import cancel, deployed, fetch_reports, reconcile
from console.actions.results import LOOK_SECONDS, ResultWatch
from console.alerts import watch as alerts
from console.alerts.channels import channels, ping
from console.alerts.watch import AlertWatch
from console.connect import make_context
from console.context import Context
from console.disk import space as disk_space
from console.disk.discovery import Discovery
from console.driver import marking, new_login, own_files, round
from console.driver.marking import Marking
from console.driver.new_login import LoginWatch
from console.driver.own_files import ClockWatch, ProfileWatch
from console.driver.periodic import Periodic, T
from console.driver.process import driver_log
from console.driver.threads import DriverThreads, Work
from console.evidence import monitor, poll, site
from console.evidence.monitor import MonitorWatch
from console.ledger import runs
from console.ledger.presence import DriverLock
from console.ledger.store import Ledger
from console.settings.model import Settings
from flowspec.conditions import Reason

TICK_SECONDS = 0.2  # how soon a request in the ledger is read
LAUNCH_SECONDS = 1.0
ENDPOINT_SECONDS = 8.0
RECONCILE_SECONDS = 300.0


class Driver:
    """Drives one experiment until `stop` is set. `load` reads the settings, again after something was deployed.

    `takeover` says from whom it took over, as `console.driver.takeover.become_driver` does.
    """

    def __init__(self, load: Callable[[], Settings], lock: DriverLock, takeover: str = "") -> None:
        self._load = load
        self.settings = load()
        self._marking = Marking(self.settings.dtn.results, self.settings.ledger)
        self._threads = DriverThreads(self.settings.ledger, lock, takeover, self._marking.problem)
        self.stop = self._threads.stop
        self._disk_changed = threading.Event()
        self._real = self.settings.globus.service_url is None
        self._settled = ""  # the mark for which ledger and Globus were compared

    def run(self) -> int:
        """Until `stop` is set; returns the exit code. The lock must be held."""
        return self._threads.run(
            Work("disk", self._discover_runs),
            Work("mark", self._keep_mark),
            Work("space", self._check_space),
            Work("results", self._watch_results),
            Work("own files", self._look_after_own_files),
            Work("alerts", self._call_somebody),
            must_progress=Work("globus", self._talk_to_globus),
        )

    @property
    def failure(self) -> str:
        """Why it had to stop; '' when it was told to."""
        return self._threads.failure

    def _discover_runs(self) -> None:
        Discovery.of(self.settings, self._threads.ledger(), self._disk_changed.set).run(self.stop)

    def _keep_mark(self) -> None:
        ledger = self._threads.ledger()
        mark = Periodic("mark", lambda: self._marking.look(ledger), marking.BEAT_SECONDS)
        mark.run(ledger)
        while not self.stop.wait(TICK_SECONDS):
            mark.run(ledger)
        self._marking.release()

    def _check_space(self) -> None:
        """Apart from all else: a file system that does not answer holds up whoever asks it."""
        ledger, results = self._threads.ledger(), self.settings.dtn.results
        space = Periodic("results", lambda: disk_space.check(ledger, results), disk_space.CHECK_SECONDS, chore="space")
        while not self.stop.wait(TICK_SECONDS):
            space.run(ledger)

    def _watch_results(self) -> None:
        """Apart as well: a large result is read for minutes."""
        ledger = self._threads.ledger()
        watch = ResultWatch(ledger, self.settings.dtn.results, self.stop.is_set)
        results = Periodic("results", watch.look, LOOK_SECONDS)
        while not self.stop.wait(TICK_SECONDS):
            results.run(ledger)

    def _elsewhere(self) -> Reason | None:
        """Why another console drives, as for Context. What it has launched by then is to be known first."""
        return self._marking.holds() or (None if self._marking.id == self._settled else marking.FIRST)

    def _look_after_own_files(self) -> None:
        ledger = self._threads.ledger()
        profile = ProfileWatch(ledger, self.settings, self._load)
        log = driver_log(self.settings.ledger)
        chores = (
            Periodic("profile", profile.look, own_files.LOOK_SECONDS),
            Periodic("log", lambda: own_files.cap_log(log), own_files.LOOK_SECONDS),
            Periodic("clock", ClockWatch(ledger).look, own_files.LOOK_SECONDS),
        )
        while not self.stop.wait(TICK_SECONDS):
            for chore in chores:
                chore.run(ledger)

    def _call_somebody(self) -> None:
        """Apart as well: a mail server that hangs holds up whoever calls it."""
        ledger, settings = self._threads.ledger(), self.settings.alerts
        watch = AlertWatch(ledger, self.settings.experiment, channels(settings), settings.per_hour, beam=settings.beam)
        chores = (
            Periodic("alerts", watch.look, alerts.LOOK_SECONDS),
            Periodic("alerts", lambda: ping(settings), settings.ping_interval, chore="ping"),
        )
        while not self.stop.wait(TICK_SECONDS):
            for chore in chores:
                chore.run(ledger)

    # ---- the talk to Globus

    def _talk_to_globus(self) -> None:
        ledger = self._threads.ledger()
        if not ledger.get("auto"):
            ledger.put("auto", "on" if self.settings.policy.auto_launch else "off")
        ledger.put(runs.STREAMING, "on" if self.settings.policy.streaming else "off")  # for who shows it
        connect = Periodic("globus", lambda: make_context(self._load(), ledger, self._elsewhere), ENDPOINT_SECONDS)
        ctx = self._until_done(ledger, connect)
        if ctx is None:
            return
        # Nothing is started before ledger and Globus are known to agree; requests are answered meanwhile.
        requests = Periodic("launcher", lambda: round.answer_requests(ctx), TICK_SECONDS)
        reconciled = Periodic("flows", lambda: self._settle(ctx), LAUNCH_SECONDS, chore="reconcile")
        watch = LoginWatch(ctx, reconciled.hurry, real=self._real)
        login = Periodic("login", watch.look, new_login.LOOK_SECONDS)
        self._until_done(ledger, reconciled, meanwhile=(requests, login))
        self._drive(ctx)

    def _until_done(self, ledger: Ledger, once: Periodic[T], meanwhile: Sequence[Periodic[Any]] = ()) -> T | None:
        """What `once` returns as soon as it goes well; None when the driver stops before."""
        while not self.stop.is_set():
            for each in meanwhile:
                self._run(ledger, each)
            if (done := self._run(ledger, once)) is not None:
                return done
            self.stop.wait(TICK_SECONDS)
        return None

    def _drive(self, ctx: Context) -> None:
        ledger = ctx.ledger
        actions, polls = chores(ctx, real=self._real, launch=self._launch, settle=self._settle)
        while not self.stop.is_set():
            for each in polls:
                # What operators ask for waits for one poll at most, never for all of them.
                if self._disk_changed.is_set() or ledger.asked():
                    self._disk_changed.clear()
                    for action in actions:
                        action.hurry()
                for action in actions:
                    self._run(ledger, action)
                self._run(ledger, each)
            self._disk_changed.wait(TICK_SECONDS)

    def _settle(self, ctx: Context) -> bool:
        # As of before: until a mark is ours, and for a moment after that, another console's launches may appear.
        mark = self._marking.id if self._marking.holds() is None else ""
        done = reconcile.settle(ctx)
        self._settled = mark
        return done

    def _launch(self, ctx: Context) -> None:
        if self._marking.holds() is None and self._marking.id != self._settled:
            self._settle(ctx)
        round.launch_what_is_due(ctx)

    def _run(self, ledger: Ledger, periodic: Periodic[T]) -> T | None:
        if self.stop.is_set():
            return None
        done = periodic.run(ledger)
        self._threads.progress()
        return done


def chores(
    ctx: Context,
    *,
    real: bool,
    launch: Callable[[Context], object] = round.launch_what_is_due,
    settle: Callable[[Context], object] = reconcile.settle,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[list[Periodic[Any]], list[Periodic[Any]]]:
    """What is done again and again once ledger and Globus agree: the actions, and the polls. `real`: no sandbox."""

    def chore(name: str, source: str, do: Callable[[], object], seconds: float) -> Periodic[Any]:
        return Periodic(source, do, seconds, clock, chore=name)

    interval = ctx.policy.poll_interval
    flow = deployed.FlowWatch(ctx)

    def compare() -> None:
        settle(ctx)
        flow.look()

    def follow() -> None:
        if round.follow_attempts(ctx):
            launching.hurry()

    def hurry() -> None:
        for each in (*actions, *polls):
            each.hurry()

    login = LoginWatch(ctx, hurry, real=real)
    launching = chore("launch", "launcher", lambda: launch(ctx), LAUNCH_SECONDS)
    actions = [
        launching,
        chore("cancel", "cancel", lambda: cancel.continue_cancels(ctx), interval),
        chore("login", "login", login.look, new_login.LOOK_SECONDS),
    ]
    polls = [
        chore("follow", "flows", follow, interval),
        chore("endpoints", "compute", lambda: poll.poll_endpoints(ctx), ENDPOINT_SECONDS),
        chore("reports", "reports", lambda: fetch_reports.fetch(ctx), interval),
        chore("kit", "site", lambda: site.look_at_kit(ctx), 2 * interval),
        chore("reconcile", "flows", compare, RECONCILE_SECONDS),
        chore("name", "login", login.name, new_login.NAME_SECONDS),
    ]
    if real:
        polls.append(chore("monitor", "site", MonitorWatch(ctx).look, monitor.LOOK_SECONDS))
    return actions, polls
