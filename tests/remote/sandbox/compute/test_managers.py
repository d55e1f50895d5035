"""Registering an endpoint and being one, with pika as the daemon: what it is told, and what Compute says of it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import globus_sdk
import pika
import pytest
from globus_compute_common.messagepack import pack, unpack
from globus_compute_common.messagepack.message_types import EPStatusReport, Result, TaskTransition
from globus_compute_sdk import Client
from globus_compute_sdk.serialize import ComputeSerializer

from tests.remote.sandbox.compute.test_compute_contract import client_of
from tests.sandbox_fixture import RunningSandbox, sandbox
from tests.waiting import HANGS_AFTER, until

__all__ = ["sandbox"]
METADATA = {"endpoint_version": "4.19.0", "hostname": "login01", "local_user": "frib", "endpoint_config": "x: 1\n"}


class Daemon:
    """What a manager and its child do, a step at a time."""

    def __init__(self, client: Client, name: str) -> None:
        self.v3 = client._compute_web_client.v3
        document = {"endpoint_name": name, "display_name": name, "metadata": METADATA}
        self.registered: dict[str, Any] = self.v3.register_endpoint(document).data
        self.id = self.registered["endpoint_id"]
        self._connection = pika.BlockingConnection(
            pika.URLParameters(self.registered["command_queue_info"]["connection_url"])
        )
        self._channel = self._connection.channel()
        self._channel.confirm_delivery()

    def close(self) -> None:
        self._connection.close()

    def take(self, info: dict[str, Any]) -> tuple[Any, bytes]:
        """(properties, body) of the next message of a queue, acknowledged."""
        self._channel.queue_declare(info["queue"], passive=True)
        for delivery, properties, body in self._channel.consume(info["queue"], inactivity_timeout=HANGS_AFTER):
            self._channel.basic_ack(delivery.delivery_tag)
            self._channel.cancel()
            return properties, body
        raise AssertionError("nothing came")

    def send(self, info: dict[str, Any], body: bytes) -> None:
        self._channel.exchange_declare(info["exchange"], passive=True)
        how = dict(info["queue_publish_kwargs"])
        properties = pika.BasicProperties(**how.pop("properties"))
        self._channel.basic_publish(**how, body=body, properties=properties)

    def beat(self, period: float, info: dict[str, Any] | None = None, **state: Any) -> None:
        report = EPStatusReport(
            endpoint_id=self.id, global_state={"heartbeat_period": period, **state}, task_statuses={}
        )
        self.send(info or self.registered["heartbeat_queue_info"], pack(report))


@pytest.fixture
def client(sandbox: RunningSandbox) -> Client:
    return client_of(sandbox)


@pytest.fixture
def daemon(client: Client, request: pytest.FixtureRequest) -> Iterator[Daemon]:
    daemon = Daemon(client, request.node.name)
    yield daemon
    daemon.close()


def twice(number: int) -> int:
    return 2 * number


def test_a_registered_endpoint_is_online_while_its_heartbeats_come(client: Client, daemon: Daemon) -> None:
    assert client.get_endpoint_status(daemon.id)["status"] == "offline"
    daemon.beat(30.0)
    told = until(lambda: online(client, daemon), every=0.1)
    assert told == {"heartbeat_period": 30.0}
    daemon.beat(0)  # it is shutting down
    until(lambda: online(client, daemon) is None, every=0.1)
    daemon.beat(0.2)
    until(lambda: online(client, daemon), every=0.05)
    until(lambda: online(client, daemon) is None, every=0.1)  # none came any more


def online(client: Client, daemon: Daemon) -> dict[str, Any] | None:
    status = client.get_endpoint_status(daemon.id)
    return dict(status["details"]) if status["status"] == "online" else None


def test_what_an_endpoint_told_of_itself_is_told_again(client: Client, daemon: Daemon) -> None:
    known = client.get_endpoint_metadata(daemon.id)
    assert (known["name"], {key: known[key] for key in METADATA}) == (
        "test_what_an_endpoint_told_of_itself_is_told_again",
        METADATA,
    )
    assert daemon.id in [endpoint["uuid"] for endpoint in client.get_endpoints()]


def test_an_endpoint_that_registers_again_keeps_its_id_and_its_tasks(client: Client, daemon: Daemon) -> None:
    function = client.register_function(twice)
    client.run(1, endpoint_id=daemon.id, function_id=function)
    again = daemon.v3.update_endpoint(daemon.id, {"endpoint_name": "again", "metadata": {}}).data
    assert (again["endpoint_id"], again["command_queue_info"]) == (daemon.id, daemon.registered["command_queue_info"])
    assert json.loads(daemon.take(again["command_queue_info"])[1])["command"] == "cmd_start_endpoint"


def test_a_task_goes_to_the_child_and_its_result_comes_back(client: Client, daemon: Daemon) -> None:
    function = client.register_function(twice)
    batch = client.create_batch(result_serializers=["globus_compute_sdk.serialize.JSONData"])
    batch.add(function, (21,))
    batch.add(function, (-1,))
    good, bad = client.batch_run(daemon.id, batch)["tasks"][function]

    properties, body = daemon.take(daemon.registered["command_queue_info"])
    command = json.loads(body)
    assert (properties.content_type, command["command"]) == ("application/json", "cmd_start_endpoint")
    assert abs(properties.timestamp - time.time()) < HANGS_AFTER
    credentials = command["kwargs"]["amqp_creds"]
    assert command["kwargs"]["name"] == f"uep.{daemon.id}.{credentials['endpoint_id']}"
    assert credentials["endpoint_id"] != daemon.id

    serializer = ComputeSerializer()
    for task_id, number in ((good, 21), (bad, -1)):
        properties, body = daemon.take(credentials["task_queue_info"])
        task: Any = unpack(body)
        assert str(task.task_id) == properties.headers["task_uuid"] == task_id
        assert properties.headers["function_uuid"] == function
        assert properties.headers["result_serializers"] == ["globus_compute_sdk.serialize.JSONData"]
        code, args, _ = serializer.unpack_buffers(task.task_buffer)
        assert serializer.deserialize(code)(*serializer.deserialize(args)) == 2 * number

    began = TaskTransition(timestamp=1_700_000_000_500_000_000, state="execution-start", actor="worker")
    reply = Result(task_id=good, data=serializer.serialize(42), details={"os": "Linux"}, task_statuses=[began])
    daemon.send(credentials["result_queue_info"], b"not a message")  # is no harm
    daemon.send(credentials["result_queue_info"], pack(reply))
    error = {"code": "RemoteExecutionError", "user_message": "it failed"}
    daemon.send(
        credentials["result_queue_info"], pack(Result(task_id=bad, data="Traceback ... boo", error_details=error))
    )
    results = until(lambda: ended(client, [good, bad]), every=0.1)
    assert (results[good]["status"], serializer.deserialize(results[good]["result"])) == ("success", 42)
    assert results[good]["details"]["os"] == "Linux"
    assert results[good]["details"]["task_transitions"] == {"execution-start": 1_700_000_000.5}
    assert (results[bad]["status"], results[bad]["exception"]) == ("failed", "Traceback ... boo")


def ended(client: Client, task_ids: list[str]) -> dict[str, Any] | None:
    results: dict[str, Any] = client._compute_web_client.v2.get_task_batch(task_ids).data["results"]
    return results if all("completion_t" in result for result in results.values()) else None


def test_other_options_have_another_child(client: Client, daemon: Daemon) -> None:
    function = client.register_function(twice)
    children = []
    for options in ({}, {"nodes": 2}, {}):
        batch = client.create_batch(user_endpoint_config=options)
        batch.add(function, (1,))
        client.batch_run(daemon.id, batch)
        told = json.loads(daemon.take(daemon.registered["command_queue_info"])[1])["kwargs"]
        assert told["user_opts"] == options
        children.append(told["amqp_creds"]["endpoint_id"])
    assert children[0] == children[2] != children[1]


def test_source_text_is_packed_for_the_child(client: Client, daemon: Daemon) -> None:
    function = client.register_source_code("def triple(n):\n    return 3 * n\n", "triple")
    client.run(4, endpoint_id=daemon.id, function_id=function)
    child = json.loads(daemon.take(daemon.registered["command_queue_info"])[1])["kwargs"]["amqp_creds"]
    task: Any = unpack(daemon.take(child["task_queue_info"])[1])
    serializer = ComputeSerializer()
    code, args, _ = serializer.unpack_buffers(task.task_buffer)
    assert serializer.deserialize(code)(*serializer.deserialize(args)) == 12


def test_the_sandboxs_own_endpoints_cannot_be_taken_over(sandbox: RunningSandbox, client: Client) -> None:
    ours = sandbox.info["endpoints"]["frib-fit-mpi"]
    with pytest.raises(globus_sdk.GlobusAPIError) as error:
        client._compute_web_client.v3.update_endpoint(ours, {"endpoint_name": "frib-fit-mpi"})
    assert error.value.http_status == 403
    mine = Daemon(client, "frib-fit-mpi")
    assert mine.id != ours
    mine.close()


def test_a_deleted_endpoint_is_gone(client: Client, daemon: Daemon) -> None:
    client.delete_endpoint(daemon.id)
    for ask in (client.get_endpoint_status, lambda one: daemon.v3.update_endpoint(one, {"endpoint_name": "again"})):
        with pytest.raises(globus_sdk.GlobusAPIError) as error:
            ask(daemon.id)
        assert error.value.http_status == 404
