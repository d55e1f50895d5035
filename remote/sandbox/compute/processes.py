"""Ending whatever a worker has started, also what left its process group or lost its parent.

Every worker has a mark in its environment, which all that it starts inherits.
"""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

MARK = "FRIB_SANDBOX_WORKER"
"""Environment variable; its value is unique for each worker process."""


def processes_by_mark() -> dict[str, list[int]]:
    """Ids of this user's processes, without our own, by mark. Empty where there is no /proc (macOS)."""
    prefix = f"{MARK}=".encode()
    found: dict[str, list[int]] = {}
    for directory in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            for variable in (directory / "environ").read_bytes().split(b"\0"):
                if variable.startswith(prefix) and int(directory.name) != os.getpid():
                    found.setdefault(variable.removeprefix(prefix).decode(), []).append(int(directory.name))
    return found


def kill_marked(mark: str, group: int) -> None:
    """SIGKILL the process group of a worker and everything with its mark, until nothing of it is left."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if group != os.getpgrp():
            os.killpg(group, signal.SIGKILL)
    # Again, because a process may have started another between our listing and our kill.
    for _ in range(20):
        found = processes_by_mark().get(mark, [])
        if not found:
            return
        for pid in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
