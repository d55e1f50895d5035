"""Compute and Auth over HTTP with the real clients; replies have the shape of the SDK's registered examples."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import globus_sdk
import pytest
from globus_compute_sdk import Client
from globus_compute_sdk.errors import TaskExecutionFailed
from globus_compute_sdk.serialize import PureSourceTextInspect
from globus_sdk.scopes import FlowsScopes, TransferScopes

from tests.sandbox_fixture import RunningSandbox, sandbox, start_sandbox
from tests.sandbox_records import set_fault
from tests.sdk_fixtures import assert_like, registered
from tests.waiting import until

__all__ = ["sandbox"]


def client_of(sandbox: RunningSandbox, token: str | None = None) -> Client:
    """The console's way to point the client at another service; no part of it is replaced."""
    authorizer = globus_sdk.AccessTokenAuthorizer(token or sandbox.token)
    client = Client(authorizer=authorizer, do_version_check=False, code_serialization_strategy=PureSourceTextInspect())
    client._compute_web_client.v2.base_url = client._compute_web_client.v3.base_url = sandbox.url
    return client


@pytest.fixture(scope="module")
def client(sandbox: RunningSandbox) -> Client:
    return client_of(sandbox)


@pytest.fixture
def v2(client: Client) -> Any:
    return client._compute_web_client.v2


@pytest.fixture(scope="module")
def endpoint(sandbox: RunningSandbox) -> str:
    return sandbox.info["endpoints"]["frib-fit-mpi"]


def double(value: int) -> dict:
    """Twice the value."""
    if value < 0:
        raise ValueError(f"negative: {value}")
    return {"segment": value, "double": 2 * value}


def batch_of(client: Client, endpoint: str, *values: Any) -> tuple[dict[str, Any], list[str]]:
    function = client.register_function(double)
    batch = client.create_batch()
    for value in values:
        batch.add(function, (value,))
    reply = client.batch_run(endpoint, batch)
    return reply, reply["tasks"][function]


def ended(v2: Any, task_ids: list[str]) -> dict[str, Any]:
    def look() -> Any:
        reply = v2.get_task_batch(task_ids).data
        done = all(task["status"] in ("success", "failed") for task in reply["results"].values())
        return reply if done else None

    return until(look, every=0.1)


def test_functions(client: Client, v2: Any) -> None:
    function = client.register_function(double)
    assert_like({"function_uuid": function}, registered("compute.v3.register_function"))
    document = client.get_function(function)
    assert_like(document, registered("compute.v2.get_function"))
    assert (document["function_name"], document["description"]) == ("double", "Twice the value.")
    assert_like(v2.delete_function(function).data, registered("compute.v2.delete_function"))
    with pytest.raises(globus_sdk.GlobusAPIError) as error:
        client.get_function(function)
    assert error.value.http_status == 404


def test_version_check(client: Client, v2: Any) -> None:
    client.version_check()
    assert_like(v2.get_version(service="all").data, registered("compute.v2.get_version", "all"))
    assert isinstance(v2.get_version().data, str)


def test_endpoints(client: Client, endpoint: str) -> None:
    assert_like(client.get_endpoints(), registered("compute.v2.get_endpoints"))
    assert {e["name"] for e in client.get_endpoints()} == {"frib-fit-mpi", "frib-convert", "frib-analysis"}
    assert_like(client.get_endpoint_metadata(endpoint), registered("compute.v2.get_endpoint"))
    assert client.get_endpoint_status(endpoint) == {"status": "online", "details": {"heartbeat_period": 5.0}}
    assert_like(client.get_allowed_functions(endpoint), registered("compute.v3.get_endpoint_allowlist"))
    with pytest.raises(globus_sdk.GlobusAPIError) as error:
        client.get_endpoint_status(str(uuid.uuid4()))
    assert error.value.http_status == 404


