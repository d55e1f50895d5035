"""`console login`, `logout`, `whoami`: who the console is for Globus."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from console.actions.resume import inactive_runs
from console.cli.asking import BadUse, Failure, print_outcome, remotely, settings_of
from console.connect import remote
from console.ledger import logins
from console.ledger.store import Ledger
from console.settings.model import Settings
from console.settings.private import make_directory
from flowspec import text
from remote.globus.auth import Login, ServiceLogin, StoredLogin
from remote.globus.errors import Demand, RemoteError, clean, in_words
from remote.globus.login_flow import LoginFlow, Person, log_out, person

NOTHING_CHANGED = "nothing has changed"


def login(options: argparse.Namespace) -> int:
    settings = settings_of(options)
    known = _of_a_person(remotely(lambda: remote(settings).login))
    if not sys.stdin.isatty():
        raise BadUse("login shows an address and reads a code: it needs a terminal")
    make_directory(settings.token_store.parent)
    before = _identity_before(known)
    asked = _demands(settings)
    flow = remotely(lambda: LoginFlow(known, asked))
    if asked:
        _say(clean(in_words(asked)) + ": this login does that.")
    _say("Open this address in a browser, on any machine, log in there, and bring back the code that it shows:")
    _say(f"\n{flow.address}\n")
    who = _exchanged(flow)
    if before not in (None, who.id) and not _agreed(str(before), who):
        remotely(flow.give_back)
        raise Failure(f"{NOTHING_CHANGED}: the login is still that of {before}")
    remotely(flow.keep)
    if asked:
        logins.met(Ledger(settings.ledger))
    resumed = _waiting(settings)
    lines = [
        f"logged in as {who.name}; kept in {settings.token_store}",
        *(f"run {run}: to be resumed" for run in resumed),
    ]
    document = {"token_store": str(settings.token_store), "identity": who.id, "name": who.name, "resumed": resumed}
    return print_outcome(options, document, "\n".join(lines))


def logout(options: argparse.Namespace) -> int:
    known = _of_a_person(remotely(lambda: remote(settings_of(options)).login))
    done = remotely(lambda: log_out(known))
    words = f"logged out: the tokens were revoked, and {known.path} was removed" if done else "nobody was logged in"
    return print_outcome(options, {"logged_out": done}, words)


def whoami(options: argparse.Namespace) -> int:
    settings = settings_of(options)
    known = remotely(lambda: remote(settings).login)
    document = _who(known, settings)
    print_outcome(options, document, _in_words(document))
    return 0 if document["name"] is not None and not document["missing"] else 1


def _of_a_person(known: Login) -> StoredLogin:
    if isinstance(known, ServiceLogin):
        raise BadUse("this profile is of a service account, which needs no login")
    if not isinstance(known, StoredLogin):
        raise BadUse("this profile is of a sandbox, which needs no login")
    return known


def _say(words: str, end: str = "\n") -> None:
    """Beside the outcome, which may be read by a program."""
    print(words, end=end, file=sys.stderr, flush=True)


def _answer(question: str) -> str:
    """'' also when there is none (ctrl+d)."""
    _say(question, end="")
    line = sys.stdin.readline()
    if not line.endswith("\n"):
        _say("")
    return line.strip()


def _identity_before(known: StoredLogin) -> str | None:
    try:
        return known.store().identity
    except RemoteError as error:  # of a store that is set aside the owner is not known
        if not known.path.exists():
            _say(error.cause)
            return None
        raise Failure(str(error)) from error


def _exchanged(flow: LoginFlow) -> Person:
    code = _answer("The code: ")
    if not code:
        raise Failure(f"no code was given: {NOTHING_CHANGED}")
    return remotely(lambda: flow.exchange(code))


def _agreed(before: str, who: Person) -> bool:
    _say(
        f"So far this console was {before} for Globus; {who.name} is another identity ({who.id}).\n"
        f"What the other one has launched, {who.name} sees and cancels only as a manager of those flow runs\n"
        "(run_managers in the profile); transfer and compute tasks of the other one are not seen at all."
    )
    return _answer("Be this identity from now on? [y/N] ").lower() in ("y", "yes")


def _demands(settings: Settings) -> Demand:
    """What Globus has asked of a login, as the driver has met it."""
    return logins.demands(Ledger(settings.ledger, read_only=True)) if settings.ledger.exists() else {}


def _waiting(settings: Settings) -> list[int]:
    """The runs whose flow runs the driver resumes when it sees this login."""
    if not settings.ledger.exists():
        return []
    return [run.run for run in inactive_runs(Ledger(settings.ledger))]


def _who(known: Login, settings: Settings) -> dict[str, Any]:
    if isinstance(known, ServiceLogin):
        name = f"{known.client_id}@clients.auth.globus.org"
        return {"kind": "service account", "identity": known.client_id, "name": name, "tokens": [], "missing": []}
    if not isinstance(known, StoredLogin):
        url = settings.globus.service_url
        return {"kind": "sandbox", "identity": None, "name": f"the sandbox at {url}", "tokens": [], "missing": []}
    stored = remotely(known.store).get_token_data_by_resource_server()
    if not stored:
        return {"kind": "person", "identity": None, "name": None, "tokens": [], "missing": sorted(known.scopes())}
    who = remotely(lambda: person(known))
    tokens = [
        {"service": server, "ends": each.expires_at_seconds, "renewed": each.refresh_token is not None}
        for server, each in sorted(remotely(known.store).get_token_data_by_resource_server().items())
    ]
    missing = remotely(known.missing)
    return {"kind": "person", "identity": who.id, "name": who.name, "tokens": tokens, "missing": missing}


def _in_words(document: dict[str, Any]) -> str:
    if document["name"] is None:
        return "nobody is logged in: console login"
    lines = [f"{document['name']}, {document['kind']}{f' ({i})' if (i := document['identity']) else ''}"]
    for each in document["tokens"]:
        how = "is renewed by itself" if each["renewed"] else "is not renewed: console login"
        lines.append(f"{each['service']:36}  token until {text.moment(each['ends'])}, {how}")
    lines += [f"{server:36}  MISSING: console login asks for it" for server in document["missing"]]
    return "\n".join(lines)


LOOKING = ("whoami",)
COMMANDS = {"login": login, "logout": logout, "whoami": whoami}
