"""A login of a person, whoever holds the conversation: `console login` in a terminal, or the screen."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Protocol

from console.actions.resume import inactive_runs
from console.cli.asking import BadUse, Failure, remotely
from console.connect import remote
from console.ledger import logins
from console.ledger.store import Ledger
from console.settings.model import Settings
from console.settings.private import make_directory
from remote.globus.auth import Login, ServiceLogin, StoredLogin
from remote.globus.errors import Demand, RemoteError, clean, in_words
from remote.globus.login_flow import LoginFlow, Person

NOTHING_CHANGED = "nothing has changed"
NO_CODE = f"no code was given: {NOTHING_CHANGED}"


class Desk(Protocol):
    """Who talks with the operator. It may take its time: nothing is kept before `agrees` has said so."""

    def tell(self, words: str) -> None: ...

    def show(self, why: str, address: str) -> None:
        """`why` is what Globus has asked for, '' for nothing; `address` is for a browser."""

    def code(self) -> str:
        """What the browser has shown; '' for nothing."""

    def again(self, refused: RemoteError) -> bool:
        """Whether another code is asked for in place of the one that did not serve."""

    def agrees(self, words: str) -> bool:
        """Whether the login is to be kept; `words` say what that means for one of another identity, else ''."""


@dataclass(frozen=True)
class LoggedIn:
    """`resumed` are the runs whose inactive flow runs the driver resumes when it sees this login."""

    who: Person
    resumed: list[int]


def log_in(settings: Settings, desk: Desk) -> LoggedIn:
    """Raises BadUse where nobody logs in, Failure when nobody has: then nothing has changed."""
    known = of_a_person(remotely(lambda: remote(settings).login))
    before = _identity_before(known, desk)
    asked = demands(settings)
    flow = remotely(lambda: LoginFlow(known, asked))
    desk.show(clean(in_words(asked)) if asked else "", flow.address)
    who = _exchanged(flow, desk)
    if not desk.agrees(_another(before, who) if before not in (None, who.id) else ""):
        remotely(flow.give_back)
        raise Failure(f"{NOTHING_CHANGED}: the login is still that of {before or 'nobody'}")
    make_directory(settings.token_store.parent)
    remotely(flow.keep)
    if asked:
        logins.met(Ledger(settings.ledger))
    return LoggedIn(who, _waiting(settings))


def of_a_person(known: Login) -> StoredLogin:
    if isinstance(known, ServiceLogin):
        raise BadUse("this profile is of a service account, which needs no login")
    if not isinstance(known, StoredLogin):
        raise BadUse("this profile is of a sandbox, which needs no login")
    return known


def _identity_before(known: StoredLogin, desk: Desk) -> str | None:
    try:
        return known.store().identity
    except RemoteError as error:  # of a store that is set aside the owner is not known
        if not known.path.exists():
            desk.tell(error.cause)
            return None
        raise Failure(str(error)) from error


def _exchanged(flow: LoginFlow, desk: Desk) -> Person:
    while True:
        if not (code := desk.code()):
            raise Failure(NO_CODE)
        try:
            return remotely(partial(flow.exchange, code))
        except Failure as failure:
            if not isinstance(failure.__cause__, RemoteError) or not desk.again(failure.__cause__):
                raise


def _another(before: str | None, who: Person) -> str:
    return (
        f"So far this console was {before} for Globus; {who.name} is another identity ({who.id}).\n"
        f"What the other one has launched, {who.name} sees and cancels only as a manager of those flow runs\n"
        "(run_managers in the profile); transfer and compute tasks of the other one are not seen at all."
    )


def demands(settings: Settings) -> Demand:
    """What Globus has asked of a login, as the driver has met it."""
    return logins.demands(Ledger(settings.ledger, read_only=True)) if settings.ledger.exists() else {}


def _waiting(settings: Settings) -> list[int]:
    if not settings.ledger.exists():
        return []
    return [run.run for run in inactive_runs(Ledger(settings.ledger))]
