"""The supervisor restarts what ends at once with growing pauses, and what ends for a good reason without any."""

from __future__ import annotations

import signal
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest

from console.driver import supervisor
from console.driver.process import EXIT_DISK, EXIT_REPLACED
from console.driver.supervisor import CHECK_SECONDS, SHORT_LIFE, START_SECONDS, Supervisor
from tests.discovery_fixture import Clock


class Bench:
    """A supervisor whose drivers only have an exit code; nobody else drives."""

    def __init__(self, tmp_path, monkeypatch):
        self.clock = Clock()
        self.starts: list[float] = []
        self.code: int | None = 1  # of whatever was started last
        self.killed = False
        monkeypatch.setattr(supervisor, "driver", lambda ledger: None)
        monkeypatch.setattr(supervisor, "spawn_driver", self._spawn)
        self.supervisor = Supervisor(
            tmp_path / "ledger.db", tmp_path / "profile.toml", lifeline=False, clock=self.clock
        )

    def _spawn(self, ledger, profile, *, lifeline) -> Any:
        self.starts.append(self.clock.now)
        return SimpleNamespace(pid=1, stdin=None, poll=lambda: self.code, kill=self._kill)

    def _kill(self):
        self.killed = True

    def checks(self, seconds):
        end = self.clock.now + seconds
        while self.clock.now < end:
            self.supervisor.check()
            self.clock.now += CHECK_SECONDS

    def pauses(self):
        return [later - earlier for earlier, later in pairwise(self.starts)]


@pytest.fixture
def bench(tmp_path, monkeypatch):
    return Bench(tmp_path, monkeypatch)


def test_a_driver_that_ends_at_once_is_started_again_with_growing_pauses(bench):
    bench.checks(150)
    assert bench.pauses() == [CHECK_SECONDS, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]
    assert "the driver ends at once (exit code 1)" in bench.supervisor.problem()


def test_a_driver_is_being_started_until_one_drives_has_ended_or_takes_too_long(bench):
    assert bench.supervisor.starting(), "it has not even looked yet"
    bench.code = None
    bench.supervisor.check()
    assert bench.supervisor.starting()
    bench.clock.now += START_SECONDS
    assert not bench.supervisor.starting()
    bench.clock.now -= START_SECONDS
    bench.code = 1
    assert not bench.supervisor.starting()


def test_pauses_are_short_while_a_disk_is_full(bench):
    bench.code = EXIT_DISK
    bench.checks(30)
    assert bench.pauses() == [CHECK_SECONDS, 1.0, 2.0, 4.0, 5.0, 5.0, 5.0, 5.0]


@pytest.mark.parametrize("code", [-signal.SIGKILL, EXIT_REPLACED])
def test_one_that_was_killed_or_replaced_is_followed_at_once(bench, code):
    bench.code = code
    bench.checks(5)
    assert set(bench.pauses()) == {CHECK_SECONDS}
    assert bench.supervisor.problem() is None


def test_pauses_begin_anew_after_a_driver_that_has_worked(bench):
    bench.checks(20)
    bench.code = None
    bench.supervisor.check()
    bench.clock.now = bench.starts[-1] + SHORT_LIFE + 20
    bench.code = 1
    starts = len(bench.starts)
    bench.checks(4)
    assert bench.pauses()[starts:] == [CHECK_SECONDS, 1.0, 2.0]


def test_one_that_does_not_become_the_driver_is_killed(bench):
    bench.code = None
    bench.checks(START_SECONDS)
    assert (len(bench.starts), bench.killed) == (1, False)
    bench.checks(2 * CHECK_SECONDS)
    assert (len(bench.starts), bench.killed) == (1, True)
