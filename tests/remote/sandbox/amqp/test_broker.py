"""The message broker with pika's own client, and with clients that send rubbish."""

from __future__ import annotations

import random
import socket
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pika
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pika import exceptions, frame, spec

from remote.sandbox.amqp import queues
from remote.sandbox.amqp.broker import Broker
from remote.sandbox.amqp.channel import MESSAGE_BYTES
from remote.sandbox.amqp.frames import FRAME_BYTES, PREAMBLE
from tests.waiting import HANGS_AFTER


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    broker = Broker()
    yield broker
    broker.close()


@pytest.fixture
def queue(broker: Broker, request: pytest.FixtureRequest) -> str:
    """The name of an empty queue of this test's own."""
    broker.declare(request.node.name, exchange="tasks")
    return str(request.node.name)


@pytest.fixture
def connection(broker: Broker) -> Iterator[Any]:
    with pika.BlockingConnection(pika.URLParameters(broker.url)) as connection:
        yield connection


def taken(channel: Any, queue: str, count: int) -> list[tuple[Any, bytes]]:
    """(delivery, body) of the next messages; they are not acknowledged."""
    found = []
    for delivery, _, body in channel.consume(queue, inactivity_timeout=HANGS_AFTER):
        found.append((delivery, body))
        if len(found) == count:
            return found
    raise AssertionError("the queue has ended")


def raw_socket(broker: Broker) -> socket.socket:
    return socket.create_connection(("127.0.0.1", urlsplit(broker.url).port or 0), timeout=HANGS_AFTER)


def is_cut_off(client: socket.socket) -> bool:
    """It is, or this hangs until the socket's timeout."""
    try:
        while client.recv(65536):
            pass
    except ConnectionResetError:
        pass
    return True


@pytest.mark.parametrize("size", [0, 1, FRAME_BYTES - 8, FRAME_BYTES - 7, 3_000_000])
def test_a_message_of_any_size_arrives_as_it_was_sent(broker: Broker, connection: Any, queue: str, size: int) -> None:
    channel = connection.channel()
    properties = pika.BasicProperties(headers={"task_uuid": "a", "list": ["x", 1, None]}, delivery_mode=2)
    sent = random.Random(size).randbytes(size)
    channel.basic_publish("tasks", queue, sent, properties)
    delivery, got, body = next(channel.consume(queue, inactivity_timeout=HANGS_AFTER))
    assert body == sent
    assert got.headers == properties.headers
    assert (delivery.exchange, delivery.routing_key, delivery.redelivered) == ("tasks", queue, False)


def test_messages_come_in_order_to_consumers_in_turn(broker: Broker, connection: Any, queue: str) -> None:
    got: list[tuple[int, bytes]] = []
    for number in (0, 1):
        channel = connection.channel()
        channel.basic_consume(queue, lambda c, d, p, body, number=number: got.append((number, body)), auto_ack=True)
    for body in (b"1", b"2", b"3", b"4"):
        broker.publish(queue, body)
    while len(got) < 4:
        connection.process_data_events(time_limit=1)
    assert sorted(body for _, body in got) == [b"1", b"2", b"3", b"4"]
    assert [body for number, body in got if number == 0] in ([b"1", b"3"], [b"2", b"4"])


def test_what_was_not_acknowledged_comes_again_in_its_place_when_a_connection_ends(broker: Broker, queue: str) -> None:
    for body in (b"1", b"2", b"3", b"4"):
        broker.publish(queue, body)
    with pika.BlockingConnection(pika.URLParameters(broker.url)) as first:
        channel = first.channel()
        got = taken(channel, queue, 3)
        channel.basic_ack(got[0][0].delivery_tag)
        channel.connection.process_data_events()
    with pika.BlockingConnection(pika.URLParameters(broker.url)) as second:
        again = taken(second.channel(), queue, 3)
    assert [(delivery.redelivered, body) for delivery, body in again] == [(True, b"2"), (True, b"3"), (True, b"4")]


def test_one_acknowledgement_settles_all_before_it(broker: Broker, queue: str) -> None:
    for body in (b"1", b"2", b"3"):
        broker.publish(queue, body)
    with pika.BlockingConnection(pika.URLParameters(broker.url)) as first:
        channel = first.channel()
        channel.basic_ack(taken(channel, queue, 3)[1][0].delivery_tag, multiple=True)
    with pika.BlockingConnection(pika.URLParameters(broker.url)) as second:
        channel = second.channel()
        assert channel.queue_declare(queue, passive=True).method.message_count == 1
        assert taken(channel, queue, 1)[0][1] == b"3"


def test_a_message_that_is_not_wanted_comes_again_or_is_gone(broker: Broker, connection: Any, queue: str) -> None:
    channel = connection.channel()
    broker.publish(queue, b"1")
    delivery, _ = taken(channel, queue, 1)[0]
    channel.basic_nack(delivery.delivery_tag, requeue=True)
    delivery, body = taken(channel, queue, 1)[0]
    assert (delivery.redelivered, body) == (True, b"1")
    channel.basic_nack(delivery.delivery_tag, requeue=False)
    channel.cancel()
    assert channel.queue_declare(queue, passive=True).method.message_count == 0


