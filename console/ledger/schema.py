"""What keeps a ledger usable: the newest schema, integrity, and reading it on a disk that cannot be written."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import tempfile
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from console.ledger import backups, filesystem, shape
from console.ledger.errors import DiskProblem, LedgerError
from console.ledger.presence import driver
from flowspec.causes import classify

SCHEMA_VERSION = 7
MIGRATIONS = Path(__file__).with_name("migrations")  # 2.sql makes version 2 of version 1
CHECK_BUSY_SECONDS = 5.0
UPGRADES_FROM = (3, 35, 0)  # the first SQLite that can drop a column


class Stamp(NamedTuple):
    """Differs when a ledger may have changed: its file, modification time and size of that, size of its log."""

    inode: int
    modified: int
    size: int
    log: int


# ---- schema


def bring_up_to_date(db: sqlite3.Connection, path: Path) -> None:
    """Give a new ledger its tables, an older one what has come since.

    Raises LedgerError when it is too new, or not as a console makes it.
    """
    if _version(db) == 0:
        refuse_new(path)
        _run(db, shape.SCHEMA, before=0, after=SCHEMA_VERSION)
    if _version(db) < SCHEMA_VERSION:
        _refuse_while_an_older_driver_works(path, _version(db))
        if sqlite3.sqlite_version_info < UPGRADES_FROM:
            needed, found = ".".join(map(str, UPGRADES_FROM)), sqlite3.sqlite_version
            raise LedgerError(
                f"ledger {path} is of an older console: to upgrade it takes SQLite {needed}, here is {found}"
            )
        backups.make(path)  # once: as it was before the first step
    while (version := _version(db)) < SCHEMA_VERSION:
        db.create_function("code_of", 1, lambda text: classify(str(text)).code)  # for what older ledgers had as text
        _run(db, MIGRATIONS / f"{version + 1}.sql", before=version, after=version + 1)
    refuse_other_version(db, path)


def refuse_other_version(db: sqlite3.Connection, path: Path) -> None:
    """Raises LedgerError when it is not of this version, or not as a console makes it."""
    if (version := _version(db)) != SCHEMA_VERSION:
        todo = "use the console that wrote it" if version > SCHEMA_VERSION else "console driver start upgrades it"
        raise LedgerError(f"ledger {path} has version {version}, this console knows version {SCHEMA_VERSION}: {todo}")
    shape.refuse_other(db, path)


def _run(db: sqlite3.Connection, script: Path, *, before: int, after: int) -> None:
    """All of it or nothing; nothing when another process was quicker."""
    db.execute("BEGIN IMMEDIATE")
    try:
        if _version(db) == before:
            for statement in script.read_text(encoding="utf-8").split(";\n"):
                db.execute(statement)
            db.execute(f"PRAGMA user_version={after}")
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def _refuse_while_an_older_driver_works(path: Path, version: int) -> None:
    present = driver(path)
    if present is not None and present.pid != os.getpid():
        raise LedgerError(
            f"ledger {path} has version {version} and a driver of an older console works with it (process "
            f"{present.pid} on {present.host}): it is upgraded to version {SCHEMA_VERSION} after console driver stop"
        )


# ---- integrity and place


def check(path: Path) -> None:
    """Look through the whole ledger, if there is one, before a driver relies on it (0.3 s for 10,000 runs).

    Raises LedgerError when it is damaged or lies where it cannot be locked, DiskProblem when it cannot be read now.
    """
    refuse_bad_place(path)
    if not path.exists():
        return
    try:
        fault = fault_in(path)
    except sqlite3.OperationalError as error:
        raise DiskProblem(f"ledger {path} cannot be checked: {error}") from error
    if fault:
        raise LedgerError(f"ledger {path} is damaged: {damage(path, fault)}")


def fault_in(path: Path) -> str:
    """What SQLite finds wrong with a database; '' when it is whole."""
    db = sqlite3.connect(path, timeout=CHECK_BUSY_SECONDS)
    try:
        found = str(db.execute("PRAGMA quick_check(1)").fetchone()[0])
        return "" if found == "ok" else found.replace("\n", " ")
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError as error:
        return str(error)
    finally:
        db.close()


def damage(path: Path, fault: str) -> str:
    """What is wrong with a damaged ledger and what to do, in one line."""
    newest = backups.newest(path)
    if newest is None:
        return f"{fault}; there is no backup. Nothing is started anew as long as it lies there"
    command = backups.restore_command(path, newest)
    return f"{fault}; the newest backup is {newest.name}. Close all consoles, then: {command}"


def refuse_new(path: Path) -> None:
    """Raises LedgerError when no ledger can be begun here: a bad place, or one was lost, as its backups tell."""
    refuse_bad_place(path)
    newest = backups.newest(path)
    if newest is not None:
        raise LedgerError(
            f"ledger {path} is gone or empty, but there are backups; the newest is {newest.name}. "
            f"Close all consoles, then: {backups.restore_command(path, newest)} "
            "(or move the backups away to start anew)"
        )


def refuse_bad_place(path: Path) -> None:
    """Raises LedgerError when the ledger's file system cannot do what a ledger needs."""
    problem = filesystem.no_place_for_a_ledger(path.parent)
    if problem:
        raise LedgerError(f'ledger {path}: {problem}. Set ledger = "/a/local/directory/ledger.db" in the profile')


# ---- only looking


def open_for_reading(path: Path) -> tuple[sqlite3.Connection, Stamp | None]:
    """A connection that only reads and leaves nothing beside the ledger, which may be of another account or on a disk
    that cannot be written. With a stamp, it is good as long as that is the ledger's. Raises sqlite3.Error, OSError.

    SQLite makes its two files beside a ledger also for who only reads, with the reader as their owner, and then the
    ledger's own account cannot write any more. So the ledger is opened as such only while they are there already.
    """
    if not os.access(path, os.R_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    seen, in_use = stamp(path), all(path.with_name(path.name + end).exists() for end in ("-wal", "-shm"))
    if in_use:
        return _connect(path, "mode=ro"), None
    if not seen.log:
        return _connect(path, "mode=ro&immutable=1"), seen
    return _copy_in_memory(path, seen), seen


def _connect(path: Path, how: str) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(str(path))}?{how}", uri=True, isolation_level=None)


def _copy_in_memory(path: Path, seen: Stamp) -> sqlite3.Connection:
    """Of a ledger with changes in its log, which a reader of the file alone would miss."""
    copy = sqlite3.connect(":memory:", isolation_level=None)
    with tempfile.TemporaryDirectory(prefix="frib-console-") as private:
        for end in ("", "-wal"):
            shutil.copyfile(path.with_name(path.name + end), Path(private, f"ledger.db{end}"))
        if seen != stamp(path):
            raise sqlite3.OperationalError("it is being changed")
        source = sqlite3.connect(Path(private, "ledger.db"))
        shape.distrust(source)
        source.backup(copy)
        source.close()
    copy.execute("PRAGMA query_only=ON")
    return copy


def stamp(path: Path) -> Stamp:
    status = path.stat()
    log = path.with_name(path.name + "-wal")
    return Stamp(status.st_ino, status.st_mtime_ns, status.st_size, log.stat().st_size if log.exists() else 0)
