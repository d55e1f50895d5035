"""The calls of globus_sdk whose registered replies are compared with a sandbox's, and things there to ask for."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import globus_sdk
import pytest
from globus_compute_sdk import Client
from globus_compute_sdk.serialize import PureSourceTextInspect
from globus_sdk.scopes import AuthScopes, FlowsScopes, SpecificFlowScopes, TransferScopes

from flowspec import definition
from remote.sandbox.ids import DTN_COLLECTION, ENDPOINTS, IDENTITY, OTHER_IDENTITIES, SITE_COLLECTION
from tests.auth_fixture import CLIENT, authorize
from tests.globus_cli_fixture import ASKING
from tests.sandbox_fixture import RunningSandbox
from tests.waiting import until

Document = dict[str, Any]

PASS: Document = {"StartAt": "Go", "States": {"Go": {"Type": "Pass", "End": True}}}
STUCK: Document = {
    "StartAt": "Wait",
    "States": {"Wait": {"Type": "Wait", "Seconds": 3600, "Next": "Go"}, "Go": PASS["States"]["Go"]},
}
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}}
NOBODY = str(uuid.UUID(int=0))
ANNA = OTHER_IDENTITIES[0]
URN = "urn:globus:auth:identity:"
TEMPLATE = str(uuid.UUID(int=1))


def double(value: int) -> int:
    return 2 * value


class Clients:
    def __init__(self, sandbox: RunningSandbox) -> None:
        self.url, self.site = sandbox.url, sandbox.site_root
        self.own = globus_sdk.AccessTokenAuthorizer(sandbox.token)
        where = {"base_url": sandbox.url, "authorizer": self.own}
        self.transfer = globus_sdk.TransferClient(**where)
        self.flows = globus_sdk.FlowsClient(**where)
        self.auth = globus_sdk.AuthClient(**where)
        self.unknown = globus_sdk.AuthClient(base_url=self.url, authorizer=globus_sdk.AccessTokenAuthorizer("wrong"))
        self.trusted = globus_sdk.ConfidentialAppAuthClient(IDENTITY, sandbox.token, base_url=self.url)
        self.native = globus_sdk.NativeAppAuthClient(CLIENT, base_url=self.url)
        compute = Client(
            authorizer=self.own, do_version_check=False, code_serialization_strategy=PureSourceTextInspect()
        )
        self.v2, self.v3 = compute._compute_web_client.v2, compute._compute_web_client.v3
        self.v2.base_url = self.v3.base_url = self.url
        self.endpoint = ENDPOINTS["frib-analysis"]
        self.function = compute.register_function(double)
        batch = compute.create_batch()
        batch.add(self.function, (1,))
        self.submitted = compute.batch_run(self.endpoint, batch)
        self.task = self.submitted["tasks"][self.function][0]
        until(lambda: self.v2.get_task_batch([self.task])["results"][self.task]["status"] == "success")
        self.flow_id = self.create()
        self.run_id = self.start(self.flow_id)
        until(lambda: self.flows.get_run(self.run_id)["status"] == "SUCCEEDED")

    # Flows

    def create(self, states: Document = PASS, **more: Any) -> str:
        return str(self.flows.create_flow("A flow", states, SCHEMA, **more)["id"])

    def flow(self, flow: str, token: str | None = None) -> globus_sdk.SpecificFlowClient:
        authorizer = globus_sdk.AccessTokenAuthorizer(token) if token else self.own
        client = globus_sdk.SpecificFlowClient(flow, authorizer=authorizer)
        client.base_url = self.url
        return client

    def start(self, flow: str) -> str:
        return str(self.flow(flow).run_flow({}, label="of a fixture", tags=["a"])["run_id"])

    def waiting(self) -> str:
        """A flow run that goes on for long."""
        return self.start(self.create(STUCK))

    def asking(self, table: bool = False, viewer: str = ANNA) -> str:
        """An open web input."""
        question = dict(ASKING["States"]["Ask"]["Parameters"], ViewerUrns=[URN + viewer])
        if table:
            rows = [{"Field": "files", "Value": "2"}]
            question["Context"] = {"PresentationStyle": "Table", "Title": "Go on?", "Rows": rows}
        states = {**ASKING["States"], "Ask": {**ASKING["States"]["Ask"], "Parameters": question}}
        run = self.start(self.create({**ASKING, "States": states}))
        return str(until(lambda: self.flows.get_run(run)["blocking_web_input_id"]))

    def answered(self, web_input: str | None = None) -> Any:
        asked = web_input or self.asking()
        (option,) = self.flows.get_web_input(asked)["options"]
        return self.flows.respond_to_web_input(asked, option["option_id"])

    def closed(self) -> str:
        asked = self.asking()
        self.answered(asked)
        return asked

    def of_anna(self) -> globus_sdk.FlowsClient:
        token = globus_sdk.AccessTokenAuthorizer(self.token(FlowsScopes.all, "flows.globus.org"))
        return globus_sdk.FlowsClient(base_url=self.url, authorizer=token)

    # Auth

    def login(self, *scopes: Any, identity: str = "anna@msu.example", code: str | None = None) -> Any:
        self.native.oauth2_start_flow(list(scopes))
        given = authorize(self.native.oauth2_get_authorize_url(), identity)
        return self.native.oauth2_exchange_code_for_tokens(code or given)

    def token(self, scope: Any, server: str) -> str:
        return str(self.login(scope).by_resource_server[server]["access_token"])

    def instance(self) -> Document:
        return dict(self.native.create_native_app_instance(TEMPLATE, "An installation").data)

    def deleted_instance(self) -> Any:
        made = self.instance()["included"]["client_credential"]
        client = globus_sdk.ConfidentialAppAuthClient(made["client"], made["secret"], base_url=self.url)
        return client.delete(f"/v2/api/clients/{made['client']}")

    # Transfer

    def submit(self, *paths: tuple[str, str]) -> Any:
        data = globus_sdk.TransferData(DTN_COLLECTION, SITE_COLLECTION, label="of a fixture")
        for source, destination in paths:
            data.add_item(source, destination)
        return self.transfer.submit_transfer(data)

    def delete(self) -> Any:
        data = globus_sdk.DeleteData(DTN_COLLECTION, recursive=True)
        data.add_item("/results/none")
        return self.transfer.submit_delete(data)

    def rename(self) -> Any:
        self.transfer.operation_mkdir(SITE_COLLECTION, f"{self.site}/before")
        return self.transfer.operation_rename(SITE_COLLECTION, f"{self.site}/before", f"{self.site}/after")


def refused(call: Callable[[], Any]) -> Any:
    with pytest.raises(globus_sdk.GlobusAPIError) as caught:
        call()
    return caught.value.raw_json


Call = Callable[[Clients], Any]

AUTH: dict[str, Call] = {
    "create_native_app_instance": lambda c: c.instance(),
    "delete_client": lambda c: c.deleted_instance(),
    "get_consents": lambda c: c.auth.get_consents(IDENTITY),
    "get_identities": lambda c: c.auth.get_identities(ids=[IDENTITY, ANNA]),
    "get_identities/empty": lambda c: c.auth.get_identities(ids=NOBODY),
    "get_identities/unauthorized": lambda c: refused(lambda: c.unknown.get_identities(ids=IDENTITY)),
    "oauth2_client_credentials_tokens": lambda c: c.trusted.oauth2_client_credentials_tokens(TransferScopes.all),
    "oauth2_client_credentials_tokens/openid": lambda c: c.trusted.oauth2_client_credentials_tokens(AuthScopes.openid),
    "oauth2_exchange_code_for_tokens": lambda c: c.login(TransferScopes.all),
    "oauth2_exchange_code_for_tokens/openid": lambda c: c.login(AuthScopes.openid, AuthScopes.email),
    "oauth2_exchange_code_for_tokens/invalid_grant": lambda c: refused(lambda: c.login(AuthScopes.openid, code="x")),
    "oauth2_revoke_token": lambda c: c.native.oauth2_revoke_token("x"),
    "oauth2_token_introspect": lambda c: c.trusted.oauth2_token_introspect(
        c.token(TransferScopes.all, "transfer.api.globus.org")
    ),
    "userinfo/unauthorized": lambda c: refused(c.unknown.userinfo),
}
FLOWS: dict[str, Call] = {
    "cancel_run": lambda c: c.flows.cancel_run(c.waiting()),
    "create_flow": lambda c: c.flows.create_flow("A flow", PASS, SCHEMA, keywords=["a"], flow_viewers=["public"]),
    "create_flow/bad_admin_principal_error": lambda c: refused(
        lambda: c.flows.create_flow("A flow", PASS, {}, flow_administrators=["nobody"])
    ),
    "delete_flow": lambda c: c.flows.delete_flow(c.create()),
    "delete_run": lambda c: c.flows.delete_run(c.flows.cancel_run(c.waiting())["run_id"]),
    "delete_run/conflict": lambda c: refused(lambda: c.flows.delete_run(c.waiting())),
    "get_flow": lambda c: c.flows.get_flow(c.flow_id),
    "get_run": lambda c: c.flows.get_run(c.run_id, include_flow_description=True),
    "get_run_definition": lambda c: c.flows.get_run_definition(c.run_id),
    "get_run_logs": lambda c: c.flows.get_run_logs(c.run_id, limit=1),
    "get_web_input": lambda c: c.flows.get_web_input(c.asking()),
    "get_web_input/closed": lambda c: c.flows.get_web_input(c.closed()),
    "get_web_input/table_context": lambda c: c.flows.get_web_input(c.asking(table=True)),
    "get_web_input/not_found": lambda c: refused(lambda: c.flows.get_web_input(NOBODY)),
    "list_flows": lambda c: c.flows.list_flows(),
    "list_runs": lambda c: c.flows.list_runs(filter_flow_id=c.flow_id),
    "list_web_inputs": lambda c: [c.asking(), c.flows.list_web_inputs(filter_states="open")][1],
    "list_web_inputs/empty": lambda c: c.flows.list_web_inputs(filter_run_ids=c.run_id),
    "respond_to_web_input": lambda c: c.answered(),
    "respond_to_web_input/not_found": lambda c: refused(lambda: c.flows.respond_to_web_input(NOBODY, NOBODY)),
    "respond_to_web_input/closed": lambda c: refused(lambda: c.flows.respond_to_web_input(c.closed(), NOBODY)),
    "respond_to_web_input/forbidden": lambda c: refused(lambda: c.of_anna().respond_to_web_input(c.asking(), NOBODY)),
    "respond_to_web_input/invalid_option": lambda c: refused(lambda: c.flows.respond_to_web_input(c.asking(), NOBODY)),
    "resume_run": lambda c: c.flow(c.flow_id).resume_run(c.waiting()),
    "run_flow": lambda c: c.flow(c.flow_id).run_flow({}, label="of a fixture", tags=["a"], run_managers=[URN + ANNA]),
    "run_flow/missing_scope_error": lambda c: refused(
        lambda: c.flow(c.flow_id, c.token(FlowsScopes.all, "flows.globus.org")).run_flow({})
    ),
    "update_flow": lambda c: c.flows.update_flow(c.flow_id, subscription_id=NOBODY),
    "update_run": lambda c: c.flows.update_run(c.run_id, label="changed"),
    "validate_flow": lambda c: c.flows.validate_flow(definition.transfer().definition),
    "validate_flow/definition_error": lambda c: refused(
        lambda: c.flows.validate_flow({"StartAt": "Go", "States": {"Go": {"Type": "Pass"}}})
    ),
    "validate_run": lambda c: c.flow(c.flow_id).validate_run({"n": 1}),
    "validate_run/invalid_input_payload": lambda c: refused(lambda: c.flow(c.flow_id).validate_run({"n": "x"})),
    "validate_run/invalid_token": lambda c: refused(lambda: c.flow(c.flow_id, "wrong").validate_run({})),
    "validate_run/not_a_flow_starter": lambda c: not_a_starter(c),
}


def not_a_starter(c: Clients) -> Any:
    flow = c.create(flow_viewers=["public"])
    token = c.token(SpecificFlowScopes(flow).user, flow)
    return refused(lambda: c.flow(flow, token).validate_run({}))


TRANSFER: dict[str, Call] = {
    "cancel_task": lambda c: c.transfer.cancel_task(c.submit(("/runs/none", f"{c.site}/none"))["task_id"]),
    "endpoint_manager_task_successful_transfers": lambda c: c.transfer.task_successful_transfers(
        c.submit(("/runs/none", f"{c.site}/none"))["task_id"]
    ),
    "get_endpoint": lambda c: c.transfer.get_endpoint(DTN_COLLECTION),
    "get_submission_id": lambda c: c.transfer.get_submission_id(),
    "operation_mkdir": lambda c: c.transfer.operation_mkdir(SITE_COLLECTION, f"{c.site}/made"),
    "operation_rename": lambda c: c.rename(),
    "operation_stat": lambda c: c.transfer.operation_stat(DTN_COLLECTION, "/runs"),
    "operation_stat/not_found": lambda c: refused(lambda: c.transfer.operation_stat(DTN_COLLECTION, "/~/foo")),
    "operation_stat/permission_denied": lambda c: refused(lambda: c.transfer.operation_stat(SITE_COLLECTION, "/root")),
    "submit_delete": lambda c: c.delete(),
    "submit_transfer": lambda c: c.submit(("/runs/none", f"{c.site}/none")),
    "submit_transfer/failure": lambda c: refused(c.submit),
    "task_list": lambda c: [c.submit(("/runs/none", f"{c.site}/none")), c.transfer.task_list()][1],
}
V2: dict[str, Call] = {
    "delete_endpoint": lambda c: c.v2.delete_endpoint(ENDPOINTS["frib-fit-mpi"]),
    "delete_function": lambda c: c.v2.delete_function(
        c.v3.register_function({"function_name": "f", "function_code": "x"})["function_uuid"]
    ),
    "get_endpoint": lambda c: c.v2.get_endpoint(c.endpoint),
    "get_endpoints": lambda c: c.v2.get_endpoints(),
    "get_function": lambda c: c.v2.get_function(c.function),
    "get_result_amqp_url": lambda c: c.v2.get_result_amqp_url(),
    "get_task": lambda c: c.v2.get_task(c.task),
    "get_task_batch": lambda c: c.v2.get_task_batch([c.task]),
    "get_task_group": lambda c: c.v2.get_task_group(c.submitted["task_group_id"]),
    "get_version": lambda c: c.v2.get_version(),
    "get_version/all": lambda c: c.v2.get_version(service="all"),
    "lock_endpoint": lambda c: c.v2.lock_endpoint(ENDPOINTS["frib-convert"]),
    "register_function": lambda c: c.v2.register_function({"function_name": "f", "function_code": "x"}),
}
V3: dict[str, Call] = {
    "get_endpoint_allowlist": lambda c: c.v3.get_endpoint_allowlist(c.endpoint),
    "lock_endpoint": lambda c: c.v3.lock_endpoint(ENDPOINTS["frib-convert"]),
    "register_function": lambda c: c.v3.register_function({"function_name": "f", "function_code": "x"}),
    "submit": lambda c: c.submitted,
}
CALLS = {
    f"{package}.{name}": call
    for package, calls in {
        "auth": AUTH,
        "flows": FLOWS,
        "transfer": TRANSFER,
        "compute.v2": V2,
        "compute.v3": V3,
    }.items()
    for name, call in calls.items()
}
