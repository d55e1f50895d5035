"""One channel of a connection: what its client publishes, consumes and acknowledges."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pika import spec

from remote.sandbox.amqp.frames import Rubbish
from remote.sandbox.amqp.queues import Exchanges, Message, Queue

MESSAGE_BYTES = 32 * 1024 * 1024
"""Of the body of one message. Globus Compute takes 10 MB of payload and of result, which JSON makes longer."""


class Refusal(Exception):
    """What ends a channel and leaves its connection: a reply code and its text."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class Content:
    """A message on its way in: the method is there, properties and body are to come."""

    def __init__(self, method: spec.Basic.Publish) -> None:
        self.method = method
        self.properties: spec.BasicProperties | None = None
        self._size = 0
        self._pieces: list[bytes] = []

    def begin(self, properties: spec.BasicProperties, size: int) -> None:
        if self.properties is not None:
            raise Rubbish(spec.UNEXPECTED_FRAME, "a second header of one message")
        if size > MESSAGE_BYTES:
            raise Rubbish(spec.CONTENT_TOO_LARGE, f"a message of {size} bytes, {MESSAGE_BYTES} are the most")
        self.properties, self._size = properties, size

    def add(self, piece: bytes) -> None:
        if self.properties is None or len(piece) > self._size:
            raise Rubbish(spec.UNEXPECTED_FRAME, "more of a message than its header said")
        self._size -= len(piece)
        self._pieces.append(piece)

    def whole(self) -> bool:
        return self.properties is not None and self._size == 0

    def message(self) -> Message:
        return Message(self.method.exchange, self.method.routing_key, self.properties, b"".join(self._pieces))


@dataclass(eq=False)
class ChannelConsumer:
    channel: Channel
    tag: str
    no_ack: bool
    exclusive: bool

    def ready(self) -> bool:
        return not self.channel.paused()

    def deliver(self, queue: Queue, message: Message) -> None:
        self.channel.deliver(self, queue, message)


