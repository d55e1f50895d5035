"""Logging in at a sandbox with the SDK's own clients: authorize, PKCE, the code, the signed id_token."""

from __future__ import annotations

import base64
import hashlib
import urllib.error
import urllib.request
from urllib.parse import parse_qs, urlsplit

import globus_sdk
import pytest
from globus_sdk.scopes import AuthScopes, ComputeScopes, FlowsScopes, TransferScopes

from remote.sandbox.ids import IDENTITY, OTHER_IDENTITIES
from tests.auth_fixture import CLIENT, authorize, services, started
from tests.sandbox_fixture import sandbox
from tests.sdk_fixtures import assert_like, registered

__all__ = ["sandbox", "services"]

ANNA = OTHER_IDENTITIES[0]


pytestmark = pytest.mark.usefixtures("services")


def error_of(client: globus_sdk.NativeAppAuthClient, code: str) -> tuple[int, str]:
    with pytest.raises(globus_sdk.AuthAPIError) as caught:
        client.oauth2_exchange_code_for_tokens(code)
    return caught.value.http_status, caught.value.raw_json["error"]


def test_a_code_gives_a_token_of_its_own_for_each_service(sandbox):
    client, url = started(AuthScopes.openid, TransferScopes.all, FlowsScopes.all, ComputeScopes.all)
    reply = client.oauth2_exchange_code_for_tokens(authorize(url))
    tokens = reply.by_resource_server
    assert list(tokens) == ["auth.globus.org", "transfer.api.globus.org", "flows.globus.org", "funcx_service"]
    assert len({token["access_token"] for token in tokens.values()} | {sandbox.token}) == 5
    assert {token["refresh_token"] for token in tokens.values()} == {None}, "none was asked for"
    assert_like(reply.data, registered("auth.oauth2_exchange_code_for_tokens", "openid"))


@pytest.mark.parametrize("scopes", [(AuthScopes.openid, TransferScopes.all), (TransferScopes.all, AuthScopes.openid)])
def test_the_id_token_is_signed_and_says_who(sandbox, scopes):
    client, url = started(*scopes)
    reply = client.oauth2_exchange_code_for_tokens(authorize(url))
    claims = reply.decode_id_token()
    assert (claims["sub"], claims["preferred_username"], claims["aud"]) == (IDENTITY, "operator@sandbox", CLIENT)
    assert [one["sub"] for one in claims["identity_set"]] == [IDENTITY]
    half = hashlib.sha256(reply["access_token"].encode()).digest()[:16]
    assert claims["at_hash"] == base64.urlsafe_b64encode(half).decode().rstrip("=")


def test_a_code_is_good_once(sandbox):
    client, url = started()
    code = authorize(url)
    client.oauth2_exchange_code_for_tokens(code)
    assert error_of(client, code) == (401, "invalid_grant")
    assert error_of(client, "wrong") == (401, "invalid_grant")
    assert error_of(client, "") == (401, "invalid_grant")


def test_a_code_is_good_for_whoever_has_begun_to_log_in_only(sandbox):
    _, url = started()
    another, _ = started()
    assert error_of(another, authorize(url)) == (401, "invalid_grant"), "its verifier is another"
    client, url = started(redirect_uri="http://127.0.0.1:1/v2/web/auth-code")
    client.current_oauth2_flow_manager.redirect_uri = "http://127.0.0.1:2/v2/web/auth-code"
    assert error_of(client, authorize(url)) == (401, "invalid_grant")


def test_a_program_that_listens_itself_is_called(sandbox):
    client, url = started(redirect_uri="http://127.0.0.1:9/called?x=1", state="mine")

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_: object) -> None:
            return None

    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.build_opener(Stay).open(url)
    with caught.value as reply:
        target = urlsplit(reply.headers["Location"])
    query = parse_qs(target.query)
    assert (target.netloc, target.path, query["x"], query["state"]) == ("127.0.0.1:9", "/called", ["1"], ["mine"])
    assert client.oauth2_exchange_code_for_tokens(query["code"][0])["access_token"]


@pytest.mark.parametrize("who", [ANNA, "anna@msu.example"])
def test_somebody_else_can_be_chosen(sandbox, who):
    client, url = started()
    assert client.oauth2_exchange_code_for_tokens(authorize(url, who)).decode_id_token()["sub"] == ANNA
    client, url = started()
    code = authorize(url, login_hint=who)
    assert client.oauth2_exchange_code_for_tokens(code).decode_id_token()["sub"] == ANNA


