"""Alerts in the ledger: each is told once, those alike together, in so many messages an hour, until it was seen."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.alerts.message import Message, message
from console.alerts.watch import GATHER_SECONDS, HOUR, AlertWatch
from console.ledger import alerts as rows
from console.ledger.errors import Trouble
from flowspec.conditions import reason
from flowspec.readiness import Verdict
from flowspec.states import RunState
from tests.ledger_fixture import DemoLedger, stand

SECRET = "AgZx93kd8Q7wPq2LmN5vTt1YbC6hJ4"
ABORT = reason("failed.abort", words=f"EventEditor aborted (rc 134) \x1b[31mBearer {SECRET}")


class Desk:
    """A driver's watch, and what it has sent."""

    def __init__(self, path: Path, per_hour: int = 6) -> None:
        self.demo = DemoLedger(path)
        self.sent: list[Message] = []
        self.broken = False
        self.watch = AlertWatch(
            self.demo.ledger, "e21062", {"hook": self._send, "apprise": self._fail}, per_hour, beam=False
        )
        self.watch.look()

    def _send(self, told: Message) -> None:
        if self.broken:
            raise Trouble("hook: broken")
        self.sent.append(told)

    def _fail(self, told: Message) -> None:
        if self.broken:
            raise Trouble("apprise: broken")

    def fail(self, *runs: int) -> None:
        for run in runs:
            self.demo.found(run, Verdict.READY, "is complete", 2, ended=60)
            stand(self.demo.ledger, run, RunState.FAILED, ABORT)

    def look(self, seconds: float = 0.0) -> None:
        self.demo.at += seconds
        self.watch.look()

    def open(self) -> list[rows.Fired]:
        return rows.open_ones(self.demo.ledger)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path / "ledger.db")
    yield desk
    desk.demo.ledger.close()


def test_what_fails_alike_is_one_line_of_one_message_without_secrets(desk: Desk) -> None:
    desk.fail(1300)
    desk.look()
    desk.fail(1301, 1302)
    desk.look(GATHER_SECONDS / 2)
    assert desk.sent == [], "what happens at the same time is waited for"
    desk.look(GATHER_SECONDS)
    (told,) = desk.sent
    assert told.text.startswith("3 runs failed alike (1300-1302); the last: run 1302 failed: EventEditor aborted")
    assert len(told.text.splitlines()) == 1
    document = json.loads(told.as_json())
    assert [alert["subject"] for alert in document["alerts"]] == ["1300", "1301", "1302"]
    for form in (told.text, told.title, told.as_json()):
        assert SECRET not in form
        assert "\x1b" not in form
    desk.look(HOUR)
    assert len(desk.sent) == 1, "it is told once"


def test_so_many_messages_an_hour_and_the_rest_in_the_next(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "ledger.db", per_hour=2)
    for run in range(1300, 1306):
        desk.fail(run)
        desk.look()
        desk.look(GATHER_SECONDS + 1)
    assert len(desk.sent) == 2
    desk.look(HOUR)
    assert len(desk.sent) == 3
    assert "4 runs failed alike (1302-1305)" in desk.sent[2].text


def test_what_somebody_has_seen_is_not_told_and_says_who_it_was(desk: Desk) -> None:
    desk.fail(1300)
    desk.look()
    rows.acknowledge(desk.demo.ledger, "anna@daq1")
    rows.acknowledge(desk.demo.ledger, "bert@daq2")
    desk.look(GATHER_SECONDS + 1)
    assert desk.sent == []
    assert [alert.acknowledged_by for alert in desk.open()] == ["anna@daq1"]


def test_it_is_over_when_the_rule_finds_nothing_any_more(desk: Desk) -> None:
    desk.fail(1300)
    desk.look()
    desk.look(GATHER_SECONDS + 1)
    stand(desk.demo.ledger, 1300, RunState.DONE)
    desk.look(60)
    assert desk.open() == []
    stand(desk.demo.ledger, 1300, RunState.FAILED, ABORT)
    desk.look(60)
    desk.look(GATHER_SECONDS + 1)
    assert len(desk.sent) == 1, "what comes back within half an hour is the same one"
    stand(desk.demo.ledger, 1300, RunState.DONE)
    desk.look(60)
    desk.demo.at += HOUR
    stand(desk.demo.ledger, 1300, RunState.FAILED, ABORT)
    desk.look()
    desk.look(GATHER_SECONDS + 1)
    assert len(desk.sent) == 2


def test_what_cannot_be_told_is_a_trouble_and_told_later(desk: Desk) -> None:
    desk.broken = True
    desk.fail(1300)
    desk.look()
    with pytest.raises(Trouble, match="hook: broken; apprise: broken"):
        desk.look(GATHER_SECONDS + 1)
    desk.broken = False
    desk.look()
    assert len(desk.sent) == 1


def test_what_stands_so_at_the_first_look_of_all_is_old_news(tmp_path: Path) -> None:
    demo = DemoLedger(tmp_path / "ledger.db")
    demo.found(1300, Verdict.READY, "is complete", 2, ended=60)
    stand(demo.ledger, 1300, RunState.FAILED, ABORT)
    sent: list[Message] = []
    for _ in range(3):
        AlertWatch(demo.ledger, "e21062", {"hook": sent.append}, 6, beam=False).look()
        demo.at += 2 * GATHER_SECONDS
    assert sent == []
    assert [alert.subject for alert in rows.open_ones(demo.ledger)] == ["1300"]


def test_a_long_message_ends_with_where_the_rest_is(desk: Desk) -> None:
    for number in range(40):
        rows.fire(
            desk.demo.ledger, "alert.endpoint", f"e{number}", 0.0, {"endpoint": f"e{number}", "since": 0}, told=False
        )
    told = message("e21062", desk.open())
    assert len(told.text.splitlines()) == 30
    assert told.text.endswith("and 11 more: console alerts list\n")
