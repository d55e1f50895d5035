"""Who drives: a file lock beside the ledger makes the driver the only one, and its heartbeat shows that it is alive.

The system releases the lock when the process dies, however it dies. The heartbeat is the modification time of the lock
file, so that it costs the ledger nothing and goes on when the disk is full.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import getpass
import json
import operator
import os
import signal
import socket
import time
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from console import VERSION
from console.ledger.errors import NoLongerDriving
from console.ledger.ownership import claim
from console.settings.private import NotOurs, account, kept_mode, told
from flowspec import text

BEAT_SECONDS = 1.0
NO_HEARTBEAT_SECONDS = 5.0  # after which a driver counts as hung
RECORD_BYTES = 2048  # always written whole, into room that is there already: also when the disk is full
PROBLEM_LENGTH = 400
NAME_LENGTH = 64
LARGEST = 1 << 31  # of a pid, a time or a counter in the lock file
RETRY_SECONDS = 0.05


@dataclass(frozen=True)
class Presence:
    """What is known of the driver: `pid` at `host`, started by `who`; `beat_age`: seconds since its last heartbeat.

    `born` identifies the process, as a pid is used again. `epoch` counts all drivers of this ledger, `takeovers` those
    that replaced one that had not ended by itself. `problem` says why the driver cannot write to the ledger.
    """

    pid: int
    host: str
    who: str
    started: float
    mode: str  # background, foreground or sandbox
    born: str = ""
    epoch: int = 0
    takeovers: int = 0
    problem: str = ""
    beat_age: float = 0.0
    version: str = ""  # of the console that it is of; '' for one that did not tell
    stopped: bool = False  # by SIGSTOP or ctrl+z, as far as it can be seen from here

    @property
    def here(self) -> bool:
        return self.host == socket.gethostname()

    @property
    def hung(self) -> bool:
        return self.stopped or self.beat_age > NO_HEARTBEAT_SECONDS

    @property
    def other_version(self) -> str:
        """Its version when it is not ours; '' else."""
        return self.version if self.version != VERSION else ""

    def same_process(self, other: Presence | None) -> bool:
        return other is not None and (self.pid, self.host, self.born) == (other.pid, other.host, other.born)


def actor(name: str = "") -> str:
    """Who acts, for requests and events: `account@host` by the kernel's uid.

    When somebody has said a `name`, or the environment gives another one, as after sudo, it comes first:
    `anna(shift)@host`. Anybody can choose that.
    """
    mine = account(os.getuid())
    try:
        given = text.clean(name, NAME_LENGTH).strip() or text.clean(getpass.getuser(), NAME_LENGTH)
    except (KeyError, OSError):
        given = mine
    return f"{mine if given == mine else f'{given}({mine})'}@{socket.gethostname().split('.')[0]}"


def lock_path(ledger: Path) -> Path:
    return ledger.with_name(ledger.name + ".driver")


def advice(present: Presence) -> str:
    """The advice for a driver that hangs where it cannot be replaced."""
    how = "was stopped" if present.stopped else f"has given no sign of life for {present.beat_age:.0f} s"
    return (
        f"the driver (process {present.pid} on {present.host}, started by {present.who}) {how}: nothing is launched or "
        f"watched. End it there: kill -9 {present.pid}, which is safe: the next driver goes on where it stopped"
    )


class DriverLock:
    """Held by the one driver of a ledger for as long as its process lives."""

    def __init__(self, ledger: Path) -> None:
        self._ledger = ledger
        self.path = lock_path(ledger)
        self.predecessor: Presence | None = None  # the driver before, if it did not end by itself
        self.me = Presence(os.getpid(), socket.gethostname(), actor(), time.time(), "", born_of(os.getpid()) or "")
        self.me = replace(self.me, version=VERSION)
        self._fd: int | None = None
        self._written = False

    def take(self, mode: str, patience: float = 1.0) -> bool:
        """Try to become the driver; False when another one is. Readers touch the lock briefly, hence the patience.

        Raises OSError when there can be no lock file: a directory that is read-only, a full disk; NotOurs when ledger,
        directory or lock belong to another account, or others may write there.
        """
        claim(self._ledger)
        until = time.monotonic() + patience
        while True:
            fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            if _locked(fd, fcntl.LOCK_EX) and self._in_place(fd):
                self.predecessor = _read(fd)
                self._hold(fd, mode)
                return True
            os.close(fd)
            if time.monotonic() > until:
                return False
            time.sleep(RETRY_SECONDS)

    def replace(self, mode: str, predecessor: Presence) -> None:
        """Put a new lock file in the place of one whose holder can never act again but has not let go of it."""
        new = self.path.with_name(f"{self.path.name}.{os.getpid()}")
        fd = os.open(new, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        os.fchmod(fd, kept_mode(self.path))
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self.predecessor = predecessor
        self._hold(fd, mode)
        new.replace(self.path)

    def publish(self, **known: Any) -> None:
        """Change what others read of this driver: epoch, takeovers, problem."""
        me = replace(self.me, **known)
        me = replace(me, problem=me.problem[:PROBLEM_LENGTH])
        if me != self.me or not self._written:
            self.me = me
            self._write()

    def beat(self) -> None:
        """Show that we are alive. Raises NoLongerDriving when our lock file was replaced or taken away."""
        if self._fd is None:
            return
        if not self._in_place(self._fd):
            raise NoLongerDriving(f"{self.path} is not ours any more: it was deleted, or another driver has taken over")
        with contextlib.suppress(OSError):  # a disk that has become read-only; the driver reports it by other means
            os.utime(self._fd)
        if not self._written:
            self._write()

    def release(self) -> None:
        """End by ourselves: nobody will take over from us."""
        if self._fd is not None:
            with contextlib.suppress(OSError):
                os.pwrite(self._fd, b" " * RECORD_BYTES, 0)
            os.close(self._fd)
            self._fd = None

    def _hold(self, fd: int, mode: str) -> None:
        self._fd = fd
        self.me = replace(self.me, mode=mode, started=time.time())
        self._write()

    def _write(self) -> None:
        if self._fd is None:
            raise RuntimeError("the lock is not held")
        record = {name: value for name, value in asdict(self.me).items() if name not in ("beat_age", "stopped")}
        try:
            os.pwrite(self._fd, json.dumps(record).encode().ljust(RECORD_BYTES), 0)
            self._written = True
        except OSError:  # a full disk: the lock holds all the same; tried again with each beat
            self._written = False

    def _in_place(self, fd: int) -> bool:
        """Whether the path still leads to this file."""
        ours = os.fstat(fd)
        try:
            there = self.path.stat()
        except FileNotFoundError:
            return False
        except OSError:
            return True  # cannot be seen now: no reason to think so
        return (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)


def driver(ledger: Path) -> Presence | None:
    """The driver of this ledger, or None when nobody drives. Raises NotOurs when its lock may not be read."""
    try:
        fd = os.open(lock_path(ledger), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise NotOurs(f"who drives cannot be seen: {told(error)}") from None
    try:
        if _locked(fd, fcntl.LOCK_SH):
            return None  # nobody holds it
        # Without a record it has just taken the lock, or could not write its name on a full disk.
        known = _read(fd) or Presence(0, socket.gethostname(), "?", time.time(), "?")
        # A time in the future is as suspicious as an old one: somebody has set the clock. Whoever would act on it
        # waits for a beat first.
        age = abs(time.time() - os.fstat(fd).st_mtime)
        return replace(known, beat_age=age, stopped=known.here and is_stopped(known.pid, known.born))
    finally:
        os.close(fd)


def _locked(fd: int, how: int) -> bool:
    try:
        fcntl.flock(fd, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(fd: int) -> Presence | None:
    """What the lock file says, as far as it can be so: it may have been written by anything."""
    try:
        known = json.loads(os.pread(fd, 2 * RECORD_BYTES, 0))
        given = {field.name: known[field.name] for field in fields(Presence) if field.name in known}
        return _plausible(Presence(**given))
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None


def _plausible(given: Presence) -> Presence | None:
    """With harmless texts; None when a number is none, or out of all bounds."""
    numbers = (given.pid, given.epoch, given.takeovers, given.started)
    if any(isinstance(number, bool) or not 0 <= number < LARGEST for number in numbers):
        return None
    return replace(
        given,
        pid=operator.index(given.pid),
        epoch=operator.index(given.epoch),
        takeovers=operator.index(given.takeovers),
        started=float(given.started),
        host=text.clean(given.host, NAME_LENGTH),
        who=text.clean(given.who, 2 * NAME_LENGTH),
        mode=text.clean(given.mode, NAME_LENGTH),
        born=text.clean(given.born, 2 * NAME_LENGTH),
        version=text.clean(given.version, NAME_LENGTH),
        problem=text.clean(given.problem, 2 * PROBLEM_LENGTH),
        beat_age=0.0,
        stopped=False,
    )


# ---- processes of this machine


def born_of(pid: int) -> str | None:
    """What tells a process from all others that had or will have its pid; None when there is no such process."""
    found = _process(pid)
    return found[1] if found else None


def is_stopped(pid: int, born: str) -> bool:
    """Whether this very process was stopped, by SIGSTOP or ctrl+z."""
    found = _process(pid)
    return found is not None and found == ("T", born)


def signal_exactly(pid: int, born: str, number: int) -> bool:
    """A signal to the process of this account that had this birth; False when the pid is nobody's or of another one."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return False
    except (AttributeError, OSError):  # a kernel or a Python without such handles
        if found := _is_exactly(pid, born):
            os.kill(pid, number)
        return found
    try:
        if found := _is_exactly(pid, born):
            signal.pidfd_send_signal(handle, number)
        return found
    finally:
        os.close(handle)


def _is_exactly(pid: int, born: str) -> bool:
    """Raises PermissionError when the process is of another account: root could end it all the same."""
    if pid <= 0 or born_of(pid) != born:
        return False
    if (uid := Path(f"/proc/{pid}").stat().st_uid) != os.geteuid():
        raise PermissionError(f"process {pid} belongs to {account(uid)}: it is ended by that account")
    return True


def in_the_kernel(thread: int) -> bool:
    """Whether a thread of this process waits in the kernel and cannot be interrupted, as on a dead file system."""
    found = _process(thread)
    return found is not None and found[0] == "D"


@functools.cache
def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _process(pid: int) -> tuple[str, str] | None:
    """State and birth (boot, and time since then) of a process."""
    try:
        boot = _boot()
        # After the name, which may hold anything in its parentheses: proc(5) numbers the state 3, the start time 22.
        after_name = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return after_name[0], f"{boot}:{after_name[19]}"
