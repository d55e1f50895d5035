"""What a login must have: consents, which can be withdrawn, and how somebody has logged in."""

from __future__ import annotations

import urllib.error
from collections.abc import Iterator
from typing import Any

import globus_sdk
import pytest
from globus_sdk.gare import to_gare
from globus_sdk.scopes import AuthScopes, FlowsScopes, GCSCollectionScopes, SpecificFlowScopes, TransferScopes

from flowspec import definition
from remote.sandbox.ids import DTN_COLLECTION, GUEST_COLLECTION, IDENTITY, OTHER_IDENTITIES, POLICY, SITE_COLLECTION
from tests.auth_fixture import CLIENT, authorize, services, started
from tests.sandbox_fixture import RunningSandbox, sandbox
from tests.sandbox_records import clear_faults, set_fault
from tests.sdk_fixtures import assert_like, registered
from tests.waiting import until

__all__ = ["sandbox", "services"]
pytestmark = pytest.mark.usefixtures("services")

ANNA = OTHER_IDENTITIES[0]
DATA = [GCSCollectionScopes(one).data_access.with_optional(True) for one in (DTN_COLLECTION, SITE_COLLECTION)]
TRANSFER = TransferScopes.all.with_dependencies(DATA)


@pytest.fixture(autouse=True)
def as_before(sandbox: RunningSandbox, services: None) -> Iterator[None]:
    yield
    clear_faults(sandbox.dir)
    auth = globus_sdk.AuthClient(authorizer=globus_sdk.AccessTokenAuthorizer(sandbox.token))
    for identity in (IDENTITY, *OTHER_IDENTITIES):
        for one in auth.get_consents(identity, all=True)["consents"]:
            if one["client"] == CLIENT and len(one["dependency_path"]) == 1:
                auth.delete(f"/v2/api/identities/{identity}/consents/{one['id']}")


def logged_in(*scopes: Any, identity: str | None = None, **session: Any) -> dict[str, globus_sdk.AccessTokenAuthorizer]:
    """The authorizers of a login, by resource server. `session`: as the SDK writes it into the address."""
    client, _ = started(AuthScopes.openid, *scopes)
    code = authorize(client.oauth2_get_authorize_url(**session), identity)
    tokens = client.oauth2_exchange_code_for_tokens(code).by_resource_server
    return {server: globus_sdk.AccessTokenAuthorizer(token["access_token"]) for server, token in tokens.items()}


def transfer_of(login: dict[str, Any]) -> globus_sdk.TransferClient:
    return globus_sdk.TransferClient(authorizer=login["transfer.api.globus.org"])


def auth_of(login: dict[str, Any]) -> globus_sdk.AuthClient:
    return globus_sdk.AuthClient(authorizer=login["auth.globus.org"])


def withdraw(auth: globus_sdk.AuthClient, identity: str, scope: Any, root: Any = None) -> None:
    """The consent for this scope (below that root)."""
    consents = auth.get_consents(identity)["consents"]
    roots = {one["id"]: one["scope_name"] for one in consents}
    (number,) = [
        one["id"]
        for one in consents
        if one["scope_name"] == str(scope) and root in (None, roots[one["dependency_path"][0]])
    ]
    auth.delete(f"/v2/api/identities/{identity}/consents/{number}")


def demanded(call: Any) -> Any:
    """The authorization parameters of a call that is refused."""
    with pytest.raises(globus_sdk.GlobusAPIError) as caught:
        call()
    assert caught.value.http_status == 403
    return to_gare(caught.value).authorization_parameters


# ---- consents


def test_what_was_allowed_is_told_to_the_client_that_it_was_allowed():
    login = logged_in(TRANSFER, identity="manager@sandbox")
    manager = OTHER_IDENTITIES[1]
    consents = auth_of(login).get_consents(manager)
    assert_like(consents.data, registered("auth.get_consents"))
    assert consents.to_forest().meets_scope_requirements(TRANSFER)
    assert {one["client"] for one in consents["consents"]} == {CLIENT}
    logged_in(TRANSFER, identity="manager@sandbox")
    assert auth_of(login).get_consents(manager).data == consents.data, "given once more they are the same"


def test_nobody_sees_or_withdraws_the_consents_of_another():
    auth = auth_of(logged_in(TRANSFER, identity="anna@msu.example"))
    for call in (lambda: auth.get_consents(IDENTITY), lambda: auth.delete(f"/v2/api/identities/{IDENTITY}/consents/1")):
        with pytest.raises(globus_sdk.AuthAPIError) as caught:
            call()
        assert caught.value.http_status == 403


def test_without_a_consent_the_data_of_a_collection_is_not_touched(sandbox):
    login = logged_in(TransferScopes.all.with_dependency(DATA[0]), identity=ANNA)
    transfer = transfer_of(login)
    assert transfer.operation_ls(DTN_COLLECTION, path="/")["DATA"]
    site = GCSCollectionScopes(SITE_COLLECTION).data_access
    wanted = [f"{TransferScopes.all}[*{site}]"]
    assert demanded(lambda: transfer.operation_ls(SITE_COLLECTION)).required_scopes == wanted
    document = globus_sdk.TransferData(DTN_COLLECTION, SITE_COLLECTION)
    document.add_item("/runs/a", f"{sandbox.site_root}/rawdata/a")
    assert demanded(lambda: transfer.submit_transfer(document)).required_scopes == wanted
    assert transfer.task_list()["DATA"] is not None
    logged_in(*wanted, identity=ANNA)
    assert transfer.operation_ls(SITE_COLLECTION, path=f"{sandbox.site_root}/")["DATA"], "given meanwhile"
    withdraw(auth_of(login), ANNA, site)
    assert demanded(lambda: transfer.operation_ls(SITE_COLLECTION)).required_scopes == wanted


