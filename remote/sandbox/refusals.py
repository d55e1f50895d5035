"""A request that no route takes: refused in the document of the service that was asked, as clients read it."""

from __future__ import annotations

import secrets
import uuid

from flask import Response, jsonify, request

from remote.sandbox.faults_http import Document, service_of

_FLOWS_CODES = {401: "AUTHENTICATION_ERROR", 404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED"}


def refusal(status: int, code: str, message: str) -> Response:
    """`code` is that of Transfer, and of a route that is no service's."""
    documents = {"flows": _flows, "auth": _auth, "compute": _compute}
    service = service_of(request.path)
    reply = jsonify(documents.get(service or "", _transfer)(status, code, message))
    reply.status_code = status
    return reply


def _transfer(status: int, code: str, message: str) -> Document:
    return {"code": code, "message": message, "request_id": secrets.token_urlsafe(7), "resource": request.path}


def _flows(status: int, code: str, message: str) -> Document:
    error = {"code": _FLOWS_CODES.get(status, code), "detail": message, "message": message}
    return {"error": error, "debug_id": str(uuid.uuid4())}


def _auth(status: int, code: str, message: str) -> Document:
    error_id = str(uuid.uuid4())
    code = "UNAUTHORIZED" if status == 401 else code.upper()
    error = {"status": str(status), "id": error_id, "code": code, "detail": message, "title": message}
    return {"errors": [error], "error": code.lower(), "error_description": message}


def _compute(status: int, code: str, message: str) -> Document:
    about = {"code": status, "error_args": [], "http_status_code": status}
    return {"status": "Failed", **about, "reason": message, "detail": message}
