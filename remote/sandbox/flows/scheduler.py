"""Things that are done when they are due, for any number of flow runs: by one thread, or whenever somebody asks."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable

_log = logging.getLogger(__name__)

Work = Callable[[str], "float | None"]
Clock = Callable[[], float]


class Agenda:
    """Calls `work(key)` when the key is due; `work` returns the time of its next call, or None for no more.

    Times are seconds since 1970. `work` must be quick; if it raises, that is logged and the key is given up. A key has
    at most one due time: the last set. It has no thread: whoever has the clock asks for the next due time and has it
    done, at any speed.
    """

    def __init__(self, work: Work, now: Clock = time.time) -> None:
        self._work = work
        self._now = now
        self._heap: list[tuple[float, int, str]] = []
        self._ticket: dict[str, int] = {}
        self._counter = itertools.count()

    def at(self, key: str, due: float) -> None:
        """Sets when the key is due, in place of what was set before."""
        ticket = next(self._counter)
        self._ticket[key] = ticket
        heapq.heappush(self._heap, (due, ticket, key))

    def due(self) -> float | None:
        """When the first key is due; None when there is none."""
        while self._heap and self._ticket.get(self._heap[0][2]) != self._heap[0][1]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def do_next(self) -> None:
        """Do what `due` tells of."""
        key = self._take()
        self._again(key, self._done(key))

    def close(self) -> None:
        """Whatever is due later is not done."""
        self._heap.clear()

    def _take(self) -> str:
        _, _, key = heapq.heappop(self._heap)
        del self._ticket[key]
        return key

    def _done(self, key: str) -> float | None:
        try:
            return self._work(key)
        except Exception:  # one flow run must not stop all the others
            _log.exception("flow run %s", key)
            return None

    def _again(self, key: str, due: float | None) -> None:
        # A due time set by `at` while the work was going on is younger than what the work knew.
        if due is not None and key not in self._ticket:
            Agenda.at(self, key, due)


class Scheduler(Agenda):
    """An agenda with a thread that does what is due at its time."""

    def __init__(self, work: Work, now: Clock = time.time) -> None:
        super().__init__(work, now)
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="flows-scheduler", daemon=True)
        self._thread.start()

    def at(self, key: str, due: float) -> None:
        with self._changed:
            super().at(key, due)
            self._changed.notify()

    def close(self) -> None:
        """Ends the thread; whatever is due later is not done."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while (key := self._wait()) is not None:
            due = self._done(key)
            with self._changed:
                self._again(key, due)

    def _wait(self) -> str | None:
        """The next key when it is due, None when closed."""
        with self._changed:
            while not self._closed:
                due = self.due()
                if due is None:
                    self._changed.wait()
                elif due <= self._now():
                    return self._take()
                else:
                    self._changed.wait(due - self._now())
        return None
