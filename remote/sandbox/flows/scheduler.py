"""One thread that does things when they are due, for any number of flow runs."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable

_log = logging.getLogger(__name__)


class Scheduler:
    """Calls `work(key)` when the key is due; `work` returns the time of its next call, or None for no more.

    Times are seconds since 1970. `work` must be quick; if it raises, that is logged and the key is given up. A key has
    at most one due time: the last set.
    """

    def __init__(self, work: Callable[[str], float | None], now: Callable[[], float] = time.time) -> None:
        self._work = work
        self._now = now
        self._heap: list[tuple[float, int, str]] = []
        self._ticket: dict[str, int] = {}
        self._counter = itertools.count()
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="flows-scheduler", daemon=True)
        self._thread.start()

    def at(self, key: str, due: float) -> None:
        """Sets when the key is due, in place of what was set before."""
        with self._changed:
            self._push(key, due)
            self._changed.notify()

    def close(self) -> None:
        """Ends the thread; whatever is due later is not done."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _push(self, key: str, due: float) -> None:
        ticket = next(self._counter)
        self._ticket[key] = ticket
        heapq.heappush(self._heap, (due, ticket, key))

    def _run(self) -> None:
        while (key := self._wait()) is not None:
            due = None
            try:
                due = self._work(key)
            except Exception:  # one flow run must not stop all the others
                _log.exception("flow run %s", key)
            with self._changed:
                # A due time set by `at` while the work was going on is younger than what the work knew.
                if due is not None and key not in self._ticket:
                    self._push(key, due)

    def _wait(self) -> str | None:
        """The next key when it is due, None when closed."""
        with self._changed:
            while not self._closed:
                if not self._heap:
                    self._changed.wait()
                    continue
                due, ticket, key = self._heap[0]
                if self._ticket.get(key) != ticket:
                    heapq.heappop(self._heap)
                elif due <= self._now():
                    heapq.heappop(self._heap)
                    del self._ticket[key]
                    return key
                else:
                    self._changed.wait(due - self._now())
        return None
