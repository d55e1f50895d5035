"""Something done again and again: when, what it returns, and what becomes of failures."""

from __future__ import annotations

import sqlite3
from itertools import pairwise

import pytest

from console.driver.periodic import INTERVAL_SPREAD, LONGEST_PAUSE, PAUSE_SPREAD, Periodic
from console.ledger import sources
from console.ledger.errors import Trouble
from console.ledger.store import Ledger
from remote.globus.errors import RemoteError
from tests.discovery_fixture import Clock

SECONDS = 5.0


class Work:
    """Returns "done", or raises `error`; notes when it was done. `hears` are sources that answer it."""

    def __init__(self):
        self.clock = Clock()
        self.times = []
        self.error = None
        self.hears = ()
        self.ledger = None
        self.periodic = Periodic("flows", self._do, SECONDS, self.clock)

    def _do(self):
        self.times.append(self.clock.now)
        for source in self.hears:
            sources.answered(self.ledger, source)
        if self.error is not None:
            raise self.error
        return "done"

    def pass_time(self, ledger, seconds):
        self.ledger = ledger
        end = self.clock.now + seconds
        while self.clock.now < end:
            self.periodic.run(ledger)
            self.clock.now += 0.1


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "ledger.db")


@pytest.fixture
def work():
    return Work()


def problem(ledger, source):
    return sources.problem(ledger, source)


def pauses(times):
    return [later - earlier for earlier, later in pairwise(times)]


def test_it_is_done_when_due_and_its_result_is_returned(ledger, work):
    assert work.periodic.run(ledger) == "done"
    assert work.periodic.run(ledger) is None
    work.pass_time(ledger, 60)
    least, most = INTERVAL_SPREAD
    assert all(least * SECONDS <= pause <= most * SECONDS + 0.2 for pause in pauses(work.times))


def test_it_can_be_hurried_but_not_put_off(ledger, work):
    work.periodic.hurry()
    assert work.periodic.run(ledger) == "done"
    work.periodic.hurry()
    assert work.periodic.run(ledger) == "done"


def test_failures_grow_the_pause_up_to_its_bound_and_are_shown_until_it_goes_well(ledger, work):
    work.error = RemoteError("later", "transfer", "task", "503: busy", "wait")
    work.pass_time(ledger, 600)
    least, most = PAUSE_SPREAD
    for pause, expected in zip(pauses(work.times), [10, 20, 40, *[LONGEST_PAUSE] * 20], strict=False):
        assert least * expected <= pause <= most * expected + 0.2
    assert problem(ledger, "transfer") == "503: busy; wait"
    work.error = None
    work.pass_time(ledger, LONGEST_PAUSE)
    assert problem(ledger, "transfer") == "503: busy; wait", "it had nothing to ask"
    work.hears = ("transfer",)
    work.pass_time(ledger, LONGEST_PAUSE)
    assert problem(ledger, "transfer") == ""
    assert work.periodic.failures == 0


def test_a_bug_is_shown_and_stops_nobody(ledger, work):
    work.error = ZeroDivisionError("division by zero")
    assert work.periodic.run(ledger) is None
    assert problem(ledger, "flows") == "internal error, see the driver's log: ZeroDivisionError: division by zero"


def test_what_a_chore_has_found_wrong_is_told_in_its_words(ledger, work):
    work.error = Trouble("Slurm refused a block")
    assert work.periodic.run(ledger) is None
    assert problem(ledger, "flows") == "Slurm refused a block"


def test_a_ledger_that_cannot_be_used_is_for_the_thread_to_handle(ledger, work):
    work.error = sqlite3.OperationalError("database or disk is full")
    with pytest.raises(sqlite3.OperationalError):
        work.periodic.run(ledger)
