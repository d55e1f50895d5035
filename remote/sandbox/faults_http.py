"""Faults at the edge of the sandbox: what goes wrong with requests and replies; and the routes that set faults.

    POST   /sandbox/faults         {"name": ..., "args": {...}} -> 201 and the fault
    GET    /sandbox/faults         {"faults": [{"name", "args", "struck", "left": number or null}]}
    DELETE /sandbox/faults[/NAME]  {"cleared": number}

They want the sandbox's token; a wrong name or argument is refused with 400 and one sentence in "message".
"""

from __future__ import annotations

import io
import json
import os
import re
import select
import socket
import struct
import time
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import partial
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urlencode

from flask import Blueprint, Response, jsonify, request

from remote.sandbox.error_documents import Document, error_document, service_of
from remote.sandbox.faults import FaultError, Faults

Environ = dict[str, Any]
Strike = Callable[..., Document | None]
Headers = list[tuple[str, str]]

TRANSFER_SCOPE = "urn:globus:auth:scope:transfer.api.globus.org:all"
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?")
_GATEWAY = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
_GARBAGE = b"<html><body>Welcome! Please accept the terms of use of this network.</body></html>"


def blueprint(faults: Faults) -> Blueprint:
    routes = Blueprint("faults", __name__)

    @routes.post("/faults")
    def set_fault() -> tuple[Document, int]:
        body = request.get_json(silent=True)
        if not isinstance(body, dict) or not isinstance(body.get("args", {}), dict):
            raise FaultError('expected {"name": NAME, "args": {...}}')
        return faults.set(str(body.get("name", "")), body.get("args", {})), 201

    @routes.get("/faults")
    def get_faults() -> Document:
        return {"faults": faults.documents()}

    @routes.delete("/faults")
    @routes.delete("/faults/<name>")
    def clear(name: str | None = None) -> Document:
        return {"cleared": faults.clear(name)}

    @routes.errorhandler(FaultError)
    def refuse(error: FaultError) -> tuple[Response, int]:
        return jsonify({"code": "BadFault", "message": str(error)}), 400

    return routes


class Reply:
    """A reply as a whole, so that it can still be changed, withheld or dropped."""

    def __init__(self, status: str, headers: Headers, body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @classmethod
    def of(cls, app: Callable[..., Iterable[bytes]], environ: Environ) -> Reply:
        reply = cls("", [], b"")

        def start(status: str, headers: Headers, exc_info: object = None) -> None:
            reply.status, reply.headers = status, headers

        parts = app(environ, start)
        try:
            reply.body = b"".join(parts)
        finally:
            getattr(parts, "close", lambda: None)()
        return reply

    @classmethod
    def error(cls, path: str, status: int, name: str, message: str, **more: Any) -> Reply:
        """In the words of the service at this path, with `more` beside them."""
        reply = cls(f"{status} {HTTPStatus(status).phrase}", [], b"")
        reply.put("application/json", json.dumps(error_document(path, status, name, message) | more).encode())
        return reply

    def put(self, kind: str, body: bytes) -> None:
        kept = [(name, value) for name, value in self.headers if name.lower() not in ("content-type", "content-length")]
        self.headers = [*kept, ("Content-Type", kind), ("Content-Length", str(len(body)))]
        self.body = body

    def send(self, start_response: Callable[..., Any]) -> list[bytes]:
        start_response(self.status, self.headers)
        return [self.body]


class Edge:
    """WSGI middleware: every request to a service passes here, and may be struck before or after its effect.

    Each request has a thread of its own, so that one that waits keeps no other waiting.
    """

    def __init__(self, app: Callable[..., Iterable[bytes]], faults: Faults) -> None:
        self._app = app
        self._faults = faults

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        service = service_of(path)
        if service is None:
            return self._app(environ, start_response)
        everything = -1 if environ.get("wsgi.input_terminated") else _length(environ)
        if everything is None:
            refused = Reply.error(path, 400, "BadRequest", "Content-Length is not the length of a body")
            return refused.send(start_response)
        # Read here, so that nothing of it is left in the connection when the app is never asked.
        environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read(everything))
        route = f"{environ['REQUEST_METHOD']} {path}"
        strike = partial(self._faults.strike, service=service, path=route)
        reply = _before(strike, environ)
        if reply is None:
            skew = strike("clock-skew")
            if skew is not None:
                _turn_back(environ, skew["seconds"])
            reply = Reply.of(self._app, environ)
            if skew is not None:
                reply.put(_kind(reply), _shifted(reply.body.decode(), skew["seconds"]).encode())
            reply = _after(strike, environ, reply)
        return reply.send(start_response)


