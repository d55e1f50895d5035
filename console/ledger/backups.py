"""Backups of the ledger: taken while it is in use, checked, the newest few kept.

SQLite copies in one read transaction, which in WAL mode holds up nobody who writes.
"""

from __future__ import annotations

import contextlib
import glob
import os
import re
import shlex
import shutil
import sqlite3
import tempfile
import time
from pathlib import Path

from console.ledger.errors import DiskProblem

KEPT = 5
EVERY_SECONDS = 3600.0
ROOM = 2.0  # free space that must be there, in sizes of the ledger: a backup must not be what fills the disk


class BackupProblem(DiskProblem):
    """The backup could not be made; what is wrong with the disk, or with the ledger."""


def all_of(ledger: Path) -> list[Path]:
    """The backups of this ledger, oldest first."""
    name = re.compile(re.escape(ledger.name) + r"\.backup-\d{8}T\d{6}Z")
    return sorted(path for path in ledger.parent.glob("*.backup-*") if name.fullmatch(path.name))


def newest(ledger: Path) -> Path | None:
    found = all_of(ledger)
    return found[-1] if found else None


def keep(ledger: Path) -> Path | None:
    """Make a backup when the newest is old and something has changed since; None when there was nothing to do."""
    last = newest(ledger)
    if last is not None:
        made = last.stat().st_mtime
        if time.time() - made < EVERY_SECONDS or _modified(ledger) <= made:
            return None
    return make(ledger)


def make(ledger: Path, at: float | None = None) -> Path:
    """Copy the ledger as it is now to a file of its own, and remove what is more than the newest few.

    Raises BackupProblem; then there is no new file.
    """
    made = _named(ledger, at)
    try:
        _remove_abandoned(ledger)
        _refuse_without_room(ledger)
        with contextlib.closing(sqlite3.connect(ledger)) as source:
            _place(source, ledger, made)
        for old in all_of(ledger)[:-KEPT]:
            old.unlink(missing_ok=True)
    except (OSError, sqlite3.Error) as error:
        raise BackupProblem(f"no backup of {ledger}: {error}") from error
    return made


def rescue(db: sqlite3.Connection, ledger: Path) -> str:
    """Keep what an open connection has of a ledger that is gone from its place; says where, and what puts it back."""
    made = _named(ledger)
    try:
        if not made.exists():
            _place(db, ledger, made)
    except (OSError, sqlite3.Error, BackupProblem) as error:
        return f"what it held could not be kept: {error}"
    return f"what it held is kept as {made.name}. Close all consoles, then: {restore_command(ledger, made)}"


def _named(ledger: Path, at: float | None = None) -> Path:
    return ledger.with_name(time.strftime(f"{ledger.name}.backup-%Y%m%dT%H%M%SZ", time.gmtime(at)))


def _place(source: sqlite3.Connection, ledger: Path, made: Path) -> None:
    """Copy to a file that is nobody else's, and give it its name when it is whole."""
    handle, name = tempfile.mkstemp(prefix=f".{ledger.name}.partial-", dir=ledger.parent)  # for us alone
    os.close(handle)
    partial = Path(name)
    try:
        _copy(source, partial, ledger)
        _to_disk(partial)
        partial.replace(made)
        _to_disk(ledger.parent)
    finally:
        partial.unlink(missing_ok=True)
        partial.with_name(partial.name + "-journal").unlink(missing_ok=True)


def restore_command(ledger: Path, backup: Path) -> str:
    """What to type, with no console open, to go on from a backup; what was there is kept as LEDGER.damaged."""
    old, log = str(ledger), str(ledger) + "-wal"
    steps = [["mv", old, f"{old}.damaged"]] if ledger.exists() else []
    if Path(log).exists():
        steps.append(["mv", log, f"{old}.damaged-wal"])
    steps += [["rm", "-f", f"{old}-shm"], ["cp", "-p", str(backup), old]]
    return " && ".join(shlex.join(step) for step in steps)


def _copy(source: sqlite3.Connection, to: Path, ledger: Path) -> None:
    with contextlib.closing(sqlite3.connect(to, isolation_level=None)) as target:
        source.backup(target)
        target.execute("PRAGMA journal_mode=DELETE")  # one file, whole by itself
        found = str(target.execute("PRAGMA quick_check(1)").fetchone()[0])
    if found != "ok":
        raise BackupProblem(
            f"no backup of {ledger}: it is damaged: {found}; stop the driver and see what it says at its start"
        )


def _remove_abandoned(ledger: Path) -> None:
    """What was left by a process that was killed over its backup."""
    for partial in ledger.parent.glob(f".{glob.escape(ledger.name)}.partial-*"):
        with contextlib.suppress(FileNotFoundError):
            if time.time() - partial.stat().st_mtime > EVERY_SECONDS:
                partial.unlink()


def _refuse_without_room(ledger: Path) -> None:
    wanted, free = ROOM * ledger.stat().st_size, shutil.disk_usage(ledger.parent).free
    if free < wanted:
        raise BackupProblem(
            f"no backup of {ledger}: {free // 1000**2} MB are free, {wanted // 1000**2:.0f} MB are wanted"
        )


def _modified(ledger: Path) -> float:
    """When the ledger was changed last. Its file alone changes only now and then: changes go to its log first."""
    files = (ledger, ledger.with_name(ledger.name + "-wal"))
    return max(file.stat().st_mtime for file in files if file.exists())


def _to_disk(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
