"""Stand-ins for Transfer and Compute behind the action providers: tasks end when the test says so."""

from __future__ import annotations

import itertools
import uuid
from dataclasses import dataclass, field
from typing import Any

from remote.sandbox.transfer.collection import TransferError

OWNER = "0c9a5ad3-4a5e-4a5c-9f2d-6b1f1f0c0001"
COLLECTIONS = ("aaaaaaaa-0000-4000-8000-000000000001", "aaaaaaaa-0000-4000-8000-000000000002")
FUNCTION, ENDPOINT = "ffffffff-0000-4000-8000-000000000001", "eeeeeeee-0000-4000-8000-000000000001"


class Clock:
    """A clock that stands still until it is set forward."""

    def __init__(self, start: float = 1_700_000_000.0) -> None:
        self.time = start

    def __call__(self) -> float:
        return self.time


class FakeTransfer:
    def __init__(self) -> None:
        self.documents: dict[str, dict[str, Any]] = {}
        self.tasks: dict[str, str] = {}
        self.directories: set[str] = set()
        self.wanted: dict[str, Any] = {}  # beside collection and path, of the last listing
        self.outcome = "SUCCEEDED"  # of the next task that is submitted

    def submission_id(self) -> str:
        return str(uuid.uuid4())

    def submit(self, document: dict[str, Any]) -> dict[str, Any]:
        end = document.get("source_endpoint", document.get("endpoint"))
        if end not in COLLECTIONS:
            raise TransferError(404, "EndpointNotFound", f"No such endpoint '{end}'")
        task_id = str(uuid.uuid4())
        self.documents[task_id], self.tasks[task_id] = document, self.outcome
        return {"DATA_TYPE": "transfer_result", "code": "Accepted", "task_id": task_id}

    def task(self, task_id: str) -> dict[str, Any]:
        return {"DATA_TYPE": "task", "task_id": task_id, "status": self.tasks[task_id], "nice_status": "OK"}

    def events(self, task_id: str) -> list[dict[str, Any]]:
        return [{"DATA_TYPE": "event", "code": "STARTED"}]

    def cancel(self, task_id: str) -> dict[str, Any]:
        self.tasks[task_id] = "FAILED"
        return {"code": "Canceled"}

    def ls(self, collection: str, path: str, show_hidden: bool = True, **wanted: Any) -> dict[str, Any]:
        self.wanted = wanted
        names = sorted(d.rpartition("/")[2] for d in self.directories if d.rpartition("/")[0] == path.rstrip("/"))
        return {"DATA_TYPE": "file_list", "DATA": [{"name": n, "type": "dir"} for n in names], "path": path}

    def stat(self, collection: str, path: str) -> dict[str, Any]:
        if path not in self.directories:
            raise TransferError(404, "NotFound", f"Path not found, {path}")
        return {"DATA_TYPE": "file", "name": path.rpartition("/")[2], "type": "dir"}

    def endpoint(self, collection: str) -> dict[str, Any]:
        return {"DATA_TYPE": "endpoint", "id": collection}

    def mkdir(self, collection: str, path: str) -> dict[str, Any]:
        if path in self.directories:
            raise TransferError(502, "ExternalError.MkdirFailed.Exists", f"Path already exists, {path}")
        self.directories.add(path)
        return {"DATA_TYPE": "mkdir_result", "code": "DirectoryCreated"}


@dataclass
class FakeOutcome:
    status: str
    value: Any = None
    exception: str | None = None


@dataclass
class FakeCompute:
    calls: list[tuple[str, str, list[Any], dict[str, Any]]] = field(default_factory=list)
    outcomes: dict[str, FakeOutcome] = field(default_factory=dict)

    def submit_calls(self, endpoint: str, calls: list[Any], task_group_id: str | None = None) -> tuple[str, list[str]]:
        ids = []
        for call in calls:
            ids.append(str(uuid.uuid4()))
            self.calls.append((endpoint, *call))
            self.outcomes[ids[-1]] = FakeOutcome("pending")
        return task_group_id or str(uuid.uuid4()), ids

    def outcome(self, task_id: str) -> FakeOutcome:
        return self.outcomes[task_id]

    def finish(self, *values: Any) -> None:
        """Ends the pending tasks in their order; an Exception as value makes one fail."""
        pending = [task_id for task_id, outcome in self.outcomes.items() if outcome.status == "pending"]
        for task_id, value in zip(pending, itertools.chain(values, itertools.repeat(None)), strict=False):
            failed = isinstance(value, Exception)
            self.outcomes[task_id] = (
                FakeOutcome("failed", None, str(value)) if failed else FakeOutcome("success", value)
            )
