"""Becoming the driver, also in the place of one that hangs or was stopped.

The old one must never act again: on this machine it gets SIGKILL before its place is taken. A driver on another machine
cannot be reached and so is not replaced. Each driver raises the ledger's epoch, and whatever an older one still tries
to write is refused (`console.ledger.store`): so it stops before it acts, as each act follows a write.
"""

from __future__ import annotations

import fcntl
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from console.ledger.presence import BEAT_SECONDS, RETRY_SECONDS, DriverLock, Presence, advice, driver, signal_exactly
from console.ledger.store import EPOCH, Ledger

CONFIRM_SECONDS = 1.2 * BEAT_SECONDS  # a driver that beats within this time is alive, whatever its clock says
READERS_SECONDS = 0.2  # whoever looks who drives touches the lock for a moment
KILLED_SECONDS = 1.0
TAKEOVER_LOCK_SECONDS = 5.0
TAKEOVERS = "driver_takeovers"


class AnotherDrives(Exception):
    """There is a driver, and it is alive."""


class CannotReplace(Exception):
    """The driver hangs and cannot be replaced from here; says where it is and what to do."""


def become_driver(ledger: Path, mode: str) -> tuple[DriverLock, str]:
    """Take the lock, if need be from a driver that does not respond. The text says from whom; '' when from nobody.

    Raises AnotherDrives, CannotReplace; OSError when there can be no lock file.
    """
    lock = DriverLock(ledger)
    if lock.take(mode, READERS_SECONDS):
        return lock, _from(lock.predecessor, "which has died")
    other = driver(ledger)
    if other is None or not _unresponsive(ledger, other):
        raise AnotherDrives(_named(other))
    how = "which was stopped" if other.stopped else f"which gave no sign of life for {other.beat_age:.0f} s"
    killed = _kill(other)
    if lock.take(mode, KILLED_SECONDS):
        return lock, _from(lock.predecessor, f"{how} and was ended")
    with _takeover_lock(ledger):
        now = driver(ledger)
        if now is None or not now.same_process(other):
            raise AnotherDrives(_named(now))
        if not killed:
            raise CannotReplace(f"{advice(other)} (its lock is held by a process that cannot be seen from here)")
        # SIGKILL was sent and will be the first thing that it sees; until then it is in the kernel, with the lock.
        lock.replace(mode, other)
        return lock, _from(other, f"{how} and cannot come back")


def raise_epoch(ledger: Ledger, lock: DriverLock, takeover: str) -> int:
    """Begin a new epoch: from now on no older driver can write. `takeover` is the text of `become_driver`."""
    with ledger.change():
        # The lock file remembers, too: a ledger that was restored from a backup has an old epoch.
        before = max(int(ledger.get(EPOCH, "0")), lock.predecessor.epoch if lock.predecessor else 0)
        takeovers = int(ledger.get(TAKEOVERS, "0")) + bool(takeover)
        ledger.put(EPOCH, str(before + 1))
        ledger.put(TAKEOVERS, str(takeovers))
        text = f"driver started ({lock.me.mode}), process {lock.me.pid} on {lock.me.host}"
        ledger.event("warning" if takeover else "info", f"{text}{takeover and ': '}{takeover}", actor=lock.me.who)
    lock.publish(epoch=before + 1, takeovers=takeovers, problem="")
    return before + 1


def _named(other: Presence | None) -> str:
    return f"{other.who}, process {other.pid} on {other.host}" if other and other.pid else "another process"


def _from(predecessor: Presence | None, how: str) -> str:
    return f"takes over from {_named(predecessor)}, {how}" if predecessor else ""


def _unresponsive(ledger: Path, other: Presence) -> bool:
    """Looked at twice, as a clock may be set and a machine may sleep: alive is who beats while we look."""
    if not other.hung:
        return False
    if other.stopped:
        return True
    until = time.monotonic() + CONFIRM_SECONDS
    while time.monotonic() < until:
        now = driver(ledger)
        if now is None or not now.same_process(other) or now.beat_age < other.beat_age:
            return False
        time.sleep(RETRY_SECONDS)
    return True


def _kill(other: Presence) -> bool:
    """End a driver that does not respond. False when there is no such process (any more)."""
    if not other.here:
        raise CannotReplace(advice(other))
    try:
        return signal_exactly(other.pid, other.born, signal.SIGKILL)
    except PermissionError:
        raise CannotReplace(advice(other)) from None


@contextmanager
def _takeover_lock(ledger: Path) -> Iterator[None]:
    """Held by whoever replaces the lock file: one process at a time. Raises AnotherDrives when it is not to be had."""
    fd = os.open(ledger.with_name(ledger.name + ".takeover"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        until = time.monotonic() + TAKEOVER_LOCK_SECONDS
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise AnotherDrives("another process is taking over") from None
                time.sleep(RETRY_SECONDS)
        yield
    finally:
        os.close(fd)
