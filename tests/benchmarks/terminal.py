"""A program on a pseudo-terminal of its own, watched by its bytes."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import NoReturn

from tests.waiting import HANGS_AFTER

# Cursor movements, colours, modes; titles and other strings up to their end; two-byte escapes.
_ESCAPES = re.compile(rb"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]P_^].*?(?:\x1b\\|\x07)|\x1b[ -/]*[0-~]", re.DOTALL)


class Terminal:
    """Lives as long as `running`'s with block; then the program's session is killed if it is still there."""

    def __init__(self, pid: int, fd: int) -> None:
        self.pid, self.fd = pid, fd
        self.output = b""
        self.closed = False

    def text(self) -> str:
        """All that was ever painted, without escapes."""
        return _ESCAPES.sub(b"", self.output).decode(errors="replace")

    def read(self, seconds: float) -> None:
        """Take in what the program writes, for at most so long; returns after each piece."""
        if not select.select([self.fd], [], [], max(0.0, seconds))[0]:
            return
        try:
            piece = os.read(self.fd, 65536)
        except OSError:  # how Linux says that the other end is closed
            piece = b""
        self.output += piece
        self.closed = not piece

    def wait_for(self, text: str) -> None:
        deadline = time.monotonic() + HANGS_AFTER
        while text not in self.text():
            if self.closed or time.monotonic() > deadline:
                raise TimeoutError(f"no {text!r} was painted, but: {self.text()[-300:]!r}")
            self.read(deadline - time.monotonic())

    def watch(self, seconds: float) -> None:
        """Let the program run on, reading what it writes."""
        deadline = time.monotonic() + seconds
        while not self.closed and time.monotonic() < deadline:
            self.read(deadline - time.monotonic())

    def send(self, keys: bytes) -> None:
        os.write(self.fd, keys)

    def wait_for_exit(self) -> int:
        """The program's exit code."""
        deadline = time.monotonic() + HANGS_AFTER
        while not self.closed:
            if time.monotonic() > deadline:
                raise TimeoutError("the program has not ended")
            self.read(deadline - time.monotonic())
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


@contextlib.contextmanager
def running(
    command: Sequence[str], environ: Mapping[str, str], columns: int = 120, rows: int = 40
) -> Iterator[Terminal]:
    pid, fd = pty.fork()
    if pid == 0:
        _become(command, environ, columns, rows)
    terminal = Terminal(pid, fd)
    try:
        yield terminal
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        os.close(fd)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, 0)


def _become(command: Sequence[str], environ: Mapping[str, str], columns: int, rows: int) -> NoReturn:
    try:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        os.execvpe(command[0], list(command), dict(environ))
    finally:
        os._exit(127)
