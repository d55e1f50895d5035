"""The sources of data: when each answered last, and what is wrong with it.

A trouble is of a source and of the chore that met it: something that the driver does again and again. It is over when
the same chore has heard the source, and not when that had nothing to ask. What another chore hears ends it only when
it was not met again for long: of a service that answers some calls and not others the trouble stays.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from console.ledger.store import Ledger

ANSWERED_SECONDS = 5.0  # between two writes that a source still answers
STALE_SECONDS = 15.0  # of a source that has not answered for longer the data are stale
ASKED_ALWAYS = ("disk", "flows", "compute")  # the other sources are asked only while there is something to ask
SERVICES = ("flows", "transfer", "compute")  # they are heard; of all else a chore that ends well is the proof
NOT_MET_SECONDS = 300.0  # longer than any chore pauses, or hangs in a call
# What comes and goes is an event once in a while, unless it lasts: the header shows it at any time. At most twenty of
# them in a day, and as many that it is over: with the events of a run or two fewer than fifty.
TOLD_SECONDS, LASTING_SECONDS = 4200.0, 600.0
THREAD = "thread"  # the chore of a thread of the driver that failed as a whole


@dataclass(frozen=True)
class Source:
    """A source of data: when it was last asked and last answered, and what is wrong with it now ('' for nothing)."""

    name: str
    tried_at: float
    ok_at: float | None
    problem: str
    login: bool = False  # only a login ends the problem

    def age(self, now: float) -> float | None:
        """Seconds since it last answered; None when it never did. A time in the future is as suspicious as an old one:
        somebody has set the clock, and it is written anew with the next answer."""
        return None if self.ok_at is None else abs(now - self.ok_at)

    def stale(self, now: float) -> bool:
        age = self.age(now)
        return bool(self.problem) or (self.name in ASKED_ALWAYS and (age is None or age > STALE_SECONDS))


def read(ledger: Ledger) -> tuple[Source, ...]:
    """All of them, by name."""
    troubles = _troubles(ledger)
    found = []
    for row in ledger.rows("SELECT name, tried_at, ok_at FROM sources ORDER BY name"):
        its = [trouble for trouble in troubles if trouble["source"] == row["name"]]
        shown = its[0]["problem"] if its else ""
        login = any(trouble["login"] for trouble in its)
        found.append(Source(row["name"], row["tried_at"], row["ok_at"], shown, login))
    return tuple(found)


def answered_at(ledger: Ledger, name: str) -> float | None:
    """When a source answered last; None when it never did."""
    row = ledger.row("SELECT ok_at FROM sources WHERE name = ?", name)
    return None if row is None else row["ok_at"]


def failed_at(ledger: Ledger, name: str) -> float | None:
    """Since when there is trouble with a source; None when there is none."""
    row = ledger.row("SELECT failed_at FROM sources WHERE name = ?", name)
    return None if row is None else row["failed_at"]


def problem(ledger: Ledger, name: str) -> str:
    """What is wrong with a source; '' for nothing."""
    return next((str(trouble["problem"]) for trouble in _troubles(ledger) if trouble["source"] == name), "")


def answered(ledger: Ledger, name: str) -> None:
    """The source was asked and answered just now. Written every few seconds only: each write wakes every screen."""
    now, before = ledger.now(), answered_at(ledger, name)
    if before is None or not 0 <= now - before <= ANSWERED_SECONDS:  # also when the clock was set back
        with ledger.change() as db:
            db.execute(
                "INSERT INTO sources (name, tried_at, ok_at) VALUES (?,?,?) ON CONFLICT (name) DO UPDATE SET "
                "tried_at = excluded.tried_at, ok_at = excluded.ok_at",
                (name, now, now),
            )
    if ledger.heard is None:
        _mend(ledger, "", (name,))
    else:
        ledger.heard.add(name)


@contextmanager
def chore(ledger: Ledger, name: str, source: str) -> Iterator[None]:
    """Around a chore of the driver. When it ends well, its troubles with the services that it has heard are over, and
    those that were its own: of `source`, unless that is a service."""
    heard = ledger.heard = set()
    try:
        yield
    finally:
        ledger.heard = None
    _mend(ledger, name, {*heard, source} if source not in SERVICES else heard)


def failed(ledger: Ledger, name: str, problem: str, *, chore: str = "", login: bool = False) -> None:
    """The source could not be asked, or answered with an error; `login`: only a login ends that."""
    from remote.globus.credentials import hidden  # who only reads need not wait for it

    now, problem = ledger.now(), hidden(problem)
    with ledger.change() as db:
        db.execute(
            "INSERT OR REPLACE INTO troubles (source, chore, at, problem, login) VALUES (?,?,?,?,?)",
            (name, chore, now, problem, login),
        )
        db.execute(
            "INSERT INTO sources (name, tried_at, failed_at) VALUES (?,?,?) ON CONFLICT (name) DO UPDATE SET "
            "tried_at = excluded.tried_at, failed_at = COALESCE(failed_at, excluded.failed_at)",
            (name, now, now),
        )
        known = db.execute("SELECT failed_at, told_at, told FROM sources WHERE name = ?", (name,)).fetchone()
        lately = known["told_at"] is not None and 0 <= now - known["told_at"] < TOLD_SECONDS
        if not known["told"] and not (lately and 0 <= now - known["failed_at"] < LASTING_SECONDS):
            db.execute("UPDATE sources SET told = 1, told_at = ? WHERE name = ?", (now, name))
            ledger.event("bad", f"{name}: {problem}", actor="driver")


def forget_threads(ledger: Ledger) -> None:
    """What a thread failed at is over when it goes well for long."""
    now = ledger.now()
    _end(ledger, [t for t in _troubles(ledger) if t["chore"] == THREAD and not _met_lately(t, now)])


def _mend(ledger: Ledger, chore: str, heard: Collection[str]) -> None:
    """A chore went well and has heard these sources; '': a thread that has no chores did."""
    now, over = ledger.now(), []
    for trouble in _troubles(ledger):
        own = trouble["chore"] == chore or (chore, trouble["chore"]) == ("", THREAD)
        if trouble["source"] in heard:
            mended = own or (trouble["chore"] != THREAD and not _met_lately(trouble, now))
        else:
            mended = own and chore != "" and trouble["source"] not in SERVICES
        if mended:
            over.append(trouble)
    _end(ledger, over)


def _end(ledger: Ledger, troubles: list[sqlite3.Row]) -> None:
    if not troubles:
        return
    with ledger.change() as db:
        for trouble in troubles:
            db.execute("DELETE FROM troubles WHERE source = ? AND chore = ?", (trouble["source"], trouble["chore"]))
        for name in dict.fromkeys(trouble["source"] for trouble in troubles):
            if problem(ledger, name):
                continue
            told = db.execute("SELECT told FROM sources WHERE name = ?", (name,)).fetchone()["told"]
            db.execute("UPDATE sources SET failed_at = NULL, told = 0 WHERE name = ?", (name,))
            if told:
                ledger.event("good", f"{name}: answers again", actor="driver")


def _met_lately(trouble: sqlite3.Row, now: float) -> bool:
    return bool(0 <= now - trouble["at"] < NOT_MET_SECONDS)


def _troubles(ledger: Ledger) -> list[sqlite3.Row]:
    """In an order that does not change with each failure, so that what is shown stands still."""
    return ledger.rows("SELECT source, chore, at, problem, login FROM troubles ORDER BY source, chore")
