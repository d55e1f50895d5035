"""The screen's eyes and hands: two threads that touch the ledger, so that the screen itself never waits for a disk.

The reader looks whether the ledger has changed and posts what it says; one message is outstanding at a time, so that a
stalled terminal cannot pile them up. The asker writes the operator's requests.
"""

from __future__ import annotations

import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from textual.message import Message

from console.ledger import presence
from console.ledger.events import Event
from console.ledger.presence import Presence
from console.ledger.store import Ledger, LedgerError, actor
from console.reading.detail import RunDetail, detail
from console.reading.eventlog import Log, LogReader
from console.reading.snapshot import Snapshot, SnapshotReader
from screens.keys.undo import Act

LOOK_SECONDS = 0.25
KEEP_SECONDS = PRESENCE_SECONDS = 1.0
FIRST_RUNS = 200  # are shown before thousands of older ones are read
REST = 5  # after a look that took t seconds, rest at least REST * t

Post = Callable[[Message], object]


class Keeper(Protocol):
    """Keeps what the console started: a driver, a sandbox. Asked every second, never on the screen's thread."""

    def problem(self) -> str | None:
        """What is wrong with it now, in one sentence."""

    def lost(self) -> bool:
        """True when there is nothing left to look at."""


@dataclass(frozen=True)
class Look:
    """What the ledger says: nothing until it could be read once; `problem` says why it cannot be read now."""

    snapshot: Snapshot | None = None
    detail: RunDetail | None = None
    problem: str = ""
    kept: str = ""  # problem of what the console started
    lost: bool = False
    log: Log | None = None  # while somebody reads it


@dataclass(frozen=True)
class LogWish:
    """Which events somebody wants to read: at least `rows` of those accepted; `view` tells one choice from another."""

    view: object
    rows: int
    accepts: Callable[[Event], bool] = field(compare=False)


class Looked(Message):
    """The reader has found something new."""

    def __init__(self, look: Look) -> None:
        super().__init__()
        self.look = look


