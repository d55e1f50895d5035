"""The sandbox's Compute service: functions, endpoints, tasks and task groups.

Functions, arguments and results are packed as globus_compute_sdk packs them and are really executed, in the worker
processes of the endpoints (`workers.py`). Everything is kept in memory only.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from remote.sandbox.compute.endpoints import Endpoint, Endpoints
from remote.sandbox.compute.errors import ComputeError
from remote.sandbox.compute.managers import Managers
from remote.sandbox.compute.results import QUEUE_PREFIX, ResultQueues
from remote.sandbox.compute.workers import Message, Working
from remote.sandbox.faults import Faults

Document = dict[str, Any]
Call = tuple[str, list[Any], dict[str, Any]]
"""(function id, args, kwargs)"""

_FAULTS_OF_CALLS = (
    *("function-crash", "function-hang", "silent-success", "disk-full", "root-spoilt"),
    *("worker-lost", "endpoint-slow", "result-too-large"),
)
_FAULTS_OF_EXECUTIONS = ("block-lost", "user-endpoint-killed")  # should it be executed again, they do not strike again


@dataclass(frozen=True)
class Outcome:
    """Where a task is: `value` is the function's result, `exception` the text of what it raised."""

    status: str  # pending, success, failed
    value: Any = None
    exception: str | None = None


@dataclass
class Task:
    """A call of a function. `kwargs` are for the records only: what is executed is the packed payload."""

    task_id: str
    endpoint_id: str
    function_id: str
    function: str
    kwargs: dict[str, Any]
    created: float
    status: str = "received"
    reply: Message = field(default_factory=dict)  # result | exception, details
    started: float | None = None
    executions: int = 0
    completed: float | None = None
    group: str = ""


