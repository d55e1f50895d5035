"""One connection of a client to the broker: the handshake, its channels, heartbeats, and its end.

A client that sends rubbish, passes a bound, goes silent or does not read is cut off: what it had not acknowledged
goes to others, who notice nothing of it.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast

from pika import frame, spec

from remote.sandbox.amqp.channel import Channel, Refusal
from remote.sandbox.amqp.frames import FRAME_BYTES, Frames, Rubbish
from remote.sandbox.amqp.queues import Exchanges

LOGIN_SECONDS = 10.0
HEARTBEAT_SECONDS = 60
CHANNELS = 255
_FRAME_OVERHEAD = spec.FRAME_HEADER_SIZE + spec.FRAME_END_SIZE
_UNREAD_BYTES = 1024 * 1024  # with more than this in its buffer, a client is sent no further message
_WRITE_LIMIT = 64 * 1024 * 1024  # of replies that a client does not read; the largest message fits

_PROPERTIES = {
    "product": "frib-flow-console sandbox",
    "capabilities": {
        "publisher_confirms": True,
        "basic.nack": True,
        "consumer_cancel_notify": True,
        "authentication_failure_close": True,
    },
}


@dataclass
class Hall:
    """What all connections of a broker share. `password` and `vhost` are the secrets that a client must know."""

    user: str
    password: str
    vhost: str
    exchanges: Exchanges = field(default_factory=Exchanges)
    connections: set[Connection] = field(default_factory=set)


class Connection(asyncio.Protocol):
    def __init__(self, hall: Hall) -> None:
        self._hall = hall
        self._loop = asyncio.get_running_loop()
        self._frames = Frames()
        self._expecting: Callable[[Any], None] | None = self._start_ok  # of the handshake; None once it is over
        self._greeted = False
        self._channels: dict[int, Channel] = {}
        self._frame_bytes = FRAME_BYTES
        self._paused = False
        self._heard = self._loop.time()
        self._timer = self._loop.call_later(LOGIN_SECONDS, self.cut)

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=_UNREAD_BYTES)
        self._hall.connections.add(self)

    def data_received(self, data: bytes) -> None:
        self._heard = self._loop.time()
        try:
            frames = self._frames.feed(data)
            if not self._greeted and self._frames.begun:
                self._greeted = True
                self._send(0, spec.Connection.Start(0, 9, _PROPERTIES, "PLAIN", "en_US"))
            for one in frames:
                if self._transport.is_closing():
                    return
                self._take(one)
        except Rubbish as rubbish:
            self._give_up(rubbish)
        except Exception:  # a defect here must not reach the other clients
            logging.getLogger(__name__).exception("a client of the message broker is cut off")
            self.cut()

    def connection_lost(self, error: Exception | None) -> None:
        self._timer.cancel()
        self._hall.connections.discard(self)
        for channel in self._channels.values():
            channel.close()
        self._channels.clear()

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        for channel in list(self._channels.values()):
            channel.resume()

    # Frames

    def cut(self) -> None:
        """End it without a word."""
        self._transport.abort()

    def _take(self, given: frame.Frame) -> None:
        number = given.channel_number
        if isinstance(given, frame.Heartbeat):
            return
        if self._expecting is not None or number == 0:
            if number != 0 or not isinstance(given, frame.Method):
                raise Rubbish(spec.CHANNEL_ERROR, "channels come after the handshake")
            (self._expecting or self._connection_method)(given.method)
        elif isinstance(given, frame.Method) and isinstance(given.method, spec.Channel.Open):
            self._open_channel(number)
        elif number not in self._channels:
            raise Rubbish(spec.CHANNEL_ERROR, f"channel {number} is not open")
        else:
            self._take_of_channel(number, self._channels[number], given)

    def _take_of_channel(self, number: int, channel: Channel, given: frame.Frame) -> None:
        method = given.method if isinstance(given, frame.Method) else None
        if isinstance(method, (spec.Channel.Close, spec.Channel.CloseOk)):
            del self._channels[number]
            channel.close()
            if isinstance(method, spec.Channel.Close):
                self._send(number, spec.Channel.CloseOk())
            return
        if channel.closing:
            return  # sent before the client knew
        try:
            if method is not None:
                channel.method(method)
            elif isinstance(given, frame.Header):
                channel.header(given.properties, given.body_size)
            elif isinstance(given, frame.Body):
                channel.body(given.fragment)
        except Refusal as refusal:
            channel.closing = True
            channel.close()
            class_and_method = divmod(method.INDEX if method is not None else spec.Basic.Publish.INDEX, 1 << 16)
            self._send(number, spec.Channel.Close(refusal.code, str(refusal), *class_and_method))

    def _open_channel(self, number: int) -> None:
        if number in self._channels or number > CHANNELS:
            raise Rubbish(spec.CHANNEL_ERROR, f"channel {number} cannot be opened")
        self._channels[number] = Channel(self._hall.exchanges, partial(self._send, number), lambda: self._paused)
        self._send(number, spec.Channel.OpenOk())

    # The connection's own methods

    def _start_ok(self, method: spec.Connection.StartOk) -> None:
        self._need(method, spec.Connection.StartOk)
        expected = f"\0{self._hall.user}\0{self._hall.password}".encode()
        given = method.response if isinstance(method.response, bytes) else str(method.response).encode()
        if method.mechanism != "PLAIN" or not hmac.compare_digest(given, expected):
            raise Rubbish(spec.ACCESS_REFUSED, "ACCESS_REFUSED - login was refused")
        self._expecting = self._tune_ok
        self._send(0, spec.Connection.Tune(CHANNELS, FRAME_BYTES, HEARTBEAT_SECONDS))

    def _tune_ok(self, method: spec.Connection.TuneOk) -> None:
        self._need(method, spec.Connection.TuneOk)
        if 0 < method.frame_max < spec.FRAME_MIN_SIZE or method.frame_max > FRAME_BYTES:
            raise Rubbish(spec.NOT_ALLOWED, f"frames of {method.frame_max} bytes")
        self._frame_bytes = method.frame_max or FRAME_BYTES
        self._heartbeat = min(method.heartbeat, HEARTBEAT_SECONDS)
        self._expecting = self._open

    def _open(self, method: spec.Connection.Open) -> None:
        self._need(method, spec.Connection.Open)
        if not hmac.compare_digest(method.virtual_host.encode(), self._hall.vhost.encode()):
            raise Rubbish(spec.NOT_ALLOWED, "NOT_ALLOWED - no such vhost")
        self._expecting = None
        self._timer.cancel()
        if self._heartbeat:
            self._timer = self._loop.call_later(self._heartbeat / 2, self._beat)
        self._send(0, spec.Connection.OpenOk())

    def _need(self, method: Any, kind: type) -> None:
        if not isinstance(method, kind):
            raise Rubbish(spec.COMMAND_INVALID, f"{method.NAME} is out of turn")

    def _connection_method(self, method: Any) -> None:
        if not isinstance(method, (spec.Connection.Close, spec.Connection.CloseOk)):
            raise Rubbish(spec.COMMAND_INVALID, f"{method.NAME} is out of turn")
        if isinstance(method, spec.Connection.Close):
            self._send(0, spec.Connection.CloseOk())
        self._transport.close()

    def _beat(self) -> None:
        if self._loop.time() - self._heard > 2 * self._heartbeat:
            self.cut()
            return
        self._write(frame.Heartbeat().marshal())
        self._timer = self._loop.call_later(self._heartbeat / 2, self._beat)

    def _give_up(self, rubbish: Rubbish) -> None:
        if self._greeted:
            self._send(0, spec.Connection.Close(rubbish.code, str(rubbish), 0, 0))
        self._transport.close()

    # Sending

    def _send(self, number: int, method: Any, properties: Any = None, body: bytes = b"") -> None:
        frames = [frame.Method(number, method).marshal()]
        if properties is not None:
            frames.append(frame.Header(number, len(body), properties).marshal())
            frames += [frame.Body(number, piece).marshal() for piece in self._pieces(body)]
        self._write(b"".join(frames))

    def _pieces(self, body: bytes) -> Iterator[bytes]:
        size = self._frame_bytes - _FRAME_OVERHEAD
        for start in range(0, len(body), size):
            yield body[start : start + size]

    def _write(self, data: bytes) -> None:
        if self._transport.get_write_buffer_size() + len(data) > _WRITE_LIMIT:
            self.cut()
        elif not self._transport.is_closing():
            self._transport.write(data)
