"""Carrying out a Transfer task: units of work, tried until they succeed, the deadline passes or the task is cancelled.

As in the service, a fault (a missing source, a full disk) is not a failure: the unit is tried again every
`retry_seconds` and the task stays ACTIVE, with the fault as its nice_status.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from remote.sandbox.transfer.collection import Collection, fault_code
from remote.sandbox.transfer.copying import CHUNK, CopyFault, CopyOptions, children, copy_file, needs_copy
from remote.sandbox.transfer.faults import TaskFaults
from remote.sandbox.transfer.globs import glob_matcher
from remote.sandbox.transfer.task import TaskOver, TransferTask

_SKIPPABLE = ("FILE_NOT_FOUND", "PERMISSION_DENIED")
_PROGRESS_SECONDS = 1.0


@dataclass(frozen=True)
class Unit:
    """One subtask: examine a submitted item, list a directory, or copy a file."""

    kind: str  # item, dir, file
    source: str
    destination: str = ""
    recursive: bool | None = None  # of an item; None: as the source is


class Work:
    """The loop over units; what a unit means is for `perform`, which may append more."""

    def __init__(self, task: TransferTask, retry_seconds: float) -> None:
        self.task = task
        self._retry_seconds = retry_seconds
        self.units: deque[Unit] = deque()

    def perform(self, unit: Unit) -> None:
        raise NotImplementedError

    def run(self) -> None:
        task = self.task
        try:
            task.check()
            task.start()
            while self.units:
                failed = self._round()
                self.units.extend(failed)
                if failed:
                    wait = min(self._retry_seconds, task.deadline - task.now())
                    task.over.wait(max(wait, 0.0))
                    task.check()
            task.show_progress(at_least_after=0)
            task.finish("SUCCEEDED", "succeeded")
        except TaskOver:
            pass

    def _round(self) -> list[Unit]:
        """Try every unit once; those that failed."""
        failed: list[Unit] = []
        while self.units:
            self.task.check()
            unit = self.units.popleft()
            try:
                self.perform(unit)
            except (OSError, CopyFault) as error:
                if not self._skipped(unit, error):
                    failed.append(unit)
            else:
                self.task.subtasks_succeeded += 1
            self.task.subtasks_retrying = len(failed)
            if not failed:
                self.task.nice_status = "OK"
            self.task.show_progress(at_least_after=_PROGRESS_SECONDS)
        return failed

    def _skipped(self, unit: Unit, error: OSError | CopyFault) -> bool:
        """Whether the unit is given up as the task's skip_source_errors says; otherwise the fault is recorded."""
        code = error.code if isinstance(error, CopyFault) else fault_code(error)
        message = f"{error.strerror}: {error.filename}" if isinstance(error, OSError) else str(error)
        at_source = isinstance(error, OSError) and self.is_source(unit, error.filename)
        if self.task.document.get("skip_source_errors") and at_source and code in _SKIPPABLE:
            self.task.skip(unit.source, unit.destination, code, message, is_dir=unit.kind == "dir")
            return True
        self.task.fault(code, message)
        return False

    def is_source(self, unit: Unit, filename: object) -> bool:
        return False

    def add(self, unit: Unit) -> None:
        self.units.append(unit)
        self.task.subtasks_total += 1