def test_an_acknowledgement_of_nothing_ends_the_channel_and_not_the_connection(connection: Any) -> None:
    channel = connection.channel()
    channel.basic_ack(7)
    with pytest.raises(exceptions.ChannelClosedByBroker) as error:
        channel.queue_declare("any", passive=True)
    assert error.value.reply_code == spec.PRECONDITION_FAILED
    assert connection.channel().is_open


def test_clients_find_queues_and_exchanges_and_make_none(broker: Broker, connection: Any, queue: str) -> None:
    connection.channel().exchange_declare("tasks", passive=True)
    assert connection.channel().queue_declare(queue, passive=True).method.queue == queue
    for ask, code in (
        (lambda c: c.queue_declare("nowhere", passive=True), spec.NOT_FOUND),
        (lambda c: c.exchange_declare("nowhere", passive=True), spec.NOT_FOUND),
        (lambda c: c.basic_consume("nowhere", print), spec.NOT_FOUND),
        (lambda c: c.queue_declare("mine"), spec.ACCESS_REFUSED),
        (lambda c: c.exchange_declare("mine"), spec.ACCESS_REFUSED),
    ):
        with pytest.raises(exceptions.ChannelClosedByBroker) as error:
            ask(connection.channel())
        assert error.value.reply_code == code


def test_a_queue_in_exclusive_use_has_one_consumer(connection: Any, queue: str) -> None:
    first = connection.channel()
    tag = first.basic_consume(queue, print, exclusive=True)
    with pytest.raises(exceptions.ChannelClosedByBroker) as error:
        connection.channel().basic_consume(queue, print, exclusive=True)
    assert error.value.reply_code == spec.ACCESS_REFUSED
    first.basic_cancel(tag)
    connection.channel().basic_consume(queue, print, exclusive=True)


def test_a_mandatory_message_without_a_queue_is_returned_and_others_are_confirmed(connection: Any, queue: str) -> None:
    channel = connection.channel()
    channel.confirm_delivery()
    channel.basic_publish("tasks", queue, b"there", mandatory=True)
    channel.basic_publish("tasks", "nowhere", b"dropped")
    with pytest.raises(exceptions.UnroutableError) as error:
        channel.basic_publish("tasks", "nowhere", b"back", mandatory=True)
    assert [message.body for message in error.value.messages] == [b"back"]


def test_a_full_queue_takes_no_message_until_there_is_room(
    broker: Broker, connection: Any, queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queues, "QUEUE_BYTES", 10)
    channel = connection.channel()
    channel.confirm_delivery()
    channel.basic_publish("", queue, b"12345678")
    with pytest.raises(exceptions.NackError):
        channel.basic_publish("", queue, b"123")
    reader = connection.channel()
    delivery, _ = taken(reader, queue, 1)[0]
    with pytest.raises(exceptions.NackError):
        channel.basic_publish("", queue, b"123")  # delivered is not yet settled
    reader.basic_ack(delivery.delivery_tag)
    channel.basic_publish("", queue, b"123")


def test_a_client_that_does_not_read_holds_up_nobody(broker: Broker, connection: Any, queue: str) -> None:
    slow = pika.BlockingConnection(pika.URLParameters(broker.url))
    slow.channel().basic_consume(queue, print, auto_ack=True)  # and never reads again
    channel = connection.channel()
    channel.confirm_delivery()
    for _ in range(20):
        channel.basic_publish("", queue, bytes(1_000_000))
    assert taken(channel, queue, 1)
    slow.close()


@pytest.mark.parametrize(
    ("part", "other"), [("sandbox:", "somebody:"), (":", ":x"), ("/", "/x")], ids=["user", "password", "vhost"]
)
def test_another_user_password_or_vhost_is_refused(broker: Broker, part: str, other: str) -> None:
    scheme, rest = broker.url.split("://")
    with pytest.raises(exceptions.AMQPConnectionError):
        pika.BlockingConnection(pika.URLParameters(f"{scheme}://{rest.replace(part, other, 1)}"))


def test_heartbeats_keep_a_connection_and_silence_ends_it(broker: Broker) -> None:
    parameters = pika.URLParameters(broker.url)
    parameters.heartbeat = 1
    with pika.BlockingConnection(parameters) as talking, raw_socket(broker) as silent:
        silent.sendall(b"".join(handshake(broker, heartbeat=1)))
        cut_off = threading.Thread(target=is_cut_off, args=(silent,))
        cut_off.start()
        while cut_off.is_alive():
            talking.process_data_events(time_limit=0.1)  # pika talks only here
        assert talking.channel().is_open


