"""Ending whatever a worker or a daemon has started, also what left its process group or lost its parent.

Every worker has a mark in its environment, which all that it starts inherits. A daemon that writes its title over its
environment hides the mark: what has lost its parent becomes a child of the daemon's keeper.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import time
from pathlib import Path

MARK = "FRIB_SANDBOX_WORKER"
"""Environment variable; its value is unique for each worker process."""

_PR_SET_CHILD_SUBREAPER = 36


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


def adopt_orphans() -> None:
    """From now on, what we have started and has lost its parent is our child (Linux only)."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def kill_descendants() -> None:
    """SIGKILL all that we have started, until nothing of it is left. For whoever adopts orphans."""
    while found := _descendants(os.getpid()):
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        time.sleep(0.01)


def _descendants(ancestor: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for directory in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parent = (directory / "stat").read_text().rpartition(")")[2].split()[1]
            children.setdefault(int(parent), []).append(int(directory.name))
    found, new = [], [ancestor]
    while new:
        new = [child for pid in new for child in children.get(pid, [])]
        found += new
    return found