class Channel:
    """`send(method, properties, body)` sends to the client, the latter two with what carries a message; while
    `paused()` it reads nothing."""

    def __init__(self, exchanges: Exchanges, send: Callable[..., None], paused: Callable[[], bool]) -> None:
        self.paused = paused
        self.closing = False  # we have closed it, the client has not said so yet
        self._exchanges = exchanges
        self._send = send
        self._content: Content | None = None
        self._confirmed: int | None = None  # how many were published since Confirm.Select
        self._consumers: dict[str, tuple[Queue, ChannelConsumer]] = {}
        self._last_tag = 0
        self._unsettled: dict[int, tuple[Queue, Message]] = {}  # by delivery tag, in order
        self._methods: dict[type, Callable[[Any], None]] = {
            spec.Exchange.Declare: self._declare_exchange,
            spec.Queue.Declare: self._declare_queue,
            spec.Confirm.Select: self._select_confirm,
            spec.Basic.Publish: self._publish,
            spec.Basic.Consume: self._consume,
            spec.Basic.Cancel: self._cancel,
            spec.Basic.Ack: self._ack,
            spec.Basic.Nack: self._nack,
            spec.Basic.Reject: self._nack,
        }

    def method(self, method: Any) -> None:
        """Do what a method asks. Raises Refusal, and Rubbish for what does not belong here."""
        if self._content is not None:
            raise Rubbish(spec.UNEXPECTED_FRAME, f"{method.NAME} within a message")
        found = self._methods.get(type(method))
        if found is None:
            raise Rubbish(spec.NOT_IMPLEMENTED, f"{method.NAME} is not known here")
        found(method)

    def header(self, properties: spec.BasicProperties, size: int) -> None:
        self._expected().begin(properties, size)
        self._finish_content()

    def body(self, piece: bytes) -> None:
        self._expected().add(piece)
        self._finish_content()

    def deliver(self, consumer: ChannelConsumer, queue: Queue, message: Message) -> None:
        self._last_tag += 1
        if not consumer.no_ack:
            self._unsettled[self._last_tag] = (queue, message)
        method = spec.Basic.Deliver(
            consumer.tag, self._last_tag, message.redelivered, message.exchange, message.routing_key
        )
        self._send(method, message.properties, message.body)

    def resume(self) -> None:
        """The client reads again."""
        for queue, _ in list(self._consumers.values()):
            queue.dispatch()

    def close(self) -> None:
        """Consume no more; what was not acknowledged goes back."""
        for queue, consumer in self._consumers.values():
            queue.consumers.remove(consumer)
        self._consumers.clear()
        self._put_back(list(self._unsettled))

    def _expected(self) -> Content:
        if self._content is None:
            raise Rubbish(spec.UNEXPECTED_FRAME, "content without Basic.Publish")
        return self._content

    def _declare_exchange(self, method: spec.Exchange.Declare) -> None:
        if not method.passive:
            raise Refusal(spec.ACCESS_REFUSED, "ACCESS_REFUSED - exchanges are declared by the service only")
        if method.exchange not in self._exchanges:
            raise Refusal(spec.NOT_FOUND, f"NOT_FOUND - no exchange '{method.exchange}'")
        self._send(spec.Exchange.DeclareOk())

    def _declare_queue(self, method: spec.Queue.Declare) -> None:
        if not method.passive:
            raise Refusal(spec.ACCESS_REFUSED, "ACCESS_REFUSED - queues are declared by the service only")
        queue = self._queue(method.queue)
        self._send(spec.Queue.DeclareOk(queue.name, queue.waiting(), len(queue.consumers)))

    def _queue(self, name: str) -> Queue:
        try:
            return self._exchanges.queues[name]
        except KeyError:
            raise Refusal(spec.NOT_FOUND, f"NOT_FOUND - no queue '{name}'") from None

    def _select_confirm(self, method: spec.Confirm.Select) -> None:
        self._confirmed = self._confirmed or 0
        self._send(spec.Confirm.SelectOk())

    def _publish(self, method: spec.Basic.Publish) -> None:
        self._content = Content(method)

    def _finish_content(self) -> None:
        content = self._expected()
        if not content.whole():
            return
        self._content = None
        method, message = content.method, content.message()
        if method.exchange not in self._exchanges:
            raise Refusal(spec.NOT_FOUND, f"NOT_FOUND - no exchange '{method.exchange}'")
        queue = self._exchanges.route(method.exchange, method.routing_key)
        if queue is None and method.mandatory:
            returned = spec.Basic.Return(spec.NO_ROUTE, "NO_ROUTE", method.exchange, method.routing_key)
            self._send(returned, message.properties, message.body)
        taken = queue is None or queue.put(message)
        if self._confirmed is not None:
            self._confirmed += 1
            self._send(spec.Basic.Ack(self._confirmed) if taken else spec.Basic.Nack(self._confirmed))

    def _consume(self, method: spec.Basic.Consume) -> None:
        queue = self._queue(method.queue)
        if queue.consumers and (method.exclusive or any(consumer.exclusive for consumer in queue.consumers)):
            raise Refusal(spec.ACCESS_REFUSED, f"ACCESS_REFUSED - queue '{queue.name}' in exclusive use")
        tag = method.consumer_tag or f"consumer-{len(self._consumers) + 1}"
        if tag in self._consumers:
            raise Rubbish(spec.NOT_ALLOWED, f"a second consumer {tag}")
        consumer = ChannelConsumer(self, tag, no_ack=method.no_ack, exclusive=method.exclusive)
        self._consumers[tag] = (queue, consumer)
        self._send(spec.Basic.ConsumeOk(tag))
        queue.consumers.append(consumer)
        queue.dispatch()

    def _cancel(self, method: spec.Basic.Cancel) -> None:
        queue, consumer = self._consumers.pop(method.consumer_tag, (None, None))
        if queue is not None and consumer is not None:
            queue.consumers.remove(consumer)
        self._send(spec.Basic.CancelOk(method.consumer_tag))

    def _ack(self, method: spec.Basic.Ack) -> None:
        for tag in self._tags(method.delivery_tag, method.multiple):
            queue, message = self._unsettled.pop(tag)
            queue.settle(message)

    def _nack(self, method: spec.Basic.Nack | spec.Basic.Reject) -> None:
        tags = self._tags(method.delivery_tag, getattr(method, "multiple", False))
        if method.requeue:
            self._put_back(tags)
        else:
            self._ack(spec.Basic.Ack(method.delivery_tag, getattr(method, "multiple", False)))

    def _tags(self, tag: int, multiple: bool) -> list[int]:
        """Those that are meant, of what is not acknowledged; 0 with `multiple` are all."""
        if multiple:
            return [known for known in self._unsettled if known <= tag or tag == 0]
        if tag not in self._unsettled:
            raise Refusal(spec.PRECONDITION_FAILED, f"PRECONDITION_FAILED - unknown delivery tag {tag}")
        return [tag]

    def _put_back(self, tags: list[int]) -> None:
        by_queue: dict[str, tuple[Queue, list[Message]]] = {}
        for queue, message in [self._unsettled.pop(tag) for tag in tags]:
            by_queue.setdefault(queue.name, (queue, []))[1].append(message)
        for queue, messages in by_queue.values():
            queue.put_back(messages)