def handshake(broker: Broker, heartbeat: int = 0, frame_bytes: int = FRAME_BYTES) -> list[bytes]:
    url = urlsplit(broker.url)
    methods = [
        spec.Connection.StartOk({}, "PLAIN", f"\0{url.username}\0{url.password}".encode()),
        spec.Connection.TuneOk(0, frame_bytes, heartbeat),
        spec.Connection.Open(url.path[1:]),
    ]
    return [PREAMBLE, *(frame.Method(0, method).marshal() for method in methods)]


def frames_of(client: socket.socket, until: type) -> Iterator[frame.Frame]:
    """What a client without pika receives, up to the first frame of a kind."""
    buffer = b""
    while True:
        size, one = frame.decode_frame(buffer)
        if one is None:
            buffer += client.recv(65536)
            continue
        yield one
        if isinstance(one, until):
            return
        buffer = buffer[size:]


def test_a_client_hears_a_heartbeat(broker: Broker) -> None:
    with raw_socket(broker) as client:
        client.sendall(b"".join(handshake(broker, heartbeat=1)))
        *_, last = frames_of(client, until=frame.Heartbeat)
        assert isinstance(last, frame.Heartbeat)


def test_frames_are_as_small_as_a_client_wants_and_what_it_took_along_comes_again(broker: Broker, queue: str) -> None:
    broker.publish(queue, bytes(10_000))
    with raw_socket(broker) as client:
        consume = frame.Method(1, spec.Basic.Consume(0, queue)).marshal()
        client.sendall(b"".join([*handshake(broker, frame_bytes=4096), OPENED, consume]))
        sizes = [len(one.marshal()) for one in frames_of(client, until=frame.Body)]
        assert sizes[-1] == max(sizes) == 4096
    with pika.BlockingConnection(pika.URLParameters(broker.url)) as connection:
        delivery, body = taken(connection.channel(), queue, 1)[0]
        assert (delivery.redelivered, body) == (True, bytes(10_000))


def published(number: int, size: int) -> bytes:
    """The beginning of a message of this size."""
    head = frame.Header(number, size, spec.BasicProperties()).marshal()
    return frame.Method(number, spec.Basic.Publish(0, "", "x")).marshal() + head


OPENED = frame.Method(1, spec.Channel.Open()).marshal()
RUBBISH = {
    "another protocol": [b"GET / HTTP/1.1\r\n\r\n"],
    "another version": [b"AMQP\x00\x01\x00\x00"],
    "a frame above the bound": [PREAMBLE, b"\x01\x00\x00\x7f\xff\xff\xff"],
    "a frame without its end": [PREAMBLE, b"\x08\x00\x00\x00\x00\x00\x00\x00"],
    "a method that there is not": [PREAMBLE, b"\x01\x00\x00\x00\x00\x00\x04\x00\x63\x00\x63\xce"],
    "an empty method": [PREAMBLE, b"\x01\x00\x00\x00\x00\x00\x00\xce"],
    "a channel before the handshake": [PREAMBLE, OPENED],
    "a method out of turn": [PREAMBLE, frame.Method(0, spec.Connection.TuneOk(0, 0, 0)).marshal()],
}
AFTER_THE_HANDSHAKE = {
    "a channel that is not open": [frame.Method(3, spec.Confirm.Select()).marshal()],
    "a channel twice": [OPENED, OPENED],
    "a channel above the bound": [frame.Method(60000, spec.Channel.Open()).marshal()],
    "a method that only a broker sends": [OPENED, frame.Method(1, spec.Basic.GetEmpty()).marshal()],
    "a method of channels for the connection": [frame.Method(0, spec.Confirm.Select()).marshal()],
    "a message above the bound": [OPENED, published(1, MESSAGE_BYTES + 1)],
    "more than the header said": [OPENED, published(1, 2), frame.Body(1, b"123").marshal()],
    "content of nothing": [OPENED, frame.Body(1, b"123").marshal()],
    "a second header": [OPENED, published(1, 2), frame.Header(1, 2, spec.BasicProperties()).marshal()],
    "a method within a message": [OPENED, published(1, 2), frame.Method(1, spec.Confirm.Select()).marshal()],
}


@pytest.mark.parametrize("what", [*RUBBISH, *AFTER_THE_HANDSHAKE])
def test_a_client_that_sends_rubbish_is_cut_off_and_the_rest_goes_on(
    broker: Broker, connection: Any, what: str
) -> None:
    sent = RUBBISH.get(what) or [*handshake(broker), *AFTER_THE_HANDSHAKE[what]]
    with raw_socket(broker) as client:
        client.sendall(b"".join(sent))
        assert is_cut_off(client)
    assert connection.channel().is_open


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=400), after=st.integers(0, 4))
def test_whatever_a_client_sends_the_broker_lives(broker: Broker, data: bytes, after: int) -> None:
    with raw_socket(broker) as client:
        client.sendall(b"".join([*handshake(broker), OPENED][:after]) + data)
        client.shutdown(socket.SHUT_WR)
        assert is_cut_off(client)
    with pika.BlockingConnection(pika.URLParameters(broker.url)) as good:
        assert good.channel().is_open
