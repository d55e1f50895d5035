"""A clock that is set forward from one thing that happens to the next."""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Callable

from remote.sandbox.flows.scheduler import Agenda

START = 1_782_914_602.0  # 2026-07-01 14:03:22 UTC


class World:
    """Seconds since 1970. `agenda`: that of the sandbox's Flows, worked off by this clock."""

    def __init__(self) -> None:
        self.time = START
        self.agenda: Agenda | None = None
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()

    def __call__(self) -> float:
        return self.time

    def after(self, seconds: float, do: Callable[[], None]) -> None:
        heapq.heappush(self._heap, (self.time + seconds, next(self._order), do))

    def go_on(self, seconds: float, stop: Callable[[], bool] = lambda: False) -> None:
        """Have all happen that is due within that time, or until `stop` says so."""
        until = self.time + seconds
        while not stop() and (due := min(self._due(), self._due_of_flows())) <= until:
            self.time = max(self.time, due)
            if self._due() == due:
                heapq.heappop(self._heap)[2]()
            elif self.agenda is not None:
                self.agenda.do_next()
        if not stop():
            self.time = max(self.time, until)

    def _due(self) -> float:
        return self._heap[0][0] if self._heap else math.inf

    def _due_of_flows(self) -> float:
        due = self.agenda.due() if self.agenda is not None else None
        return math.inf if due is None else due
