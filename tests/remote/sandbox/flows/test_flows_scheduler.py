from __future__ import annotations

import threading
import time

import pytest

from remote.sandbox.flows.scheduler import Agenda, Scheduler
from tests.waiting import HANGS_AFTER


class Work:
    """Remembers what was done, and says of a key when it is due again."""

    def __init__(self, **again: list[float | None]) -> None:
        self.done: list[str] = []
        self._again = again
        self._changed = threading.Condition()

    def __call__(self, key: str) -> float | None:
        with self._changed:
            self.done.append(key)
            self._changed.notify_all()
            following = self._again.get(key, [])
            return following.pop(0) if following else None

    def wait_for(self, *keys: str) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.done == list(keys), HANGS_AFTER), self.done


def test_keys_come_in_the_order_of_their_times() -> None:
    work, now = Work(), time.time()
    scheduler = Scheduler(work)
    scheduler.at("late", now + 0.2)
    scheduler.at("early", now + 0.1)
    scheduler.at("past", now - 5)
    work.wait_for("past", "early", "late")
    assert time.time() >= now + 0.2
    scheduler.close()


def test_the_last_time_that_is_set_counts() -> None:
    work, now = Work(), time.time()
    scheduler = Scheduler(work)
    scheduler.at("run", now + 3600)
    scheduler.at("run", now)
    work.wait_for("run")
    scheduler.at("other", now)
    work.wait_for("run", "other")
    scheduler.close()


def test_work_says_when_it_is_due_again() -> None:
    now = time.time()
    work = Work(run=[now, now + 0.05, None])
    scheduler = Scheduler(work)
    scheduler.at("run", now)
    work.wait_for("run", "run", "run")
    scheduler.close()
    assert work.done == ["run", "run", "run"]


def test_an_error_in_one_does_not_stop_the_others(caplog: pytest.LogCaptureFixture) -> None:
    done = threading.Event()

    def work(key: str) -> None:
        if key == "bad":
            raise ValueError("a defect")
        done.set()

    scheduler = Scheduler(work)
    scheduler.at("bad", time.time() - 2)
    scheduler.at("good", time.time() - 1)
    assert done.wait(HANGS_AFTER)
    scheduler.close()
    assert "a defect" in caplog.text


def test_close_does_not_wait_for_what_is_due_later() -> None:
    scheduler = Scheduler(Work())
    scheduler.at("run", time.time() + 3600)
    closing = threading.Thread(target=scheduler.close, daemon=True)
    closing.start()
    closing.join(HANGS_AFTER)
    assert not closing.is_alive()


def test_an_agenda_is_worked_off_by_whoever_has_the_clock() -> None:
    done: list[tuple[str, float]] = []
    clock = [0.0]

    def work(key: str) -> float | None:
        done.append((key, clock[0]))
        return clock[0] + 100 if len(done) < 3 else None

    agenda = Agenda(work, lambda: clock[0])
    agenda.at("a", 50.0)
    agenda.at("b", 20.0)
    agenda.at("a", 10.0)  # in place of what was set before
    while (due := agenda.due()) is not None:
        clock[0] = due
        agenda.do_next()
    assert done == [("a", 10.0), ("b", 20.0), ("a", 110.0), ("b", 120.0)]