def test_an_endpoint_may_tell_its_workers_too(tmp_path: Path) -> None:
    with start_sandbox(tmp_path, "--worker-counts", "--speed", "20") as running:
        endpoint = running.info["endpoints"]["frib-fit-mpi"]
        client = client_of(running)

        def workers_are_there() -> Any:
            status = client.get_endpoint_status(endpoint)
            return status if status["details"]["total_workers"] == 2 else None

        assert_like(until(workers_are_there, every=0.2), registered("compute.v2.get_endpoint_status"))
        set_fault(tmp_path, "sbatch-refused")
        assert (
            client.get_endpoint_status(endpoint)["details"].items() >= {"total_workers": 0, "idle_workers": 0}.items()
        )
        set_fault(tmp_path, "user-endpoint-fails")
        assert "did not start" in client.get_endpoint_status(endpoint)["details"]["error"]


def test_a_batch_and_its_results(client: Client, v2: Any, endpoint: str) -> None:
    reply, task_ids = batch_of(client, endpoint, 1, 2, -3)
    assert_like(reply, {**registered("compute.v3.submit"), "tasks": {}})
    group = v2.get_task_group(reply["task_group_id"]).data
    assert_like(group, registered("compute.v2.get_task_group"))
    assert [task["id"] for task in group["tasks"]] == task_ids

    raw = ended(v2, task_ids)
    example = registered("compute.v2.get_task_batch")
    assert raw["response"] == example["response"]
    example_task = registered("compute.v2.get_task")
    for task_id in task_ids[:2]:
        assert_like(raw["results"][task_id], example_task)
        assert_like(v2.get_task(task_id).data, example_task)
    assert [raw["results"][task_id]["status"] for task_id in task_ids] == ["success", "success", "failed"]
    assert client.get_result(task_ids[1]) == {"segment": 2, "double": 4}
    # The real client leaves out the failed task, as it does with the real service.
    assert set(client.get_batch_result(task_ids)) == set(task_ids[:2])
    with pytest.raises(TaskExecutionFailed, match="negative: -3"):
        client.get_task(task_ids[2])


def test_source_text_and_result_serializers(client: Client, v2: Any, endpoint: str) -> None:
    function = client.register_source_code("def triple(n):\n    return 3 * n\n", "triple")
    batch = client.create_batch(result_serializers=["globus_compute_sdk.serialize.JSONData"])
    batch.add(function, (4,))
    [task_id] = client.batch_run(endpoint, batch)["tasks"][function]
    assert ended(v2, [task_id])["results"][task_id]["result"].startswith("11\n")
    assert client.get_result(task_id) == 12


def test_a_submission_above_ten_megabytes_is_refused(client: Client, endpoint: str) -> None:
    with pytest.raises(globus_sdk.GlobusAPIError) as error:
        batch_of(client, endpoint, "x" * (11 << 20))
    assert error.value.http_status == 413
    assert error.value.raw_json is not None
    assert error.value.raw_json["code"] == "TASK_PAYLOAD_TOO_LARGE"


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    """A sandbox that no other test asks, with the service's own request limit."""
    with start_sandbox(tmp_path_factory.mktemp("alone"), "--workers", "1") as running:
        yield running


def test_the_twenty_first_request_within_ten_seconds_is_refused(alone: RunningSandbox) -> None:
    v2 = client_of(alone)._compute_web_client.v2
    with v2.retry_config.tune(max_retries=0):
        accepted: list[float] = []

        def ask() -> None:
            v2.get_version()
            accepted.append(time.monotonic())

        with pytest.raises(globus_sdk.GlobusAPIError) as error:
            until(ask)  # until it raises
    # On a slow machine the first of them count no longer, and of one more it is uncertain.
    assert 20 <= sum(time.monotonic() - at < 10 for at in accepted) <= 21
    assert error.value.http_status == 429
    assert error.value.code == "MaxRequestsExceeded"
    assert 1 <= int(error.value.headers["Retry-After"]) <= 10


