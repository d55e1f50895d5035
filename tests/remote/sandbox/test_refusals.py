"""What no route takes is refused in the document of the service that was asked, as the SDK's clients read it."""

from __future__ import annotations

from typing import Any

import flask
import pytest
import requests

from remote.sandbox.refusals import refusal
from tests.sandbox_fixture import RunningSandbox, sandbox
from tests.waiting import HANGS_AFTER

__all__ = ["sandbox"]

SHAPES = {
    "/flows/x": {"error": {"code", "detail", "message"}, "debug_id": None},
    "/web_inputs": {"error": {"code", "detail", "message"}, "debug_id": None},
    "/v2/api/identities": {"errors": None, "error": None, "error_description": None},
    "/v0.10/task/x": {"code": None, "message": None, "request_id": None, "resource": None},
    "/v2/tasks/x": dict.fromkeys(("status", "code", "error_args", "http_status_code", "reason", "detail")),
    "/sandbox/faults": {"code": None, "message": None, "request_id": None, "resource": None},
}


@pytest.fixture
def app() -> flask.Flask:
    return flask.Flask(__name__)


@pytest.mark.parametrize("path", SHAPES)
def test_the_document_is_that_of_the_service(app: flask.Flask, path: str) -> None:
    with app.test_request_context(path):
        reply = refusal(401, "AuthenticationFailed", "no")
    document: dict[str, Any] = reply.get_json()
    assert reply.status_code == 401
    assert document.keys() == SHAPES[path].keys()
    if isinstance(document.get("error"), dict):
        assert document["error"]["code"] == "AUTHENTICATION_ERROR"
    if "errors" in document:
        assert document["errors"][0]["code"] == "UNAUTHORIZED"


@pytest.mark.parametrize(
    ("method", "path", "status", "allowed"),
    [
        ("DELETE", "/flows", 405, {"GET", "POST"}),
        ("PUT", "/v0.10/submission_id", 405, {"GET"}),
        ("GET", "/flows/x/y", 404, set()),
    ],
)
def test_a_method_that_a_route_does_not_have_is_refused_with_those_that_it_has(
    sandbox: RunningSandbox, method: str, path: str, status: int, allowed: set[str]
) -> None:
    headers = {"Authorization": f"Bearer {sandbox.token}"}
    reply = requests.request(method, sandbox.url.rstrip("/") + path, headers=headers, timeout=HANGS_AFTER)
    assert reply.status_code == status
    assert {*filter(None, reply.headers.get("Allow", "").split(", "))} - {"OPTIONS", "HEAD"} == allowed
    assert reply.json().keys() == SHAPES["/flows/x" if path.startswith("/flows") else "/v0.10/task/x"].keys()
