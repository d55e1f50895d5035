"""The sandbox's message broker: the part of AMQP 0-9-1 that Globus Compute's own programs use, on loopback only.

Whoever has the URL may use it: password and virtual host are random. Queues and exchanges are the service's; clients
ask only whether they are there. Messages are kept in memory.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from pika import spec

from remote.sandbox.amqp.connection import Connection, Hall
from remote.sandbox.amqp.queues import Listener, Message

T = TypeVar("T")


class Broker:
    """Listens from the beginning, in a thread of its own. Its methods may be called from any other thread."""

    def __init__(self) -> None:
        self._hall = Hall("sandbox", secrets.token_urlsafe(24), secrets.token_urlsafe(12))
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="broker", daemon=True)
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()

    @property
    def url(self) -> str:
        """With the credentials in it."""
        port = self._server.sockets[0].getsockname()[1]
        return f"amqp://{self._hall.user}:{self._hall.password}@127.0.0.1:{port}/{self._hall.vhost}"

    def declare(self, queue: str, *, exchange: str = "", take: Callable[[bytes], None] | None = None) -> None:
        """Have a queue, which is reached by its name through "" and the exchange. `take` is called with the body of
        each message that comes to it, in the broker's thread: it must neither wait nor raise."""

        def declare() -> None:
            found = self._hall.exchanges.declare(queue, exchange)
            if take is not None and not found.consumers:
                found.consumers.append(Listener(take))

        self._call(declare)

    def publish(self, queue: str, body: bytes, **properties: Any) -> None:
        """Put a message into a queue, with these properties (of `pika.BasicProperties`). Nothing, without the queue."""
        message = Message("", queue, spec.BasicProperties(**properties), body)

        def publish() -> None:
            if found := self._hall.exchanges.route("", queue):
                found.put(message)

        self._loop.call_soon_threadsafe(publish)

    def close(self) -> None:
        """Cut every client off; the port is free when this returns."""
        self._call(self._end)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _listen(self) -> asyncio.Server:
        return await self._loop.create_server(lambda: Connection(self._hall), "127.0.0.1", 0)

    def _end(self) -> None:
        self._server.close()
        for connection in list(self._hall.connections):
            connection.cut()

    def _call(self, action: Callable[[], T]) -> T:
        async def call() -> T:
            return action()

        return asyncio.run_coroutine_threadsafe(call(), self._loop).result()
