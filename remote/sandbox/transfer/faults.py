"""Faults of Transfer: what goes wrong with a task, and with the files it copies."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path
from typing import Any

from remote.sandbox.faults import Faults
from remote.sandbox.ids import DTN_COLLECTION
from remote.sandbox.transfer.copying import CopyFault
from remote.sandbox.transfer.damage import damage
from remote.sandbox.transfer.task import TransferTask

_CHECK_SECONDS = 0.1
_DAMAGES = ("corrupt-segment", "hits-lost", "events-lost")
_NAME = re.compile(r"run-(\d+)(?:-(\d+))?[^/]*$")


class TaskFaults:
    """The faults as they meet one transfer task."""

    def __init__(self, faults: Faults, task: TransferTask) -> None:
        self._faults = faults
        self._task = task

    def at_start(self) -> None:
        """Holds the task in the queue, or ends it; to be called before it starts."""
        task = self._task
        first = task.document["DATA"][0].get("source_path", "")
        while self._strike("transfer-queued", first) and not task.over.wait(_CHECK_SECONDS):
            pass
        if self._strike("transfer-failed", first):
            task.finish("ENDPOINT_ERROR", "a fatal error of the endpoint")

    def before_item(self, source: str) -> None:
        """Before a submitted item is examined. Raises as the file system, or the connection, does."""
        if self._strike("transfer-stuck", source):
            raise CopyFault("CONNECT_FAILED", "could not connect to the data channel of the endpoint")
        if self._strike("missing-path", source):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), source)

    def before_copy(self, path: str, source: Path, destination: Path) -> None:
        """Before a file is copied or found to be there already; `path` is its name in the source collection."""
        if self._strike("quota-full", path):
            raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT), str(destination))
        self._damage(source, path, "dtn")

    def after_copy(self, path: str, destination: Path) -> None:
        self._damage(destination, path, "site")

    def _damage(self, file: Path, path: str, where: str) -> None:
        if (found := self._faults.first(_DAMAGES, where=where, **self._event(path))) is not None:
            damage(file, *found)

    def _strike(self, name: str, path: str) -> bool:
        """What is struck stays struck, however often it is tried again, until the fault is cleared."""
        thing = self._task.task_id if name.startswith("transfer-") else f"{self._task.task_id} {path}"
        return self._faults.strike(name, thing, **self._event(path)) is not None

    def _event(self, path: str) -> dict[str, Any]:
        run, segment = run_and_segment(path)
        stage = stage_of(self._task.destination.id) if self._task.destination else None
        return {"path": path, "stage": stage, "run": run, "segment": segment}


def stage_of(destination: str) -> str:
    return "return" if destination == DTN_COLLECTION else "transfer"


def run_and_segment(path: str) -> tuple[int | None, int | None]:
    """The numbers in the name of a file of ours; None for those that are not there."""
    found = _NAME.search(path)
    run, segment = found.groups() if found else (None, None)
    return (int(run) if run else None), (int(segment) if segment else None)
