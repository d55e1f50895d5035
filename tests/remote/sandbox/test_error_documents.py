"""Errors are in the document of the service that was asked, as the SDK's clients read it."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from remote.sandbox.error_documents import error_document, service_of
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


@pytest.mark.parametrize("path", SHAPES)
def test_the_document_is_that_of_the_service(path: str) -> None:
    document: dict[str, Any] = error_document(path, 401, "AuthenticationFailed", "no")
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
        ("POST", "/v2/api/identities", 405, {"GET"}),
        ("GET", "/v2/batch_status", 405, {"POST"}),
        ("GET", "/v2/nothing", 404, set()),
    ],
)
def test_a_method_that_a_route_does_not_have_is_refused_with_those_that_it_has(
    sandbox: RunningSandbox, method: str, path: str, status: int, allowed: set[str]
) -> None:
    headers = {"Authorization": f"Bearer {sandbox.token}"}
    reply = requests.request(method, sandbox.url.rstrip("/") + path, headers=headers, timeout=HANGS_AFTER)
    assert reply.status_code == status
    assert {*filter(None, reply.headers.get("Allow", "").split(", "))} - {"OPTIONS", "HEAD"} == allowed
    assert reply.json().keys() == shape_of(path)


@pytest.mark.parametrize("path", ["/flows", "/v2/oauth2/userinfo", "/v0.10/task_list", "/v2/endpoints"])
def test_who_is_not_known_is_told_so_by_the_service(sandbox: RunningSandbox, path: str) -> None:
    reply = requests.get(sandbox.url.rstrip("/") + path, timeout=HANGS_AFTER)
    assert reply.status_code == 401
    assert reply.json().keys() == shape_of(path)


def shape_of(path: str) -> Any:
    """The keys of the document of its service."""
    return next(shape for like, shape in SHAPES.items() if service_of(like) == service_of(path)).keys()
