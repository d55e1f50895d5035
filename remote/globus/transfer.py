"""Globus Transfer: what became of a transfer task, what lies in a collection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from remote.globus import paging
from remote.globus.credentials import hidden
from remote.globus.errors import RemoteError, calling
from remote.globus.limits import once_options, repeatable_options

if TYPE_CHECKING:
    from globus_sdk.authorizers import GlobusAuthorizer

_MOST_TASKS = 1000  # that Transfer lists


@dataclass(frozen=True)
class TransferTask:
    """A task document of Transfer; counts of files, sizes in bytes, rate in bytes per second, times in ISO 8601.

    `status` is ACTIVE, INACTIVE, SUCCEEDED or FAILED. `faults` counts attempts that Transfer repeats by itself: not a
    failure. `nice_status` is "OK", "Queued" or the last class of error. `fatal_error` is the reason of a FAILED task.
    """

    id: str
    status: str
    label: str
    files: int
    files_transferred: int
    files_skipped: int
    bytes_transferred: int
    rate: float
    faults: int
    nice_status: str
    nice_status_details: str
    fatal_error: str | None
    requested: str
    completed: str | None
    deadline: str | None


@dataclass(frozen=True)
class TransferEvent:
    time: str
    code: str
    description: str
    details: str
    is_error: bool


@dataclass(frozen=True)
class RemoteFile:
    """A name in a collection: type "file", "dir", "link" or whatever the collection says; size in bytes.

    `modified` is when it was written last, in ISO 8601, as the collection's clock has it; '' when it does not say.
    """

    type: str
    size: int
    modified: str = field(default="", compare=False)


@dataclass(frozen=True)
class Collection:
    """`mapped`: listing it wants a data_access consent."""

    id: str
    name: str
    mapped: bool


class Transfer:
    """The calls of Transfer that the console makes."""

    def __init__(self, authorizer: GlobusAuthorizer, service_url: str | None) -> None:
        import globus_sdk

        def client(options: dict[str, Any]) -> globus_sdk.TransferClient:
            return globus_sdk.TransferClient(authorizer=authorizer, base_url=service_url, **options)

        self._sdk = client(repeatable_options())
        self._once = client(once_options())

    def task(self, task_id: str) -> TransferTask:
        with calling("transfer", "task"):
            return _task(self._sdk.get_task(task_id).data)

    def successful(self, task_id: str) -> list[tuple[str, str]]:
        """(source path, destination path) of every file that arrived so far."""
        with calling("transfer", "successful"):
            pages = paging.by_marker(partial(self._sdk.task_successful_transfers, task_id), "DATA", paging.nullable)
            return [(f["source_path"], f["destination_path"]) for page in pages for f in page]

    def events(self, task_id: str, limit: int = 50) -> list[TransferEvent]:
        """The newest `limit` events, newest first."""
        with calling("transfer", "events"):
            documents = self._sdk.task_event_list(task_id, limit=limit)["DATA"]
            return [_event(e) for e in documents[:limit]]

    def ls(self, collection: str, path: str) -> dict[str, RemoteFile] | None:
        """What is in a directory, hidden files included; None when there is no such directory."""
        import globus_sdk

        with calling("transfer", "ls"):
            try:
                listing = self._sdk.operation_ls(collection, path, show_hidden=True, limit=100_000)
            except globus_sdk.TransferAPIError as exc:
                if _no_such_path(exc):
                    return None
                raise
            return {f["name"]: _file(f) for f in listing["DATA"]}

    def stat(self, collection: str, path: str) -> RemoteFile | None:
        """The file or directory at `path`; None when nothing is there."""
        import globus_sdk

        with calling("transfer", "stat"):
            try:
                return _file(self._sdk.operation_stat(collection, path).data)
            except globus_sdk.TransferAPIError as exc:
                if _no_such_path(exc):
                    return None
                raise

    def mkdir(self, collection: str, path: str) -> bool:
        """Make a directory; False when it was there. Its parent must exist."""
        import globus_sdk

        with calling("transfer", "mkdir"):
            try:
                self._sdk.operation_mkdir(collection, path)
            except globus_sdk.TransferAPIError as exc:
                if "Exists" in (exc.code or ""):
                    return False
                raise
            return True

    def make_directories(self, collection: str, path: str) -> None:
        """Make a directory and the parents that it lacks; it may be there already."""
        try:
            self.mkdir(collection, path)
        except RemoteError:
            parent = path.rpartition("/")[0]
            if not parent or self.stat(collection, parent) is not None:
                raise
            self.make_directories(collection, parent)
            self.mkdir(collection, path)

    def collection(self, collection: str) -> Collection:
        with calling("transfer", "collection"):
            return _collection(self._sdk.get_endpoint(collection).data)

    def search(self, words: str, limit: int = 10) -> list[Collection]:
        """The first collections that are found by these words."""
        with calling("transfer", "search"):
            found = self._sdk.endpoint_search(words, limit=limit)["DATA"]
            return [_collection(each) for each in found if each.get("entity_type") != "GCSv5_endpoint"]

    def under_way(self, label: str) -> list[TransferTask]:
        """The tasks of this login with that label that have not ended."""
        with calling("transfer", "under_way"):
            found = self._sdk.task_list(filter={"status": ["ACTIVE", "INACTIVE"]}, limit=_MOST_TASKS)["DATA"]
            return [_task(document) for document in found if document.get("label") == label]

    def time(self) -> float | None:
        """What its clock says, in seconds since the epoch, whole ones; None when an answer does not tell."""
        with calling("transfer", "time"):
            date = self._sdk.task_list(limit=1).headers.get("Date")
            return parsedate_to_datetime(date).timestamp() if date else None

    def submission_id(self) -> str:
        """For one task: whoever submits with it twice gets the same task."""
        with calling("transfer", "submission_id"):
            return str(self._sdk.get_submission_id()["value"])

    def copy(
        self,
        submission: str,
        source: str,
        destination: str,
        files: Sequence[tuple[str, str]],
        *,
        label: str,
        deadline: datetime,
    ) -> str:
        """Copy (source path, destination path) between two collections; the id of the task.

        It may be asked for again with the same submission id. Files that are not there are left out.
        """
        import globus_sdk

        with calling("transfer", "copy"):
            document = globus_sdk.TransferData(
                source, destination, label=label, submission_id=submission, deadline=deadline,
                verify_checksum=True, skip_source_errors=True, fail_on_quota_errors=True,
                notify_on_succeeded=False, notify_on_failed=False, notify_on_inactive=False,
            )  # fmt: skip
            for source_path, destination_path in files:
                document.add_item(source_path, destination_path)
            return str(self._sdk.submit_transfer(document)["task_id"])

    def delete(self, submission: str, collection: str, path: str, *, label: str, deadline: datetime) -> str:
        """Delete a directory and all below it, if it is there; the id of the task. Repeatable as `copy` is."""
        import globus_sdk

        with calling("transfer", "delete"):
            document = globus_sdk.DeleteData(
                collection, label=label, submission_id=submission, recursive=True, ignore_missing=True,
                deadline=deadline, notify_on_succeeded=False, notify_on_failed=False, notify_on_inactive=False,
            )  # fmt: skip
            document.add_item(path)
            return str(self._sdk.submit_delete(document)["task_id"])

    def cancel(self, task_id: str) -> None:
        with calling("transfer", "cancel", repeatable=False):
            self._once.cancel_task(task_id)


def _task(document: dict[str, Any]) -> TransferTask:
    fatal = document.get("fatal_error")
    return TransferTask(
        id=document["task_id"],
        status=document["status"],
        label=document.get("label") or "",
        files=document.get("files") or 0,
        files_transferred=document.get("files_transferred") or 0,
        files_skipped=document.get("files_skipped") or 0,
        bytes_transferred=document.get("bytes_transferred") or 0,
        rate=float(document.get("effective_bytes_per_second") or 0),
        faults=document.get("faults") or 0,
        nice_status=document.get("nice_status") or "",
        nice_status_details=hidden(str(document.get("nice_status_details") or "")),
        fatal_error=hidden(f"{fatal.get('code')}: {fatal.get('description')}") if fatal else None,
        requested=document.get("request_time") or "",
        completed=document.get("completion_time"),
        deadline=document.get("deadline"),
    )


def _collection(document: dict[str, Any]) -> Collection:
    mapped = document.get("entity_type") == "GCSv5_mapped_collection" and not document.get("high_assurance")
    return Collection(str(document["id"]), hidden(str(document.get("display_name") or "")), mapped)


def _event(document: dict[str, Any]) -> TransferEvent:
    return TransferEvent(
        time=document.get("time") or "",
        code=document.get("code") or "",
        description=hidden(document.get("description") or ""),
        details=hidden(str(document.get("details") or "")),
        is_error=bool(document.get("is_error")),
    )


def _file(document: dict[str, Any]) -> RemoteFile:
    return RemoteFile(document.get("type") or "", document.get("size") or 0, document.get("last_modified") or "")


def _no_such_path(exc: Any) -> bool:
    """A missing path, as opposed to a missing collection, which is 404 as well (EndpointNotFound)."""
    code = exc.code or ""
    return exc.http_status == 404 and code.endswith("NotFound") and not code.endswith("EndpointNotFound")
