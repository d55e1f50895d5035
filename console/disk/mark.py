"""The mark beside the results: which driver launches the runs whose results come there. A small file, read by others.

Lock and epoch keep the drivers of one ledger apart. Two accounts with the same profile have two ledgers, and a ledger
can be copied: what these have in common is where the results go.

Whoever may write there may write this file: what is read is not believed beyond what it is for, and no link followed.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import getpass
import hashlib
import json
import logging
import os
import secrets
import socket
import stat
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from console.ledger.presence import born_of
from flowspec import text

log = logging.getLogger("console.disk.mark")

NAME = ".console-driver"
PROCESSES = Path("/proc/self/ns/pid")
RECORD_BYTES = 2048  # always written whole, into room that is there already: also when the disk is full
READABLE = 0o644  # others are to know who drives, whatever the umask
LENGTH = 160  # of a text in it
LEASE_SECONDS = 10.0  # for how long after a renewal a driver may launch
TAKEN_SECONDS = 30.0  # after which nothing can come any more of one that was alive when its mark was taken
TAKE = "take_over_mark"  # in the ledger's meta: the id of the mark that somebody has said to take
FOR_READING = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a FIFO must not hold us up
FOR_RENEWING = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True)
class Mark:
    """Who drives. `id` is another one each time that a mark is put; `since` seconds since the epoch; `beat` counts.

    `machine` is a boot and a namespace of processes: where it is ours, `pid` and `born` name a process that can be
    looked for. `ledger_id` is the very file (boot, device, inode): a copy has another one.
    """

    id: str
    host: str = ""
    user: str = ""
    uid: int = -1
    pid: int = 0
    born: str = ""
    machine: str = ""
    ledger: str = ""
    ledger_id: str = ""
    since: float = 0.0
    beat: int = 0


def of_this_process(ledger: Path) -> Mark:
    """A new mark for the driver of this ledger. Raises OSError."""
    born, file = born_of(os.getpid()) or "", ledger.stat()
    boot = born.partition(":")[0]
    return Mark(
        secrets.token_hex(16), text.clean(socket.gethostname(), LENGTH), _user(), os.getuid(), os.getpid(), born,
        machine(), text.clean(str(ledger), LENGTH),
        _file_id(boot, file), time.time(),
    )  # fmt: skip


def machine() -> str:
    """This boot, and the namespace of processes of this one. Raises OSError."""
    boot = (born_of(os.getpid()) or "").partition(":")[0]
    return f"{boot}:{PROCESSES.stat().st_ino}"


def is_of(mark: Mark, ledger: Path) -> bool:
    """Whether the driver of this very ledger has put it, in this boot. Raises OSError."""
    return mark.ledger_id == _file_id((born_of(os.getpid()) or "").partition(":")[0], ledger.stat())


def _file_id(boot: str, file: os.stat_result) -> str:
    return f"{boot}:{file.st_dev}:{file.st_ino}"


def _user() -> str:
    try:
        return text.clean(getpass.getuser(), LENGTH)
    except (KeyError, OSError):
        return ""


def lives(mark: Mark, machine: str) -> bool | None:
    """Whether the process that put it is there; None when that cannot be told from this machine."""
    if mark.machine != machine or mark.pid <= 0:
        return None
    born = born_of(mark.pid)
    if born is not None:
        return born == mark.born
    try:
        os.kill(mark.pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return None  # it is there, and hidden: /proc may show a user's own processes only
    return None  # it came a moment ago


def read(results: Path) -> Mark | None:
    """The mark in this directory; None for none. Raises OSError, also when something lies there that is no file."""
    try:
        fd = os.open(results / NAME, FOR_READING)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _no_file(error, results) from None
    try:
        return _parsed(_record(fd, results))
    finally:
        os.close(fd)


def create(results: Path, mark: Mark) -> None:
    """Put a mark where there is none. Raises FileExistsError when somebody was faster; OSError."""
    _write_new(results / NAME, mark)


def replace_with(results: Path, mark: Mark, old: Mark) -> bool:
    """Put a mark in the place of `old`, which whoever put it can not write any more. False when another is there now.

    Of several that try it on one machine one succeeds, and on all where locks of the file system reach other machines.
    """
    path, new = results / NAME, results / f"{NAME}.{mark.id}"
    fd = os.open(path, FOR_READING)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:  # a file system without locks, or with none for a file that is only read
            log.debug("%s: no lock: %s", path, error)
        if _parsed(_record(fd, results)).id != old.id or not _in_place(fd, path):
            return False
        _write_new(new, mark)
        try:
            new.replace(path)
        except OSError:
            new.unlink()
            raise
        return True
    finally:
        os.close(fd)


def renew(results: Path, mark: Mark) -> bool:
    """Write `mark` over the one with the same id. False when it is not there any more. Raises OSError."""
    try:
        fd = os.open(results / NAME, FOR_RENEWING)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise _no_file(error, results) from None
    try:
        if _parsed(_record(fd, results)).id != mark.id:
            return False
        os.pwrite(fd, _bytes(mark), 0)
        os.fsync(fd)
        return True
    finally:
        os.close(fd)


def remove(results: Path, mark: Mark) -> None:
    """Take our mark away, if it is still there; a disk that cannot be written keeps it, and others see us gone."""
    with contextlib.suppress(OSError):
        found = read(results)
        if found is not None and found.id == mark.id:
            (results / NAME).unlink()


def _write_new(path: Path, mark: Mark) -> None:
    fd = os.open(path, NEW, READABLE)
    try:
        os.fchmod(fd, READABLE)
        os.pwrite(fd, _bytes(mark), 0)
        os.fsync(fd)  # some file systems find only now that the disk is full
    except OSError:
        path.unlink()
        raise
    finally:
        os.close(fd)


def _bytes(mark: Mark) -> bytes:
    return json.dumps(asdict(mark)).encode().ljust(RECORD_BYTES)


def _record(fd: int, results: Path) -> bytes:
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        raise OSError(errno.EINVAL, "is no file, and was not put there by a console", str(results / NAME))
    return os.pread(fd, RECORD_BYTES, 0)


def _no_file(error: OSError, results: Path) -> OSError:
    if error.errno == errno.ELOOP:
        return OSError(errno.ELOOP, "is a link, and was not put there by a console", str(results / NAME))
    return error


def _parsed(record: bytes) -> Mark:
    """Total: what cannot be read is a mark all the same, of somebody who is not named."""
    nobody = Mark(hashlib.sha256(record).hexdigest())
    try:
        known = json.loads(record)
        found = replace(nobody, **{name: _checked(known[name], default) for name, default in asdict(nobody).items()})
    except (ValueError, TypeError, KeyError, RecursionError):
        return nobody
    return found


def _checked(value: Any, default: str | int | float) -> Any:
    """The value, of the type of the default. Raises TypeError or ValueError."""
    if isinstance(default, str) and isinstance(value, str):
        return text.clean(value, LENGTH)
    if isinstance(default, float) and type(value) in (int, float) and 0 <= value < 1e11:
        return float(value)
    if type(default) is int and type(value) is int and abs(value) < 1 << 53:
        return value
    raise TypeError("not as a console writes it")


def _in_place(fd: int, path: Path) -> bool:
    ours, there = os.fstat(fd), path.lstat()
    return (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)
