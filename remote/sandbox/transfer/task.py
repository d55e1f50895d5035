"""The record of one Transfer task: its counters, its events, and the documents the API shows of it.

The fields are those of the registered `task_list` fixture of globus-sdk; the codes of events and faults are Transfer's.
One thread works on a task, others read it and may cancel it; `finish` happens once, under the task's lock.
"""

from __future__ import annotations

import base64
import json
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from remote.sandbox.transfer.collection import Document

Clock = Callable[[], float]
"""Seconds since the epoch."""


def utc(seconds: float) -> str:
    return datetime.fromtimestamp(int(seconds), timezone.utc).isoformat()


class TaskOver(Exception):
    """The task was cancelled or its deadline has passed: whoever works on it stops."""


@dataclass(frozen=True)
class Side:
    """A collection as a task document names it."""

    id: str
    name: str


@dataclass
class TransferTask:
    """Counters are written by the one thread that works on the task. Times are seconds since the epoch."""

    kind: str  # TRANSFER or DELETE
    document: Document  # as submitted
    source: Side
    destination: Side | None
    owner_id: str
    now: Clock
    deadline: float
    label: str | None
    task_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    status: str = "ACTIVE"
    nice_status: str | None = "Queued"
    fatal_error: Document | None = None
    request_time: float = field(init=False)
    completion_time: float | None = None
    files: int = 0
    directories: int = 0
    symlinks: int = 0
    files_skipped: int = 0
    files_transferred: int = 0
    bytes_transferred: int = 0
    bytes_checksummed: int = 0
    faults: int = 0
    subtasks_total: int = 0
    subtasks_succeeded: int = 0
    subtasks_retrying: int = 0
    successful: list[Document] = field(default_factory=list)
    skipped: list[Document] = field(default_factory=list)
    events: list[Document] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _progress_shown: tuple[float, int] = (0.0, 0)

    def __post_init__(self) -> None:
        self.request_time = self.now()
        self.subtasks_total = len(self.document["DATA"])

    def start(self) -> None:
        self.nice_status = "OK"
        self._progress_shown = (self.now(), 0)
        self.event("STARTED", "started")

    def check(self) -> None:
        """Raises TaskOver when the task has been cancelled, or now ends because its deadline has passed."""
        if self.now() >= self.deadline:
            self.finish("EXPIRED", "the deadline has passed" + self._last_fault())
        if self.over.is_set():
            raise TaskOver

    def moved(self, count: int) -> None:
        self.check()
        self.bytes_transferred += count

    def checksummed(self, count: int) -> None:
        self.check()
        self.bytes_checksummed += count

    def show_progress(self, *, at_least_after: float) -> None:
        """A PROGRESS event, when the last one is long enough ago and something moved since."""
        then, moved = self._progress_shown
        seconds, count = self.now() - then, self.bytes_transferred - moved
        if count and seconds >= at_least_after:
            rate = count * 8e-6 / seconds if seconds > 0 else 0.0
            self.event("PROGRESS", "progress", bytes_transferred=count, duration=round(seconds, 3), mbps=round(rate, 3))
            self._progress_shown = (self.now(), self.bytes_transferred)

    def fault(self, code: str, message: str) -> None:
        """A failed attempt that will be tried again: an event and nice_status report it, it is not yet a failure."""
        self.faults += 1
        self.nice_status = code
        self.event(code, code.replace("_", " ").lower(), is_error=True, error=message)

    def skip(self, source_path: str, destination_path: str | None, code: str, message: str, *, is_dir: bool) -> None:
        self.faults += 1
        self.event(code, code.replace("_", " ").lower(), is_error=True, error=message, skipped=True)
        self.skipped.append(
            {
                "DATA_TYPE": "skipped_error",
                "source_path": source_path,
                "destination_path": destination_path,
                "error_code": code,
                "error_details": message,
                "error_time": utc(self.now()),
                "is_directory": is_dir,
                "is_symlink": False,
                "is_delete_destination_extra": False,
                "external_checksum": None,
                "checksum_algorithm": None,
            }
        )

    def finish(self, code: str, description: str) -> bool:
        """End the task with the event SUCCEEDED, CANCELED, EXPIRED or a fatal error. False: it had ended before."""
        with self._lock:
            if self.over.is_set():
                return False
            if code == "SUCCEEDED":
                self.status = "SUCCEEDED"
                self.nice_status = None
            else:
                self.status = "FAILED"
                self.fatal_error = {"code": code, "description": description}
            self.subtasks_retrying = 0
            self.completion_time = self.now()
            self.event(code, description, is_error=code not in ("SUCCEEDED", "CANCELED"))
            self.over.set()
        return True

    def event(self, code: str, description: str, *, is_error: bool = False, **details: Any) -> None:
        self.events.append(
            {
                "DATA_TYPE": "event",
                "time": utc(self.now()),
                "code": code,
                "description": description,
                "details": json.dumps(details),
                "is_error": is_error,
            }
        )

    def _last_fault(self) -> str:
        errors = [event for event in self.events if event["is_error"]]
        return f"; last error: {errors[-1]['code']}: {json.loads(errors[-1]['details'])['error']}" if errors else ""

    def as_document(self) -> Document:
        active = self.status == "ACTIVE"
        seconds = max((self.completion_time or self.now()) - self.request_time, 0.001)
        unfinished = max(self.subtasks_total - self.subtasks_succeeded - len(self.skipped), 0)
        ended_by = self.fatal_error["code"] if self.fatal_error else None
        return {
            "DATA_TYPE": "task",
            "task_id": self.task_id,
            "type": self.kind,
            "status": self.status,
            "label": self.label,
            "owner_id": self.owner_id,
            "username": "u_" + base64.b32encode(uuid.UUID(self.owner_id).bytes).decode().rstrip("=").lower(),
            "command": "API 0.10",
            "request_time": utc(self.request_time),
            "completion_time": utc(self.completion_time) if self.completion_time else None,
            "deadline": utc(self.deadline),
            **_side("source", self.source),
            **_side("destination", self.destination),
            "files": self.files,
            "directories": self.directories,
            "symlinks": self.symlinks,
            "files_skipped": self.files_skipped,
            "files_transferred": self.files_transferred,
            "bytes_transferred": self.bytes_transferred,
            "bytes_checksummed": self.bytes_checksummed,
            "effective_bytes_per_second": int(self.bytes_transferred / seconds),
            "faults": self.faults,
            "fatal_error": self.fatal_error,
            "nice_status": self.nice_status,
            "nice_status_short_description": self.nice_status,
            "nice_status_details": None,
            "nice_status_expires_in": -1 if active else None,
            "is_ok": self.nice_status in ("OK", "Queued") if active else None,
            "is_paused": False,
            "canceled_by_admin": None,
            "canceled_by_admin_message": None,
            "history_deleted": False,
            "subtasks_total": self.subtasks_total,
            "subtasks_succeeded": self.subtasks_succeeded,
            "subtasks_retrying": self.subtasks_retrying,
            "subtasks_pending": unfinished - self.subtasks_retrying if active else 0,
            "subtasks_skipped_errors": len(self.skipped),
            "subtasks_failed": 0,
            "subtasks_canceled": unfinished if ended_by == "CANCELED" else 0,
            "subtasks_expired": unfinished if ended_by == "EXPIRED" else 0,
            **self._options(),
        }

    def _options(self) -> Document:
        submitted = self.document
        return {
            "sync_level": submitted.get("sync_level"),
            "verify_checksum": bool(submitted.get("verify_checksum", True)),
            "encrypt_data": bool(submitted.get("encrypt_data", False)),
            "filter_rules": submitted.get("filter_rules"),
            "skip_source_errors": bool(submitted.get("skip_source_errors", False)),
            "fail_on_quota_errors": bool(submitted.get("fail_on_quota_errors", False)),
            "preserve_timestamp": bool(submitted.get("preserve_timestamp", False)),
            "delete_destination_extra": False,
            "recursive_symlinks": "ignore",
        }


def _side(which: str, side: Side | None) -> Document:
    """The three keys by which a task document names a collection; the first is the legacy name."""
    return {
        f"{which}_endpoint": side and side.id,
        f"{which}_endpoint_id": side and side.id,
        f"{which}_endpoint_display_name": side and side.name,
    }
