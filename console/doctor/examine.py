"""All checks of an experiment, side by side: what hangs or breaks holds up nobody else, and is a line itself."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from console import connect
from console.doctor import here, site, there
from console.doctor.finding import Finding, bad, ok, warn
from console.doctor.subject import Subject
from console.settings.errors import SettingsError
from console.settings.profiles import load
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
OF_GLOBUS: dict[str, Check] = {
    "login": there.login,
    "clock": there.clock,
    "dtn": there.collection_of_dtn,
    "site": there.collection_of_site,
    "flows": there.flows,
    "start": there.start,
    "functions": there.functions,
    "endpoints": site.endpoints,
}
LONGEST = site.WORKER_SECONDS + 90.0  # seconds: what is waited for, and calls that are answered late


def examine(profile: Path, seconds: float = LONGEST, now: Callable[[], float] = time.time) -> list[Finding]:
    """What is found, in the order of the checks; for each of them at most so many seconds are waited."""
    try:
        settings = load(profile)
    except SettingsError as error:
        return [bad("profile", fault, f"correct {profile}") for fault in str(error).splitlines()]
    found = [ok("profile", str(profile))]
    checks = dict(OF_HERE)
    try:
        subject = Subject(settings, connect.remote(settings), now)
        checks |= OF_GLOBUS
        unasked = []
    except RemoteError as error:
        subject = Subject(settings, None, now)
        unasked = [
            there.of_error("login", error),
            warn("globus", "was not asked: there is no login", "console doctor again, after a login"),
        ]
    return [*found, *_side_by_side(checks, subject, seconds), *unasked]


def _side_by_side(checks: dict[str, Check], subject: Subject, seconds: float) -> Iterator[Finding]:
    answers: queue.SimpleQueue[tuple[str, list[Finding]]] = queue.SimpleQueue()

    def carry_out(name: str, check: Check) -> None:
        answers.put((name, _isolated(name, check(subject))))

    for name, check in checks.items():
        threading.Thread(target=carry_out, args=(name, check), name=f"doctor-{name}", daemon=True).start()
    found: dict[str, list[Finding]] = {}
    until = time.monotonic() + seconds
    while len(found) < len(checks):
        try:
            name, findings = answers.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty:
            break
        found[name] = findings
    subject.ended.set()
    for name in checks:
        silent = bad(name, f"no answer in {seconds:.0f} s", "see what hangs: a file system, the network, a service")
        yield from found.get(name, [silent])


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