class ComputeService:
    """Thread-safe. Every method raises `ComputeError` for what the real service refuses.

    `run_dir` and `environment` are the workers'; their logs go to `run_dir`. `owner` is the identity that all belongs
    to; `known` are the ids of endpoints by name that are to register themselves. `speed` divides the times until
    something lost is noticed. `worker_counts`: see `Endpoints`.
    """

    def __init__(
        self,
        *,
        endpoints: dict[str, Endpoint],
        now: Callable[[], float],
        run_dir: Path,
        environment: dict[str, str],
        faults: Faults | None = None,
        owner: str = "",
        known: dict[str, str] | None = None,
        speed: float = 1.0,
        worker_counts: bool = False,
    ) -> None:
        from globus_compute_sdk.serialize import ComputeSerializer  # by parts, where the process has asked for that

        self._now = now
        self._faults = faults or Faults()
        self._serializer = ComputeSerializer()
        self._lock = threading.Lock()
        self._functions: dict[str, Document] = {}
        self._tasks: dict[str, Task] = {}
        self._groups: dict[str, list[str]] = {}
        self._results = ResultQueues()
        self._endpoints = Endpoints(
            endpoints,
            now=now,
            faults=self._faults,
            managers=Managers(self._results, known or {}, owner, started=self._on_started, finished=self._on_finished),
            worker_counts=worker_counts,
            run_dir=run_dir,
            environment=environment,
            speed=speed,
            started=self._on_started,
            finished=self._on_finished,
            fault_of=self._fault_of,
        )

    def tasks(self) -> list[Task]:
        """All calls in the order in which they were submitted."""
        with self._lock:
            return list(self._tasks.values())

    def working(self) -> list[Working]:
        return self._endpoints.working()

    def close(self) -> None:
        self._endpoints.close()
        self._results.close()

    # Functions

    def register_function(self, document: Document) -> Document:
        """`document` as Client.register_function sends it; `serialized: false` marks plain source text."""
        name, code = document.get("function_name"), document.get("function_code")
        if not isinstance(name, str) or not isinstance(code, str):
            raise ComputeError(422, "SEMANTICALLY_INVALID", "function_name and function_code are required")
        function_id = str(uuid.uuid4())
        with self._lock:
            self._functions[function_id] = document
        return {"function_uuid": function_id}

    def function(self, function_id: str) -> Document:
        document = self._function(function_id)
        return {
            "function_uuid": function_id,
            "function_name": document["function_name"],
            "function_code": document["function_code"],
            "description": document.get("description") or "",
            "metadata": document.get("meta") or {},
        }

    def delete_function(self, function_id: str) -> None:
        self._function(function_id)
        with self._lock:
            self._functions.pop(function_id, None)

    # Endpoints

    def endpoints(self) -> dict[str, Endpoint]:
        return self._endpoints.all()

    def endpoint(self, endpoint_id: str) -> Endpoint:
        return self._endpoints.find(endpoint_id)

    def endpoint_status(self, endpoint_id: str) -> Document:
        """{"status": "online", "details": what it tells}; offline, without details, while it is locked."""
        details = self._endpoints.details(endpoint_id)
        return {"status": "offline"} if details is None else {"status": "online", "details": details}

    def is_online(self, endpoint_id: str) -> bool:
        return endpoint_id in self.endpoints() and self._endpoints.details(endpoint_id) is not None

    def lock_endpoint(self, endpoint_id: str) -> Document:
        """What stopping an endpoint does at the service: for a while it is offline and takes no tasks."""
        until = self._endpoints.lock(endpoint_id)
        return {"endpoint_id": endpoint_id, "lock_expiration_timestamp": _timestamp(until)}

    def register_endpoint(self, document: Document, endpoint_id: str | None) -> Document:
        """Where an endpoint of globus-compute-endpoint gets its commands, and sends its heartbeats."""
        return self._endpoints.register(document, endpoint_id)

    def delete_endpoint(self, endpoint_id: str) -> None:
        self._endpoints.delete(endpoint_id)

    # Tasks

    def submit(self, endpoint_id: str, document: Document) -> Document:
        """A batch as the SDK sends it: `{"tasks": {function id: [packed (args, kwargs), ...]}, "task_group_id"?,
        "create_queue"?}`; with a queue, the results of its task group are also published (`result_queues`)."""
        tasks = document.get("tasks")
        if not isinstance(tasks, dict) or not tasks or not all(isinstance(p, list) and p for p in tasks.values()):
            raise ComputeError(422, "SEMANTICALLY_INVALID", "tasks must map function ids to lists of payloads")
        if document.get("resource_specification"):
            reason = "resource_specification needs a GlobusMPIEngine, which no endpoint of the sandbox has"
            raise ComputeError(422, "SEMANTICALLY_INVALID", reason)
        group = document.get("task_group_id") or str(uuid.uuid4())
        if document.get("create_queue"):
            self._results.open(group)
        calls = [(function_id, payload) for function_id, payloads in tasks.items() for payload in payloads]
        task_ids = iter(self._accept(endpoint_id, group, calls, document))
        return {
            "request_id": str(uuid.uuid4()),
            "task_group_id": group,
            "endpoint_id": endpoint_id,
            "tasks": {fid: [next(task_ids) for _ in payloads] for fid, payloads in tasks.items()},
        }

    def result_queues(self) -> Document:
        """Where results are published: the queue of a task group is `queue_prefix` with its id."""
        return {"queue_prefix": QUEUE_PREFIX, "connection_url": self._results.broker().url}

    def submit_calls(
        self, endpoint_id: str, calls: list[Call], task_group_id: str | None = None
    ) -> tuple[str, list[str]]:
        """The same for arguments that are not packed. (task group id, task ids in the order of the calls)."""
        group = task_group_id or str(uuid.uuid4())
        pack = self._serializer
        packed = [
            (function_id, pack.pack_buffers([pack.serialize(tuple(args)), pack.serialize(kwargs)]))
            for function_id, args, kwargs in calls
        ]
        return group, self._accept(endpoint_id, group, packed, {})

    def batch_status(self, task_ids: Iterable[str]) -> dict[str, Document]:
        """Task documents by id; an unknown id gets one that is failed, with a reason."""
        documents = {}
        for task_id in task_ids:
            task = self._tasks.get(task_id)
            unknown = {"task_id": task_id, "status": "failed", "reason": f"Task {task_id} not found"}
            documents[task_id] = self._document(task) if task else unknown
        return documents

    def task(self, task_id: str) -> Document:
        return self._document(self._task(task_id))

    def outcome(self, task_id: str) -> Outcome:
        task = self._task(task_id)
        if task.completed is None:
            return Outcome("pending")
        if "exception" in task.reply:
            return Outcome("failed", exception=task.reply["exception"])
        try:
            return Outcome("success", self._serializer.deserialize(task.reply["result"]))
        except Exception as error:  # any class can be in there, and its module need not be here
            return Outcome("failed", exception=f"The result cannot be deserialized: {error!r}")

    def task_group(self, group_id: str) -> Document:
        with self._lock:
            task_ids = self._groups.get(group_id)
            if task_ids is None:
                raise ComputeError(404, "TASK_GROUP_NOT_FOUND", f"Task group {group_id} could not be resolved")
            tasks = [{"id": i, "created_at": _timestamp(self._tasks[i].created)} for i in task_ids]
        return {"taskgroup_id": group_id, "create_websockets_queue": False, "tasks": tasks}

    def _accept(self, endpoint_id: str, group: str, calls: list[tuple[str, str]], document: Document) -> list[str]:
        """Queue packed calls of a submission; all of them or, when one is refused, none."""
        self._endpoints.need_unlocked(endpoint_id)
        messages: list[Message] = []
        tasks: list[Task] = []
        for function_id, payload in calls:
            function = self._function(function_id)
            task_id, name = str(uuid.uuid4()), function["function_name"]
            tasks.append(Task(task_id, endpoint_id, function_id, name, self._kwargs(payload), self._now(), group=group))
            messages.append(
                {
                    "task_id": task_id,
                    "function_id": function_id,
                    "function": function["function_code"],
                    "source_name": None if function.get("serialized", True) else name,
                    "payload": payload,
                    "result_serializers": document.get("result_serializers"),
                    "options": document.get("user_endpoint_config"),
                }
            )
        task_ids = [task.task_id for task in tasks]
        with self._lock:
            self._tasks.update({task.task_id: task for task in tasks})
            self._groups.setdefault(group, []).extend(task_ids)
        kept = {task.task_id for task in tasks if not self._is_lost(task) and not self._is_not_allowed(task)}
        self._endpoints.submit(endpoint_id, [message for message in messages if message["task_id"] in kept])
        return task_ids

    def _is_lost(self, task: Task) -> bool:
        """Whether it is never begun nor answered."""
        event = self._event(task)
        return self._endpoints.without_block(event["endpoint"]) or self._faults.is_struck("task-lost", **event)

    def _is_not_allowed(self, task: Task) -> bool:
        """Whether its endpoint allows other functions only: then it has failed at once."""
        if not self._faults.is_struck("function-not-allowed", **self._event(task)):
            return False
        child = self._endpoints.child(task.endpoint_id)
        self._on_finished(task.task_id, {"exception": f"Function {task.function_id} not permitted on endpoint {child}"})
        return True

    def _kwargs(self, payload: str) -> dict[str, Any]:
        """The keyword arguments of a packed call; empty when they cannot be read here."""
        try:
            kwargs = self._serializer.deserialize(self._serializer.unpack_buffers(payload)[1])
        except Exception:  # any class can be in there, and its module need not be here
            return {}
        return kwargs if isinstance(kwargs, dict) else {}

    def _document(self, task: Task) -> Document:
        with self._lock:
            if task.status == "received" and not self._endpoints.has_idle_worker(task.endpoint_id):
                task.status = "waiting-for-nodes"
            document: Document = {"task_id": task.task_id, "status": task.status, **task.reply}
            if task.completed is not None:
                document["completion_t"] = str(task.completed)
                document["details"] = {**task.reply.get("details", {}), "endpoint_id": task.endpoint_id}
        return document

    def _event(self, task: Task) -> dict[str, Any]:
        """The call as faults know it."""
        where = {"endpoint": self.endpoint(task.endpoint_id).name, "stage": task.function}
        return {**where, "run": task.kwargs.get("run"), "segment": task.kwargs.get("segment")}

    def _fault_of(self, task_id: str) -> Message:
        event = self._event(self._task(task_id))
        found = self._faults.first(_FAULTS_OF_EXECUTIONS, **event)
        found = found or self._faults.first(_FAULTS_OF_CALLS, thing=task_id, **event)
        return {"fault": {"name": found[0], **found[1]}} if found else {}

    def _on_started(self, task_id: str) -> None:
        with self._lock:
            self._tasks[task_id].status = "running"
            self._tasks[task_id].started = self._now()
            self._tasks[task_id].executions += 1

    def _on_finished(self, task_id: str, reply: Message) -> None:
        with self._lock:
            task = self._tasks[task_id]
            task.reply = {key: reply[key] for key in ("result", "exception", "details") if key in reply}
            task.status = "failed" if "exception" in reply else "success"
            task.completed = self._now()
        self._results.publish(task.group, task_id, task.reply)

    def _function(self, function_id: str) -> Document:
        try:
            return self._functions[function_id]
        except KeyError:
            raise ComputeError(404, "FUNCTION_NOT_FOUND", f"Function {function_id} could not be resolved") from None

    def _task(self, task_id: str) -> Task:
        try:
            return self._tasks[task_id]
        except KeyError:
            raise ComputeError(404, "TASK_NOT_FOUND", f"Task {task_id} could not be resolved") from None


def _timestamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).replace(tzinfo=None).isoformat(timespec="microseconds")
