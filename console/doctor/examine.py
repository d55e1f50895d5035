"""All checks of an experiment, side by side: what hangs or breaks holds up nobody else, and is a line itself."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from console import connect
from console.doctor import here, login, site, there
from console.doctor.finding import Finding, Verdict, bad, ok, warn
from console.doctor.subject import Subject
from console.settings.errors import SettingsError
from console.settings.profiles import load
from remote.globus.compute import load_sdk
from remote.globus.credentials import hidden
from remote.globus.errors import RemoteError

Check = Callable[[Subject], Iterator[Finding]]

# Their names are those of what they find, as a rule: one that hangs is told by its name.
OF_HERE: dict[str, Check] = {
    "version": here.version,
    "runs": here.runs_directory,
    "results": here.results_directory,
    "locks": here.ledger_place,
    "ledger": here.ledger,
    "mark": here.other_ledgers,
    "driver": here.driver,
    "limits": here.limits,
}
LOGIN = "login"
OF_GLOBUS: dict[str, Check] = {
    LOGIN: login.login,
    "clock": there.clock,
    "dtn": there.collection_of_dtn,
    "site": there.collection_of_site,
    "flows": there.flows,
    "start": there.start,
    "functions": there.functions,
    "endpoints": site.endpoints,
}
REQUESTS = 8  # of Compute in ten seconds: of the 20 that it takes of a login, the driver has its share
LONGEST = site.WORKER_SECONDS + 90.0  # seconds: what is waited for, and calls that are answered late


def examine(profile: Path, seconds: float = LONGEST, now: Callable[[], float] = time.time) -> Iterator[Finding]:
    """What is found, as it is found; for all of it at most so many seconds are waited."""
    try:
        settings = load(profile)
    except SettingsError as error:
        yield from (bad("profile", fault, f"correct {profile}") for fault in str(error).splitlines())
        return
    yield ok("profile", str(profile))
    try:
        remote = connect.remote(settings)
    except RemoteError as error:
        yield there.of_error(LOGIN, error)
        yield _unasked()
        yield from _Round(Subject(settings, None, now), seconds).examine(OF_HERE, {})
    else:
        remote.compute.leave_some(REQUESTS)
        yield from _Round(Subject(settings, remote, now), seconds).examine(OF_HERE, OF_GLOBUS)


def _unasked() -> Finding:
    return warn("globus", "was not asked: there is no login that serves", "console doctor again, after a login")


class _Round:
    """The checks that are being made, each on a thread of its own."""

    def __init__(self, subject: Subject, seconds: float) -> None:
        self._subject = subject
        self._seconds, self._until = seconds, time.monotonic() + seconds
        self._answers: queue.SimpleQueue[tuple[str, list[Finding]]] = queue.SimpleQueue()
        self._begun: list[str] = []

    def examine(self, of_here: Mapping[str, Check], of_globus: Mapping[str, Check]) -> Iterator[Finding]:
        """A login that does not serve is told once, and not by all that need one: they wait for it."""
        first = {name: check for name, check in of_globus.items() if name == LOGIN}
        self._begin({**of_here, **(first or of_globus)})
        try:
            while self._begun:
                name, found = self._answers.get(timeout=max(0.0, self._until - time.monotonic()))
                self._begun.remove(name)
                yield from found
                if name == LOGIN and any(finding.verdict is Verdict.BAD for finding in found):
                    yield _unasked()
                elif name == LOGIN:
                    load_sdk()
                    self._begin({name: check for name, check in of_globus.items() if name != LOGIN})
        except queue.Empty:
            for name in self._begun:
                yield bad(
                    name, f"no answer in {self._seconds:.0f} s", "see what hangs: a file system, the network, a service"
                )
        finally:
            self._subject.ended.set()
        if LOGIN in self._begun:
            yield _unasked()

    def _begin(self, checks: Mapping[str, Check]) -> None:
        for name, check in checks.items():
            self._begun.append(name)
            threading.Thread(target=self._carry_out, args=(name, check), name=f"doctor-{name}", daemon=True).start()

    def _carry_out(self, name: str, check: Check) -> None:
        self._answers.put((name, _isolated(name, check(self._subject))))


def _isolated(name: str, findings: Iterable[Finding]) -> list[Finding]:
    """What a check finds, and the error that ended it, if one did."""
    found = []
    try:
        for finding in findings:
            found.append(finding)
    except RemoteError as error:
        found.append(there.of_error(name, error))
    except Exception as error:  # whatever it is, it is of this check only, and told
        told = hidden(f"{type(error).__name__}: {error}")
        found.append(bad(name, f"the check itself failed: {told}", "mend that, or report it to the developers"))
    return found
