"""The durable record: one SQLite file per experiment, the only place where screens, commands and the driver meet.

A change is one transaction that also writes its event. Every thread opens a `Ledger` of its own. SQLite in WAL mode
lets any number of screens read while the driver writes.
"""

from __future__ import annotations

import getpass
import json
import os
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SCHEMA_VERSION = 1
SCHEMA = Path(__file__).with_name("schema.sql")
BUSY_SECONDS = 5.0
HEARD_SECONDS = 5.0


class LedgerError(Exception):
    """The ledger cannot be used; the text says which file, why and what to do."""


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


def actor() -> str:
    """Who acts, as `user@host`, for the events."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname().split('.')[0]}"


class Ledger:
    """A connection to the ledger at `path`, made if it is not there. Not to be shared between threads."""

    def __init__(self, path: Path, *, now: Callable[[], float] = time.time, must_exist: bool = False) -> None:
        self.path = path
        self.now = now
        if must_exist and not path.exists():
            raise LedgerError(f"no ledger at {path}: nothing was recorded for this experiment yet")
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._db = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
            self._db.row_factory = sqlite3.Row
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")  # an intent must survive a power cut
            self._db.execute("PRAGMA foreign_keys=ON")
            self._prepare()
        except (sqlite3.Error, OSError) as error:
            raise LedgerError(f"ledger {path} cannot be opened: {error}") from error

    def _prepare(self) -> None:
        if self._version() == 0:
            with self.change() as db:
                if self._version() == 0:  # another process may have been quicker
                    for statement in SCHEMA.read_text().split(";\n"):
                        db.execute(statement)
                    db.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
        version = self._version()
        if version != SCHEMA_VERSION:
            raise LedgerError(
                f"ledger {self.path} has version {version}, this console knows version {SCHEMA_VERSION}: "
                "use the console that wrote it"
            )

    def _version(self) -> int:
        return int(self._db.execute("PRAGMA user_version").fetchone()[0])

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def change(self) -> Iterator[sqlite3.Connection]:
        """One transaction: committed at the end, undone by any exception. May be nested; the outermost decides."""
        if self._db.in_transaction:
            yield self._db
            return
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield self._db
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def rows(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        return self._db.execute(sql, values).fetchall()

    def row(self, sql: str, *values: Any) -> sqlite3.Row | None:
        found: sqlite3.Row | None = self._db.execute(sql, values).fetchone()
        return found

    def version(self) -> int:
        """A number that differs when another connection has changed the ledger: the cheapest look for news."""
        return int(self._db.execute("PRAGMA data_version").fetchone()[0])

    # ---- meta

    def get(self, key: str, default: str = "") -> str:
        row = self.row("SELECT value FROM meta WHERE key = ?", key)
        return str(row["value"]) if row else default

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
    ) -> None:
        """Record that something happened. Levels: info, good, warning, bad."""
        with self.change() as db:
            db.execute(
                "INSERT INTO events (at, actor, level, run, segment, attempt, text) VALUES (?,?,?,?,?,?,?)",
                (self.now(), actor, level, run, segment, attempt, text),
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
        """Say what came of a request: state `done` or `refused`."""
        with self.change() as db:
            db.execute(
                "UPDATE requests SET state = ?, answer = ?, answered_at = ? WHERE request = ? AND state = 'asked'",
                (state, text, self.now(), number),
            )

    # ---- sources of data

    def heard(self, source: str) -> None:
        """The source answered just now. Written every few seconds only: each write wakes every screen."""
        row = self.row("SELECT ok_at, problem FROM sources WHERE name = ?", source)
        if row is None or row["problem"] or self.now() - (row["ok_at"] or 0) > HEARD_SECONDS:
            self._source(source, "", heard=True)

    def unheard(self, source: str, problem: str) -> None:
        """The source could not be asked, or answered with an error."""
        self._source(source, problem, heard=False)

    def _source(self, name: str, problem: str, *, heard: bool) -> None:
        now = self.now()
        with self.change() as db:
            before = db.execute("SELECT problem FROM sources WHERE name = ?", (name,)).fetchone()
            db.execute(
                "INSERT INTO sources (name, tried_at, ok_at, problem) VALUES (?,?,?,?) "
                "ON CONFLICT (name) DO UPDATE SET tried_at = excluded.tried_at, "
                "ok_at = COALESCE(excluded.ok_at, ok_at), problem = excluded.problem",
                (name, now, now if heard else None, problem),
            )
            was = before["problem"] if before else ""
            if problem and not was:
                self.event("bad", f"{name}: {problem}", actor="driver")
            elif was and not problem:
                self.event("good", f"{name}: answers again", actor="driver")


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
