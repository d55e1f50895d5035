"""A login that is given while the driver runs: what has paused is due at once, and what waits for a consent resumed."""

from __future__ import annotations

from types import SimpleNamespace

from console.driver import new_login
from console.driver.new_login import LoginWatch
from console.ledger import logins, resumes
from console.ledger.store import Ledger
from remote.globus.login_flow import Person


class _Login:
    def __init__(self) -> None:
        self.held: frozenset[str] = frozenset()

    def grants(self) -> frozenset[str]:
        return self.held

    def expires_at(self) -> float | None:
        return None if self.held else 0.0


def test_another_login_hurries_what_waits_and_a_renewed_one_does_not(tmp_path, monkeypatch):
    ledger, login, hurried = Ledger(tmp_path / "ledger.db"), _Login(), []
    rows = [SimpleNamespace(attempt=1, flow_run=None, cancel_at=None),
            SimpleNamespace(attempt=2, flow_run="f", cancel_at=None),
            SimpleNamespace(attempt=3, flow_run="g", cancel_at=1.0)]  # fmt: skip
    monkeypatch.setattr("console.driver.new_login.attempts.open_attempts", lambda _: rows)
    monkeypatch.setattr(resumes, "add", lambda ledger, attempt, actor: hurried.append((attempt, actor)))
    ctx = SimpleNamespace(ledger=ledger, remote=SimpleNamespace(login=login))

    def watch() -> LoginWatch:
        return LoginWatch(ctx, lambda: hurried.append("now"), real=True)

    ours = watch()
    ours.look()
    assert (hurried, logins.tokens_end(ledger)) == ([], 0.0)
    login.held = frozenset({"refresh-a", "refresh-b"})
    ours.look()
    assert (hurried, logins.tokens_end(ledger)) == ([(2, "driver"), "now"], None)
    ours.look()
    watch().look()
    assert len(hurried) == 2, "the same login, also for the next driver"
    login.held = frozenset({"refresh-c"})
    watch().look()
    assert hurried[2:] == [(2, "driver"), "now"], "given while no driver was there"
    login.held = frozenset()
    ours.look()
    assert hurried[4:] == ["now"]
    assert "refresh" not in "".join(row["value"] for row in ledger.rows("SELECT value FROM meta"))


def test_whose_login_it_is_is_asked_once_for_each_login(tmp_path, monkeypatch):
    ledger, login, asked = Ledger(tmp_path / "ledger.db"), _Login(), []

    def person(of: _Login) -> Person:
        asked.append(of)
        return Person("5f1b0e9a-2d0c-4c7e-9b8e-51de7c0a1d11", f"anna{len(asked)}@frib.msu.edu")

    monkeypatch.setattr(new_login, "StoredLogin", _Login)
    monkeypatch.setattr(new_login, "person", person)
    watch = LoginWatch(SimpleNamespace(ledger=ledger, remote=SimpleNamespace(login=login)), lambda: None, real=True)
    watch.name()
    assert (ledger.get(logins.WHO), asked) == ("", [])
    for grants, name in (("a", "anna1"), ("a", "anna1"), ("b", "anna2")):
        login.held = frozenset({grants})
        watch.name()
        assert ledger.get(logins.WHO) == f"{name}@frib.msu.edu"
    login.held = frozenset()
    watch.name()
    assert ledger.get(logins.WHO) == ""
