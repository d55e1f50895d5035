"""The list of runs, read in slices: the newest first, thousands of older ones little by little."""

from __future__ import annotations

import bisect
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, Protocol, TypeVar

from console.ledger import overview
from console.ledger.store import Ledger
from flowspec.states import RunState

SCREENFUL = 200  # runs: more than a terminal has lines
SLICE = 2000  # runs that are read at a time: some 30 ms
OVERLAP_SECONDS = 1.0  # the clock that tells when a run was written may be set back by so much at any time,
READ_AGAIN_SECONDS = 60.0  # and by more if it is then seen so late
ABOVE_ALL = 2**62  # a number that no run has
ALL = -1  # as SQLite's LIMIT


class _Row(Protocol):
    @property
    def run(self) -> int: ...


Row = TypeVar("Row", bound=_Row)


class RunList(Generic[Row]):
    """Rows that have not changed are the same objects as before, and the whole list is when none has.

    Each call of `read` reads the runs written since the last, as most of thousands never change again, and a slice of
    those that were not read yet: the first has the `first` newest. When all are read it begins anew after a while.
    `complete` tells whether no slice is left to read now; `unread` counts the runs never read yet by state.
    """

    def __init__(self, ledger: Ledger, make_row: Callable[[tuple[Any, ...]], Row], first: int = ALL) -> None:
        self.rows: tuple[Row, ...] = ()
        self.unread: Mapping[RunState, int] = {}
        self._ledger, self._make_row, self._slice = ledger, make_row, first
        self._versions: dict[int, int] = {}  # hashes of what the ledger had: a tenth of the memory of that itself
        self._reached = ABOVE_ALL  # runs from this number on are in the list
        self._next = ABOVE_ALL  # those below are in the next slice
        self._began = time.monotonic()
        self._newest = overview.last_written(ledger)
        self._unread: Counter[RunState] = Counter()

    @property
    def complete(self) -> bool:
        return self._next == 0

    def read(self) -> None:
        since = min(self._newest, self._ledger.now()) - OVERLAP_SECONDS
        written = overview.runs_since(self._ledger, since, self._reached)
        self._newest = max(self._newest, *(row["updated"] for row in written)) if written else self._newest
        if self.complete and time.monotonic() - self._began >= READ_AGAIN_SECONDS:
            self._next, self._began = ABOVE_ALL, time.monotonic()
        self._put(written)
        if not self.complete:
            self._read_slice()

    def _read_slice(self) -> None:
        rows = overview.runs_below(self._ledger, self._next, self._slice)
        more = len(rows) == self._slice
        self._next = rows[-1]["run"] if more else 0
        self._slice = self._slice if self._slice == ALL else SLICE
        self._put(rows)
        if self._reached == ABOVE_ALL:
            self._unread = Counter(overview.states_below(self._ledger, self._next))
        else:
            self._unread -= Counter(RunState(row["state"]) for row in rows)
        self._reached = min(self._reached, self._next)
        self.unread = dict(self._unread) if self._reached else {}

    def _put(self, rows: Iterable[sqlite3.Row]) -> None:
        """Put what is new or has changed in its place."""
        listed: list[Row] | None = None
        for row in rows:
            *columns, _ = row
            raw = tuple(columns)
            version = hash(raw)
            if self._versions.get(raw[0]) == version:
                continue
            listed = list(self.rows) if listed is None else listed
            place = bisect.bisect_left(listed, -raw[0], key=lambda known: -known.run)
            known = raw[0] in self._versions
            listed[place : place + known] = [self._make_row(raw)]
            self._versions[raw[0]] = version
        if listed is not None:
            self.rows = tuple(listed)
