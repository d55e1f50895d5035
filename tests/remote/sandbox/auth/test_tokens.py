"""The tokens that a sandbox's Auth has given: how they end, what is told of them, service accounts."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import globus_sdk
import pytest
from globus_sdk.scopes import AuthScopes, FlowsScopes, TransferScopes

from remote.sandbox.ids import IDENTITY, OTHER_IDENTITIES
from tests.auth_fixture import CLIENT, authorize, services, started
from tests.sandbox_fixture import RunningSandbox, sandbox
from tests.sandbox_records import ask, clear_faults, set_fault
from tests.sdk_fixtures import assert_like, registered
from tests.waiting import until

__all__ = ["sandbox", "services"]
pytestmark = pytest.mark.usefixtures("services")

AUTH, TRANSFER = "auth.globus.org", "transfer.api.globus.org"


@pytest.fixture(autouse=True)
def no_faults(sandbox: RunningSandbox) -> Iterator[None]:
    yield
    clear_faults(sandbox.dir)


def tokens_of(identity: str | None = None) -> tuple[globus_sdk.NativeAppAuthClient, dict[str, Any]]:
    client, url = started(refresh_tokens=True)
    return client, client.oauth2_exchange_code_for_tokens(authorize(url, identity)).by_resource_server


def status(token: str) -> int:
    """Of a look at Transfer with this token."""
    try:
        return globus_sdk.TransferClient(authorizer=globus_sdk.AccessTokenAuthorizer(token)).task_list().http_status
    except globus_sdk.TransferAPIError as error:
        return error.http_status


def refused(client: globus_sdk.NativeAppAuthClient, refresh: str) -> bool:
    with pytest.raises(globus_sdk.AuthAPIError) as caught:
        client.oauth2_refresh_token(refresh)
    return (caught.value.http_status, caught.value.raw_json["error"]) == (400, "invalid_grant")


@pytest.fixture
def trusted(sandbox: RunningSandbox) -> globus_sdk.ConfidentialAppAuthClient:
    return globus_sdk.ConfidentialAppAuthClient(IDENTITY, sandbox.token)


# ---- their end


def test_an_access_token_that_was_revoked_is_over_and_can_be_renewed():
    client, tokens = tokens_of()
    mine = tokens[TRANSFER]
    assert status(mine["access_token"]) == 200
    assert client.oauth2_revoke_token(mine["access_token"]).data == registered("auth.oauth2_revoke_token")
    assert status(mine["access_token"]) == 401
    assert status(client.oauth2_refresh_token(mine["refresh_token"])["access_token"]) == 200


def test_a_refresh_token_that_was_revoked_takes_what_it_gave_along_and_nothing_else():
    client, tokens = tokens_of()
    _, others = tokens_of()
    renewed = client.oauth2_refresh_token(tokens[TRANSFER]["refresh_token"])["access_token"]
    client.oauth2_revoke_token(tokens[TRANSFER]["refresh_token"])
    assert refused(client, tokens[TRANSFER]["refresh_token"])
    assert [status(token) for token in (tokens[TRANSFER]["access_token"], renewed)] == [401, 401]
    assert client.oauth2_refresh_token(tokens[AUTH]["refresh_token"])["access_token"]
    assert status(others[TRANSFER]["access_token"]) == 200


def test_nobody_revokes_the_token_of_another_client(trusted):
    _, tokens = tokens_of()
    assert trusted.oauth2_revoke_token(tokens[TRANSFER]["access_token"])["active"] is False
    assert status(tokens[TRANSFER]["access_token"]) == 200


def test_the_token_of_the_sandbox_cannot_be_revoked(sandbox, trusted):
    trusted.oauth2_revoke_token(sandbox.token)
    ask(sandbox.dir, "DELETE", "logins")
    assert status(sandbox.token) == 200


def test_access_tokens_end_when_their_time_is_over(sandbox):
    set_fault(sandbox.dir, "short-login", token="access", seconds=1)
    client, tokens = tokens_of()
    mine = tokens[TRANSFER]
    until(lambda: status(mine["access_token"]) == 401)
    clear_faults(sandbox.dir)
    assert status(client.oauth2_refresh_token(mine["refresh_token"])["access_token"]) == 200


def test_refresh_tokens_end_when_their_time_is_over(sandbox):
    set_fault(sandbox.dir, "short-login", token="refresh", seconds=0)
    client, tokens = tokens_of()
    assert refused(client, tokens[TRANSFER]["refresh_token"])
    assert status(tokens[TRANSFER]["access_token"]) == 200


def test_whoever_drives_the_sandbox_ends_all_of_a_kind(sandbox):
    client, tokens = tokens_of()
    assert ask(sandbox.dir, "DELETE", "logins/access")["ended"] >= 2
    assert status(tokens[TRANSFER]["access_token"]) == 401
    assert status(client.oauth2_refresh_token(tokens[TRANSFER]["refresh_token"])["access_token"]) == 200
    assert ask(sandbox.dir, "DELETE", "logins/refresh")["ended"] >= 2
    assert refused(client, tokens[TRANSFER]["refresh_token"])
    assert status(tokens_of()[1][TRANSFER]["access_token"]) == 200, "a new login is good"


# ---- clients of one installation


def installed() -> tuple[globus_sdk.NativeAppAuthClient, globus_sdk.ConfidentialAppAuthClient]:
    """A native client, and the one that it has made for an installation."""
    native = globus_sdk.NativeAppAuthClient(CLIENT)
    made = native.create_native_app_instance(CLIENT, "here")["included"]["client_credential"]
    return native, globus_sdk.ConfidentialAppAuthClient(made["client"], made["secret"])


def token_by(client: globus_sdk.ConfidentialAppAuthClient) -> str:
    client.oauth2_start_flow(f"{client.base_url}/v2/web/auth-code", [AuthScopes.openid, TransferScopes.all])
    code = authorize(client.oauth2_get_authorize_url())
    tokens = client.oauth2_exchange_code_for_tokens(code).by_resource_server
    return str(tokens[TRANSFER]["access_token"])


def test_who_has_made_a_client_ends_its_tokens_and_nobody_else_does():
    native, client = installed()
    _, other = installed()
    token = token_by(client)
    other.oauth2_revoke_token(token)
    assert status(token) == 200
    native.oauth2_revoke_token(token)
    assert status(token) == 401


def test_a_client_deletes_itself_with_its_tokens_and_no_other():
    (_, client), (_, other) = installed(), installed()
    token, path = token_by(client), f"/v2/api/clients/{client.client_id}"
    with pytest.raises(globus_sdk.AuthAPIError) as caught:
        other.delete(path)
    assert (caught.value.http_status, status(token)) == (404, 200)
    assert client.delete(path)["client"]["id"] == client.client_id
    assert status(token) == 401
    with pytest.raises(globus_sdk.AuthAPIError) as caught:
        client.oauth2_token_introspect(token)
    assert caught.value.http_status == 401


@pytest.mark.parametrize("body", [{}, {"client": 3}, {"client": {"template_id": CLIENT}}, {"client": {"name": "x"}}])
def test_a_client_is_made_of_a_template_only(body: dict[str, Any]):
    with pytest.raises(globus_sdk.AuthAPIError) as caught:
        globus_sdk.NativeAppAuthClient(CLIENT).post("/v2/api/clients", data=body)
    assert (caught.value.http_status, caught.value.code) == (403, "FORBIDDEN")


# ---- what is told of them


def test_introspection_tells_of_a_good_token_and_nothing_of_another(trusted):
    client, tokens = tokens_of("anna@msu.example")
    token = tokens[TRANSFER]["access_token"]
    told = trusted.oauth2_token_introspect(token, include="identity_set,session_info").data
    assert_like(told, registered("auth.oauth2_token_introspect"))
    assert (told["active"], told["sub"], told["client_id"]) == (True, OTHER_IDENTITIES[0], CLIENT)
    assert told["aud"] == [TRANSFER, CLIENT]
    assert told["scope"] == str(TransferScopes.all)
    assert list(told["session_info"]["authentications"]) == [OTHER_IDENTITIES[0]]
    assert [one["username"] for one in told["identity_set"]] == ["anna@msu.example"]
    client.oauth2_revoke_token(token)
    assert trusted.oauth2_token_introspect(token).data == {"active": False}
    assert trusted.oauth2_token_introspect(tokens[TRANSFER]["refresh_token"]).data == {"active": False}


def test_introspection_is_for_clients_with_a_secret(sandbox):
    for secret in ("wrong", ""):
        with pytest.raises(globus_sdk.AuthAPIError) as caught:
            globus_sdk.ConfidentialAppAuthClient(IDENTITY, secret).oauth2_token_introspect(sandbox.token)
        assert caught.value.http_status == 401


def test_identities_are_found_by_id_and_by_name(sandbox):
    auth = globus_sdk.AuthClient(authorizer=globus_sdk.AccessTokenAuthorizer(sandbox.token))
    found = auth.get_identities(ids=[IDENTITY, *OTHER_IDENTITIES, str(uuid.uuid4())])["identities"]
    assert [one["username"] for one in found] == ["operator@sandbox", "anna@msu.example", "manager@sandbox"]
    (anna,) = auth.get_identities(usernames="anna@msu.example")["identities"]
    assert anna["id"] == OTHER_IDENTITIES[0]
    assert_like(anna, registered("auth.get_identities", "globusid")["identities"][0])


def test_userinfo_is_of_whoever_logged_in():
    _, tokens = tokens_of("manager@sandbox")
    auth = globus_sdk.AuthClient(authorizer=globus_sdk.AccessTokenAuthorizer(tokens[AUTH]["access_token"]))
    told = auth.userinfo()
    assert (told["sub"], told["preferred_username"]) == (OTHER_IDENTITIES[1], "manager@sandbox")
    assert told["last_authentication"] > 1e9


# ---- service accounts


def test_a_service_account_is_an_identity_of_its_own(sandbox):
    account = str(uuid.uuid4())
    client = globus_sdk.ConfidentialAppAuthClient(account, sandbox.token)
    tokens = client.oauth2_client_credentials_tokens([FlowsScopes.all, AuthScopes.openid]).by_resource_server
    assert {token["refresh_token"] for token in tokens.values()} == {None}
    auth = globus_sdk.AuthClient(authorizer=globus_sdk.AccessTokenAuthorizer(tokens[AUTH]["access_token"]))
    assert auth.userinfo()["preferred_username"] == f"{account}@clients.auth.globus.org"
    assert [one["id"] for one in auth.get_identities(ids=account)["identities"]] == [account]
    flows = globus_sdk.FlowsClient(
        authorizer=globus_sdk.AccessTokenAuthorizer(tokens["flows.globus.org"]["access_token"])
    )
    states = {"StartAt": "Go", "States": {"Go": {"Type": "Pass", "End": True}}}
    owner = flows.create_flow("of a service account", states, {})["flow_owner"]
    assert owner == f"urn:globus:auth:identity:{account}"


def test_credentials_of_a_client_need_its_secret():
    for client in (globus_sdk.ConfidentialAppAuthClient(IDENTITY, "wrong"), globus_sdk.NativeAppAuthClient(IDENTITY)):
        with pytest.raises(globus_sdk.AuthAPIError) as caught:
            client.oauth2_token({"grant_type": "client_credentials", "scope": "openid", "client_id": IDENTITY})
        assert (caught.value.http_status, caught.value.raw_json["error"]) == (401, "invalid_client")
