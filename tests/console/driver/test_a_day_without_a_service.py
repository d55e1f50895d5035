"""A service is down for a day: the driver says so once or now and then, and not once more with each try."""

from __future__ import annotations

import itertools
from dataclasses import replace
from types import SimpleNamespace

import pytest

from console.driver.loop import chores
from console.ledger import sources
from flowspec.stages import Stage
from remote.globus.errors import RemoteError
from tests.fake_globus import judge
from tests.shift_fixture import Shift

DAY, STEP = 86400.0, 60.0  # s; chores pause for longer when they fail

WORDS = itertools.cycle(["the service cannot be reached", "the service did not answer in time", "503: request {}"])


def error(service, call, number):
    kinds = {"401": ("operator", "401: token expired", "log in to Globus again (console login)")}
    kind, cause, step = kinds.get(call, ("later", next(WORDS).format(number), "wait"))
    return RemoteError(kind, service, call, cause, step, ambiguous=call == "start", login=kind == "operator")


class Failing:
    """The remote end, of which calls fail for which `down(service, call, number of the call)` is true."""

    def __init__(self, remote, down):
        self._remote, self._down, self._calls = remote, down, 0
        self.login = SimpleNamespace(expires_at=lambda: None, grants=frozenset)

    def __getattr__(self, service):
        return _Service(self, service)

    def ask(self, service, call, *arguments, **more):
        self._calls += 1
        if call != "spare" and self._down(service, call, self._calls):
            raise error(service, call, self._calls)
        if call == "start":  # the end knows one flow run only: the second has the story of the first
            return replace(self._remote.flows.run(""), id=f"flow-run-{self._calls}")
        return getattr(getattr(self._remote, service), call)(*arguments, **more)


class _Service:
    def __init__(self, end, name):
        self._end, self._name = end, name

    def __getattr__(self, call):
        return lambda *arguments, **more: self._end.ask(self._name, call, *arguments, **more)


class Day:
    """A run under way, and one that comes in after the service has gone."""

    def __init__(self, directory, down):
        self.shift = Shift(directory)
        self.shift.ledger.row("PRAGMA synchronous=OFF")
        self.down = lambda *_: False
        remote = Failing(self.shift.ctx.remote, lambda *call: self.down(*call))
        remote._remote.transfer.submission_id = lambda: "submission"
        self.ctx = replace(self.shift.ctx, remote=remote)
        self.chores = [chore for some in chores(self.ctx, real=False, clock=self.shift.clock) for chore in some]
        self.shift.globus.transfers_files()
        self.passes(60)
        self.shift.globus.begins(Stage.FIT, 3)
        self.passes(60)
        self.before = len(self.events())
        self.down = down
        judge(self.ctx, 8)

    def passes(self, seconds):
        until = self.shift.clock.time + seconds
        while self.shift.clock.time < until:
            for chore in self.chores:
                chore.run(self.shift.ledger)
            self.shift.clock.time += STEP

    def events(self):
        return [row["text"] for row in self.shift.ledger.rows("SELECT text FROM events ORDER BY event")]

    def red(self):
        return {source.name for source in sources.read(self.shift.ledger) if source.problem}


@pytest.mark.parametrize("service", ["flows", "transfer", "compute"])
def test_a_service_that_is_down_is_told_once_and_is_red_all_the_time(tmp_path, service):
    day = Day(tmp_path, lambda asked, *_: asked == service)
    day.passes(600)
    for _ in range(24):
        day.passes(DAY / 24)
        assert service in day.red()
    told = day.events()[day.before :]
    assert len(told) < 50, told
    assert len([text for text in told if text.startswith(f"{service}: ")]) == 1
    day.down = lambda *_: False
    day.passes(600)
    assert day.red() == set()
    assert [text for text in day.events() if text == f"{service}: answers again"]


@pytest.mark.parametrize(
    ("name", "down"),
    [
        ("everything", lambda *_: True),
        ("the state of tasks", lambda service, call, _: call in ("batch_status", "task_group")),
        ("starts", lambda service, call, _: call in ("start", "find_by_tag")),
        ("logs", lambda service, call, _: call == "log"),
        ("every other call to Flows", lambda service, call, number: service == "flows" and number % 2),
        ("one call in ten to Flows", lambda service, call, number: service == "flows" and number % 10 == 0),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_fewer_than_fifty_events_a_day_whatever_of_it_is_down(tmp_path, name, down):
    day = Day(tmp_path, down)
    day.passes(DAY)
    told = day.events()[day.before :]
    assert len(told) < 50, told
    assert told


def test_with_nothing_to_ask_a_dead_service_does_not_answer_again(tmp_path):
    """Flows is asked whether it is there when nothing is under way: a try that was left out is no answer."""
    day = Day(tmp_path, lambda service, *_: service == "flows")
    for number in (7, 8):
        day.shift.ledger.update("runs", "run", number, state="done")
    day.shift.ledger.update("attempts", "attempt", 1, state="succeeded")
    for _ in range(30):
        day.passes(20)
        assert "flows: answers again" not in day.events()
    assert "flows" in day.red()


def test_transfer_is_asked_again_when_nothing_else_asks_it(tmp_path):
    day = Day(tmp_path, lambda service, *_: service == "transfer")
    day.passes(600)
    day.shift.ledger.update("runs", "run", 8, state="done")
    day.shift.ledger.update("runs", "run", 7, state="done")
    day.shift.ledger.update("attempts", "attempt", 1, state="succeeded")
    day.shift.ledger.update("attempts", "attempt", 2, state="succeeded")
    day.passes(600)
    assert day.red() == {"transfer"}
    day.down = lambda *_: False
    day.passes(600)
    assert day.red() == set()