@pytest.mark.parametrize(
    "changed",
    ["response_type=token", "code_challenge_method=plain", "scope=nonsense", "scope=openid[", "client_id=", "scope=",
     "identity=nobody", "redirect_uri=http://127.0.0.1:x/", "redirect_uri=https://example.org/",
     "session_required_single_domain=elsewhere.example"],
)  # fmt: skip
def test_what_is_no_login_is_refused_on_a_page(sandbox, changed):
    _, url = started()
    name, _, value = changed.partition("=")
    parts = [part for part in url.partition("?")[2].split("&") if not part.startswith(f"{name}=")]
    with pytest.raises(urllib.error.HTTPError) as caught:
        authorize(f"{url.partition('?')[0]}?{'&'.join([*parts, f'{name}={value}'])}")
    with caught.value as reply:
        assert reply.code in (400, 403)
        assert "Login refused" in reply.read().decode()


def test_a_refresh_token_gives_one_new_token(sandbox):
    client, url = started(AuthScopes.openid, TransferScopes.all, refresh_tokens=True)
    tokens = client.oauth2_exchange_code_for_tokens(authorize(url)).by_resource_server
    old = tokens["transfer.api.globus.org"]
    reply = client.oauth2_refresh_token(old["refresh_token"])
    (new,) = reply.by_resource_server.values()
    assert (new["scope"], new["refresh_token"]) == (old["scope"], old["refresh_token"])
    assert new["access_token"] != old["access_token"]
    other = globus_sdk.NativeAppAuthClient(IDENTITY)
    for who, given in ((other, old["refresh_token"]), (client, "wrong"), (client, old["access_token"])):
        with pytest.raises(globus_sdk.AuthAPIError) as caught:
            who.oauth2_refresh_token(given)
        assert (caught.value.http_status, caught.value.raw_json["error"]) == (400, "invalid_grant")


def test_each_service_takes_the_token_that_is_for_it(sandbox):
    client, url = started(AuthScopes.openid, TransferScopes.all, FlowsScopes.all)
    tokens = client.oauth2_exchange_code_for_tokens(authorize(url)).by_resource_server

    def asked(server: str) -> list[int]:
        authorizer = globus_sdk.AccessTokenAuthorizer(tokens[server]["access_token"])
        statuses = []
        for call in (
            lambda: globus_sdk.AuthClient(authorizer=authorizer).userinfo(),
            lambda: globus_sdk.TransferClient(authorizer=authorizer).task_list(),
            lambda: globus_sdk.FlowsClient(authorizer=authorizer).list_flows(),
        ):
            try:
                statuses.append(call().http_status)
            except globus_sdk.GlobusAPIError as error:
                statuses.append(error.http_status)
        return statuses

    assert asked("auth.globus.org") == [200, 401, 401]
    assert asked("transfer.api.globus.org") == [401, 200, 401]
    assert asked("flows.globus.org") == [401, 401, 200]


def test_a_flow_is_started_and_resumed_with_a_token_of_the_flow(sandbox):
    client, url = started(AuthScopes.openid, FlowsScopes.all)
    tokens = client.oauth2_exchange_code_for_tokens(authorize(url)).by_resource_server
    of_flows = globus_sdk.AccessTokenAuthorizer(tokens["flows.globus.org"]["access_token"])
    flow = globus_sdk.FlowsClient(authorizer=of_flows).create_flow(
        "of a person", {"StartAt": "Go", "States": {"Go": {"Type": "Pass", "End": True}}}, {}
    )
    with pytest.raises(globus_sdk.FlowsAPIError) as caught:
        globus_sdk.SpecificFlowClient(flow["id"], authorizer=of_flows).run_flow({})
    assert (caught.value.http_status, caught.value.code) == (403, "MISSING_SCOPE")
    client, url = started(globus_sdk.scopes.SpecificFlowScopes(flow["id"]).user)
    token = client.oauth2_exchange_code_for_tokens(authorize(url))["access_token"]
    of_the_flow = globus_sdk.SpecificFlowClient(flow["id"], authorizer=globus_sdk.AccessTokenAuthorizer(token))
    run = of_the_flow.run_flow({})
    assert run["run_owner"] == f"urn:globus:auth:identity:{IDENTITY}"
    assert of_the_flow.resume_run(run["run_id"])["run_id"] == run["run_id"]
