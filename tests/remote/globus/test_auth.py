"""A person's stored login, with tokens written as the SDK writes them and Globus Auth played by a scripted service."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

import pytest
from globus_sdk.token_storage import JSONTokenStorage, TokenStorageData

from remote.globus.auth import COMPUTE, FLOWS, TRANSFER
from remote.globus.connection import Remote, connect
from remote.globus.errors import RemoteError
from tests.scripted_service import Reply, ScriptedService

CLIENT = "59f19e1e-f1ce-4cb1-973c-8d893e89c0a9"
PERSON = "11111111-2222-4333-8444-555555555555"
SCOPES = {
    "auth.globus.org": "openid",
    FLOWS: "https://auth.globus.org/scopes/eec9b274-0c81-4334-bdc2-54e90e689b9a/all",
    TRANSFER: "urn:globus:auth:scope:transfer.api.globus.org:all",
    COMPUTE: "https://auth.globus.org/scopes/facd7ccc-c5f4-42aa-916b-a0e270e2c2a9/all",
}


@pytest.fixture
def service(monkeypatch):
    service = ScriptedService()
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("a login was started from inside a call"))
    yield service
    service.close()


def token_of(server: str) -> str:
    """No part of it is a name that other tests of this process look for in words: tokens are hidden there."""
    return hashlib.sha256(server.encode()).hexdigest()


def logged_in(store: Path, url: str, *, ends: float, refresh: str | None = "refresh-it") -> Remote:
    tokens = {
        server: TokenStorageData(server, PERSON, scope, token_of(server), refresh, int(ends), "Bearer")
        for server, scope in SCOPES.items()
    }
    storage = JSONTokenStorage(store)
    storage.store_token_data_by_resource_server(tokens)
    storage.close()
    return connect(client_id=CLIENT, token_store=store, service_url=url)


def test_each_service_gets_its_own_token(service, tmp_path):
    remote = logged_in(tmp_path / "tokens.json", service.url, ends=time.time() + 3600)
    service.will("GET", "/v2/taskgroup/g", {"tasks": []})
    service.will("GET", "/v0.10/operation/endpoint/c/ls", {"DATA": []})
    remote.compute.task_group("g")
    remote.transfer.ls("c", "/")
    assert [r.token for r in service.requests] == [f"Bearer {token_of(COMPUTE)}", f"Bearer {token_of(TRANSFER)}"]
    assert remote.login.expires_at() is None, "all of them can be renewed"


def test_an_old_token_is_renewed(service, tmp_path):
    renewed = {"access_token": "new", "scope": SCOPES[COMPUTE], "resource_server": COMPUTE, "expires_in": 3600,
               "token_type": "Bearer", "refresh_token": "refresh-it", "other_tokens": []}  # fmt: skip
    service.will("POST", "/v2/oauth2/token", renewed)
    service.will("GET", "/v2/taskgroup/g", {"tasks": []})
    remote = logged_in(tmp_path / "tokens.json", service.url, ends=time.time() - 10)
    remote.compute.task_group("g")
    assert service.requests[-1].token == "Bearer new"
    assert len(service.asked("POST", "/v2/oauth2/token")) == 1


@pytest.mark.parametrize(("status", "kind"), [(400, "operator"), (401, "operator"), (502, "later")])
def test_a_login_that_cannot_be_renewed(service, tmp_path, status, kind, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda _: None)  # the SDK's own pauses between its tries
    service.will("POST", "/v2/oauth2/token", Reply({"error": "invalid_grant"}, status))
    remote = logged_in(tmp_path / "tokens.json", service.url, ends=time.time() - 10)
    with pytest.raises(RemoteError) as caught:
        remote.compute.task_group("g")
    assert caught.value.kind == kind
    assert "refresh-it" not in str(caught.value)
    assert not service.asked("GET", "/v2/taskgroup/g")


def test_a_login_without_the_flow_is_the_operators(service, tmp_path):
    remote = logged_in(tmp_path / "tokens.json", service.url, ends=time.time() + 3600)
    with pytest.raises(RemoteError) as caught:
        remote.flows.start(PERSON, {}, "label", [])
    assert (caught.value.kind, caught.value.ambiguous) == ("operator", False)
    assert "console login" in caught.value.next_step


def test_a_token_store_that_others_may_read_is_refused(service, tmp_path):
    store = tmp_path / "tokens.json"
    remote = logged_in(store, service.url, ends=time.time() + 3600)
    store.chmod(0o640)
    with pytest.raises(RemoteError, match="chmod 600"):
        remote.compute.task_group("g")
