"""Who drives: a file lock beside the ledger makes the driver the only one, and its heartbeat shows that it is alive.

The system releases the lock when the process dies, however it dies. The heartbeat is the modification time of the lock
file, so that it costs the ledger nothing.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from console.ledger import actor

BEAT_SECONDS = 1.0
HUNG_AFTER = 15.0  # seconds without a heartbeat


@dataclass(frozen=True)
class Presence:
    """What is known of the driver: `pid` at `host`, started by `who`; `beat_age`: seconds since its last heartbeat."""

    pid: int
    host: str
    who: str
    started: float
    mode: str  # background, foreground or sandbox
    beat_age: float = 0.0

    @property
    def here(self) -> bool:
        return self.host == socket.gethostname()

    @property
    def hung(self) -> bool:
        return self.beat_age > HUNG_AFTER


def lock_path(ledger: Path) -> Path:
    return ledger.with_name(ledger.name + ".driver")


class DriverLock:
    """Held by the one driver of a ledger for as long as its process lives."""

    def __init__(self, ledger: Path) -> None:
        self.path = lock_path(ledger)
        self._fd: int | None = None

    def take(self, mode: str, patience: float = 1.0) -> bool:
        """Try to become the driver; False when another one is. Readers touch the lock briefly, hence the patience."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        until = time.monotonic() + patience
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    os.close(fd)
                    return False
                time.sleep(0.05)
        me = Presence(os.getpid(), socket.gethostname(), actor(), time.time(), mode)
        os.ftruncate(fd, 0)
        os.pwrite(fd, json.dumps(asdict(me)).encode(), 0)
        self._fd = fd
        return True

    def beat(self) -> None:
        if self._fd is not None:
            os.utime(self._fd)

    def release(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def driver(ledger: Path) -> Presence | None:
    """The driver of this ledger, or None when nobody drives."""
    try:
        fd = os.open(lock_path(ledger), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return None  # nobody holds it
        except BlockingIOError:
            pass
        try:
            known = json.loads(os.pread(fd, 4096, 0))
        except ValueError:  # it has just taken the lock and not written its name yet
            known = {"pid": 0, "host": socket.gethostname(), "who": "?", "started": time.time(), "mode": "?"}
        known["beat_age"] = max(0.0, time.time() - os.fstat(fd).st_mtime)
        return Presence(**known)
    finally:
        os.close(fd)
