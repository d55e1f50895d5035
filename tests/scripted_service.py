"""A real HTTP server on loopback that answers what a test tells it and remembers what it was asked."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections import defaultdict, deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: dict[str, str]
    body: Any
    token: str


@dataclass(frozen=True)
class Reply:
    """An HTTP answer; status 0 resets the connection instead, status -1 says nothing until the service ends."""

    document: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


RESET = Reply(status=0)
SILENCE = Reply(status=-1)


class ScriptedService:
    def __init__(self) -> None:
        self.requests: list[Request] = []
        self._replies: dict[tuple[str, str], deque[Reply]] = defaultdict(deque)
        self._ended = threading.Event()
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                service._answer(self)

            do_GET = do_POST = do_PUT = do_DELETE = handle_any

            def log_message(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def will(self, method: str, path: str, *replies: Reply | Any) -> None:
        """Answer these one after the other; the last is repeated."""
        self._replies[method, path].extend(r if isinstance(r, Reply) else Reply(r) for r in replies)

    def asked(self, method: str, path: str) -> list[Request]:
        return [r for r in self.requests if (r.method, r.path) == (method, path)]

    def close(self) -> None:
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        address = urlsplit(handler.path)
        raw = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        query = {k: v[0] for k, v in parse_qs(address.query).items()}
        token = handler.headers.get("Authorization", "")
        is_json = "json" in handler.headers.get("Content-Type", "")
        body = json.loads(raw) if raw and is_json else raw
        self.requests.append(Request(handler.command, address.path, query, body, token))
        waiting = self._replies[handler.command, address.path]
        reply = Reply({"code": "Unscripted", "message": handler.path}, 418) if not waiting else waiting[0]
        if len(waiting) > 1:
            waiting.popleft()
        if reply.status == -1:
            self._ended.wait(30)
        if reply.status <= 0:
            linger = struct.pack("ii", 1, 0)  # closing sends a reset
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            handler.connection.close()
            handler.close_connection = True
            return
        text = reply.document if isinstance(reply.document, str) else json.dumps(reply.document)
        handler.send_response(reply.status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(text.encode())))
        for name, value in reply.headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(text.encode())
