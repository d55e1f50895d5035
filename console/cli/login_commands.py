"""`console login`, `logout`, `whoami`: who the console is for Globus."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from console.cli.asking import BadUse, print_outcome, remotely, settings_of
from console.cli.logging_in import demands, log_in, of_a_person
from console.connect import remote
from console.settings.model import Settings
from flowspec import text
from remote.globus.auth import Login, ServiceLogin, StoredLogin
from remote.globus.errors import RemoteError, clean, in_words
from remote.globus.login_flow import log_out, person


class Terminal:
    """A `console.cli.logging_in.Desk`: a person before the terminal of the command, who is asked once."""

    def tell(self, words: str) -> None:
        _say(words)

    def show(self, why: str, address: str) -> None:
        if not sys.stdin.isatty():
            raise BadUse("login shows an address and reads a code: it needs a terminal")
        if why:
            _say(f"{why}: this login does that.")
        _say("Open this address in a browser, on any machine, log in there, and bring back the code that it shows:")
        _say(f"\n{address}\n")

    def code(self) -> str:
        return _answer("The code: ")

    def again(self, refused: RemoteError) -> bool:
        return False

    def agrees(self, words: str) -> bool:
        if not words:
            return True
        _say(words)
        return _answer("Be this identity from now on? [y/N] ").lower() in ("y", "yes")


def login(options: argparse.Namespace) -> int:
    settings = settings_of(options)
    done = log_in(settings, Terminal())
    lines = [
        f"logged in as {done.who.name}; kept in {settings.token_store}",
        *(f"run {run}: to be resumed" for run in done.resumed),
    ]
    document = {"token_store": str(settings.token_store), "identity": done.who.id, "name": done.who.name}
    return print_outcome(options, {**document, "resumed": done.resumed}, "\n".join(lines))


def logout(options: argparse.Namespace) -> int:
    known = of_a_person(remotely(lambda: remote(settings_of(options)).login))
    done = remotely(lambda: log_out(known))
    words = f"logged out: the tokens were revoked, and {known.path} was removed" if done else "nobody was logged in"
    return print_outcome(options, {"logged_out": done}, words)


def whoami(options: argparse.Namespace) -> int:
    settings = settings_of(options)
    known = remotely(lambda: remote(settings).login)
    document = _who(known, settings)
    print_outcome(options, document, _in_words(document))
    return 0 if document["name"] is not None and not document["missing"] and not document["asked"] else 1


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


def _who(known: Login, settings: Settings) -> dict[str, Any]:
    found: dict[str, Any] = {"kind": "person", "identity": None, "name": None, "ends": None, "asked": None}
    found |= {"tokens": [], "missing": []}
    if isinstance(known, ServiceLogin):
        name = f"{known.client_id}@clients.auth.globus.org"
        return {**found, "kind": "service account", "identity": known.client_id, "name": name}
    if not isinstance(known, StoredLogin):
        url = settings.globus.service_url
        return {**found, "kind": "sandbox", "name": f"the sandbox at {url}"}
    asked = demands(settings)
    found["asked"] = clean(in_words(asked)) if asked else None
    stored = remotely(known.store).get_token_data_by_resource_server()
    if not stored:
        return {**found, "missing": sorted(known.scopes())}
    who = remotely(lambda: person(known))
    tokens = [
        {"service": server, "ends": each.expires_at_seconds, "renewed": each.refresh_token is not None}
        for server, each in sorted(remotely(known.store).get_token_data_by_resource_server().items())
    ]
    missing, ends = remotely(known.missing), remotely(known.unused_until)
    return {**found, "identity": who.id, "name": who.name, "ends": ends, "tokens": tokens, "missing": missing}


def _in_words(document: dict[str, Any]) -> str:
    asked = [f"{document['asked']}: console login does that"] if document["asked"] else []
    if document["name"] is None:
        return "\n".join(["nobody is logged in: console login", *asked])
    lines = [f"{document['name']}, {document['kind']}{f' ({i})' if (i := document['identity']) else ''}"]
    for each in document["tokens"]:
        how = "is renewed by itself" if each["renewed"] else "is not renewed: console login"
        lines.append(f"{each['service']:36}  token until {text.moment(each['ends'])}, {how}")
    lines += [f"{server:36}  MISSING: console login asks for it" for server in document["missing"]]
    return "\n".join([*lines, *_ends(document), *asked])


def _ends(document: dict[str, Any]) -> list[str]:
    """How long all of it lasts."""
    if document["kind"] == "service account":
        return ["ends with its secret: its tokens are made anew with that"]
    if document["ends"] is None:
        return []
    return [f"does not end as long as it is used; unused, not before {text.moment(document['ends'])}"]


LOOKING = ("whoami",)
COMMANDS = {"login": login, "logout": logout, "whoami": whoami}