class CopyWork(Work):
    """A TRANSFER task. `rate`: bytes per second, None as fast as the disk."""

    def __init__(
        self,
        task: TransferTask,
        source: Collection,
        destination: Collection,
        *,
        rate: float | None,
        retry_seconds: float,
        faults: TaskFaults,
    ) -> None:
        super().__init__(task, retry_seconds)
        document = task.document
        self._from, self._to, self._rate = source, destination, rate
        self._faults = faults
        self._rules = document.get("filter_rules") or []
        self._options = CopyOptions(
            sync_level=document.get("sync_level"),
            verify_checksum=bool(document.get("verify_checksum", True)),
            preserve_timestamp=bool(document.get("preserve_timestamp", False)),
        )
        self.units.extend(
            Unit("item", item["source_path"], item["destination_path"], item.get("recursive"))
            for item in document["DATA"]
        )

    def run(self) -> None:
        self._faults.at_start()
        super().run()

    def is_source(self, unit: Unit, filename: object) -> bool:
        return filename == unit.source or filename == str(self._from.locate(unit.source, follow=False))

    def perform(self, unit: Unit) -> None:
        source = self._from.locate(unit.source)
        if unit.kind == "item":
            self._look_at(unit, source)
        elif unit.kind == "dir":
            self._look_into(unit, source)
        else:
            self._copy(unit, source)

    def _look_at(self, unit: Unit, source: Path) -> None:
        self._faults.before_item(unit.source)
        is_dir = source.is_dir()
        source.stat()
        if unit.recursive is not None and unit.recursive != is_dir:
            number = errno.EISDIR if is_dir else errno.ENOTDIR
            raise OSError(number, os.strerror(number), unit.source)
        if is_dir:
            self.add(Unit("dir", unit.source.rstrip("/") or "/", unit.destination.rstrip("/") or "/"))
        elif unit.destination.endswith("/"):
            raise IsADirectoryError(errno.EISDIR, "a file needs a destination file name", unit.destination)
        else:
            self.task.files += 1
            self.add(Unit("file", unit.source, unit.destination))

    def _look_into(self, unit: Unit, source: Path) -> None:
        found = list(children(source, self._rules))
        self._to.locate(unit.destination).mkdir(parents=True, exist_ok=True)
        self.task.directories += 1
        for name, kind in found:
            if kind == "symlink":
                self.task.symlinks += 1
                continue
            self.task.files += kind == "file"
            self.add(Unit(kind, _below(unit.source, name), _below(unit.destination, name)))

    def _copy(self, unit: Unit, source: Path) -> None:
        destination = self._to.locate(unit.destination)
        self._faults.before_copy(unit.source, source, destination)
        if not needs_copy(source, destination, self._options.sync_level, self.task.checksummed):
            self.task.files_skipped += 1
            return
        already = self.task.bytes_transferred
        try:
            copy_file(
                source,
                destination,
                self._options,
                temporary_name=f".transfer-{self.task.task_id}",
                chunk=CHUNK if self._rate is None else max(1, min(CHUNK, int(self._rate / 10))),
                on_moved=self._moved,
                on_checksummed=self.task.checksummed,
            )
        except BaseException:
            self.task.bytes_transferred = already
            raise
        self._faults.after_copy(unit.source, destination)
        self.task.files_transferred += 1
        paths = {"source_path": unit.source, "destination_path": unit.destination}
        about = {"size": self.task.bytes_transferred - already, "checksum": None, "checksum_algorithm": None}
        self.task.successful.append({"DATA_TYPE": "successful_transfer", **paths, **about})

    def _moved(self, count: int) -> None:
        self.task.moved(count)
        if self._rate:
            self.task.over.wait(count / self._rate)
        self.task.show_progress(at_least_after=_PROGRESS_SECONDS)


class DeleteWork(Work):
    """A DELETE task. Links are deleted, never followed; the collection's own base directory stays. With
    `interpret_globs` the last component of a path may be a pattern, and no match is a missing file."""

    def __init__(self, task: TransferTask, collection: Collection, *, retry_seconds: float) -> None:
        super().__init__(task, retry_seconds)
        self._collection = collection
        self.units.extend(Unit("item", item["path"]) for item in task.document["DATA"])

    def perform(self, unit: Unit) -> None:
        if self.task.document.get("interpret_globs") and unit.kind == "item":
            return self._expand(unit.source)
        place = self._collection.locate(unit.source, follow=False)
        if place.resolve() == self._collection.inside.resolve():
            raise PermissionError(errno.EACCES, "the base of a collection is not deleted", unit.source)
        if not os.path.lexists(place):
            if self.task.document.get("ignore_missing"):
                return
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), unit.source)
        if place.is_dir() and not place.is_symlink():
            if not self.task.document.get("recursive"):  # this ends the task, where other errors are tried again
                self.task.finish("IS_A_DIRECTORY", f"a directory is deleted only with recursive: {unit.source}")
                raise TaskOver
            shutil.rmtree(place)
            self.task.directories += 1
        else:
            place.unlink()
            self.task.files += 1

    def _expand(self, path: str) -> None:
        directory, _, pattern = path.rstrip("/").rpartition("/")
        matched = glob_matcher(pattern)
        names = [place.name for place in self._collection.locate(f"{directory}/").iterdir() if matched(place.name)]
        if not names and not self.task.document.get("ignore_missing"):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        for name in sorted(names):
            self.add(Unit("file", _below(directory, name)))


def _below(directory: str, name: str) -> str:
    return f"{directory.rstrip('/')}/{name}"
