"""The two threads that touch the ledger for the screen, so that the screen itself never waits for a disk.

The reader polls the ledger and posts what it says when that has changed; one message is outstanding at a time, so that
a stalled terminal cannot pile them up. The request writer writes the operator's requests.
"""

from __future__ import annotations

import contextlib
import os
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from rich.cells import get_character_cell_size
from textual.message import Message

from console.ledger import consoles, presence
from console.ledger.errors import LedgerError, cause_of
from console.ledger.events import Event
from console.ledger.presence import Presence
from console.ledger.store import Ledger, actor
from console.reading.eventlog import Log, LogReader
from console.reading.run_list import SCREENFUL
from console.reading.since_left import since_left
from console.reading.snapshot import SnapshotReader
from screens.data import ScreenData
from screens.requests import Request

if TYPE_CHECKING:
    from console.reading.detail import RunDetail

READ_SECONDS = 0.25
CHECK_SECONDS = PRESENCE_SECONDS = 1.0
REST = 5  # after a read that took t seconds, rest at least REST * t

Post = Callable[[Message], object]


class Processes(Protocol):
    """The driver and the sandbox that this console started. Checked every second, never on the screen's thread."""

    def problem(self) -> str | None:
        """What is wrong with them now, in one sentence."""

    def starting(self) -> bool:
        """Whether a driver is being started."""

    def sandbox_ended(self) -> bool:
        """True when there is nothing left to show."""


@dataclass(frozen=True)
class LogQuery:
    """Which events to read: at least `rows` of those accepted; `view` identifies the choice."""

    view: object
    rows: int
    accepts: Callable[[Event], bool] = field(compare=False)


class DataRead(Message):
    """The reader has read something new."""

    def __init__(self, data: ScreenData) -> None:
        super().__init__()
        self.data = data


