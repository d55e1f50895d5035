"""A real server on loopback that says whatever a test has it say, byte by byte, to each that connects."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Talk = Callable[[socket.socket], None]
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


class RawService:
    """`talk` is called with each connection, once a first piece of the request has come, in a thread of its own."""

    def __init__(self, talk: Talk) -> None:
        self.ended = threading.Event()
        self.connections = 0
        self._talk = talk
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listening.getsockname()[1]}"
        self.url = f"http://{self.address}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self.ended.set()
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):  # the client has gone
            connection.recv(65536)
            self._talk(connection)


@contextmanager
def raw_service(talk: Talk) -> Iterator[RawService]:
    service = RawService(talk)
    try:
        yield service
    finally:
        service.close()


def whole(body: bytes, *headers: bytes) -> Talk:
    """Says this body and its length."""
    lines = b"".join(header + b"\r\n" for header in headers)
    return lambda connection: connection.sendall(HEAD + lines + b"Content-Length: %d\r\n\r\n" % len(body) + body)


def endless(head: bytes, piece: bytes, pause: float = 0.0) -> Talk:
    """Says a piece again and again until the client goes, with a pause in between (seconds)."""

    def talk(connection: socket.socket) -> None:
        waiting = threading.Event()
        connection.sendall(head)
        while not waiting.wait(pause):
            connection.sendall(piece)

    return talk
