"""`console login`, `logout`, `whoami` against a sandbox; person and browser are played."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from console.cli import login_commands
from console.cli.parser import main
from console.ledger import logins
from console.ledger.store import Ledger
from remote.sandbox.ids import DTN_COLLECTION, IDENTITY, OTHER_IDENTITIES
from tests.auth_fixture import authorize
from tests.sandbox_fixture import RunningSandbox, sandbox

__all__ = ["sandbox"]

E21062 = Path(__file__).parents[3] / "docs" / "profiles" / "e21062.toml"
CLIENT = 'client_id = "59f19e1e-f1ce-4cb1-973c-8d893e89c0a9"'
ANNA = OTHER_IDENTITIES[0]
DAY = 86400.0


class Desk:
    """A terminal with somebody before it: `answers` are lines, or make one of the address that was shown."""

    def __init__(self, directory: Path, url: str, monkeypatch, capsys) -> None:
        self.store, self.ledger = directory / "tokens.json", directory / "ledger.db"
        self.profile = directory / "e21062.toml"
        globus = f'{CLIENT}\ntoken_store = "{self.store}"\nservice_url = "{url}"'
        text = E21062.read_text().replace(CLIENT, globus).replace('["9d6d994a-6d04-11e5-ba46-22000b92c6ec"]', "[]")
        self.profile.write_text(f'ledger = "{self.ledger}"\n{text}')
        self.answers: list[str | Callable[[str], str]] = []
        self.address, self._capsys = "", capsys
        monkeypatch.setattr(login_commands, "_say", self._told)
        monkeypatch.setattr(sys, "stdin", self)

    def isatty(self) -> bool:
        return True

    def readline(self) -> str:
        answer = self.answers.pop(0)
        return answer if isinstance(answer, str) else answer(self.address) + "\n"

    def _told(self, words: str, end: str = "\n") -> None:
        if words.startswith("\nhttp"):
            self.address = words.strip()

    def console(self, *words: str, code: int = 0) -> str:
        assert main(["--profile", str(self.profile), *words]) == code
        out, err = self._capsys.readouterr()
        return out if code == 0 else err or out

    def log_in(self, *answers: str | Callable[[str], str], code: int = 0) -> str:
        self.answers = list(answers) or [authorize]
        return self.console("login", "--json", code=code)


@pytest.fixture
def desk(tmp_path, sandbox: RunningSandbox, monkeypatch, capsys):
    return Desk(tmp_path, sandbox.url, monkeypatch, capsys)


def test_in_and_out(desk):
    assert "nobody is logged in: console login" in desk.console("whoami", code=1)
    found = json.loads(desk.log_in())
    assert (found["identity"], found["name"], found["resumed"]) == (IDENTITY, "operator@sandbox", [])
    assert desk.address.startswith("http://127.0.0.1:")
    assert " " not in desk.address
    who = json.loads(desk.console("whoami", "--json"))
    assert (who["kind"], who["identity"], who["missing"]) == ("person", IDENTITY, [])
    assert {"flows.globus.org", "transfer.api.globus.org", "funcx_service"} <= {t["service"] for t in who["tokens"]}
    assert who["asked"] is None
    assert who["ends"] - time.time() == pytest.approx(182 * DAY, abs=DAY), "unused"
    assert "does not end as long as it is used; unused, not before 20" in desk.console("whoami")
    assert "logged out: the tokens were revoked" in desk.console("logout")
    assert not desk.store.exists()
    assert "nobody was logged in" in desk.console("logout")


@pytest.mark.parametrize(
    ("answer", "words"),
    [("\n", "no code was given: nothing has changed"), ("", "no code was given: nothing has changed"),
     ("wrong\n", "Globus does not take this code")],
)  # fmt: skip
def test_a_code_that_is_none_is_told_in_one_line(desk, answer, words):
    said = desk.log_in(answer, code=1)
    assert words in said
    assert said.count("\n") == 1
    assert not desk.store.exists()


def test_another_identity_is_asked_for(desk):
    desk.log_in()
    as_anna = partial(authorize, identity=ANNA)
    said = desk.log_in(as_anna, "n\n", code=1)
    assert "nothing has changed" in said
    assert json.loads(desk.console("whoami", "--json"))["identity"] == IDENTITY
    desk.log_in(as_anna, "y\n")
    assert json.loads(desk.console("whoami", "--json"))["identity"] == ANNA


def test_a_damaged_store_is_no_login_and_does_not_keep_anybody_from_logging_in(desk):
    desk.store.touch(0o600)
    desk.store.write_text("{")
    desk.log_in()
    assert json.loads(desk.console("whoami", "--json"))["identity"] == IDENTITY


def test_what_globus_has_asked_for_is_part_of_the_next_login_and_of_no_other(desk):
    ledger = Ledger(desk.ledger)
    access = f"https://auth.globus.org/scopes/{DTN_COLLECTION}/data_access"
    consent = f"urn:globus:auth:scope:transfer.api.globus.org:all[*{access}]"
    logins.demand(ledger, {"session_required_mfa": True, "session_required_single_domain": ["frib.msu.edu"]})
    logins.demand(ledger, {"required_scopes": [consent], "session_required_single_domain": ["msu.edu"]})
    desk.log_in("\n", code=1)
    assert "session_required_mfa=True" in desk.address
    assert "session_required_single_domain=frib.msu.edu%2Cmsu.edu" in desk.address
    assert f"{DTN_COLLECTION}%2Fdata_access" in desk.address
    assert logins.demands(ledger), "it was not done"
    logins.met(ledger)
    logins.demand(ledger, {"required_scopes": [consent]})
    desk.log_in()
    assert logins.demands(ledger) == {}
    desk.log_in()
    assert DTN_COLLECTION not in desk.address


def test_whoami_tells_what_globus_asks_of_the_next_login(desk):
    desk.log_in()
    logins.demand(Ledger(desk.ledger), {"session_required_mfa": True})
    asked = "Globus asks for a fresh login with multi-factor authentication"
    assert json.loads(desk.console("whoami", "--json", code=1))["asked"] == asked
    assert f"{asked}: console login does that" in desk.console("whoami", code=1)


def test_a_service_account_needs_no_login(desk, sandbox, monkeypatch):
    monkeypatch.setenv("FRIB_CONSOLE__GLOBUS__CLIENT_SECRET", sandbox.token)
    assert "service account, which needs no login" in desk.console("login", code=2)
    assert json.loads(desk.console("whoami", "--json"))["kind"] == "service account"
    assert "ends with its secret" in desk.console("whoami")
    assert not desk.store.exists()
