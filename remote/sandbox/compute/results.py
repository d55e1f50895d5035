"""Results as the SDK's Executor takes them: from a queue for each task group, as soon as they are there."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from remote.sandbox.amqp.broker import Broker

QUEUE_PREFIX = "results-of-group."


class ResultQueues:
    """`broker()` starts the sandbox's message broker: nothing of it is loaded, and nothing listens, before."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._broker: Broker | None = None
        self._groups: set[str] = set()

    def broker(self) -> Broker:
        from remote.sandbox.amqp.broker import Broker

        with self._lock:
            if self._broker is None:
                self._broker = Broker()
            return self._broker

    def open(self, group: str) -> None:
        """From now on, results of this task group are published."""
        self.broker().declare(QUEUE_PREFIX + group)
        self._groups.add(group)

    def publish(self, group: str, task_id: str, reply: dict[str, Any]) -> None:
        """What became of a task ("result" or "exception", and "details"), if somebody waits for its group."""
        if group not in self._groups:
            return
        from globus_compute_common.messagepack import pack
        from globus_compute_common.messagepack.message_types import Result

        message: dict[str, Any] = {"task_id": task_id, "details": reply.get("details")}
        if "exception" in reply:
            told = {"code": "RemoteExecutionError", "user_message": "An error occurred during the execution"}
            message |= {"data": reply["exception"], "error_details": told}
        else:
            message["data"] = reply["result"]
        self.broker().publish(QUEUE_PREFIX + group, pack(Result(**message)))

    def close(self) -> None:
        with self._lock:
            if self._broker is not None:
                self._broker.close()
