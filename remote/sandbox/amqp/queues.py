"""Queues and the exchanges that lead to them: what is kept of messages, and to whom the next one goes.

Everything here runs in the broker's one thread.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from pika import spec

QUEUE_BYTES = 256 * 1024 * 1024
"""Of the bodies in one queue, with those that are delivered and not acknowledged: no message is taken beyond it."""


@dataclass(frozen=True)
class Message:
    exchange: str
    routing_key: str
    properties: spec.BasicProperties
    body: bytes
    redelivered: bool = False


class Consumer(Protocol):
    """Whoever takes messages of a queue."""

    no_ack: bool
    exclusive: bool

    def ready(self) -> bool:
        """False while it has not read what it was sent."""

    def deliver(self, queue: Queue, message: Message) -> None:
        """Send it; `queue.settle` is to follow once it is done with, unless `no_ack`."""


class Queue:
    """Messages in order; to consumers in turn, each to one."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.consumers: list[Consumer] = []
        self._waiting: deque[Message] = deque()
        self._bytes = 0

    def waiting(self) -> int:
        """How many messages are not delivered."""
        return len(self._waiting)

    def put(self, message: Message) -> bool:
        """False when it is full."""
        if self._bytes + len(message.body) > QUEUE_BYTES:
            return False
        self._bytes += len(message.body)
        self._waiting.append(message)
        self.dispatch()
        return True

    def put_back(self, messages: list[Message]) -> None:
        """What was delivered and not settled, in its order, before all others."""
        again = [Message(m.exchange, m.routing_key, m.properties, m.body, redelivered=True) for m in messages]
        self._waiting.extendleft(reversed(again))
        self.dispatch()

    def settle(self, message: Message) -> None:
        """It will not come back."""
        self._bytes -= len(message.body)

    def dispatch(self) -> None:
        while self._waiting and (consumer := next((c for c in self.consumers if c.ready()), None)):
            self.consumers.remove(consumer)
            self.consumers.append(consumer)
            message = self._waiting.popleft()
            if consumer.no_ack:
                self.settle(message)
            consumer.deliver(self, message)


class Listener:
    """A consumer within the sandbox: called with each body, in the broker's thread."""

    no_ack = True
    exclusive = True

    def __init__(self, take: Callable[[bytes], None]) -> None:
        self._take = take

    def ready(self) -> bool:
        return True

    def deliver(self, queue: Queue, message: Message) -> None:
        self._take(message.body)


class Exchanges:
    """The queues by name, and the direct exchanges through which messages come to them; "" leads to every queue."""

    def __init__(self) -> None:
        self.queues: dict[str, Queue] = {}
        self._routes: dict[str, dict[str, Queue]] = {}

    def __contains__(self, exchange: str) -> bool:
        return exchange == "" or exchange in self._routes

    def declare(self, name: str, exchange: str = "") -> Queue:
        """The queue of this name, reached by it through the exchange too."""
        queue = self.queues.setdefault(name, Queue(name))
        if exchange:
            self._routes.setdefault(exchange, {})[name] = queue
        return queue

    def route(self, exchange: str, routing_key: str) -> Queue | None:
        return self._routes.get(exchange, {}).get(routing_key) if exchange else self.queues.get(routing_key)