def test_a_locked_endpoint_takes_no_tasks(tmp_path: Path) -> None:
    with start_sandbox(tmp_path, "--workers", "1", "--speed", "20") as other:
        client = client_of(other)
        endpoint = other.info["endpoints"]["frib-convert"]
        v2, v3 = client._compute_web_client.v2, client._compute_web_client.v3
        assert_like(v3.lock_endpoint(endpoint).data, registered("compute.v3.lock_endpoint"))
        assert client.get_endpoint_status(endpoint)["status"] == "offline"
        with pytest.raises(globus_sdk.GlobusAPIError) as error:
            batch_of(client, endpoint, 1)
        assert error.value.http_status == 423
        assert_like(v2.delete_endpoint(endpoint).data, registered("compute.v2.delete_endpoint"))
        assert len(client.get_endpoints()) == 2


# Auth


@pytest.fixture
def auth_at_the_sandbox(sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    for service in ("AUTH", "TRANSFER", "FLOWS"):
        monkeypatch.setenv(f"GLOBUS_SDK_SERVICE_URL_{service}", sandbox.url)


@pytest.mark.usefixtures("auth_at_the_sandbox")
def test_client_credentials(sandbox: RunningSandbox) -> None:
    client = globus_sdk.ConfidentialAppAuthClient(sandbox.info["identity"], sandbox.token)
    reply = client.oauth2_client_credentials_tokens(TransferScopes.all)
    assert_like(reply.data, registered("auth.oauth2_client_credentials_tokens"))
    assert reply.by_resource_server["transfer.api.globus.org"]["access_token"] != sandbox.token
    flow = str(uuid.uuid4())
    flow_scope = f"https://auth.globus.org/scopes/{flow}/flow_{flow.replace('-', '_')}_user"
    both = client.oauth2_client_credentials_tokens([f"{flow_scope}[*{TransferScopes.all}]", FlowsScopes.all])
    assert set(both.by_resource_server) == {flow, "flows.globus.org"}

    wrong = globus_sdk.ConfidentialAppAuthClient(sandbox.info["identity"], "wrong")
    with pytest.raises(globus_sdk.AuthAPIError) as error:
        wrong.oauth2_client_credentials_tokens(TransferScopes.all)
    assert error.value.http_status == 401
    with pytest.raises(globus_sdk.AuthAPIError) as error:
        client.oauth2_client_credentials_tokens("https://example.org/nonsense")
    assert error.value.http_status == 400


@pytest.mark.usefixtures("auth_at_the_sandbox")
def test_a_client_app_logs_in_by_itself(sandbox: RunningSandbox) -> None:
    config = globus_sdk.GlobusAppConfig(token_storage="memory")
    app = globus_sdk.ClientApp("test", client_id=sandbox.info["identity"], client_secret=sandbox.token, config=config)
    with globus_sdk.TransferClient(app=app) as transfer:
        transfer.add_app_data_access_scope([sandbox.dtn, sandbox.site])
        assert transfer.task_list(limit=1)["limit"] == 1
    with globus_sdk.FlowsClient(app=app) as flows:
        assert "flows" in flows.list_flows().data


def test_consents_and_userinfo(sandbox: RunningSandbox) -> None:
    authorizer = globus_sdk.AccessTokenAuthorizer(sandbox.token)
    auth = globus_sdk.AuthClient(authorizer=authorizer, base_url=sandbox.url)
    consents = auth.get_consents(sandbox.info["identity"])
    assert_like(consents.data, registered("auth.get_consents"))
    data_access = globus_sdk.scopes.GCSCollectionScopes(sandbox.dtn).data_access
    needed = globus_sdk.Scope(str(TransferScopes.all)).with_dependency(data_access)
    assert consents.to_forest().meets_scope_requirements(needed)
    assert auth.userinfo()["sub"] == sandbox.info["identity"]
