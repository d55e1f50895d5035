"""Whose login is it, until when does it serve, and has it all consents? Nobody is asked to log in here."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from console.doctor.finding import Finding, bad, ok, warn
from console.doctor.subject import Subject
from console.settings.model import Settings
from flowspec import text
from remote.globus.auth import COMPUTE, FLOWS, TRANSFER, StoredLogin
from remote.globus.login_flow import person

SHIFT_SECONDS = 8 * 3600.0  # for as long as a login should serve
LOG_IN = "console login"
SERVICES = {FLOWS: "Flows", TRANSFER: "Transfer, with the data of the collections", COMPUTE: "Compute"}


def login(subject: Subject) -> Iterator[Finding]:
    known = subject.there.login
    ends = known.expires_at()
    if ends == 0:
        yield bad("login", "nobody is logged in", LOG_IN)
        return
    if ends is not None and ends < subject.now():
        yield bad("login", f"expired at {text.moment(ends)}", LOG_IN)
        return
    of_whom = ""
    if isinstance(known, StoredLogin):
        of_whom = f"{subject.ask(partial(person, known)).name}, "
        if missing := subject.ask(known.missing):
            what = " and ".join(_named(subject.settings, server) for server in missing)
            yield bad("login", f"{of_whom}without the consent for {what}", f"{LOG_IN} asks for it")
            return
        of_whom += "with all consents, "
    if ends is None:
        yield ok("login", f"{of_whom}renewed by itself")
    elif ends < subject.now() + SHIFT_SECONDS:
        yield warn("login", f"{of_whom}serves until {text.moment(ends)} only", f"{LOG_IN}, before the shift")
    else:
        yield ok("login", f"{of_whom}serves until {text.moment(ends)}")


def _named(settings: Settings, server: str) -> str:
    flows = {settings.flows.analysis: "the flow of the analysis", settings.flows.transfer: "the flow of the transfer"}
    return SERVICES.get(server) or flows.get(server) or server
