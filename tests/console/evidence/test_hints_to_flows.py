"""Hints to Flows: when they are given, how often, and when no longer."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timezone
from types import SimpleNamespace
from typing import Any

import pytest

from console.cli.status import status_json, status_text
from console.context import Context
from console.evidence.hints import PAUSES, TRIAL, give_hints, unnoticed
from console.ledger import attempts, evidence
from console.reading.snapshot import snapshot
from console.settings.model import Policy
from flowspec import flowlog
from flowspec.catalogue import sentence
from flowspec.conditions import NO_REASON
from flowspec.flowlog import Visit
from flowspec.progress import Evidence, Says, Witness
from flowspec.stages import Stage
from flowspec.states import AttemptState, RunState
from remote.globus.errors import RemoteError
from tests.ledger_fixture import NOW, DemoLedger, end_attempt

LOOK = 5.0  # s between the looks of the poller


@dataclass
class Flows:
    """The other end: counts the hints, and answers them with `error`."""

    error: RemoteError | None = None
    hinted: list[str] = field(default_factory=list)

    def resume(self, flow_run: str, flow_id: str) -> None:
        self.hinted.append(flow_run)
        if self.error is not None:
            raise self.error


class Bench:
    """Runs whose fit has ended long after it was started, and a poller's looks at them."""

    def __init__(self, tmp_path: Any) -> None:
        self.demo = DemoLedger(tmp_path / "ledger.db")
        self.ledger = self.demo.ledger
        self.flows = Flows()
        self.requests = 0.0  # s that those of a poll take
        remote: Any = SimpleNamespace(flows=self.flows)
        places: Any = None
        self.ctx = Context(self.ledger, remote, places, "e21062", tmp_path, "flow", {}, Policy(poll_interval=LOOK))

    def start(self, run: int, stage: Stage = Stage.FIT, ago: float = 600.0, segments: int = 2) -> int:
        attempt = self.demo.launched(run, RunState.RUNNING, "fit", stage, segments=segments)
        self.visit(attempt, stage, Visit(Says.RUNNING, iso(self.demo.at - ago), "tg_1"))
        return attempt

    def visit(self, attempt: int, stage: Stage, visit: Visit) -> None:
        attempts.set_attempt(self.ledger, attempt, visits=flowlog.dump({stage: visit}))

    def say(self, attempt: int, says: Says, segments: range = range(2), stage: Stage = Stage.FIT) -> None:
        run = self.attempt(attempt).run
        found = [Evidence(stage, s, Witness.TASK, says, NO_REASON, None, self.demo.at) for s in segments]
        evidence.record_evidence(self.ledger, run, found, attempt)

    def attempt(self, key: int) -> attempts.Attempt:
        return next(a for a in attempts.open_attempts(self.ledger) if a.attempt == key)

    def look(self, after: float | None = None) -> None:
        self.demo.at += LOOK + self.requests if after is None else after
        started = [a for a in attempts.open_attempts(self.ledger) if a.state is AttemptState.STARTED]
        give_hints(self.ctx, started, self.requests)

    def hints(self) -> list[Any]:
        return self.ledger.rows("SELECT * FROM hints ORDER BY hint")


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


def iso(at: float) -> str:
    return datetime.fromtimestamp(at, timezone.utc).isoformat()


def test_unnoticed_is_what_every_task_of_the_present_stage_of_this_attempt_says(bench):
    attempt = bench.start(1)
    assert unnoticed(bench.ledger, bench.attempt(attempt)) is None
    bench.say(attempt, Says.DONE, range(1))
    assert unnoticed(bench.ledger, bench.attempt(attempt)) is None
    bench.demo.at += 30
    bench.say(attempt, Says.FAILED, range(1, 2))
    found = unnoticed(bench.ledger, bench.attempt(attempt))
    assert (found.stage, found.ended, found.failed) == (Stage.FIT, NOW + 30, True)
    assert found.next_poll == NOW - 600 + 1023  # 600 s after its start Flows looks at 1023 s
    assert sentence(found.reason(None)).startswith("fit ended ")
    bench.visit(attempt, Stage.FIT, Visit(Says.RUNNING, iso(NOW - 600), "tg_1", looked=iso(NOW - 20)))
    assert unnoticed(bench.ledger, bench.attempt(attempt)).next_poll == NOW - 20 + 581
    bench.visit(attempt, Stage.FIT, Visit(Says.DONE, iso(NOW - 600), "tg_1", ended=iso(NOW + 31)))
    assert unnoticed(bench.ledger, bench.attempt(attempt)) is None


def test_what_an_earlier_attempt_did_is_not_taken_for_the_end_of_this_one(bench):
    first = bench.start(1)
    bench.say(first, Says.DONE)
    end_attempt(bench.ledger, first, state=AttemptState.FAILED)
    second = bench.start(1)
    assert unnoticed(bench.ledger, bench.attempt(second)) is None
    bench.say(second, Says.DONE)  # in the same words
    assert unnoticed(bench.ledger, bench.attempt(second)).ended == bench.demo.at


