"""The event log, read from its end in pages: nobody waits for a hundred thousand events to see the last ten."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from console.ledger import events
from console.ledger.events import Event
from console.ledger.store import Ledger

PAGE = 500  # events read at a time
PAGES_PER_LOOK = 10


@dataclass(frozen=True)
class Log:
    """Events, oldest first. `back_to` is the time of the oldest that was looked at, `whole` when there is none before.

    `enough` tells whether all that were wanted are there, or there are no more.
    """

    events: tuple[Event, ...] = ()
    back_to: float | None = None
    whole: bool = False
    enough: bool = False


class LogReader:
    """Reads the newest events that are accepted, and then those that come; not to be shared between threads."""

    def __init__(self, ledger: Ledger, accepts: Callable[[Event], bool]) -> None:
        self._ledger, self._accepts = ledger, accepts
        self._kept: deque[Event] = deque()
        self._log = Log()
        self._newest = events.last(ledger)
        self._oldest = self._newest + 1  # the oldest that was looked at
        self._back_to: float | None = None

    def read(self, rows: int) -> Log:
        """At least `rows` events when there are so many; a few pages at a time: ask again until there are enough."""
        self._read_newer()
        while len(self._kept) > rows + 2 * PAGE:  # a screen may be left open for weeks
            self._kept.popleft()
            self._oldest, self._back_to = self._kept[0].event, self._kept[0].at
        for _ in range(PAGES_PER_LOOK):
            if len(self._kept) >= rows or self._oldest <= 1:
                break
            self._read_older()
        whole = self._oldest <= 1
        kept = tuple(self._kept)
        if kept != self._log.events or self._log.back_to != self._back_to or self._log.whole is not whole:
            self._log = Log(kept, self._back_to, whole, whole or len(kept) >= rows)
        return self._log

    def _read_newer(self) -> None:
        for event in events.after(self._ledger, self._newest):
            self._newest = event.event
            if self._accepts(event):
                self._kept.append(event)

    def _read_older(self) -> None:
        page = events.before(self._ledger, self._oldest, PAGE)
        for event in page:
            self._oldest, self._back_to = event.event, event.at
            if self._accepts(event):
                self._kept.appendleft(event)
        if len(page) < PAGE:
            self._oldest = 0