class Reader(threading.Thread):
    """Reads the ledger at `path` until stopped, and posts its data whenever they differ from those before."""

    def __init__(self, path: Path, now: Callable[[], float], post: Post, processes: Processes | None = None) -> None:
        super().__init__(name="reader", daemon=True)
        self._path, self._now, self._post, self._processes = path, now, post, processes
        self._checked_at = self._present_at = 0.0
        self._driver: Presence | None = None
        self._selected: int | None = None
        self._wake, self._free = threading.Event(), threading.Event()
        self._free.set()
        self._stopped = False
        self._report: SnapshotReader | None = None
        self._log_query: LogQuery | None = None
        self._report_since: float | None = None
        self._log: tuple[object, LogReader] | None = None  # what it lets through, and the reader of it

    # ---- called by the screen

    def select(self, run: int | None) -> None:
        """Read the detail of this run from now on."""
        if run != self._selected:
            self._selected = run
            self._wake.set()

    def read_log(self, query: LogQuery | None) -> None:
        """Read these events from now on; none of them with None."""
        if query != self._log_query:
            self._log_query = query
            self._wake.set()

    def read_report(self, since: float | None) -> None:
        """Read the report of the time since then, once; none with None."""
        self._report_since = since
        self._wake.set()

    def message_handled(self) -> None:
        """The screen has dealt with the last message: the next may be posted."""
        self._free.set()

    def stop(self) -> None:
        self._stopped = True
        self._wake.set()
        self._free.set()

    # ---- the thread

    def run(self) -> None:
        before, known = ScreenData(), None  # `known` is the ledger's version and what was asked for, when last read
        first = True
        get_character_cell_size("…")  # reads its table: it could not when no descriptor is left
        while not self._stopped:
            began, data = time.monotonic(), before
            try:
                data = self._with_processes(before)
                now_known = (self._version(), self._selected, self._log_query)
                if now_known != known:
                    data = self._read(data, known is None or now_known[0] != known[0], *now_known[1:])
                    known = now_known if self._complete(data) else None
                data = self._with_report(self._with_presence(data))
            except Exception as error:  # whatever it is: it is shown, and the next time may go well
                data, known = replace(data, problem=cause_of(error)), None
                self._report = self._log = None  # opened anew next time
            if data != before or first:
                self._send(data)
                before, first = data, False
            pause = READ_SECONDS if self._report is None or self._complete(data) else 0.0
            self._wake.wait(max(pause, REST * (time.monotonic() - began)))
            self._wake.clear()
        self._close()

    def _version(self) -> int:
        if self._report is None:
            self._report = SnapshotReader(Ledger(self._path, now=self._now, read_only=True), SCREENFUL)
        return self._report.ledger.version()

    def _complete(self, data: ScreenData) -> bool:
        return self._report is not None and self._report.complete and (data.log is None or data.log.enough)

    def _read(self, before: ScreenData, changed: bool, selected: int | None, query: LogQuery | None) -> ScreenData:
        if self._report is None:
            return before
        detail = _detail(self._report.ledger, selected) if selected is not None else None
        snapshot = self._report.snapshot() if changed else before.snapshot
        log = self._read_log(self._report.ledger, query) if query is not None else None
        return replace(before, snapshot=snapshot, detail=detail, log=log, problem="")

    def _read_log(self, ledger: Ledger, query: LogQuery) -> Log:
        if self._log is None or self._log[0] != query.view:
            self._log = query.view, LogReader(ledger, query.accepts)
        return self._log[1].read(query.rows)

    def _with_report(self, data: ScreenData) -> ScreenData:
        since = self._report_since
        if self._report is None or since == (data.report.since if data.report else None):
            return data
        from console.reading.report import report  # not needed for the first paint

        return replace(data, report=None if since is None else report(self._report.ledger, "", since))

    def _with_presence(self, data: ScreenData) -> ScreenData:
        """The driver's presence is a lock and not a row: it is checked every second, whatever the ledger says."""
        if data.snapshot is None:
            return data
        if time.monotonic() - self._present_at < PRESENCE_SECONDS:
            return replace(data, snapshot=replace(data.snapshot, driver=self._driver))
        self._present_at = time.monotonic()
        driver = presence.driver(self._path)
        if driver is not None:  # its age changes all the time, but matters only when it hangs
            driver = replace(driver, beat_age=driver.beat_age // 10 * 10 if driver.hung else 0.0)
        self._driver = driver
        return replace(data, snapshot=replace(data.snapshot, driver=driver))

    def _with_processes(self, data: ScreenData) -> ScreenData:
        """They are checked whether or not the ledger can be read."""
        if self._processes is None or time.monotonic() - self._checked_at < CHECK_SECONDS:
            return data
        self._checked_at = time.monotonic()
        try:
            problem, ended = self._processes.problem() or "", self._processes.sandbox_ended()
            starting = self._processes.starting()
        except Exception as error:  # it hides nothing of what the ledger says
            problem, ended, starting = f"the driver's process cannot be looked at: {cause_of(error)}", False, False
        return replace(data, process_problem=problem, sandbox_ended=ended, driver_starts=starting)

    def _send(self, data: ScreenData) -> None:
        self._free.wait()
        self._free.clear()
        if not self._stopped:
            self._post(DataRead(data))

    def _close(self) -> None:
        if self._report is not None:
            self._report.ledger.close()
        self._report = self._log = None


def _detail(ledger: Ledger, run: int) -> RunDetail | None:
    from console.reading.detail import detail  # not needed for the first paint

    return detail(ledger, run)


class RequestWritten(Message):
    """A request is in the ledger under this number, or could not be written (`problem`)."""

    def __init__(self, request: Request, words: str, number: int | None, problem: str = "") -> None:
        super().__init__()
        self.request, self.words, self.number, self.problem = request, words, number, problem


class Returned(Message):
    """What happened since the operator had a console open last."""

    def __init__(self, words: str) -> None:
        super().__init__()
        self.words = words


class RequestWriter(threading.Thread):
    """Writes requests for the driver into the ledger, in the order in which they were made; and that this console is
    open, unless it is not `here` for others. `person` is the name that the operator has given."""

    def __init__(self, path: Path, now: Callable[[], float], post: Post, *, here: bool = False) -> None:
        super().__init__(name="request writer", daemon=True)
        self._path, self._now, self._post, self._here = path, now, post, here
        self._id = f"{os.getpid()}:{presence.born_of(os.getpid())}"
        self._welcomed = False
        self.person = ""
        self._requests: queue.SimpleQueue[tuple[Request, str] | None] = queue.SimpleQueue()

    def write(self, request: Request, words: str = "") -> None:
        """`words` describe it to the operator."""
        self._requests.put((request, words or request.words))

    def stop(self) -> None:
        self._requests.put(None)

    def run(self) -> None:
        while True:
            self._tell_presence()
            try:
                queued = self._requests.get(timeout=consoles.BEAT_SECONDS if self._here else None)
            except queue.Empty:
                continue
            if queued is None:
                self._leave()
                return
            request, words = queued
            try:
                with closing(self._open()) as ledger:
                    number = ledger.ask(request.verb, request.run, actor=actor(self.person), **request.args)
                written = RequestWritten(request, words, number)
            except Exception as error:  # whatever it is: it is told, and the next request may go well
                written = RequestWritten(request, words, None, cause_of(error))
            self._post(written)

    def _tell_presence(self) -> None:
        """What cannot be written now is written with the next beat: nobody acts on it."""
        if not self._here:
            return
        with contextlib.suppress(LedgerError, sqlite3.Error, OSError), closing(self._open()) as ledger:
            left = consoles.left_at(ledger, actor(self.person), self._id)
            consoles.beat(ledger, self._id, actor(self.person))
            if not self._welcomed and left is not None and (words := since_left(ledger, left)):
                self._post(Returned(words))
            self._welcomed = True

    def _leave(self) -> None:
        if not self._here:
            return
        with contextlib.suppress(LedgerError, sqlite3.Error, OSError), closing(self._open()) as ledger:
            consoles.close(ledger, self._id)

    def _open(self) -> Ledger:
        return Ledger(self._path, now=self._now, must_exist=True)
