"""Whether the night moves: what is read of it, and what follows from that at which time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from console.ledger import attempts, evidence
from console.ledger.pause import Pause
from console.ledger.presence import Presence
from console.ledger.store import Ledger
from console.reading.night import Judgement, Night, State, Why, grows, judge, worked_off
from console.reading.run_list import SCREENFUL
from console.reading.snapshot import SnapshotReader
from console.settings.model import Policy
from flowspec.conditions import Reason, reason
from flowspec.plan import plan_all, plan_early
from flowspec.progress import Evidence, Says, Witness
from flowspec.stages import Stage
from flowspec.states import AttemptState, RunState
from tests.fake_globus import Clock, Remote, make_context
from tests.fake_globus import judge as judged
from tests.ledger_fixture import end_attempt, stand

NOW = 1_000_000.0
DRIVER = Presence(1, "daq1", "shift@daq1", 0.0, "background")
PAUSED = Pause("anna@daq1", NOW - 60, "NERSC maintenance")
# A result every 6 minutes, each 20 minutes after its start; three in flight.
WELL = Night(
    known=True, in_flight=3, waiting=12, last_result=NOW - 240, usual_result=360.0, usual_work=1200.0,
    moved=NOW - 30, busy_since=NOW - 900, results_out=30, runs_in=20,
)  # fmt: skip


@pytest.mark.parametrize(
    ("how", "wanted"),
    [
        ({}, (State.MOVING, None)),
        ({"known": False}, (State.UNKNOWN, None)),
        ({"in_flight": 0, "waiting": 0}, (State.IDLE, None)),
        ({"in_flight": 0, "waiting": 0, "held": 3, "ready": 2, "failed": 4}, (State.IDLE, None)),
        # The next result is overdue, or could not have come yet.
        ({"last_result": NOW - 721, "busy_since": NOW - 2401}, (State.SLOW, None)),
        ({"last_result": NOW - 719, "busy_since": NOW - 2401}, (State.MOVING, None)),
        ({"last_result": NOW - 7200, "busy_since": NOW - 600}, (State.MOVING, None)),
        ({"last_result": None, "usual_result": None, "usual_work": None}, (State.MOVING, None)),
        # Nothing moves.
        ({"stuck_in_flight": 3}, (State.STANDS, Why.STUCK)),
        ({"stuck_in_flight": 2}, (State.MOVING, None)),
        ({"in_flight": 0, "stuck_waiting": 12}, (State.STANDS, Why.WAITS)),
        ({"in_flight": 0, "stuck_waiting": 11}, (State.MOVING, None)),
        ({"moved": NOW - 2399}, (State.MOVING, None)),
        ({"moved": NOW - 2401}, (State.STANDS, Why.SILENT)),
        ({"moved": NOW - 1_000_000, "usual_result": None}, (State.MOVING, None)),
        ({"usual_result": 1000.0, "moved": NOW - 2999, "last_result": NOW}, (State.MOVING, None)),
    ],
)
def test_what_follows_from_the_facts(how: dict[str, Any], wanted: tuple[State, Why | None]) -> None:
    assert judge(replace(WELL, **how), None, DRIVER, NOW) == Judgement(*wanted)


@pytest.mark.parametrize(
    "driver",
    [None, replace(DRIVER, beat_age=10.0), replace(DRIVER, stopped=True), replace(DRIVER, problem="the disk is full")],
    ids=["none", "hangs", "stopped", "cannot act"],
)
def test_without_a_driver_that_acts_nothing_moves_when_there_is_work(driver: Presence | None) -> None:
    assert judge(WELL, None, driver, NOW) == Judgement(State.STANDS, Why.DRIVER)
    assert judge(replace(WELL, in_flight=0, waiting=0), None, driver, NOW).state is State.IDLE


def test_a_pause_is_told_before_all_else_but_not_before_anything_is_known() -> None:
    assert judge(WELL, PAUSED, None, NOW).state is State.PAUSED
    assert judge(Night(), PAUSED, DRIVER, NOW).state is State.UNKNOWN


def test_the_backlog_is_worked_off_at_the_usual_pace() -> None:
    assert worked_off(WELL, NOW) == WELL.last_result + 15 * 360
    assert worked_off(replace(WELL, stuck_in_flight=1, stuck_waiting=2), NOW) == WELL.last_result + 12 * 360
    assert worked_off(replace(WELL, last_result=NOW - 3600), NOW) == NOW - 360 + 15 * 360  # the next comes at once
    assert worked_off(replace(WELL, waiting=0), NOW) is None
    assert worked_off(replace(WELL, usual_result=None), NOW) is None


def test_a_backlog_that_grows_is_never_worked_off() -> None:
    growing = replace(WELL, runs_in=31)
    assert (worked_off(growing, NOW), grows(growing), grows(WELL)) == (None, True, False)
    assert not grows(replace(growing, waiting=0))


# ---- read from the ledger


class Nights:
    """A ledger with runs that ended when told, read as the screen reads it."""

    def __init__(self, path: Path) -> None:
        self.clock = Clock()
        self.clock.time = NOW
        self.ledger = Ledger(path, now=self.clock)
        self.ctx = make_context(self.ledger, Remote(), Policy())
        self.reader = SnapshotReader(self.ledger, SCREENFUL)

    def read(self) -> Night:
        return self.reader.snapshot().night

    def run(self, number: int, state: RunState, why: Reason | str = "", **columns: object) -> None:
        judged(self.ctx, number)
        stand(self.ledger, number, state=state, why=why, **columns)

    def attempt(self, run: int, at: float, state: AttemptState = AttemptState.STARTED, **columns: object) -> int:
        self.clock.time, before = at, self.clock.time
        number = attempts.add_intent(self.ledger, plan_all(run, (0, 1)), 1, f"tag-{run}", {}, "label", "flow", "driver")
        end_attempt(self.ledger, number, state, started_at=at, flow_run=f"flow-run-{run}", **columns)
        self.clock.time = before
        return number

    def done(self, run: int, asked: float, finished: float) -> None:
        self.run(run, RunState.DONE, finished_at=finished)
        self.attempt(run, asked, AttemptState.SUCCEEDED, ended_at=finished)


@pytest.fixture
def nights(tmp_path: Path) -> Iterator[Nights]:
    made = Nights(tmp_path / "ledger.db")
    yield made
    made.ledger.close()


def test_an_empty_ledger_is_known_and_idle(nights: Nights) -> None:
    assert nights.read() == Night(known=True)


def test_results_and_what_is_usual(nights: Nights) -> None:
    for place, finished in enumerate([NOW - 4000, NOW - 3000, NOW - 2400, NOW - 1800]):
        nights.done(place + 1, finished - 900 - 10 * place, finished)
    night = nights.read()
    assert (night.last_result, night.usual_result, night.usual_work) == (NOW - 1800, 600, 915)
    assert (night.results_out, night.bytes_out) == (4, 8000)


def test_results_of_streamed_runs_have_a_usual_time_of_their_own(nights: Nights) -> None:
    for number, took in ((1, 600), (2, 700), (3, 90)):
        nights.done(number, NOW - 800, NOW)
        stand(nights.ledger, number, ended=NOW - took)
    early = attempts.add_intent(nights.ledger, plan_early(3, [0]), 2, "early", {}, "", "flow", "driver")
    assert (nights.read().after_end, nights.read().after_end_streamed) == (600, None)
    end_attempt(nights.ledger, early, AttemptState.SUCCEEDED)
    assert (nights.read().after_end, nights.read().after_end_streamed) == (650, 90)


def test_two_results_make_nothing_usual(nights: Nights) -> None:
    nights.done(1, NOW - 900, NOW - 600)
    nights.done(2, NOW - 900, NOW - 300)
    assert nights.read().usual_result is None


def test_runs_by_where_they_stand(nights: Nights) -> None:
    slots = reason("queue.slots", under_way=2, limit=2)
    nights.run(1, RunState.RUNNING)
    nights.run(2, RunState.RUNNING, why=Reason("flow.inactive", {"words": "consent"}))
    nights.run(3, RunState.CANCELLING)
    nights.run(4, RunState.QUEUED, why=slots)
    nights.run(5, RunState.QUEUED, why=reason("queue.held", who="anna"), held_by="anna")
    nights.run(6, RunState.QUEUED, why=reason("queue.disk", space="full", path="/results"))
    nights.run(7, RunState.READY)
    nights.run(8, RunState.FAILED)
    nights.run(9, RunState.FAILED, again_at=NOW + 60)
    nights.run(10, RunState.CANCELLED)
    night = nights.read()
    assert (night.in_flight, night.stuck_in_flight, night.waiting, night.stuck_waiting) == (3, 1, 2, 1)
    assert (night.held, night.ready, night.failed, night.slots) == (1, 1, 1, 2)
    assert night.waits_for == "make room: DTN disk full"


def test_what_last_happened_to_what_is_in_flight(nights: Nights) -> None:
    nights.run(1, RunState.RUNNING)
    nights.run(2, RunState.RUNNING, why=Reason("flow.inactive", {"words": "consent"}))
    nights.attempt(1, NOW - 500)
    nights.attempt(2, NOW - 9000)
    assert (nights.read().moved, nights.read().busy_since) == (NOW - 500, NOW - 500)  # the stuck one is not busy
    evidence.record_evidence(nights.ledger, 1, [Evidence(Stage.FIT, 0, Witness.TASK, Says.DONE, at=NOW - 100)])
    assert nights.read().moved == NOW - 100
    nights.done(3, NOW - 800, NOW - 50)
    assert nights.read().moved == NOW - 50


def test_runs_that_come_in(nights: Nights) -> None:
    for number in range(1, 5):
        nights.run(number, RunState.READY, started=NOW - 6000 + 1000 * number, ended=NOW - 5500 + 1000 * number)
    nights.run(5, RunState.TAKING, started=NOW - 400)
    nights.run(6, RunState.READY, started=NOW - 90_000, ended=NOW - 89_000)
    night = nights.read()
    assert (night.last_run, night.usual_run, night.runs_in, night.bytes_in) == (NOW - 400, 1000, 4, 8000)


def test_nothing_is_said_before_all_runs_were_read(nights: Nights) -> None:
    with nights.ledger.change():
        for number in range(1, SCREENFUL + 50):
            nights.run(number, RunState.QUEUED)
    assert not nights.read().known
    while not nights.reader.complete:
        night = nights.read()
    assert (night.known, night.waiting) == (True, SCREENFUL + 49)
