"""A slow line: a command at the far end of a terminal line of so many bytes a second and so much delay each way.

`python -m tests.slow_line --rate 10000 --delay 0.15 COMMAND ...` stands between the terminal it is started in and the
command, as ssh does: bytes pass in both directions, late and no faster than the line, and so does the window's size.
What the command writes faster waits in the terminal of the far end, which blocks it, as a full window of TCP would.
The exit code is that of the command.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import pty
import select
import signal
import sys
import termios
import time
import tty
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

CHUNK = 1024  # bytes that are taken at once, when the line is free
IDLE = 3600.0  # s


@dataclass
class Direction:
    """Bytes on their way from one file descriptor to another. At most a second's worth is in the line."""

    source: int
    sink: int
    rate: float  # bytes per second
    delay: float  # s
    _on_the_way: deque[tuple[float, bytes]] = field(default_factory=deque)
    _free_at: float = 0.0  # when the line can take more
    ended: bool = False

    def takes(self, now: float) -> bool:
        return not self.ended and now >= self._free_at

    def take(self, now: float) -> None:
        try:
            data = os.read(self.source, CHUNK)
        except OSError:  # the far end has no process any more
            data = b""
        self.ended = not data
        self._free_at = max(now, self._free_at) + len(data) / self.rate
        if data:
            self._on_the_way.append((self._free_at + self.delay, data))

    def deliver(self, now: float) -> None:
        while self._on_the_way and self._on_the_way[0][0] <= now:
            _, data = self._on_the_way.popleft()
            while data:
                data = data[os.write(self.sink, data) :]

    def next_moment(self, now: float) -> float:
        """When something has to be done without anything being read."""
        moments = [self._on_the_way[0][0]] if self._on_the_way else []
        return min([*moments, *([self._free_at] if self._free_at > now and not self.ended else [])], default=now + IDLE)

    @property
    def empty(self) -> bool:
        return not self._on_the_way


def relay(command: Sequence[str], rate: float, delay: float) -> int:
    """Run the command behind the line until it ends and all that it wrote has come through; its exit code."""
    child, far = pty.fork()
    if child == 0:
        os.execvp(command[0], command)

    def same_size(*_: object) -> None:
        fcntl.ioctl(far, termios.TIOCSWINSZ, fcntl.ioctl(0, termios.TIOCGWINSZ, b"\0" * 8))

    same_size()
    signal.signal(signal.SIGWINCH, same_size)
    before = termios.tcgetattr(0)
    tty.setraw(0)
    out, back = Direction(far, 1, rate, delay), Direction(0, far, rate, delay)
    try:
        while not (out.ended and out.empty):
            now = time.monotonic()
            readable = [one.source for one in (out, back) if one.takes(now)]
            until = min(one.next_moment(now) for one in (out, back))
            ready, _, _ = select.select(readable, [], [], max(0.0, until - now))
            now = time.monotonic()
            for one in (out, back):
                if one.source in ready:
                    one.take(now)
                one.deliver(now)
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, before)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.slow_line")
    parser.add_argument("--rate", type=float, default=10_000, metavar="BYTES", help="per second (10000)")
    parser.add_argument("--delay", type=float, default=0.15, metavar="SECONDS", help="each way (0.15)")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    given = parser.parse_args(arguments)
    return relay(given.command, given.rate, given.delay)


if __name__ == "__main__":
    sys.exit(main())
