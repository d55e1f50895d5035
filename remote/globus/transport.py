"""How requests are sent: how long they may take as a whole, how large an answer may be, and which way they go.

What the libraries limit is the silence between two pieces of an answer. A service, or whatever stands in between, that
sends a byte now and then, an answer without an end, or one that unpacks to gigabytes, would hold the driver for ever.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import requests
from globus_sdk.transport import RequestsTransport
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, LocationParseError, URLSchemeUnknown

from remote.globus.errors import Nonsense
from remote.globus.proxies import is_this_machine

MOST_BYTES = 32_000_000  # of an answer, unpacked; the largest that is expected is a page of a flow run's log
_PIECE_BYTES = 65_536
_ZLIB_OR_GZIP = 47  # for zlib: finds out which


class Transport(RequestsTransport):
    """As that of the SDK, but that each request, from connecting to the last byte, ends within `seconds`.

    An answer that is too large or packed in a way that was not asked for raises Nonsense. Redirections are errors: no
    service of Globus sends any, so that it was something else that answered. What goes to this machine goes there
    directly, whatever proxy the environment names.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(http_timeout=seconds)
        self.session.max_redirects = 0
        for scheme in ("http://", "https://"):
            self.session.mount(scheme, _Adapter(seconds))


class _Adapter(HTTPAdapter):
    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        if not proxy.lower().startswith("socks"):
            manager.pool_classes_by_scheme = _POOLS
        return manager

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        if is_this_machine(urlsplit(request.url or "").hostname):
            kwargs["proxies"] = {}
        with _ending_within(self._seconds) as limit:
            try:
                reply = super().send(request, *args, **{**kwargs, "stream": True})
                body = _body(reply)
            except (URLSchemeUnknown, LocationParseError) as error:  # of the proxy: ours was parsed before
                raise requests.exceptions.InvalidProxyURL(error, request=request) from error
            except (requests.RequestException, HTTPError, OSError) as error:
                refused = isinstance(error, requests.exceptions.ProxyError)
                if limit.reached and not refused:
                    raise requests.ReadTimeout(error, request=request) from error
                if not isinstance(error, requests.RequestException):
                    raise requests.ConnectionError(error, request=request) from error
                error.request = request  # left out by some
                raise
            if limit.reached:  # an answer without a length looks whole when its connection is shut down
                raise requests.ReadTimeout("the answer did not end in time", request=request)
        reply.raw = BytesIO(body)
        return reply


def _body(reply: requests.Response) -> bytes:
    """The whole body, unpacked. Raises Nonsense when it is larger than allowed, or not packed as it says."""
    packing = reply.headers.get("Content-Encoding", "").strip().lower()
    if packing not in ("", "identity", "gzip", "x-gzip", "deflate"):
        raise Nonsense(f"the answer is packed in a way that was not asked for ({packing})")
    unpacker = None if packing in ("", "identity") else zlib.decompressobj(_ZLIB_OR_GZIP)
    body, received = bytearray(), 0
    try:
        while piece := reply.raw.read(_PIECE_BYTES, decode_content=False):
            received += len(piece)
            body += unpacker.decompress(piece, MOST_BYTES + 1 - len(body)) if unpacker else piece
            if max(received, len(body)) > MOST_BYTES:
                raise Nonsense(f"the answer is larger than {MOST_BYTES // 1_000_000} MB")
    except zlib.error:
        raise Nonsense(f"the answer says that it is packed ({packing}), and is not") from None
    finally:
        # A connection that has not been read to its end cannot be used again.
        reply.raw.release_conn() if reply.raw.closed else reply.raw.close()
    return bytes(body)


# ---- the time that a request may take as a whole


class _Limit:
    """Shuts the connections of a request down when its time is over, whatever it waits for."""

    def __init__(self, seconds: float) -> None:
        self.reached = False
        self._lock = threading.Lock()
        self._connections: list[socket.socket] = []
        self._timer = threading.Timer(seconds, self._reach)
        self._timer.daemon = True
        self._timer.start()

    def holds(self, connection: socket.socket) -> None:
        """Its own copy: the other is wrapped for TLS, or given away while there is still something to read."""
        copy = socket.socket(fileno=os.dup(connection.fileno()))
        with self._lock:
            self._connections.append(copy)
        if self.reached:
            self._reach()

    def end(self) -> None:
        self._timer.cancel()
        with self._lock:
            while self._connections:
                self._connections.pop().close()

    def _reach(self) -> None:
        self.reached = True
        with self._lock:
            for connection in self._connections:
                with contextlib.suppress(OSError):  # it has ended already
                    connection.shutdown(socket.SHUT_RDWR)


_of_thread = threading.local()


@contextmanager
def _ending_within(seconds: float) -> Iterator[_Limit]:
    limit = _of_thread.limit = _Limit(seconds)
    try:
        yield limit
    finally:
        limit.end()


class _Connection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        made = super()._new_conn()
        _of_thread.limit.holds(made)
        return made

    def request(self, *args: Any, **kwargs: Any) -> None:
        if self.sock is not None:  # one that is used again
            _of_thread.limit.holds(self.sock)
        super().request(*args, **kwargs)


class _SecureConnection(_Connection, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


_POOLS = {"http": _Pool, "https": _SecurePool}
