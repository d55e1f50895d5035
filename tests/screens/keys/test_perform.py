"""From an action to its effect, with nothing but a host: no screen, no terminal, no ledger."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from console.reading.snapshot import RunRow, Snapshot
from flowspec.catalogue import nested
from flowspec.conditions import Condition, Topic, reason
from flowspec.states import RunState
from screens.keys.action import READ_ONLY, Target
from screens.keys.actions import (
    ACTIONS,
    AUTO,
    CANCEL,
    FETCH,
    HOLD,
    LAUNCH,
    LOGIN,
    OF_DETAIL,
    QUIT,
    RETRY,
    STREAM,
    Action,
)
from screens.keys.perform import perform
from screens.question import Question
from screens.requests import Request, about_each


@dataclass
class FakeHost:
    """Answers each question with `yes` and keeps what it was called with."""

    yes: bool = True
    answer: int = 0  # which, when yes
    read_only: bool = False
    profile: Path | None = None
    said: list[str] = field(default_factory=list)
    asked: list[Request] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)
    logins: list[Path] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.options = SimpleNamespace(read_only=self.read_only, profile=self.profile)
        self.data = SimpleNamespace(snapshot=Snapshot(0.0, None, auto=True))

    def say(self, words: str, style: str = "plain") -> None:
        self.said.append(words)

    def ask(self, request: Request, words: str = "") -> None:
        self.asked.append(request)

    def confirm(self, question: Question, *confirmed: Callable[[], None]) -> None:
        self.questions.append(question)
        assert len(confirmed) == len(question.answers)
        if self.yes and confirmed:
            confirmed[self.answer]()

    def open_login(self, profile: Path) -> None:
        self.logins.append(profile)

    def exit(self, code: int) -> None:
        self.codes.append(code)


def run(state: RunState, number: int = 1218, **how: Any) -> RunRow:
    return RunRow(number, state, 12, 1, "title", None, None, (), {}, 0, None, **how)


def press(action: Action, host: FakeHost, *runs: RunRow) -> FakeHost:
    marked = runs if len(runs) > 1 else ()
    perform(action, host, Target(None, runs[0] if runs else None, marked))  # type: ignore[arg-type]
    return host


@pytest.mark.parametrize(
    ("action", "state", "wanted"),
    [
        (RETRY, RunState.FAILED, Request("retry", 1218, {"dry": True})),
        (HOLD, RunState.QUEUED, Request("hold", 1218)),
        (AUTO, RunState.DONE, Request("auto", None, {"on": False})),
    ],
    ids=["retry", "hold", "auto"],
)
def test_what_needs_no_question_is_asked_of_the_driver_at_once(
    action: Action, state: RunState, wanted: Request
) -> None:
    host = press(action, FakeHost(), run(state))
    assert (host.asked, host.questions, host.said) == ([wanted], [], [])


@pytest.mark.parametrize(
    ("action", "state", "wanted"),
    [
        (LAUNCH, RunState.READY, Request("launch", 1218, {"state": "ready"})),
        (LAUNCH, RunState.ABNORMAL, Request("launch", 1218, {"state": "abnormal", "force": True})),
        (CANCEL, RunState.RUNNING, Request("cancel", 1218, {"state": "running"})),
    ],
    ids=["launch", "abnormal", "cancel"],
)
def test_what_has_consequences_is_done_after_a_yes_only(action: Action, state: RunState, wanted: Request) -> None:
    for yes in (True, False):
        host = press(action, FakeHost(yes=yes), run(state))
        assert [question.title for question in host.questions]
        assert host.asked == ([wanted] if yes else [])


def test_all_marked_runs_on_which_it_can_be_done_are_meant() -> None:
    host = press(RETRY, FakeHost(), run(RunState.FAILED, 1), run(RunState.RUNNING, 2), run(RunState.DONE, 3))
    assert host.asked == [Request("retry", None, {"each": {"1": "failed", "3": "done"}})]
    assert [question.title for question in host.questions] == ["Retry 2 runs?"]


def test_marked_runs_are_held_together_and_released_when_all_are_held() -> None:
    queued = [run(RunState.QUEUED, n, held_by="anna@daq1" if n > 2 else None) for n in (1, 2, 3)]
    host = press(HOLD, FakeHost(), *queued, run(RunState.RUNNING, 4))
    assert host.asked == [Request("hold", None, {"each": {"1": "queued", "2": "queued"}})]
    (question,) = host.questions
    assert question.title == "Hold 2 runs?"
    assert "Left out, as it cannot be used on them together: 3, 4 (1 queued, 1 running)" in question.consequence
    held = [run(RunState.QUEUED, n, held_by="anna@daq1") for n in (1, 2)]
    host = press(HOLD, FakeHost(), *held)
    assert host.asked == [Request("release", None, {"each": {"1": "queued", "2": "queued"}})]
    assert host.questions[0].title == "Release 2 runs?"
    assert press(HOLD, FakeHost(yes=False), *held).asked == []
    host = press(HOLD, FakeHost(), run(RunState.RUNNING, 1), run(RunState.DONE, 2))
    assert host.said == ["nothing to hold among the 2 marked runs: 1 running, 1 done"]


def test_marked_runs_are_streamed_together_or_when_all_are_no_longer() -> None:
    rows = [run(RunState.TAKING, n, streams=n > 2) for n in (1, 2, 3)]
    host = press(STREAM, FakeHost(), *rows, run(RunState.QUEUED, 4))
    assert host.asked == [Request("stream", None, {"each": {"1": "taking", "2": "taking"}})]
    assert host.questions[0].title == "Stream 2 runs?"
    host = press(STREAM, FakeHost(), *(run(RunState.TAKING, n, streams=True) for n in (1, 2)))
    assert host.asked == [Request("unstream", None, {"each": {"1": "taking", "2": "taking"}})]
    host = press(STREAM, FakeHost(), run(RunState.TAKING, streams=True))
    assert (host.asked, host.questions) == ([Request("unstream", 1218)], [])


def failed_alike(*numbers: int, cause: str = "insufficient data points") -> tuple[RunRow, ...]:
    why = reason("outcome.failed", cause=nested(reason("failed.fitconf", words=cause, rc=134)))
    rows = (run(RunState.FAILED, number) for number in numbers)
    return tuple(replace(row, conditions=(Condition(Topic.OUTCOME, why),)) for row in rows)


def test_a_retry_offers_this_run_or_all_that_failed_alike() -> None:
    other = failed_alike(1216, cause="Failed to find endpoint")
    rows = (*failed_alike(1219, 1218, 1217), *other)
    for yes, wanted in ((0, Request("retry", 1218, {"dry": True})), (1, about_each("retry", rows[:3]))):
        host = FakeHost(answer=yes)
        host.data.snapshot = Snapshot(0.0, None, auto=True, runs=rows)
        press(RETRY, host, rows[1])
        (question,) = host.questions
        assert question.title == "Retry run 1218, or all 3 that failed alike?"
        assert question.answers == ("Only run 1218", "All 3 alike")
        assert question.consequence[1] == "Alike: 1217-1219."
        assert host.asked == [wanted]
    host = FakeHost()
    host.data.snapshot = Snapshot(0.0, None, auto=True, runs=rows)
    assert press(RETRY, host, *other).questions == []


def test_what_starts_a_run_is_asked_about_and_what_keeps_it_back_is_not() -> None:
    host = press(HOLD, FakeHost(), run(RunState.QUEUED))
    assert (host.asked, host.questions) == ([Request("hold", 1218)], [])
    host = press(HOLD, FakeHost(yes=False), run(RunState.QUEUED, held_by="anna@daq1"))
    assert ([question.title for question in host.questions], host.asked) == (["Release run 1218?"], [])


def test_auto_launch_asks_with_the_runs_that_it_would_launch_and_nothing_when_switched_off() -> None:
    host = FakeHost(yes=False)
    rows = tuple(run(RunState.READY, number) for number in (1229, 1215, 1100))
    host.data.snapshot = Snapshot(0.0, None, auto=False, runs=rows, unread={RunState.READY: 127, RunState.DONE: 3})
    press(AUTO, host)
    (question,) = host.questions
    assert (question.title, question.yes) == ("Launch 130 complete runs now?", "Yes, launch 130 complete runs")
    assert question.consequence[0] == "Now: runs 1100 to 1229, and 127 older ones that are not read yet."
    assert host.asked == []
    host = FakeHost(yes=True)
    host.data.snapshot = Snapshot(0.0, None, auto=False)
    press(AUTO, host)
    assert [question.title for question in host.questions] == ["Switch auto-launch on? No run waits for it now"]
    assert host.asked == [Request("auto", None, {"on": True})]


def test_what_cannot_be_done_says_why_and_does_nothing() -> None:
    host = press(CANCEL, FakeHost(), run(RunState.DONE))
    assert (host.said, host.asked, host.questions) == (["run 1218 is done: there is nothing to cancel"], [], [])


def test_read_only_nothing_is_asked_of_the_driver() -> None:
    for action in ACTIONS:
        if action.changes:
            host = press(action, FakeHost(read_only=True), run(RunState.READY))
            assert (host.said, host.asked) == ([READ_ONLY], [])
    assert press(QUIT, FakeHost(read_only=True)).codes == [0]


def test_a_login_is_a_screen_of_its_own_and_a_sandbox_needs_none() -> None:
    profile = Path("/daq/our profiles/e21062.toml")
    assert press(LOGIN, FakeHost(profile=profile)).logins == [profile]
    host = press(LOGIN, FakeHost())
    assert (host.said, host.logins) == (["a sandbox needs no login"], [])


def test_keys_of_the_detail_say_elsewhere_where_they_belong() -> None:
    for action in OF_DETAIL:
        assert press(action, FakeHost(), run(RunState.DONE)).said == [
            "this key is for the detail of a run: enter opens it"
        ], action
    assert FETCH in OF_DETAIL
