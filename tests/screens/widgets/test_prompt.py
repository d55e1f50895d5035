"""What cannot be undone is done to many runs only when its word is typed."""

from __future__ import annotations

from typing import Any

import pytest
from textual import events
from textual.widgets import Button

from flowspec.states import RunState
from screens.keys import bulk
from screens.keys.actions import RETRY
from tests.ledger_fixture import DemoLedger, stand
from tests.screen_driver import keys_to, make_app, settled, shown, until, until_shown

WIDE, SMALL = (120, 40), (80, 24)


def asked(demo: DemoLedger) -> list[tuple[str, int | None]]:
    return [(request.verb, request.run) for request in demo.ledger.asked()]


CANCEL_THREE = {"each": {"1217": "running", "1216": "running", "1209": "queued"}}  # with what each was when asked


def asked_with_arguments(demo: DemoLedger) -> list[tuple[str, int | None, dict[str, Any]]]:
    return [(request.verb, request.run, request.args) for request in demo.ledger.asked()]


@pytest.mark.parametrize("size", [WIDE, SMALL], ids=["wide", "small"])
async def test_many_runs_are_cancelled_by_the_word_and_by_nothing_else(demo: DemoLedger, size: tuple[int, int]) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        await pilot.press("asterisk", "c")
        await until_shown(pilot, "Cancel 3 runs?", "1217, 1216, 1209", "2 running, 1 queued", "To do it, type cancel")
        await until_shown(pilot, "2 flow runs: told to end, with the work at the site", "1 run: taken from the queue")
        assert "Yes" not in shown(app)
        await pilot.press("enter")
        await until_shown(pilot, "nothing was done")
        await pilot.press("c", *"cancek", "enter", "tab", "enter")
        await until_shown(pilot, "> cancek_", "Cancel 3 runs?")
        assert asked(demo) == []
        await pilot.press("escape")
        await until_shown(pilot, "nothing was done")
        await pilot.press("c", *"cancek", "backspace", "l", "enter")
        await until(pilot, lambda: asked_with_arguments(demo) == [("cancel", None, CANCEL_THREE)])


async def test_a_word_that_comes_all_at_once_is_the_word(demo: DemoLedger) -> None:
    """Letters of a question that is not painted yet, and those after its answer, go where the operator means them."""
    app = make_app(demo.ledger.path)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        for key in ("asterisk", "c", *"cancel", "enter", "j"):
            app.post_message(events.Key(key, key if len(key) == 1 else None))
        await until(pilot, lambda: asked_with_arguments(demo) == [("cancel", None, CANCEL_THREE)])
        await until(pilot, lambda: app.screen.focused_pane().cursor_key == 1213)  # type: ignore[attr-defined]


async def test_the_question_on_many_retries_sums_up_what_is_missing(demo: DemoLedger) -> None:
    stand(demo.ledger, 1216, state=RunState.FAILED, why="failed at convert")
    app = make_app(demo.ledger.path)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        assert app.data.snapshot is not None
        runs = [run for run in app.data.snapshot.runs if run.run in (1214, 1216)]
    told = bulk.question_many(RETRY, runs, runs)
    assert told.word == ""
    # 1214: two of 42 fits are bad, nothing is converted; 1216: 7 of 12 are converted
    expected = "Missing by what is known now: fit 2 segments, convert 47 segments, analyze 2 runs, return 2 runs."
    assert expected in told.consequence


async def test_detail_and_event_log_lead_to_one_another_without_piling_up(demo: DemoLedger) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("enter")
        for _ in range(3):
            await pilot.press("v")
            await until_shown(pilot, "Events", "WHO")
            await pilot.press("enter")
            await until_shown(pilot, "Segments of")
        assert len(app.screen_stack) <= 4
        await pilot.press("escape", "escape", "escape")
        await until_shown(pilot, "Flow runs", "Endpoints")


async def test_only_the_first_answer_counts(demo: DemoLedger) -> None:
    """Of keys that come in one packet of a slow line, two may press a button before the question has gone."""
    app = make_app(demo.ledger.path)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press(*keys_to(1217), "c")
        await until_shown(pilot, "Cancel run 1217")
        for answer in ("answer-0", "no", "answer-0"):
            app.screen.post_message(Button.Pressed(app.screen.query_one(f"#{answer}", Button)))
        await until_shown(pilot, "asked the driver to cancel run 1217", "Flow runs", "Endpoints")
        await pilot.press("home")
        await until_shown(pilot, "run 1214 FAILED")
        assert asked(demo) == [("cancel", 1217)]
