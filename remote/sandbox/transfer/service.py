"""The sandbox's Transfer service: submissions, the queue of tasks, and operations on collections.

As in the service, three transfers (and three deletes) run at a time; the other tasks are ACTIVE with nice_status
"Queued". A task has one thread, so that at most three threads copy. Tasks are kept in memory only.
"""

from __future__ import annotations

import threading
import uuid
from collections import deque
from collections.abc import Callable
from typing import TypeVar

from remote.sandbox.faults import Faults
from remote.sandbox.transfer.access import AccessRules, endpoint_document
from remote.sandbox.transfer.collection import Collection, Document, TransferError, refusal
from remote.sandbox.transfer.document import bad_request, check_items, check_texts, deadline
from remote.sandbox.transfer.faults import TaskFaults
from remote.sandbox.transfer.query import order, select
from remote.sandbox.transfer.task import Clock, Side, TransferTask
from remote.sandbox.transfer.work import CopyWork, DeleteWork, Work

T = TypeVar("T")

_AT_A_TIME = 3
_DAY = 86400.0
_FILE_FIELDS = frozenset({"name", "type", "size", "last_modified", "permissions", "user", "group"})
_EVENT_FIELDS = frozenset({"is_error"})
_TASK_FIELDS = frozenset(
    {"task_id", "type", "status", "label", "request_time", "completion_time", "files", "faults", "bytes_transferred"}
)


