"""Keeping the mark beside the results (`console.disk.mark`), and respecting that of another console's driver.

A driver may start something at Globus for LEASE_SECONDS after it has renewed its mark, so one that cannot renew it
stops before others think that it is dead. That takes MISSED_BEATS, counted in looks of ours that were answered: no
clocks of two machines are compared, and a file system that answers nobody makes nobody look dead.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from console.disk import mark as marks
from console.disk.mark import LEASE_SECONDS, TAKE, TAKEN_SECONDS, Mark
from console.ledger.store import Ledger
from flowspec import catalogue
from flowspec.conditions import Reason, reason

BEAT_SECONDS = 2.0
MISSED_BEATS = 15  # in a row; longer than LEASE_SECONDS, and a request that was under way when it ended
# Seconds from taking a mark to the first launch, by why it was taken: until what the other one asked for is listed.
PAUSES = {"mark.asked": TAKEN_SECONDS, "mark.died": LEASE_SECONDS, "mark.silent": 0.0, "": 0.0}
FIRST = Reason("queue.marking")


def _awake() -> float:
    """Seconds that go on while the machine sleeps: after that, the mark is no longer ours for sure."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def elsewhere(there: Mark) -> Reason:
    """Another console drives: who, where and since when."""
    return reason(
        "queue.elsewhere", user=there.user, uid=there.uid, host=there.host, ledger=there.ledger, since=there.since
    )


class Marking:
    """`look` belongs to one thread; `holds` and `problem` may be asked by any."""

    def __init__(self, results: Path, ledger: Path, clock: Callable[[], float] = _awake) -> None:
        self._results, self._ledger_path, self._clock = results, ledger, clock
        self._mine: Mark | None = None
        self._other: Mark | None = None  # the mark of somebody else as it was seen last
        self._missed = 0  # beats of it
        self._from, self._until = 0.0, 0.0  # the time in which we may launch
        self._reason = FIRST

    def holds(self) -> Reason | None:
        """Why this driver may start nothing at Globus now; None when it may."""
        return None if self._from <= self._clock() < self._until else self._reason

    def problem(self) -> str:
        """What people have to know; '' for nothing."""
        held = self.holds()
        return "" if held is None or held == FIRST else catalogue.sentence(held)

    @property
    def id(self) -> str:
        """Another one each time that the mark became ours."""
        return self._mine.id if self._mine is not None else ""

    def look(self, ledger: Ledger) -> None:
        """Renew our mark, put one, or see who else drives."""
        began = self._clock()
        try:
            if self._mine is not None and self._renewed(self._mine):
                self._hold(ledger, began)
            else:
                self._mine, self._until = None, 0.0
                self._claim(ledger, began)
        except FileExistsError:
            return  # somebody was faster: the next look sees who
        except OSError as error:
            path = str(self._results / marks.NAME)
            self._wait(ledger, reason("queue.unmarked", path=path, words=error.strerror or str(error)))

    def release(self) -> None:
        """At the end: the next one need not wait."""
        self._until = 0.0
        if self._mine is not None:
            marks.remove(self._results, self._mine)

    def _renewed(self, mine: Mark) -> bool:
        self._mine = mine = replace(mine, beat=mine.beat + 1)
        return marks.renew(self._results, mine)

    def _claim(self, ledger: Ledger, began: float) -> None:
        mine, there = marks.of_this_process(self._ledger_path), marks.read(self._results)
        if there is None:
            marks.create(self._results, mine)
            self._begin(ledger, mine, began, PAUSES["mark.died"] if self._other is not None else 0.0)
        elif (said := self._may_replace(ledger, there, mine)) is not None:
            if marks.replace_with(self._results, mine, there):
                if said:
                    who = {"user": there.user, "host": there.host, "ledger": there.ledger}
                    ledger.event("warning", catalogue.sentence(Reason(said, who)), actor="driver")
                self._begin(ledger, mine, began, PAUSES[said])
        else:
            self._wait(ledger, elsewhere(there))

    def _may_replace(self, ledger: Ledger, there: Mark, mine: Mark) -> str | None:
        """The code of why the mark that is there may be replaced, '' when nobody need hear of it; None when not."""
        same = self._other is not None and (self._other.id, self._other.beat) == (there.id, there.beat)
        self._missed = self._missed + 1 if same else 0
        self._other = there
        if there.ledger_id == mine.ledger_id:  # we have the lock of that very file: whoever put it cannot act any more
            return ""
        if ledger.get(TAKE) == there.id:
            return "mark.asked"
        lives = marks.lives(there, mine.machine)
        if lives is not None:  # though it gives no beats: one that is stopped can go on at any time
            return None if lives else "mark.died"
        return "mark.silent" if self._missed >= MISSED_BEATS else None

    def _begin(self, ledger: Ledger, mine: Mark, began: float, pause: float) -> None:
        self._mine, self._other, self._missed = mine, None, 0
        self._from = began + pause
        if ledger.get(TAKE):
            ledger.put(TAKE, "")
        self._hold(ledger, began)

    def _hold(self, ledger: Ledger, began: float) -> None:
        if self._reason != FIRST:
            ledger.event("good", catalogue.sentence(Reason("mark.ours")), actor="driver")
        self._reason, self._until = FIRST, began + LEASE_SECONDS

    def _wait(self, ledger: Ledger, why: Reason) -> None:
        if why != self._reason:
            ledger.event("bad", catalogue.sentence(why), actor="driver")
        self._reason = why
