"""The sandbox's Flows behind a real HTTP server, and the comparison of its replies with the fixtures of globus_sdk."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import flask
import globus_sdk
import pytest
from globus_sdk.testing import get_response_set
from werkzeug.serving import make_server

from remote.sandbox.flows.http import blueprint
from remote.sandbox.flows.service import FlowsService
from tests.flows_fakes import COLLECTIONS, ENDPOINT, FUNCTION, OWNER, FakeCompute, FakeTransfer
from tests.waiting import until

OTHER = "0c9a5ad3-4a5e-4a5c-9f2d-6b1f1f0c0002"
URN = "urn:globus:auth:identity:"
GROUP = "urn:globus:groups:id:0c9a5ad3-4a5e-4a5c-9f2d-6b1f1f0c0003"
CREATE = get_response_set("flows.create_flow").metadata["params"]
HOPS = {
    "source_endpoint_id": COLLECTIONS[0],
    "source_path": "/a",
    "staging_endpoint_id": COLLECTIONS[1],
    "staging_path": "/b",
    "destination_endpoint_id": COLLECTIONS[0],
    "destination_path": "/c",
}
PASS = {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}}
COMPUTE = {
    "StartAt": "Fit",
    "States": {
        "Fit": {
            "Type": "Action",
            "ActionUrl": "https://compute.actions.globus.org/v3",
            "Parameters": {"endpoint_id": ENDPOINT, "tasks": [{"function_id": FUNCTION}]},
            "ResultPath": "$.Fit",
            "WaitTime": 3600,
            "ExceptionOnActionFailure": True,
            "End": True,
        }
    },
}


class Service:
    """The sandbox's Flows behind a real server. `identity` is who the next requests are from."""

    def __init__(self, speed: float = 50.0) -> None:
        self.compute = FakeCompute()
        self.flows = FlowsService(FakeTransfer(), self.compute, speed=speed)
        self.identity = OWNER
        app = flask.Flask(__name__)
        app.register_blueprint(blueprint(self.flows, OWNER))
        app.before_request(lambda: setattr(flask.g, "identity", self.identity))
        self._server = make_server("127.0.0.1", 0, app, threaded=True)
        self.url = f"http://127.0.0.1:{self._server.port}/"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        self._authorizer = globus_sdk.AccessTokenAuthorizer("token")
        self.client = globus_sdk.FlowsClient(base_url=self.url, authorizer=self._authorizer)
        self.client.retry_config.max_retries = 0

    def flow(self, flow_id: str) -> globus_sdk.SpecificFlowClient:
        client = globus_sdk.SpecificFlowClient(flow_id, authorizer=self._authorizer)
        client.base_url = self.url
        client.retry_config.max_retries = 0
        return client

    def deploy(self, definition: dict[str, Any] = PASS, schema: dict[str, Any] | None = None, **fields: Any) -> str:
        return self.client.create_flow("A flow", definition, schema or {}, **fields)["id"]

    def start(self, flow_id: str, body: dict[str, Any] | None = None, **fields: Any) -> str:
        return self.flow(flow_id).run_flow(body or {}, **fields)["run_id"]

    def wait(self, run_id: str, status: str = "SUCCEEDED") -> dict[str, Any]:
        def reached() -> dict[str, Any] | None:
            run: dict[str, Any] = self.client.get_run(run_id).data
            return run if run["status"] == status else None

        return until(reached)

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self.flows.close()


def fixture(name: str, case: str = "default", index: int = 0) -> Any:
    registered = get_response_set(f"flows.{name}").lookup(case)
    responses = list(getattr(registered, "responses", [registered]))
    return responses[index].json


def assert_like(given: Any, example: Any, where: str = "$", open_at: tuple[str, ...] = ()) -> None:
    """Every key of the example is there with a value of its type; lists are compared by their first items.

    Below the keys in `open_at` only the type counts: what is in there depends on the flow.
    """
    if example is None:
        return
    assert isinstance(given, type(example)), f"{where}: {given!r} is not a {type(example).__name__}"
    if where.rpartition(".")[2] in open_at:
        return
    if isinstance(example, dict):
        assert example.keys() <= given.keys(), f"{where} lacks {example.keys() - given.keys()}"
        for key, value in example.items():
            assert_like(given[key], value, f"{where}.{key}", open_at)
    elif isinstance(example, list) and example and given:
        assert_like(given[0], example[0], f"{where}[0]", open_at)


def assert_flow(given: Any, example: Any) -> None:
    assert_like(given, example, open_at=("definition", "input_schema"))


def assert_run(given: Any, example: Any) -> None:
    assert_like(given, example, open_at=("output", "input"))


def refusal(call: Callable[[], Any]) -> globus_sdk.FlowsAPIError:
    with pytest.raises(globus_sdk.FlowsAPIError) as caught:
        call()
    return caught.value