class TransferService:
    """Thread-safe. Every method raises `TransferError` for what the real service refuses.

    `rate`: bytes per second and task, None for no limit; `retry_seconds`: pause before a faulty unit is tried again.
    """

    def __init__(
        self,
        collections: dict[str, Collection],
        *,
        now: Clock,
        owner_id: str,
        rate: float | None = None,
        retry_seconds: float = 5.0,
        faults: Faults | None = None,
    ) -> None:
        self._collections = collections
        self._now = now
        self._owner_id = owner_id
        self._rate = rate
        self._retry_seconds = retry_seconds
        self._faults = faults or Faults()
        self._access = AccessRules()
        self._lock = threading.Lock()
        self._tasks: dict[str, TransferTask] = {}
        self._by_submission: dict[str, str] = {}
        self._waiting: dict[str, deque[Work]] = {"TRANSFER": deque(), "DELETE": deque()}
        self._running: dict[str, set[threading.Thread]] = {"TRANSFER": set(), "DELETE": set()}
        self._closed = False

    # Submitting and watching tasks

    def submission_id(self) -> str:
        return str(uuid.uuid4())

    def submit(self, document: Document) -> Document:
        """Accept a transfer or delete document; the reply's code is Duplicate for a submission id used before."""
        kind = {"transfer": "TRANSFER", "delete": "DELETE"}.get(document.get("DATA_TYPE", ""))
        if kind is None:
            raise bad_request("DATA_TYPE must be 'transfer' or 'delete'")
        submission = document.get("submission_id")
        if not submission or not isinstance(submission, str):
            raise bad_request("submission_id is missing")
        with self._lock:
            task_id = self._by_submission.get(submission)
            duplicate = task_id is not None
            if task_id is None:
                task_id = self._accept(kind, document)
                self._by_submission[submission] = task_id
        self._start_waiting(kind)
        return _submit_result(kind, submission, task_id, duplicate)

    def task(self, task_id: str) -> Document:
        return self._task(task_id).as_document()

    def tasks(
        self, *, filters: tuple[str, ...] = (), orderby: str | None = None, limit: int = 10, offset: int = 0
    ) -> Document:
        tasks = self.all_tasks()
        found = order(select((task.as_document() for task in tasks), filters, _TASK_FIELDS), orderby, _TASK_FIELDS)
        page = found[offset : offset + limit]
        return {
            "DATA_TYPE": "task_list",
            "length": len(page),
            "limit": limit,
            "offset": offset,
            "total": len(found),
            "DATA": page,
        }

    def all_tasks(self) -> list[TransferTask]:
        """In the order in which they were submitted."""
        with self._lock:
            return list(self._tasks.values())

    def events(self, task_id: str, filters: tuple[str, ...] = ()) -> list[Document]:
        """Event documents, the newest first."""
        return select(self._task(task_id).events[::-1], filters, _EVENT_FIELDS)

    def successful_transfers(self, task_id: str) -> list[Document]:
        return list(self._task(task_id).successful)

    def skipped_errors(self, task_id: str) -> list[Document]:
        return list(self._task(task_id).skipped)

    def update(self, task_id: str, changes: Document) -> Document:
        """Change label or deadline (ISO 8601) of a task that is still active."""
        task = self._task(task_id)
        if task.over.is_set():
            raise TransferError(409, "Conflict", f"task {task_id} has ended")
        if set(changes) - {"DATA_TYPE", "label", "deadline"}:
            raise bad_request("only label and deadline can be updated")
        check_texts(changes, "label")
        task.label = changes.get("label", task.label)
        if "deadline" in changes:
            task.deadline = deadline(changes["deadline"], task.deadline)
        return {"DATA_TYPE": "result", "code": "Updated", "message": "Updated task deadline and/or label"}

    def cancel(self, task_id: str) -> Document:
        if self._task(task_id).finish("CANCELED", "canceled"):
            return {
                "DATA_TYPE": "result",
                "code": "Canceled",
                "message": "The task has been cancelled successfully.",
            }
        return {
            "DATA_TYPE": "result",
            "code": "TaskComplete",
            "message": "The task completed before the cancel request was processed.",
        }

    def close(self) -> None:
        """Stop all work. A file that is being copied leaves no trace, as after a cancel."""
        with self._lock:
            self._closed = True
            tasks = list(self._tasks.values())
            threads = [thread for threads in self._running.values() for thread in threads]
        for task in tasks:
            task.finish("CANCELED", "the sandbox ends")
        for thread in threads:
            thread.join(timeout=1)

    # Context on a collection

    def collection(self, collection_id: str) -> Collection:
        try:
            return self._collections[collection_id]
        except KeyError:
            raise TransferError(404, "EndpointNotFound", f"No such endpoint '{collection_id}'") from None

    def collections(self) -> dict[str, Collection]:
        return dict(self._collections)

    def endpoint(self, collection: str) -> Document:
        return endpoint_document(collection, self.collection(collection), self._owner_id)

    def access_list(self, collection: str) -> list[Document]:
        self.collection(collection)
        return self._access.listed(collection)

    def access(self, collection: str, rule_id: object) -> Document:
        self.collection(collection)
        return self._access.show(collection, rule_id)

    def create_access(self, collection: str, rule: Document) -> Document:
        return self._access.create(collection, self.collection(collection), rule)

    def update_access(self, collection: str, rule_id: object, changes: Document) -> Document:
        self.collection(collection)
        return self._access.update(collection, rule_id, changes)

    def delete_access(self, collection: str, rule_id: object) -> Document:
        self.collection(collection)
        return self._access.delete(collection, rule_id)

    def ls(
        self,
        collection: str,
        path: str,
        show_hidden: bool = True,
        *,
        filters: tuple[str, ...] = (),
        orderby: str | None = None,
        limit: int = 100_000,
        offset: int = 0,
    ) -> Document:
        where = self.collection(collection)
        found = self._operate("ls", collection, lambda: where.listing(path, show_hidden=show_hidden))
        found = order(select(found, filters, _FILE_FIELDS), orderby, _FILE_FIELDS)
        page = found[offset : offset + limit]
        return {
            "DATA_TYPE": "file_list",
            "path": path if path.endswith("/") else path + "/",
            "absolute_path": None,
            "endpoint": collection,
            "length": len(page),
            "total": len(found),
            "rename_supported": True,
            "symlink_supported": False,
            "DATA": page,
        }

    def stat(self, collection: str, path: str) -> Document:
        where = self.collection(collection)
        return self._operate("stat", collection, lambda: where.stat(path))

    def mkdir(self, collection: str, path: str) -> Document:
        where = self.collection(collection)
        self._operate("mkdir", collection, lambda: where.mkdir(path))
        return {
            "DATA_TYPE": "mkdir_result",
            "code": "DirectoryCreated",
            "message": "The directory was created successfully",
        }

    def rename(self, collection: str, old_path: str, new_path: str) -> Document:
        where = self.collection(collection)
        self._operate("rename", collection, lambda: where.rename(old_path, new_path))
        return {"DATA_TYPE": "result", "code": "FileRenamed", "message": "File or directory renamed successfully"}

    def _operate(self, operation: str, collection_id: str, act: Callable[[], T]) -> T:
        try:
            return act()
        except OSError as error:
            raise refusal(error, self._collections[collection_id], collection_id, operation) from error

    # Accepting and starting tasks

    def _task(self, task_id: str) -> TransferTask:
        try:
            return self._tasks[task_id]
        except KeyError:
            raise TransferError(404, "TaskNotFound", f"No task found with id '{task_id}'") from None

    def _accept(self, kind: str, submitted: Document) -> str:
        document = {key: value for key, value in submitted.items() if value is not None}
        check_items(kind, document)
        names = ("source_endpoint", "destination_endpoint") if kind == "TRANSFER" else ("endpoint",)
        sides = [Side(document[name], self.collection(document[name]).name) for name in names]
        task = TransferTask(
            kind=kind,
            document=document,
            source=sides[0],
            destination=sides[1] if kind == "TRANSFER" else None,
            owner_id=self._owner_id,
            now=self._now,
            deadline=deadline(document.get("deadline"), self._now() + _DAY),
            label=document.get("label"),
        )
        collections = [self._collections[side.id] for side in sides]
        work: Work
        if kind == "TRANSFER":
            struck = TaskFaults(self._faults, task)
            work = CopyWork(task, *collections, rate=self._rate, retry_seconds=self._retry_seconds, faults=struck)
        else:
            work = DeleteWork(task, *collections, retry_seconds=self._retry_seconds)
        self._tasks[task.task_id] = task
        self._waiting[kind].append(work)
        return task.task_id

    def _start_waiting(self, kind: str) -> None:
        with self._lock:
            while self._waiting[kind] and len(self._running[kind]) < _AT_A_TIME and not self._closed:
                work = self._waiting[kind].popleft()
                if not work.task.over.is_set():
                    thread = threading.Thread(target=self._run, args=(kind, work), daemon=True)
                    self._running[kind].add(thread)
                    thread.start()

    def _run(self, kind: str, work: Work) -> None:
        try:
            work.run()
        finally:
            with self._lock:
                self._running[kind].discard(threading.current_thread())
            self._start_waiting(kind)


def _submit_result(kind: str, submission: str, task_id: str, duplicate: bool) -> Document:
    name = kind.lower()
    message = f"The {name} has been accepted and a task has been created and queued for execution"
    return {
        "DATA_TYPE": f"{name}_result",
        "code": "Duplicate" if duplicate else "Accepted",
        "message": f"A {name} with this submission id was accepted before" if duplicate else message,
        "submission_id": submission,
        "task_id": task_id,
        "task_link": {
            "DATA_TYPE": "link",
            "href": f"/v0.10/task/{task_id}?format=json",
            "rel": "related",
            "resource": "task",
            "title": "related task",
        },
    }
