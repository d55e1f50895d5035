"""The Executor of the Compute SDK, unmodified, against a sandbox: results come by the message broker."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import globus_sdk
import pika
import psutil
import pytest
from globus_compute_sdk import Executor
from globus_compute_sdk.errors import TaskExecutionFailed
from globus_compute_sdk.sdk.executor import _RESULT_WATCHERS
from pika import exceptions

from tests.remote.sandbox.compute.test_compute_contract import client_of
from tests.sandbox_fixture import RunningSandbox, sandbox, start_sandbox
from tests.sdk_fixtures import assert_like, registered
from tests.waiting import HANGS_AFTER, until

__all__ = ["sandbox"]


@pytest.fixture
def executor(sandbox: RunningSandbox) -> Iterator[Executor]:
    client = client_of(sandbox)
    group = str(uuid.uuid4())  # without, all executors of a process share one, and the service of the first
    with Executor(sandbox.info["endpoints"]["frib-fit-mpi"], client=client, task_group_id=group) as executor:
        yield executor
    watcher = _RESULT_WATCHERS.get(executor.task_group_id)
    if watcher is not None:  # it would look for the sandbox after its end, and hold up that of pytest
        watcher.shutdown()


def square(number: int) -> int:
    if number < 0:
        raise ValueError(f"negative: {number}")
    return number * number


def test_results_and_an_exception_come_to_the_executor(executor: Executor) -> None:
    good = [executor.submit(square, number) for number in range(5)]
    bad = executor.submit(square, -1)
    assert [future.result(HANGS_AFTER) for future in good] == [0, 1, 4, 9, 16]
    with pytest.raises(TaskExecutionFailed, match="ValueError: negative: -1"):
        bad.result(HANGS_AFTER)


def test_a_function_that_compute_refuses_fails_in_the_executor(executor: Executor) -> None:
    refused = executor.submit_to_registered_function(str(uuid.uuid4()), (1,))
    with pytest.raises(globus_sdk.GlobusAPIError) as error:
        refused.result(HANGS_AFTER)
    assert error.value.http_status == 404


def letters(count: int) -> str:
    return "x" * count


def test_a_large_result_comes_whole(executor: Executor) -> None:
    assert len(executor.submit(letters, 5_000_000).result(HANGS_AFTER)) == 5_000_000


def test_the_executors_results_can_be_polled_too(executor: Executor) -> None:
    future = executor.submit(square, 7)
    assert future.result(HANGS_AFTER) == 49
    task = executor.client._compute_web_client.v2.get_task(future.task_id).data
    assert (task["status"], executor.client.fx_serializer.deserialize(task["result"])) == ("success", 49)


def test_the_broker_listens_once_it_is_asked_for(tmp_path: Path) -> None:
    with start_sandbox(tmp_path) as alone:
        client = client_of(alone)
        function = client.register_function(square)
        task_id = client.run(3, endpoint_id=alone.info["endpoints"]["frib-fit-mpi"], function_id=function)
        until(lambda: "completion_t" in client._compute_web_client.v2.get_task(task_id).data, every=0.6)
        assert len(listening(alone)) == 1
        place = pika.URLParameters(client.get_result_amqp_url()["connection_url"])
        assert listening(alone) > {("127.0.0.1", place.port)}


def listening(sandbox: RunningSandbox) -> set[tuple[str, int]]:
    connections = psutil.Process(sandbox.process.pid).net_connections()
    return {(c.laddr.ip, c.laddr.port) for c in connections if c.status == psutil.CONN_LISTEN}


def test_the_broker_is_on_loopback_and_nobody_gets_in_without_its_secrets(sandbox: RunningSandbox) -> None:
    place: dict[str, Any] = client_of(sandbox).get_result_amqp_url()
    assert_like(place, registered("compute.v2.get_result_amqp_url"))
    parameters = pika.URLParameters(place["connection_url"])
    assert parameters.host == "127.0.0.1"
    parameters.credentials = pika.PlainCredentials(parameters.credentials.username, "guest")
    with pytest.raises(exceptions.AMQPConnectionError):
        pika.BlockingConnection(parameters)
