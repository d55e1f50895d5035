# ruff: noqa: UP006, UP035
"""What a command of the site answers, within a time. That it is not there, hangs or prints rubbish is a fact, no error.

Standard library only, Python 3.6 or newer, as job.py.
"""

import contextlib
import os
import selectors
import shutil
import signal
import subprocess
import time
from typing import Any, Dict, List

from logs import printable

SECONDS = 20.0
MOST_BYTES = 200_000  # of what a command prints

Answer = Dict[str, Any]


def ask(command: List[str], seconds: float = SECONDS) -> Answer:
    """{"command": its name} and: "absent": true; or "hung": after how many seconds it was ended; or "rc" and "lines",
    what it printed on both streams ("cut": true when there was more)."""
    answer = {"command": os.path.basename(command[0])}  # type: Answer # noqa: PTH119
    program = shutil.which(command[0])
    if program is None:
        return dict(answer, absent=True)
    try:
        process = subprocess.Popen(
            [program, *command[1:]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:  # it is there and cannot be run
        return dict(answer, rc=126, lines=[printable(str(error))])
    deadline = time.monotonic() + seconds
    try:
        said = _read(process, deadline)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(max(0.1, deadline - time.monotonic()) if len(said) <= MOST_BYTES else 0.1)
        ended = process.returncode
    finally:
        _end(process)
    text = said[:MOST_BYTES].decode("utf-8", "replace")
    # Tabs are kept: columns of probe.sh.
    lines = ["\t".join(map(printable, line.split("\t"))) for line in text.splitlines() if line.strip()]
    if len(said) > MOST_BYTES:
        return dict(answer, rc=ended if ended is not None else 0, lines=lines, cut=True)
    if ended is None:
        return dict(answer, hung=seconds)
    return dict(answer, rc=128 - ended if ended < 0 else ended, lines=lines)


def _read(process: "subprocess.Popen[bytes]", deadline: float) -> bytes:
    """What it prints until it ends, the time is over or it is too much."""
    assert process.stdout is not None  # noqa: S101
    output = process.stdout.fileno()
    said = b""
    with selectors.DefaultSelector() as selector:
        selector.register(output, selectors.EVENT_READ)
        while len(said) <= MOST_BYTES:
            left = deadline - time.monotonic()
            if left <= 0 or not selector.select(left):
                break
            block = os.read(output, 65536)
            if not block:
                break
            said += block
    return said


def _end(process: "subprocess.Popen[bytes]") -> None:
    """With all that it started. One that hangs in the kernel is not waited for."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(1.0)
    if process.stdout is not None:
        process.stdout.close()
