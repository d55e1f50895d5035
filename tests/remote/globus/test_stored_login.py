"""Logins at a sandbox: the SDK's UserApp and ClientApp as they are, and a store that others change."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path

import pytest
from globus_sdk.token_storage import TokenStorageData

from remote.globus.auth import COMPUTE, FLOWS, TRANSFER, ServiceLogin, StoredLogin
from remote.globus.connection import Remote, connect
from remote.globus.errors import RemoteError
from remote.globus.login_flow import LoginFlow, Person, log_out, person
from remote.globus.token_store import TokenStore
from remote.sandbox.ids import DTN_COLLECTION, ENDPOINTS, IDENTITY, OTHER_IDENTITIES, SITE_COLLECTION
from tests.auth_fixture import authorize
from tests.sandbox_fixture import RunningSandbox, sandbox

__all__ = ["sandbox"]

CLIENT = "59f19e1e-f1ce-4cb1-973c-8d893e89c0a9"
FLOW = "11111111-2222-4333-8444-555555555555"
ANNA = OTHER_IDENTITIES[0]


def remote_of(sandbox: RunningSandbox, store: Path) -> Remote:
    return connect(client_id=CLIENT, token_store=store, service_url=sandbox.url, flow_ids=[FLOW],
                   mapped_collections=[DTN_COLLECTION, SITE_COLLECTION])  # fmt: skip


def log_in(login: object, identity: str | None = None) -> Person:
    assert isinstance(login, StoredLogin)
    flow = LoginFlow(login, {})
    who = flow.exchange(authorize(flow.address, identity))
    flow.keep()
    return who


def token(name: str, identity: str = IDENTITY) -> dict[str, TokenStorageData]:
    return {FLOWS: TokenStorageData(FLOWS, identity, "all", f"access-{name}", f"refresh-{name}", 1, "Bearer")}


# ---- logins


def test_one_login_gives_all_that_the_console_needs(sandbox, tmp_path):
    remote = remote_of(sandbox, tmp_path / "tokens.json")
    with pytest.raises(RemoteError) as caught:
        remote.flows.runs([FLOW])
    assert caught.value.login
    assert remote.login.expires_at() == 0
    who = log_in(remote.login)
    assert who == Person(IDENTITY, "operator@sandbox") == person(remote.login)
    remote.flows.runs([FLOW])
    remote.transfer.ls(DTN_COLLECTION, "/")
    remote.compute.endpoint_status(ENDPOINTS["frib-convert"])
    assert remote.login.missing() == []
    assert remote.login.expires_at() is None
    assert stat_mode(tmp_path / "tokens.json") == 0o600


def stat_mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_what_another_process_stores_is_used_from_the_next_call_on(sandbox, tmp_path):
    ours, other = (remote_of(sandbox, tmp_path / "tokens.json") for _ in range(2))
    log_in(other.login)
    assert person(ours.login).id == IDENTITY
    grants = ours.login.grants()
    log_in(other.login, ANNA)
    assert person(ours.login).id == ANNA
    assert ours.login.grants().isdisjoint(grants)
    assert log_out(other.login)
    assert ours.login.grants() == frozenset()
    with pytest.raises(RemoteError, match="does not serve"):
        ours.transfer.ls(DTN_COLLECTION, "/")
    assert not log_out(other.login)


@pytest.mark.parametrize("code", ["wrong", "x" * 5000, "\N{GREEK SMALL LETTER OMEGA}"])
def test_a_code_that_is_not_taken_is_told_in_the_words_of_a_login(sandbox, tmp_path, code):
    login = StoredLogin(CLIENT, tmp_path / "tokens.json", [], [], sandbox.url)
    with pytest.raises(RemoteError, match="Globus does not take this code") as caught:
        LoginFlow(login, {}).exchange(code)
    assert (caught.value.kind, caught.value.ambiguous) == ("operator", False)
    assert code not in str(caught.value)
    assert "console login" in caught.value.next_step
    assert not list(tmp_path.iterdir())


def test_a_service_account_needs_no_login(sandbox, tmp_path):
    secrets = iter(["wrong", sandbox.token])
    remote = connect(client_id=CLIENT, client_secret=lambda: next(secrets), service_url=sandbox.url, flow_ids=[FLOW])
    assert isinstance(remote.login, ServiceLogin)
    with pytest.raises(RemoteError) as caught:
        remote.flows.runs([FLOW])
    assert (caught.value.kind, caught.value.login) == ("operator", True)
    remote.flows.runs([FLOW])  # the secret was read anew
    remote.compute.endpoint_status(ENDPOINTS["frib-convert"])


# ---- the store


def test_two_that_write_at_once_leave_one_whole_login(tmp_path):
    path = tmp_path / "tokens.json"

    def write(name: str) -> None:
        for _ in range(5):
            TokenStore(path).replace(token(name))

    writers = [threading.Thread(target=write, args=(name,)) for name in ("a", "b")]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        assert len(TokenStore(path).get_token_data_by_resource_server()) <= 1
    for writer in writers:
        writer.join()
    assert TokenStore(path).get_token_data_by_resource_server()[FLOWS].access_token in ("access-a", "access-b")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tokens.json", "tokens.json.lock"]
    assert json.loads(path.read_text())["format_version"] == "2.0"


def test_what_is_renewed_does_not_bring_a_replaced_login_back(tmp_path):
    path = tmp_path / "tokens.json"
    TokenStore(path).replace(token("old"))
    driver = TokenStore(path)
    TokenStore(path).replace(token("new", ANNA))
    driver.store_token_data_by_resource_server(token("renewed"))
    assert TokenStore(path).get_token_data_by_resource_server()[FLOWS].access_token == "access-new"
    assert TokenStore(path).identity == ANNA
    TokenStore(path).remove()
    driver.store_token_data_by_resource_server(token("renewed"))
    assert not path.exists()


def test_what_is_renewed_is_kept(tmp_path):
    path = tmp_path / "tokens.json"
    TokenStore(path).replace({**token("old"), TRANSFER: token("other")[FLOWS], COMPUTE: token("third")[FLOWS]})
    store = TokenStore(path)
    store.store_token_data_by_resource_server(token("renewed"))
    assert store.is_current()
    assert store.remove_token_data(COMPUTE)
    assert not store.remove_token_data(COMPUTE)
    kept = TokenStore(path).get_token_data_by_resource_server()
    assert {name: each.access_token for name, each in kept.items()} == {FLOWS: "access-renewed",
                                                                       TRANSFER: "access-other"}  # fmt: skip


def test_a_store_that_cannot_be_written_is_told(tmp_path, monkeypatch):
    path = tmp_path / "tokens.json"
    TokenStore(path).replace(token("old"))

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RemoteError, match="cannot be written"):
        TokenStore(path).replace(token("new"))
    monkeypatch.undo()
    assert TokenStore(path).get_token_data_by_resource_server()[FLOWS].access_token == "access-old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tokens.json", "tokens.json.lock"]


def test_who_waits_too_long_for_the_lock_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr("remote.globus.token_store._LOCK_SECONDS", 0.1)
    store = TokenStore(tmp_path / "tokens.json")
    before = time.monotonic()
    with store._locked(), pytest.raises(RemoteError, match="cannot be written"):
        TokenStore(tmp_path / "tokens.json").replace(token("new"))
    assert time.monotonic() - before < 5


def test_tokens_of_two_identities_are_no_login(tmp_path):
    path = tmp_path / "tokens.json"
    TokenStore(path).replace({**token("a"), TRANSFER: token("b", ANNA)[FLOWS]})
    with pytest.raises(RemoteError, match="several identities"):
        TokenStore(path)
    assert TokenStore(path).identity is None