class Reader(threading.Thread):
    """Looks at the ledger at `path` until stopped, and posts each `Look` that differs from the one before."""

    def __init__(self, path: Path, now: Callable[[], float], post: Post, keeper: Keeper | None = None) -> None:
        super().__init__(name="reader", daemon=True)
        self._path, self._now, self._post, self._keeper = path, now, post, keeper
        self._kept_at = self._present_at = 0.0
        self._driver: Presence | None = None
        self._selected: int | None = None
        self._wake, self._free = threading.Event(), threading.Event()
        self._free.set()
        self._stopped = False
        self._report: SnapshotReader | None = None
        self._log_wish: LogWish | None = None
        self._log: tuple[object, LogReader] | None = None  # what it lets through, and the reader of it

    # ---- called by the screen

    def select(self, run: int | None) -> None:
        """Read the detail of this run from now on."""
        if run != self._selected:
            self._selected = run
            self._wake.set()

    def read_log(self, wish: LogWish | None) -> None:
        """Read these events from now on; none of them with None."""
        if wish != self._log_wish:
            self._log_wish = wish
            self._wake.set()

    def taken(self) -> None:
        """The screen has dealt with the last message."""
        self._free.set()

    def stop(self) -> None:
        self._stopped = True
        self._wake.set()
        self._free.set()

    # ---- the thread

    def run(self) -> None:
        before, known = Look(), None  # `known` is the ledger's version and what was wanted, at the last look
        first = True
        while not self._stopped:
            began = time.monotonic()
            look = self._kept(before)
            try:
                now_known = (self._version(), self._selected, self._log_wish)
                if now_known != known:
                    look = self._look(look, known is None or now_known[0] != known[0], *now_known[1:])
                    known = now_known if self._complete(look) else None
                look = self._with_presence(look)
            except Exception as error:  # whatever it is: it is told, and the next look may go well
                look, known = replace(look, problem=_told(error)), None
                self._close()
            if look != before or first:
                self._send(look)
                before, first = look, False
            self._wake.wait(max(LOOK_SECONDS, REST * (time.monotonic() - began)))
            self._wake.clear()
        self._close()

    def _version(self) -> int:
        if self._report is None:
            self._report = SnapshotReader(Ledger(self._path, now=self._now, must_exist=True), FIRST_RUNS)
        return self._report.ledger.version()

    def _complete(self, look: Look) -> bool:
        return self._report is not None and self._report.complete and (look.log is None or look.log.enough)

    def _look(self, before: Look, changed: bool, selected: int | None, wish: LogWish | None) -> Look:
        assert self._report is not None
        found = detail(self._report.ledger, selected) if selected is not None else None
        snapshot = self._report.snapshot() if changed else before.snapshot
        log = self._read_log(self._report.ledger, wish) if wish is not None else None
        return replace(before, snapshot=snapshot, detail=found, log=log, problem="")

    def _read_log(self, ledger: Ledger, wish: LogWish) -> Log:
        if self._log is None or self._log[0] != wish.view:
            self._log = wish.view, LogReader(ledger, wish.accepts)
        return self._log[1].read(wish.rows)

    def _with_presence(self, look: Look) -> Look:
        """The driver's presence is a lock and not a row: it is looked at every second, whatever the ledger says."""
        if look.snapshot is None:
            return look
        if time.monotonic() - self._present_at < PRESENCE_SECONDS:
            return replace(look, snapshot=replace(look.snapshot, driver=self._driver))
        self._present_at = time.monotonic()
        driver = presence.driver(self._path)
        if driver is not None:  # its age changes all the time, but matters only when it hangs
            driver = replace(driver, beat_age=driver.beat_age // 10 * 10 if driver.hung else 0.0)
        self._driver = driver
        return replace(look, snapshot=replace(look.snapshot, driver=driver))

    def _kept(self, look: Look) -> Look:
        """What the console started is asked after whether or not the ledger can be read."""
        if self._keeper is None or time.monotonic() - self._kept_at < KEEP_SECONDS:
            return look
        self._kept_at = time.monotonic()
        return replace(look, kept=self._keeper.problem() or "", lost=self._keeper.lost())

    def _send(self, look: Look) -> None:
        self._free.wait()
        self._free.clear()
        if not self._stopped:
            self._post(Looked(look))

    def _close(self) -> None:
        if self._report is not None:
            self._report.ledger.close()
        self._report = self._log = None


def _told(error: Exception) -> str:
    expected = isinstance(error, (LedgerError, sqlite3.Error, OSError))
    return str(error) if expected else f"internal error: {type(error).__name__}: {error}"


class Asked(Message):
    """A request was written to the ledger (`request` is its number), or could not be (`problem`).

    `dry`: it asks only what would be done; `act` is what can be undone of it.
    """

    def __init__(
        self, words: str, request: int | None, problem: str = "", *, dry: bool = False, act: Act | None = None
    ) -> None:
        super().__init__()
        self.words, self.request, self.problem, self.dry, self.act = words, request, problem, dry, act


class Asker(threading.Thread):
    """Writes requests for the driver into the ledger, in the order in which they were asked."""

    def __init__(self, path: Path, now: Callable[[], float], post: Post) -> None:
        super().__init__(name="asker", daemon=True)
        self._path, self._now, self._post = path, now, post
        self._jobs: queue.SimpleQueue[tuple[str, Act] | None] = queue.SimpleQueue()

    def ask(self, words: str, verb: str, run: int | None, **args: Any) -> None:
        """`words` tell the operator what was asked."""
        self._jobs.put((words, Act(verb, run, args)))

    def act(self, act: Act, words: str = "") -> None:
        """Ask for this; it may be undone."""
        self._jobs.put((words or act.words, act))

    def stop(self) -> None:
        self._jobs.put(None)

    def run(self) -> None:
        while (job := self._jobs.get()) is not None:
            words, act = job
            try:
                ledger = Ledger(self._path, now=self._now, must_exist=True)
                try:
                    number = ledger.ask(act.verb, act.run, actor=actor(), **act.args)
                    self._post(Asked(words, number, dry=bool(act.args.get("dry")), act=act))
                finally:
                    ledger.close()
            except (LedgerError, sqlite3.Error, OSError) as error:
                self._post(Asked(words, None, str(error)))
