"""Endpoints of the unmodified globus-compute-endpoint: registered over HTTP, all else over AMQP.

What registers is a manager: it is told to start a child, its user endpoint, which takes the tasks and sends the
results. Both send heartbeats with what they tell of themselves.
"""

from __future__ import annotations

import json
import logging
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from remote.sandbox.compute.results import ResultQueues
from remote.sandbox.compute.workers import Message

_MISSED_HEARTBEATS = 3  # after so many, an endpoint is offline


@dataclass
class _Report:
    """The last one of a manager or a child, and when it came."""

    state: dict[str, Any] = field(default_factory=dict)
    at: float = 0.0

    def is_fresh(self) -> bool:
        period = self.state.get("heartbeat_period") or 0  # 0: it is shutting down
        return time.monotonic() - self.at < _MISSED_HEARTBEATS * float(period)


class Managers:
    """By endpoint id. `known` are the ids that names have already; who registers under another name gets a new one.

    `finished(task_id, reply)` is called with each result, `started` just before: nothing tells of it earlier.
    """

    def __init__(
        self,
        queues: ResultQueues,
        known: dict[str, str],
        owner: str,
        *,
        started: Callable[[str], None],
        finished: Callable[[str, Message], None],
    ) -> None:
        self._queues = queues
        self._known = known
        self._owner = owner
        self._started = started
        self._finished = finished
        self._lock = threading.Lock()
        self._ids: set[str] = set()
        self._reports: dict[str, _Report] = {}

    def __contains__(self, endpoint_id: str) -> bool:
        return endpoint_id in self._ids

    def register(self, name: str, endpoint_id: str | None) -> dict[str, Any]:
        """The reply to a registration, whose queues are there from now on."""
        manager = endpoint_id or self._known.get(name) or str(uuid.uuid4())
        self._queues.broker().declare(f"{manager}.commands")
        reply = {
            "endpoint_id": manager,
            "command_queue_info": self._queue_info(f"{manager}.commands"),
            "heartbeat_queue_info": self._inbox(manager, "heartbeats", self._take_heartbeat),
        }
        with self._lock:
            self._ids.add(manager)
        return reply

    def details(self, endpoint_id: str) -> dict[str, Any] | None:
        """What the manager itself tells, which is little; None while it is offline."""
        with self._lock:
            report = self._reports.get(endpoint_id)
        return report.state if report and report.is_fresh() else None

    def submit(self, endpoint_id: str, messages: list[Message]) -> None:
        """Give these tasks of one submission to the child for its options, which is started unless it is there."""
        options = messages[0]["options"] or {}
        broker = self._queues.broker()
        child = str(uuid.uuid5(uuid.UUID(endpoint_id), json.dumps(options, sort_keys=True)))
        broker.declare(f"{child}.tasks")
        start = {
            "command": "cmd_start_endpoint",
            "args": [],
            "kwargs": {
                "name": f"uep.{endpoint_id}.{child}",
                "user_opts": options,
                "user_runtime": {},
                "amqp_creds": {
                    "endpoint_id": child,
                    "task_queue_info": self._queue_info(f"{child}.tasks"),
                    "result_queue_info": self._inbox(child, "results", self._take_result),
                    "heartbeat_queue_info": self._inbox(child, "heartbeats", self._take_heartbeat),
                },
            },
            "globus_username": "operator@sandbox",
            "globus_effective_identity": self._owner,
            "globus_identity_set": [{"sub": self._owner}],
        }
        command = json.dumps(start).encode()
        broker.publish(f"{endpoint_id}.commands", command, content_type="application/json", timestamp=int(time.time()))
        for message in messages:
            broker.publish(f"{child}.tasks", _packed(message), headers=_headers(message), delivery_mode=2)

    def forget(self, endpoint_id: str) -> None:
        with self._lock:
            self._ids.discard(endpoint_id)
            self._reports.pop(endpoint_id, None)

    def _queue_info(self, queue: str) -> dict[str, Any]:
        return {"connection_url": self._queues.broker().url, "exchange": "", "queue": queue}

    def _inbox(self, endpoint_id: str, kind: str, take: Callable[[Any], None]) -> dict[str, Any]:
        """A queue of an endpoint that is read here, as the endpoint must know it."""
        queue = f"{endpoint_id}.{kind}"
        self._queues.broker().declare(queue, exchange=kind, take=partial(_unpacked, take))
        how = {"exchange": kind, "routing_key": queue, "mandatory": True, "properties": {"delivery_mode": 2}}
        return {**self._queue_info(queue), "exchange": kind, "queue_publish_kwargs": how}

    def _take_heartbeat(self, report: Any) -> None:
        with self._lock:
            self._reports[str(report.endpoint_id)] = _Report(report.global_state, time.monotonic())

    def _take_result(self, result: Any) -> None:
        moments = {each.state.value: each.timestamp / 1e9 for each in result.task_statuses or []}
        reply = {"details": {**(result.details or {}), "task_transitions": moments}}
        self._started(str(result.task_id))
        self._finished(str(result.task_id), {**reply, "exception" if result.is_error else "result": result.data})


def _packed(message: Message) -> bytes:
    from globus_compute_common.messagepack import pack
    from globus_compute_common.messagepack.message_types import Task
    from globus_compute_sdk.serialize import ComputeSerializer, PureSourceTextInspect

    code = message["function"]
    if message["source_name"]:
        code = ComputeSerializer.pack_buffers([f"{PureSourceTextInspect.identifier}{message['source_name']}:{code}"])
    return pack(Task(task_id=message["task_id"], task_buffer=code + message["payload"]))


def _headers(message: Message) -> dict[str, Any]:
    headers = {"function_uuid": message["function_id"], "task_uuid": message["task_id"]}
    if message["result_serializers"]:
        headers["result_serializers"] = message["result_serializers"]
    return headers


def _unpacked(take: Callable[[Any], None], body: bytes) -> None:
    """Call `take` with a message of an endpoint. What it cannot take is not the broker's trouble."""
    from globus_compute_common.messagepack import unpack

    try:
        take(unpack(body))
    except Exception:
        logging.getLogger(__name__).exception("a message of an endpoint is not used")