def _length(environ: Environ) -> int | None:
    """The bytes of a body; None for what is no number of them, or more than there can be."""
    text = environ.get("CONTENT_LENGTH") or "0"
    return int(text) if re.fullmatch("[0-9]{1,10}", text) else None


def _before(strike: Strike, environ: Environ) -> Reply | None:
    """The reply of a request that has no effect, None when it shall have its effect. Raises when there is none."""
    path = environ["PATH_INFO"]
    if (args := strike("timeout-before")) is not None:
        _leave_waiting(environ, args["seconds"])
    if strike("connection-reset", moment="before") is not None:
        _reset(environ)
    if strike("token-expired") is not None:
        return Reply.error(path, 401, "AUTHENTICATION_ERROR", "The token has expired")
    if service_of(path) != "flows" and strike("consent-missing") is not None:
        missing = {"code": "ConsentRequired", "required_scopes": [TRANSFER_SCOPE]}
        return Reply.error(path, 403, "ConsentRequired", "Missing required consent", **missing)
    if (args := strike("http-429")) is not None:
        reply = Reply.error(path, 429, "TOO_MANY_REQUESTS", "Too many requests; try again later")
        reply.headers.append(("Retry-After", f"{args['seconds']:.0f}"))
        return reply
    return _failure(strike, path, "before")


def _after(strike: Strike, environ: Environ, reply: Reply) -> Reply:
    """What the client gets of a reply. Raises when it gets none."""
    if (args := strike("timeout-after")) is not None:
        _leave_waiting(environ, args["seconds"])
    if strike("connection-reset", moment="after") is not None:
        _reset(environ)
    if (args := strike("slow-reply")) is not None:
        time.sleep(args["seconds"])
    if strike("garbage-reply") is not None:
        reply.status = "200 OK"
        reply.put("text/html", _GARBAGE)
    return _failure(strike, environ["PATH_INFO"], "after") or reply


def _failure(strike: Strike, path: str, moment: str) -> Reply | None:
    if strike("http-500", moment=moment) is not None:
        return Reply.error(path, 500, "INTERNAL_SERVER_ERROR", "An unexpected error occurred")
    if strike("http-503", moment=moment) is not None:
        return Reply.error(path, 503, "SERVICE_UNAVAILABLE", "The service is down for maintenance")
    if strike("http-502", moment=moment) is not None:
        reply = Reply("502 Bad Gateway", [], b"")
        reply.put("text/html", _GATEWAY)
        return reply
    return None


# ---- the connection


def _leave_waiting(environ: Environ, seconds: float) -> None:
    """Say nothing until the client gives up or the time is over, then drop the connection. Always raises."""
    select.select([environ["werkzeug.socket"]], [], [], seconds)
    _reset(environ)


def _reset(environ: Environ) -> None:
    """Have the system send RST. Always raises ConnectionResetError, on which the server gives the request up."""
    connection: socket.socket = environ["werkzeug.socket"]
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    os.close(connection.detach())
    raise ConnectionResetError("a fault of the sandbox")


# ---- the clock


def _kind(reply: Reply) -> str:
    return next((value for name, value in reply.headers if name.lower() == "content-type"), "application/json")


def _shifted(text: str, seconds: float) -> str:
    """The text with all times in it moved."""

    def shift(found: re.Match[str]) -> str:
        moved = datetime.fromisoformat(found[0]) + timedelta(seconds=seconds)
        return moved.isoformat(sep=found[0][10], timespec="microseconds" if found[1] else "seconds")

    return _TIME.sub(shift, text)


def _turn_back(environ: Environ, seconds: float) -> None:
    """A client that asks for what started after a time means the clock of the replies."""
    query = parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    environ["QUERY_STRING"] = urlencode([(key, _shifted(value, -seconds)) for key, value in query])
