"""What another console with another ledger has started is seen before anything is started, and is never doubled."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from console.actions import fetch_reports, reconcile, requests
from console.actions.launch import LOOKUP_SECONDS
from console.context import Context
from console.disk.mark import TAKE
from console.driver import round
from console.evidence.poll import Poll
from console.ledger import attempts, runs
from console.ledger.store import Ledger
from console.settings.model import Policy
from flowspec.conditions import reason
from flowspec.states import AttemptState, RunState
from remote.globus.errors import RemoteError
from tests.fake_globus import Clock, Flows, Remote, judge, make_context

RUNS = range(1, 4)  # as many as there may be transfers at once
OTHER_FLOW = "0a0a0a0a-0000-4000-8000-000000000001"
HELD = reason("queue.elsewhere", user="anna", uid=1001, host="daq2", ledger="/home/anna/ledger.db", since=1e9)


class Counting(Flows):
    looks = 0

    def open_runs(self):
        self.looks += 1
        if self.faults and self.faults[0] == "no list":
            raise RemoteError("bug", "flows", "open_runs", "400: no such filter", "report it")
        return super().open_runs()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def globus() -> Remote:
    return Remote(Counting())


@pytest.fixture
def two(tmp_path: Path, globus: Remote, clock: Clock):
    """Two consoles of the same experiment, each with a ledger of its own and the same runs."""
    both = [make_context(Ledger(tmp_path / f"{n}.db", now=clock), globus, Policy(max_in_flight=20)) for n in "ab"]
    for ctx in both:
        ctx.ledger.put("auto", "on")
        for run in RUNS:
            judge(ctx, run)
    yield both
    for ctx in both:
        ctx.ledger.close()


def events(ctx: Context) -> str:
    return "\n".join(row["text"] for row in ctx.ledger.rows("SELECT text FROM events"))


def of(globus: Remote) -> list[str]:
    return sorted(run.label for run in globus.flows.there)


def test_what_the_other_has_started_is_taken_over_and_not_started(two, globus: Remote) -> None:
    for ctx in two:
        round.launch_what_is_due(ctx)
    assert len(globus.flows.there) == len(RUNS)
    for ctx in two:
        for run in RUNS:
            (attempt,) = attempts.attempts(ctx.ledger, run)
            assert attempt.flow_run in {there.id for there in globus.flows.there}
            assert runs.run(ctx.ledger, run).state is RunState.RUNNING


def test_also_when_each_account_has_deployed_a_flow_of_its_own(two, globus: Remote) -> None:
    first, second = two
    round.launch_what_is_due(replace(first, flow_id=OTHER_FLOW))
    round.launch_what_is_due(second)
    assert len(globus.flows.there) == len(RUNS)
    assert {a.flow_id for run in RUNS for a in attempts.attempts(second.ledger, run)} == {OTHER_FLOW}


def test_an_intent_that_was_not_sent_is_given_up_for_it(two, globus: Remote) -> None:
    first, second = two
    globus.flows.faults.append("no list")
    with pytest.raises(RemoteError):
        round.launch_what_is_due(second)
    globus.flows.faults.clear()
    round.launch_what_is_due(first)
    round.launch_what_is_due(second)
    assert len(globus.flows.there) == len(RUNS)
    mine, theirs = attempts.attempts(second.ledger, 1)
    assert (mine.state, mine.reason.code) == (AttemptState.CANCELLED, "attempt.elsewhere")
    assert (theirs.state, theirs.flow_run is None) == (AttemptState.STARTED, False)


def test_an_intent_whose_answer_is_not_known_is_looked_for_first(two, globus: Remote, clock: Clock) -> None:
    first, second = two
    globus.flows.faults.append("before")
    with pytest.raises(RemoteError):
        round.launch_what_is_due(second)
    round.launch_what_is_due(first)
    round.launch_what_is_due(second)
    (asked,) = attempts.attempts(second.ledger, 1)
    assert asked.state is AttemptState.INTENT, "its flow run may yet appear"
    clock.time += LOOKUP_SECONDS
    round.launch_what_is_due(second)
    assert len(globus.flows.there) == len(RUNS)
    assert attempts.newest_attempt(second.ledger, 1).number == 2


def test_one_round_looks_once_however_much_it_starts(two, globus: Remote) -> None:
    first, _ = two
    round.launch_what_is_due(first)
    assert (len(globus.flows.there), globus.flows.looks) == (len(RUNS), 1)
    round.launch_what_is_due(first)
    assert globus.flows.looks == 1, "nothing to start, nothing to look for"


def test_a_round_that_cannot_look_starts_nothing_and_gives_nothing_up(two, globus: Remote) -> None:
    first, _ = two
    globus.flows.faults.append("no list")
    with pytest.raises(RemoteError):
        round.launch_what_is_due(first)
    assert globus.flows.there == []
    (attempt,) = attempts.attempts(first.ledger, 1)
    assert attempt.state is AttemptState.INTENT
    assert runs.run(first.ledger, 1).why.startswith("attempt 1 could not be started: 400: no such filter")
    globus.flows.faults.clear()
    round.launch_what_is_due(first)
    assert len(globus.flows.there) == len(RUNS)


def test_what_another_experiment_has_started_is_not_ours(two, globus: Remote) -> None:
    first, second = two
    round.launch_what_is_due(replace(first, experiment="e2106"))
    round.launch_what_is_due(second)
    assert len(globus.flows.there) == 2 * len(RUNS)


def test_while_another_console_drives_queued_runs_wait_and_say_who_and_where(two, globus: Remote) -> None:
    _, second = two
    held = replace(second, elsewhere=lambda: HELD)
    round.launch_what_is_due(held)
    assert (globus.flows.there, globus.flows.looks) == ([], 0)
    for run in RUNS:
        found = runs.run(held.ledger, run)
        assert found.state is RunState.QUEUED
        assert found.why.startswith("waits: anna (uid 1001) on daq2 drives this experiment since 2001-09-")
        assert found.why.endswith("with /home/anna/ledger.db: look there, or console driver take-over")


def test_an_intent_waits_as_well(two, globus: Remote) -> None:
    first, _ = two
    globus.flows.faults.append("refused")
    with pytest.raises(RemoteError):
        round.launch_what_is_due(first)
    round.launch_what_is_due(replace(first, elsewhere=lambda: HELD))
    assert globus.flows.there == []
    assert runs.run(first.ledger, 1).why.startswith("attempt 1 waits: anna (uid 1001) on daq2 drives")


def test_a_flow_run_that_is_not_taken_over_is_told_once(two, globus: Remote) -> None:
    first, _ = two
    round.launch_what_is_due(first)
    for run in RUNS:
        globus.flows.start(OTHER_FLOW, {}, f"e21062 run {run} attempt 7", [f"frib-{run}-7-{run:016x}"])
    for _ in range(3):
        reconcile.settle(first)
    assert events(first).count("is not in the ledger, which has others") == len(RUNS)


def test_the_request_to_take_over_names_the_mark(two) -> None:
    first, _ = two
    asked = first.ledger.ask("take-over", None, actor="me@here", mark="abc")
    (request,) = first.ledger.asked()
    requests.answer(first, request)
    assert first.ledger.request(asked).state == "done"
    assert first.ledger.get(TAKE) == "abc"


def test_while_another_console_drives_nothing_is_hinted_or_fetched_unasked(
    two, monkeypatch: pytest.MonkeyPatch
) -> None:
    ctx, done = two[0], []
    monkeypatch.setattr(round.poll, "poll_attempts", lambda ctx: Poll())
    monkeypatch.setattr(round.hints, "give_hints", lambda *asked: done.append("hints"))
    monkeypatch.setattr(fetch_reports, "_request_those_of_failures", lambda ledger: done.append("reports"))
    for known in (replace(ctx, elsewhere=lambda: HELD), ctx):
        round.follow_attempts(known)
        fetch_reports.fetch(known)
        assert done == ([] if known is not ctx else ["hints", "reports"])
