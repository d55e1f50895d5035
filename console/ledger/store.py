"""The durable record: one SQLite file per experiment, the only place where screens, commands and the driver meet.

A change is one transaction that also writes its event. Every thread opens a `Ledger` of its own. SQLite in WAL mode
lets any number of screens read while the driver writes.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from console.ledger import backups, ownership, schema, shape
from console.ledger.errors import DiskProblem, NoLongerDriving
from console.ledger.errors import LedgerError as LedgerError
from console.ledger.presence import actor as actor
from console.settings.private import FILE_MODE, NotOurs, told

BUSY_SECONDS = 5.0
DRIVER_CACHE_KIB = 256
EPOCH = "driver_epoch"  # in meta: raised by each driver


@dataclass(frozen=True)
class Request:
    """Something a screen or a command asked of the driver."""

    id: int
    actor: str
    verb: str
    run: int | None
    args: dict[str, Any]
    state: str
    answer: str


class _Connection(sqlite3.Connection):
    """Takes any text. Bytes of a title or file name that are no UTF-8 are stray surrogates, which SQLite refuses."""

    def execute(self, sql: str, values: Any = (), /) -> sqlite3.Cursor:
        try:
            return super().execute(sql, values)
        except UnicodeEncodeError:
            return super().execute(sql, _storable(values))

    def executemany(self, sql: str, rows: Iterable[Any], /) -> sqlite3.Cursor:
        return super().executemany(sql, [_storable(values) for values in rows])


def _storable(values: Any) -> Any:
    if isinstance(values, Mapping):
        return dict(zip(values, _storable(list(values.values())), strict=True))
    return [value.encode(errors="replace").decode() if isinstance(value, str) else value for value in values]


class Ledger:
    """A connection to the ledger at `path`, made if it is not there. Not to be shared between threads.

    `read_only`: for who only looks. It must be there, may be of another account, and nothing is made beside it.
    `epoch` is given by the driver: a change is refused with NoLongerDriving as soon as there is a newer driver.
    Raises LedgerError; DiskProblem when it would pass by itself. On a disk that cannot be written a ledger that
    `must_exist` is opened for reading.
    """

    def __init__(
        self,
        path: Path,
        *,
        now: Callable[[], float] = time.time,
        must_exist: bool = False,
        read_only: bool = False,
        epoch: int | None = None,
    ) -> None:
        self.path = path
        self.now = now
        self.epoch = epoch
        self._stamp: schema.Stamp | None = None  # of what is read, when SQLite does not say whether it has changed
        self._reopened = 0
        self.heard: set[str] | None = None  # in a chore: the sources that have answered (console.ledger.sources)
        try:
            self._refuse_absent(must_exist or read_only)
            self._open_for_reading() if read_only else self._open()
        except NotOurs as error:
            raise DiskProblem(f"ledger {path}: {error}") from error
        except (sqlite3.OperationalError, OSError) as error:
            if not must_exist:
                raise DiskProblem(f"ledger {path} cannot be opened: {_words(error)}") from error
            self._open_for_reading()
        except sqlite3.DatabaseError as error:
            raise LedgerError(f"ledger {path} cannot be opened: {schema.damage(path, str(error))}") from error

    def _refuse_absent(self, must_exist: bool) -> None:
        if self.epoch is not None and not self.path.exists():
            raise LedgerError(f"ledger {self.path} was deleted while the driver worked with it")
        if must_exist and not self.path.exists():
            raise LedgerError(f"no ledger at {self.path}: nothing was recorded for this experiment yet")

    def _open(self) -> None:
        ownership.claim(self.path)
        if not self.path.exists():
            schema.refuse_new(self.path)
            os.close(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, FILE_MODE))  # SQLite goes by the umask
        self._use(sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None, factory=_Connection))
        shape.refuse_active(self._db, self.path)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")  # an intent must survive a power cut
        self._db.execute("PRAGMA foreign_keys=ON")
        if self.epoch is not None:  # a driver has several connections: what it reads again the system remembers
            self._db.execute(f"PRAGMA cache_size=-{DRIVER_CACHE_KIB}")
        schema.bring_up_to_date(self._db, self.path)

    def _open_for_reading(self) -> None:
        try:
            db, self._stamp = schema.open_for_reading(self.path)
            self._use(db)
            schema.refuse_other_version(db, self.path)
        except (sqlite3.Error, OSError) as error:
            raise DiskProblem(f"ledger {self.path} cannot be read: {_words(error)}") from error

    def _use(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._meta: dict[str, str] | None = None
        self._db.row_factory = sqlite3.Row
        shape.distrust(db)
        self._inode = self.path.stat().st_ino

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def change(self) -> Iterator[sqlite3.Connection]:
        """One transaction: committed at the end, undone by any exception. May be nested; the outermost decides."""
        if self._db.in_transaction:
            yield self._db
            return
        self._refuse_if_deleted()
        self._db.execute("BEGIN IMMEDIATE")
        try:
            self._refuse_if_replaced()
            yield self._db
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:  # on a full disk SQLite may have undone it already
                self._db.execute("ROLLBACK")
            raise

    def _refuse_if_replaced(self) -> None:
        if self.epoch is not None and (now := self.get(EPOCH)) != str(self.epoch):
            raise NoLongerDriving(
                f"{self.path}: epoch {self.epoch} is over, a driver of epoch {now or '?'} has taken over"
            )

    def _refuse_if_deleted(self) -> None:
        """A driver writes on into a file that is gone from its directory, where nobody would find it again."""
        if self.epoch is None or self._in_place():
            return
        kept = backups.rescue(self._db, self.path)
        raise LedgerError(f"ledger {self.path} was deleted or replaced while the driver had it open: {kept}")

    def rows(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        found = self._db.execute(sql, values).fetchall()
        self._refuse_if_changed()
        return found

    def row(self, sql: str, *values: Any) -> sqlite3.Row | None:
        found: sqlite3.Row | None = self._db.execute(sql, values).fetchone()
        self._refuse_if_changed()
        return found

    def version(self) -> int:
        """A number that differs when another connection has changed the ledger: the cheapest check for changes.

        Raises DiskProblem when the ledger was deleted or replaced.
        """
        if not self._in_place():
            raise DiskProblem(f"ledger {self.path} was deleted or replaced, and is opened anew")
        if self._stamp is not None and self._stamp != schema.stamp(self.path):
            self.close()
            self._open_for_reading()
            self._reopened += 1
        return self._reopened << 32 | int(self._db.execute("PRAGMA data_version").fetchone()[0])

    def _refuse_if_changed(self) -> None:
        """What was read of a file that was written at the same time may be half old, half new."""
        if self._stamp is not None and self._stamp != schema.stamp(self.path):
            raise DiskProblem(f"ledger {self.path} was changed while it was read: look again")

    def _in_place(self) -> bool:
        """Whether the path still leads to the file that is open."""
        try:
            return self.path.stat().st_ino == self._inode
        except FileNotFoundError:
            return False
        except OSError:
            return True  # cannot be seen now: no reason to think so

    def update(
        self, table: str, key: str, value: int, *, among: tuple[str, Sequence[str]] | None = None, **columns: Any
    ) -> bool:
        """Set columns of the row with this key; a dict is stored as JSON. With `among`, only if another column of the
        row has one of these values. True when there was such a row."""
        stored = {name: json.dumps(v) if isinstance(v, dict) else v for name, v in columns.items()}
        assignments = ", ".join(f"{name} = ?" for name in stored)
        column, values = among or (key, ())
        only = f" AND {column} IN ({','.join('?' * len(values))})" if values else ""
        with self.change() as db:
            found = db.execute(
                f"UPDATE {table} SET {assignments} WHERE {key} = ?{only}", (*stored.values(), value, *values)
            )
            return found.rowcount > 0

    # ---- meta

    def get(self, key: str, default: str = "") -> str:
        if self._meta is not None:
            return self._meta.get(key, default)
        row = self.row("SELECT value FROM meta WHERE key = ?", key)
        return str(row["value"]) if row else default

    @contextmanager
    def meta_at_once(self) -> Iterator[None]:
        """While it is held, `get` answers from one reading of all: for who asks for many and writes none."""
        self._meta = {row["key"]: str(row["value"]) for row in self.rows("SELECT key, value FROM meta")}
        try:
            yield
        finally:
            self._meta = None

    def put(self, key: str, value: str) -> None:
        with self.change() as db:
            db.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", (key, value))

    # ---- events

    def event(
        self,
        level: str,
        text: str,
        *,
        actor: str,
        run: int | None = None,
        segment: int | None = None,
        attempt: int | None = None,
        alert: str = "",
        kind: str = "",
        alike: int | None = None,
    ) -> None:
        """Record that something happened, without secrets. Levels: info, good, warning, bad.

        `alert` is the code of what needs somebody where nothing has failed, `kind` that of a failure, `alike` the event
        of the first of this kind.
        """
        with self.change() as db:
            db.execute(
                "INSERT INTO events (at, actor, level, run, segment, attempt, text, alert, kind, alike) "
                "VALUES (?,?,?,?,?,?,?,?,?,?)",
                (self.now(), actor, level, run, segment, attempt, _hidden(text), alert, _hidden(kind), alike),
            )

    # ---- requests

    def ask(self, verb: str, run: int | None, *, actor: str, **args: Any) -> int:
        """Ask the driver for something; returns the number under which its answer will stand."""
        with self.change() as db:
            cursor = db.execute(
                "INSERT INTO requests (at, actor, verb, run, args) VALUES (?,?,?,?,?)",
                (self.now(), actor, verb, run, json.dumps(args)),
            )
            return int(cursor.lastrowid or 0)

    def asked(self) -> list[Request]:
        """The requests that wait for the driver, oldest first."""
        return [_request(row) for row in self.rows("SELECT * FROM requests WHERE state = 'asked' ORDER BY request")]

    def request(self, number: int) -> Request | None:
        row = self.row("SELECT * FROM requests WHERE request = ?", number)
        return _request(row) if row else None

    def answer(self, number: int, state: str, text: str) -> None:
        """Write the answer to a request: state `done` or `refused`."""
        with self.change() as db:
            db.execute(
                "UPDATE requests SET state = ?, answer = ?, answered_at = ? WHERE request = ? AND state = 'asked'",
                (state, _hidden(text), self.now(), number),
            )


def _words(error: Exception) -> str:
    return told(error) if isinstance(error, OSError) else str(error)


def _hidden(text: str) -> str:
    from remote.globus.credentials import hidden  # who only reads need not wait for it

    return hidden(text)


def _request(row: sqlite3.Row) -> Request:
    return Request(
        row["request"],
        row["actor"],
        row["verb"],
        row["run"],
        json.loads(row["args"]),
        row["state"],
        row["answer"],
    )