def test_with_the_root_of_a_consent_its_tokens_are_over():
    login = logged_in(TRANSFER, identity=ANNA)
    withdraw(auth_of(login), ANNA, TransferScopes.all)
    with pytest.raises(globus_sdk.TransferAPIError) as caught:
        transfer_of(login).task_list()
    assert caught.value.http_status == 401
    assert auth_of(login).userinfo()["sub"] == ANNA
    assert transfer_of(logged_in(TRANSFER, identity=ANNA)).task_list()


def test_a_flow_run_waits_for_a_consent_that_was_withdrawn_and_goes_on_when_it_is_given_again(sandbox):
    (sandbox.dir / "dtn/runs/withdrawn").write_text("data")
    transfer = definition.transfer()
    flows = globus_sdk.FlowsClient(authorizer=logged_in(FlowsScopes.all)["flows.globus.org"])
    flow = flows.create_flow("of a person", transfer.definition, transfer.schema)["id"]
    wanted = SpecificFlowScopes(flow).user.with_dependency(TRANSFER.with_optional(True))
    login = logged_in(wanted)
    of_flow = globus_sdk.SpecificFlowClient(flow, authorizer=login[flow])
    withdraw(auth_of(login), IDENTITY, DATA[0].scope_string, SpecificFlowScopes(flow).user.scope_string)
    source = {"collection": DTN_COLLECTION, "path": "/runs/"}
    target = {"collection": SITE_COLLECTION, "path": f"{sandbox.site_root}/rawdata/"}
    body = {"label": "x", "source": source, "destination": target, "include": ["withdrawn"]}
    run = of_flow.run_flow(body)["run_id"]
    until(lambda: flows.get_run(run)["status"] == "INACTIVE")
    parameters = to_gare(flows.get_run(run)["details"]).authorization_parameters
    assert parameters.required_scopes == [f"{SpecificFlowScopes(flow).user}[{TransferScopes.all}[{DATA[0]}]]"]
    again = globus_sdk.SpecificFlowClient(flow, authorizer=logged_in(*parameters.required_scopes)[flow])
    again.resume_run(run)
    until(lambda: flows.get_run(run)["status"] == "SUCCEEDED")
    assert (sandbox.site_root / "rawdata/withdrawn").read_text() == "data"


# ---- how somebody has logged in

DEMANDS = {
    "domain": {"session_required_single_domain": ["msu.example"]},
    "identity": {"session_required_identities": [ANNA]},
    "policy": {"session_required_policies": [POLICY]},
    "mfa": {"session_required_mfa": True},
    "login": {"prompt": "login"},
}


@pytest.mark.parametrize("service", ["flows", "transfer"])
@pytest.mark.parametrize("demand", DEMANDS)
def test_what_a_service_demands_of_a_login_the_next_login_satisfies(sandbox, demand, service):
    def call(login: dict[str, Any]) -> Any:
        if service == "flows":
            return globus_sdk.FlowsClient(authorizer=login["flows.globus.org"]).list_flows()
        return transfer_of(login).task_list()

    scopes = (FlowsScopes.all, TRANSFER)
    login = logged_in(*scopes)
    set_fault(sandbox.dir, "session-required", demand=demand, service=service)
    told = demanded(lambda: call(login)).to_dict()
    assert told.pop("session_message")
    assert told == DEMANDS[demand]
    with pytest.raises(globus_sdk.GlobusAPIError):
        call(logged_in(*scopes))
    assert call(logged_in(*scopes, **told)).http_status == 200
    own = dict.fromkeys(login, globus_sdk.AccessTokenAuthorizer(sandbox.token))
    assert demanded(lambda: call(own)), "nobody has logged in for the sandbox's own"


def test_a_flow_run_waits_for_a_login_that_the_service_of_its_action_demands(sandbox):
    flows = globus_sdk.FlowsClient(authorizer=logged_in(FlowsScopes.all)["flows.globus.org"])
    look = {"endpoint_id": GUEST_COLLECTION, "path": "/"}
    url = "https://transfer.actions.globus.org/stat"
    action = {"Type": "Action", "ActionUrl": url, "Parameters": look, "ResultPath": "$.Look", "End": True}
    flow = flows.create_flow("looks", {"StartAt": "Look", "States": {"Look": action}}, {})["id"]
    user = SpecificFlowScopes(flow).user
    set_fault(sandbox.dir, "session-required", demand="policy", service="transfer", path=url)
    run = globus_sdk.SpecificFlowClient(flow, authorizer=logged_in(user)[flow]).run_flow({})["run_id"]
    until(lambda: flows.get_run(run)["status"] == "INACTIVE")
    parameters = to_gare(flows.get_run(run)["details"]).authorization_parameters.to_dict()
    assert parameters.pop("session_message") == "The transfer service demands another login"
    assert parameters == DEMANDS["policy"]
    globus_sdk.SpecificFlowClient(flow, authorizer=logged_in(user)[flow]).resume_run(run)
    until(lambda: [e["code"] for e in flows.get_run_logs(run, limit=100)].count("ActionInactive") == 2)
    globus_sdk.SpecificFlowClient(flow, authorizer=logged_in(user, **parameters)[flow]).resume_run(run)
    until(lambda: flows.get_run(run)["status"] == "SUCCEEDED")


def test_a_login_that_nobody_can_give_is_refused():
    with pytest.raises(urllib.error.HTTPError) as caught:
        logged_in(identity="operator@sandbox", session_required_single_domain=["msu.example"])
    with caught.value as reply:
        assert reply.code == 403
