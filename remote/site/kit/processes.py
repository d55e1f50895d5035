# ruff: noqa: UP006, UP035
"""The processes of a job: which there are, what they have used, and their end.

Standard library only, Python 3.6 or newer, as job.py.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import time
from typing import List, NamedTuple

ROUNDS, ROUND_SECONDS = 40, 0.05  # of looking for what was started while the others were killed


class Process(NamedTuple):
    """One that has not ended. `cpu` in seconds, with that of its children that have; memory in bytes, of its own and
    such as others may have too."""

    pid: int
    cpu: float
    private: int = 0
    shared: int = 0


def of_session(session: int) -> List[Process]:
    """Those of a session, in all its process groups: mpirun gives each rank one. Needs Linux; elsewhere none."""
    found = []
    ticks, page = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
    for name in filter(str.isdigit, os.listdir("/proc") if os.path.isdir("/proc") else []):  # noqa: PTH112, PTH208
        with contextlib.suppress(OSError, IndexError):  # it ends while it is looked at
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
                state, _parent, _group, its_session, *others = file.read().rpartition(")")[2].split()
            if int(its_session) == session and state != "Z":
                with open(f"/proc/{name}/statm", encoding="ascii") as file:
                    _, resident, shared = (int(pages) * page for pages in file.read().split()[:3])
                found.append(Process(int(name), sum(map(int, others[7:11])) / ticks, resident - shared, shared))
    return found


def end_with_parent() -> None:
    """In the new process: have Linux send it SIGTERM when job.py dies. Elsewhere it goes without."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def stop(script: "subprocess.Popen[bytes]", grace: float) -> None:
    """End the session of the script: politely while the script still runs, for `grace` seconds, then for good."""
    if script.poll() is None:
        os.killpg(script.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            script.wait(timeout=grace)
    with contextlib.suppress(ProcessLookupError):  # the usual case: nobody is left
        os.killpg(script.pid, signal.SIGKILL)
    for _ in range(ROUNDS):
        left = of_session(script.pid)
        if not left:
            break
        for process in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
        time.sleep(ROUND_SECONDS)
    script.wait()
