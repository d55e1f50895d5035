"""Errors in the document of the service that is asked, as clients read it."""

from __future__ import annotations

import secrets
import uuid
from typing import Any

Document = dict[str, Any]

_SERVICES = (
    ("/v0.10/", "transfer"), ("/v2/oauth2/", "auth"), ("/v2/api/", "auth"), ("/v2/", "compute"), ("/v3/", "compute"),
    ("/flows", "flows"), ("/runs", "flows"), ("/web_inputs", "flows"),
)  # fmt: skip
_FLOWS_CODES = {401: "AUTHENTICATION_ERROR", 404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED"}


def service_of(path: str) -> str | None:
    """The service that a request is for; None for the sandbox's own routes."""
    return next((name for prefix, name in _SERVICES if path.startswith(prefix)), None)


def error_document(path: str, status: int, code: str, message: str) -> Document:
    """Of the service at this path. `code` is that of Transfer, and of a route that is no service's."""
    match service_of(path):
        case "flows":
            error = {"code": _FLOWS_CODES.get(status, code), "detail": message, "message": message}
            return {"error": error, "debug_id": str(uuid.uuid4())}
        case "auth":
            code = "UNAUTHORIZED" if status == 401 else code.upper()
            error = {"status": str(status), "id": str(uuid.uuid4()), "code": code, "detail": message, "title": message}
            return {"errors": [error], "error": code.lower(), "error_description": message}
        case "compute":
            about = {"code": code, "error_args": [], "http_status_code": status}
            return {"status": "Failed", **about, "reason": message, "detail": message}
        case _:
            return {"code": code, "message": message, "request_id": secrets.token_urlsafe(7), "resource": path}
