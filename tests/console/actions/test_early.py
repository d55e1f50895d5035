"""When an early attempt is due, and how much room it takes; what becomes of it is in tests/e2e/test_streaming.py."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from console.actions import early, launch, queue, requests
from console.context import Context
from console.driver.round import launch_what_is_due
from console.ledger import attempts, dossier, endpoints, pause, runs
from console.ledger.endpoints import EndpointRow
from console.ledger.events import newest
from console.ledger.moves import move_attempt
from console.ledger.runs import record_judgement
from console.ledger.store import Ledger
from console.settings.model import Policy
from flowspec import text
from flowspec.conditions import reason
from flowspec.readiness import Judgement, Verdict
from flowspec.stages import Stage
from flowspec.states import ENDED_WELL, AttemptState, RunState
from tests.fake_globus import ID, Remote, make_context

STREAMING = Policy(streaming=True, streaming_segments=3, streaming_seconds=60, max_in_flight=2)


class Clock:
    now = 1_782_914_602.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ctx(tmp_path: Path, clock: Clock) -> Iterator[Context]:
    ledger = Ledger(tmp_path / "ledger.db", now=clock)
    yield make_context(ledger, Remote(), STREAMING)
    ledger.close()


def record(ctx: Context, run: int, closed: dict[int, str], verdict: Verdict = Verdict.TAKING) -> None:
    """What discovery finds of a run that is being recorded."""
    segments = (*closed, len(closed)) if verdict is Verdict.TAKING else tuple(closed)
    judged = Judgement(
        run, verdict, reason("run.recording"), segments, 1000, "t", 1, None, None, f"{verdict} {closed}", closed
    )  # fmt: skip
    record_judgement(ctx.ledger, f"/data/run{run}", judged, dict.fromkeys(segments, 100))


def start(ctx: Context) -> None:
    assert early.start_early(ctx, lambda: None, runs.runs(ctx.ledger, RunState.QUEUED)).trouble is None


def taken(ctx: Context) -> list[tuple[int, tuple[int, ...]]]:
    return [(a.run, a.plan.expected) for a in attempts.open_attempts(ctx.ledger)]


def test_so_many_closed_segments_make_an_attempt_and_fewer_after_a_while(ctx: Context, clock: Clock) -> None:
    record(ctx, 7, {0: "a", 1: "b"})
    start(ctx)
    assert taken(ctx) == []
    record(ctx, 7, {0: "a", 1: "b", 2: "c"})
    start(ctx)
    assert taken(ctx) == [(7, (0, 1, 2))]
    assert runs.run(ctx.ledger, 7).state is RunState.TAKING
    record(ctx, 8, {0: "a"})
    clock.now += 61
    ctx = replace(ctx, policy=STREAMING.model_copy(update={"max_in_flight": 5}))
    start(ctx)
    assert taken(ctx) == [(7, (0, 1, 2)), (8, (0,))]


def test_no_segment_is_in_two_attempts_and_one_that_has_changed_is_taken_again(ctx: Context) -> None:
    ctx = replace(ctx, policy=STREAMING.model_copy(update={"max_in_flight": 9}))
    record(ctx, 7, {0: "a", 1: "b", 2: "c"})
    start(ctx)
    record(ctx, 7, {0: "a", 1: "other", 2: "c", 3: "d", 4: "e", 5: "f"})
    start(ctx)
    assert taken(ctx) == [(7, (0, 1, 2)), (7, (3, 4, 5))]
    known = dossier.read(ctx.ledger, 7)
    assert known is not None
    assert known.changed == {1}


def test_that_a_segment_has_changed_is_told_once(ctx: Context) -> None:
    ctx = replace(ctx, policy=STREAMING.model_copy(update={"max_in_flight": 9, "streaming_segments": 1}))

    def told() -> list[str]:
        return [event.text for event in newest(ctx.ledger, 20) if event.level == "warning"]

    def ends(attempt: int) -> None:
        move_attempt(ctx.ledger, attempt, ENDED_WELL, reason("attempt.early-done", segments=[]))

    record(ctx, 7, {0: "a", 1: "b", 2: "c"})
    start(ctx)
    ends(1)
    record(ctx, 7, {0: "a", 1: "other", 2: "c", 3: "d"})
    start(ctx)
    assert told() == ["run 7: segment 01 has changed since it was transferred: it is done again"]
    ends(2)
    record(ctx, 7, {0: "new", 1: "other", 2: "new", 3: "d"}, Verdict.READY)
    queue.queue_what_is_ready(ctx)
    queue.start_live(ctx, lambda: None, runs.runs(ctx.ledger, RunState.QUEUED))
    assert told() == [
        "run 7: segments 00, 02 have changed since they were transferred: they are done again",
        "run 7: segment 01 has changed since it was transferred: it is done again",
    ]
    assert runs.run(ctx.ledger, 7).early == {}


def test_what_keeps_runs_that_have_ended_keeps_early_attempts_too_and_is_said(ctx: Context, clock: Clock) -> None:
    ctx = replace(ctx, policy=STREAMING.model_copy(update={"max_in_flight": 9}))
    fit = EndpointRow(ID, "frib-fit-mpi", Stage.FIT.value, online=False, since=clock.now, detail={})
    endpoints.record(ctx.ledger, fit)
    record(ctx, 7, {0: "a", 1: "b", 2: "c"})
    start(ctx)
    run = runs.run(ctx.ledger, 7)
    assert (taken(ctx), run.stuck) == ([], True)
    since = text.clock(clock.now)
    assert run.why == f"waits: compute endpoint frib-fit-mpi is offline since {since}; start it at the site"
    queue.switch(ctx, None)
    start(ctx)
    assert not runs.run(ctx.ledger, 7).stuck, "there is to be none"
    queue.switch(ctx, 1)
    endpoints.record(ctx.ledger, replace(fit, online=True))
    start(ctx)
    run = runs.run(ctx.ledger, 7)
    assert (taken(ctx), run.stuck) == ([(7, (0, 1, 2))], False)
    assert run.why == "is being recorded: .started is there and .exited is not"


@pytest.mark.parametrize("kept", ["off", "auto", "pause", "room"])
def test_what_keeps_them(ctx: Context, kept: str) -> None:
    record(ctx, 7, {0: "a", 1: "b", 2: "c"})
    if kept == "off":
        ctx = replace(ctx, policy=Policy())
    elif kept == "auto":
        queue.switch(ctx, None)
    elif kept == "pause":
        pause.begin(ctx.ledger, "anna", ctx.now(), "a test")
    else:
        record(ctx, 6, {0: "a", 1: "b", 2: "c"})
        ctx = replace(ctx, policy=STREAMING.model_copy(update={"max_in_flight": 2}))
        start(ctx)
        assert taken(ctx) == [(6, (0, 1, 2))], "one of two is left to runs that have ended"
    start(ctx)
    assert [run for run, _ in taken(ctx) if run == 7] == []


def ask(ctx: Context, verb: str, run: int | None = 7, **args: object) -> tuple[str, str]:
    number = ctx.ledger.ask(verb, run, actor="anna@daq1", **args)
    requests.answer(ctx, next(asked for asked in ctx.ledger.asked() if asked.id == number))
    answered = ctx.ledger.request(number)
    assert answered is not None
    return answered.state, answered.answer


def test_what_was_chosen_for_one_run_goes_before_the_profile(ctx: Context) -> None:
    ctx = replace(ctx, policy=Policy(streaming_segments=3, max_in_flight=9))
    for run in (6, 7):
        record(ctx, run, {0: "a", 1: "b", 2: "c"})
    assert ask(ctx, "stream") == ("done", "run 7 is streamed: what is closed of it is worked on while it is recorded")
    start(ctx)
    assert taken(ctx) == [(7, (0, 1, 2))]
    record(ctx, 7, {0: "a", 1: "b", 2: "c", 3: "d", 4: "e", 5: "f"})
    told = "run 7 is not streamed: nothing more of it is begun before its end; 1 flow run under way"
    assert ask(ctx, "unstream") == ("done", f"{told}: what has started goes on")
    start(ctx)
    assert taken(ctx) == [(7, (0, 1, 2))]
    assert runs.run(ctx.ledger, 7).streaming is None, "what the profile says is no choice of its own"
    streaming = replace(ctx, policy=STREAMING.model_copy(update={"max_in_flight": 9}))
    ask(streaming, "unstream")
    start(streaming)
    assert taken(ctx) == [(7, (0, 1, 2)), (6, (0, 1, 2))]


def test_a_choice_is_for_runs_that_are_recorded_and_waits_for_auto_launch(ctx: Context) -> None:
    queue.switch(ctx, None)
    record(ctx, 7, {0: "a", 1: "b", 2: "c"})
    state, told = ask(ctx, "stream")
    assert (state, told.split(",")[1]) == ("done", " once auto-launch is on")
    start(ctx)
    assert taken(ctx) == []
    record(ctx, 6, {0: "a"}, Verdict.READY)
    assert ask(ctx, "stream", None, each={"6": "ready", "7": "taking"}) == (
        "done", "1 streamed, 1 refused: run 6 is ready: only a run that is still recorded can be streamed or not (6)",
    )  # fmt: skip
    assert ask(ctx, "unstream", 6)[0] == "refused"


def test_what_cannot_be_asked_for_is_stuck_and_keeps_no_other(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    ctx = replace(ctx, policy=STREAMING.model_copy(update={"max_in_flight": 9}))
    wrong = launch.inputs.problems
    monkeypatch.setattr(
        launch.inputs, "problems", lambda body, schema: ["no"] if body["run"] == 6 else wrong(body, schema)
    )
    for number in (6, 7):
        record(ctx, number, {0: "a", 1: "b", 2: "c"})
    start(ctx)
    assert taken(ctx) == [(7, (0, 1, 2))]
    run = runs.run(ctx.ledger, 6)
    assert run.stuck
    assert "the input document is not valid: no" in run.why


def queued(ctx: Context, run: int, priority: int) -> None:
    record(ctx, run, {0: "a"}, Verdict.READY)
    queue.queue_what_is_ready(ctx)
    runs.set_run(ctx.ledger, run, priority=priority)


def test_live_data_go_first_then_what_is_recorded_then_reprocessing(ctx: Context) -> None:
    ctx = replace(ctx, policy=STREAMING.model_copy(update={"max_in_flight": 4}))
    queued(ctx, 3, queue.BEHIND_LIVE_DATA)
    queued(ctx, 5, queue.LIVE)
    record(ctx, 7, {0: "a", 1: "b", 2: "c"})
    record(ctx, 8, {0: "a", 1: "b", 2: "c"})
    launch_what_is_due(ctx)
    assert taken(ctx) == [(5, (0,)), (7, (0, 1, 2))], "a transfer is left to runs that have ended"
    waits = runs.run(ctx.ledger, 3)
    assert waits is not None
    assert waits.why == "waits: segments of run 8 go first"
    record(ctx, 8, {})
    launch_what_is_due(ctx)
    assert taken(ctx) == [(5, (0,)), (7, (0, 1, 2)), (3, (0,))]


def test_a_queued_run_waits_for_its_early_attempts_and_the_rest_of_it_does_not(ctx: Context) -> None:
    ctx = replace(ctx, policy=STREAMING.model_copy(update={"max_in_flight": 9}))
    record(ctx, 7, {0: "a", 1: "b", 2: "c"})
    start(ctx)
    record(ctx, 7, {0: "a", 1: "b", 2: "c", 3: "d"}, Verdict.READY)
    queue.queue_what_is_ready(ctx)
    queue.start_live(ctx, lambda: None, runs.runs(ctx.ledger, RunState.QUEUED))
    run = runs.run(ctx.ledger, 7)
    assert (run.state, run.why) == (RunState.QUEUED, "waits for 3 segments that are under way")
    start(ctx)
    assert taken(ctx) == [(7, (0, 1, 2)), (7, (3,))]
    told = [event.text for event in newest(ctx.ledger, 20) if "transfer, fit and convert" in event.text]
    assert told == [
        "run 7 attempt 2: transfer, fit and convert of 03, beside what is under way",
        "run 7 attempt 1: transfer, fit and convert of 00-02, while the run is recorded",
    ]
    assert {a.state for a in attempts.open_attempts(ctx.ledger)} == {AttemptState.STARTED}