def test_hints_come_with_growing_pauses_up_to_a_bound(bench):
    bench.say(bench.start(1), Says.DONE)
    times = []
    for _ in range(200):
        before = len(bench.flows.hinted)
        bench.look(LOOK / 2)
        if len(bench.flows.hinted) > before:
            times.append((bench.demo.at - NOW) / LOOK)
    assert times == pytest.approx([0.5, 2.5, 8.5, 32.5, 92.5])
    assert len(times) == len(PAUSES)
    assert [row["ended_at"] for row in bench.hints()] == [NOW] * len(PAUSES)


def test_no_hint_when_flows_is_about_to_look_by_itself(bench):
    bench.say(bench.start(1, ago=500), Says.DONE)  # its look at 511 s comes within three of ours
    bench.look()
    assert bench.flows.hinted == []
    bench.look(10)  # which did not notice, and the next is at 1023 s
    assert len(bench.flows.hinted) == 1


def test_the_hint_is_in_the_ledger_before_it_is_given(bench, monkeypatch):
    bench.say(bench.start(1), Says.DONE)
    seen = []
    monkeypatch.setattr(bench.flows, "resume", lambda *_: seen.append(len(bench.hints())))
    bench.look()
    assert seen == [1]


def test_a_look_gives_three_hints_and_no_more_after_flows_says_later(bench):
    for run in range(1, 6):
        bench.say(bench.start(run), Says.DONE)
    bench.look()
    assert len(bench.flows.hinted) == 3
    bench.flows.error = RemoteError("later", "flows", "resume", "the service answers 429", "wait")
    bench.look()
    assert len(bench.flows.hinted) == 4
    assert (bench.hints()[3]["kind"], bench.hints()[3]["problem"]) == ("later", "the service answers 429")


def test_when_flows_moves_is_written_down(bench):
    attempt = bench.start(1)
    bench.say(attempt, Says.DONE)
    bench.look()
    assert bench.hints()[0]["moved_at"] is None
    bench.visit(attempt, Stage.FIT, Visit(Says.DONE, iso(NOW - 600), "tg_1", ended=iso(NOW + 6)))
    bench.look()
    assert bench.hints()[0]["moved_at"] == NOW + 2 * LOOK


def run_through(bench: Bench, run: int, moves_after: float) -> None:
    """A run whose fit ends, is hinted at once, and is left by Flows so many seconds after the hint."""
    attempt = bench.start(run)
    bench.say(attempt, Says.DONE)
    bench.look()
    bench.demo.at += moves_after - LOOK
    bench.visit(attempt, Stage.FIT, Visit(Says.DONE, iso(NOW), "tg_1", ended=iso(bench.demo.at)))
    bench.look()


def test_it_switches_itself_off_after_ten_without_effect_and_says_so(bench):
    for run in range(1, TRIAL + 1):
        assert snapshot(bench.ledger).hints_off == ""
        run_through(bench, run, moves_after=60)
    assert len(bench.hints()) == TRIAL
    said = "Globus is not asked any more to look after 10 times without effect: it notices ends up to 10 min late"
    assert snapshot(bench.ledger).hints_off == said
    assert said in status_text(bench.ledger)
    assert status_json(bench.ledger)["hints_off"] == said
    newest = snapshot(bench.ledger).events[0]
    assert (newest.level, newest.text) == ("warning", said)
    run_through(bench, 99, moves_after=60)
    assert len(bench.hints()) == TRIAL


def test_when_polls_take_long_an_effect_is_seen_later_and_counts(bench):
    bench.requests = 3 * LOOK  # of a dozen flow runs under way
    for run in range(1, TRIAL + 2):
        run_through(bench, run, moves_after=8 * LOOK)
    assert snapshot(bench.ledger).hints_off == ""
    assert len(bench.hints()) == TRIAL + 1


def test_one_that_worked_keeps_it_on(bench):
    for run in range(1, 3 * TRIAL):
        run_through(bench, run, moves_after=LOOK if run % TRIAL == 0 else 60)
    assert snapshot(bench.ledger).hints_off == ""


def test_what_flows_does_not_take_for_the_moment_is_not_counted_but_a_refusal_is(bench):
    bench.flows.error = RemoteError("later", "flows", "resume", "the service cannot be reached", "wait")
    for run in range(1, 15):
        run_through(bench, run, moves_after=60)
    assert snapshot(bench.ledger).hints_off == ""
    bench.flows.error = RemoteError("operator", "flows", "resume", "409: it is active", "look")
    for run in range(15, 26):
        run_through(bench, run, moves_after=60)
    assert "without effect (it answered 409: it is active)" in snapshot(bench.ledger).hints_off
    assert json.loads(json.dumps(status_json(bench.ledger)))["hints_off"]
