"""`r` shows what a retry would do, and asks for it only when the operator agrees to just that."""

from __future__ import annotations

import json
from typing import Any

import pytest
from textual.pilot import Pilot

from flowspec.catalogue import nested
from flowspec.conditions import reason
from flowspec.standing import INACTIVE, SUSPECT
from flowspec.states import RunState
from tests.ledger_fixture import NOW, DemoLedger, stand
from tests.screen_driver import keys_to, make_app, settled, until, until_shown

SMALL = (80, 24)
TO_1214 = keys_to(1214)
LINES = [
    "starts at fit",
    "fit 1: segment 07 (07 EventEditor \x1b[31maborted [bold]rc 134[/])",
    "convert 1: segment 07",
    "analyze all 42 segments, return the result",
    "skipped: segment 00-06, 08-41, converted already",
    "made again, though there: run-1214-07-fitted.evt",
]


def asked(demo: DemoLedger) -> list[tuple[str, int | None, dict[str, Any]]]:
    return [(request.verb, request.run, request.args) for request in demo.ledger.asked()]


@pytest.mark.parametrize("agrees", [True, False])
async def test_the_plan_is_shown_before_it_is_confirmed(demo: DemoLedger, agrees: bool) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        await pilot.press(*TO_1214, "r")
        await until(pilot, lambda: asked(demo) == [("retry", 1214, {"dry": True})])
        answer = json.dumps({"lines": LINES, "plan": {}, "digest": "abc"})
        demo.ledger.answer(demo.ledger.asked()[0].id, "done", answer)
        screen = await until_shown(pilot, "Retry run 1214?", "starts at fit", "though there: run-1214-07-fitted.evt")
        assert "07 EventEditor aborted [bold]rc 134[/]" in screen
        assert "Yes, retry run 1214" in screen
        await pilot.press(*(["right", "enter"] if agrees else ["enter"]))
        if agrees:
            await until(pilot, lambda: asked(demo) == [("retry", 1214, {"shown": "abc"})])
        else:
            await until_shown(pilot, "nothing was done")
            assert asked(demo) == []


async def test_a_long_plan_leaves_room_for_the_answers(demo: DemoLedger) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        await pilot.press(*TO_1214, "r")
        await until(pilot, lambda: len(asked(demo)) == 1)
        lines = [f"segment {n:02d} quarantined: failed twice at fit: {'long ' * 60}" for n in range(40)]
        answer = json.dumps({"lines": lines, "plan": {}, "digest": "abc"})
        demo.ledger.answer(demo.ledger.asked()[0].id, "done", answer)
        await until_shown(pilot, "Retry run 1214?", "and 33 lines more: console retry --dry-run", "Yes, retry run 1214")


async def planned(pilot: Pilot[Any], demo: DemoLedger, wanted: dict[str, Any], plan: object) -> None:
    """The driver answers this dry request with a plan."""
    await until(pilot, lambda: asked(demo) == [("retry", 1214, wanted)])
    answer = json.dumps(
        {"lines": LINES if plan is not None else ["run 1214: nothing is missing"], "plan": plan, "digest": "abc"}
    )
    demo.ledger.answer(demo.ledger.asked()[0].id, "done", answer)


@pytest.mark.parametrize("plan", [{}, None], ids=["something is missing", "nothing is missing"])
async def test_a_retry_from_a_stage_is_chosen_in_the_question_and_its_plan_shown(
    demo: DemoLedger, plan: object
) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        await pilot.press(*TO_1214, "r")
        await planned(pilot, demo, {"dry": True}, plan)
        if plan is not None:
            await until_shown(pilot, "[From another stage]")
            await pilot.press("left", "enter")
            await until_shown(pilot, "Retry run 1214 from which stage?")
        else:
            await until_shown(pilot, "Do run 1214 again from a stage on?", "run 1214: nothing is missing")
        await until_shown(pilot, "[Back]", "[transfer]", "[fit]", "[convert]", "[analyze]", "[return]")
        await pilot.press("right", "right", "right", "enter")
        wish = {"wish": {"from": "convert"}}
        await planned(pilot, demo, {"dry": True, **wish}, {})
        await until_shown(pilot, "Retry run 1214?", "starts at fit")
        await pilot.press("right", "enter")
        await until(pilot, lambda: asked(demo) == [("retry", 1214, {"shown": "abc", **wish})])


async def test_marked_segments_are_retried_and_no_others(demo: DemoLedger) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        await pilot.press(*TO_1214, "enter")
        await until_shown(pilot, "Segments of 1214", "> 07", "00-06")
        await pilot.press("home", "space")  # a row of many: each is marked, and has a row of its own
        await until_shown(pilot, "7 marked", "*00", "*06")
        await pilot.press("escape")
        await until_shown(pilot, "00-06")
        await pilot.press("end", "home", "down", "space")
        await until_shown(pilot, "1 marked", "*07")
        await pilot.press("r")
        wish = {"wish": {"segments": [7]}}
        await planned(pilot, demo, {"dry": True, **wish}, {})
        await until_shown(pilot, "Retry segment 07 of run 1214?")
        await pilot.press("right", "enter")
        await until(pilot, lambda: asked(demo) == [("retry", 1214, {"shown": "abc", **wish})])


async def test_an_inactive_flow_run_is_resumed_without_a_plan(demo: DemoLedger) -> None:
    why = reason(INACTIVE, words="Globus asks for a consent that is missing: data_access", consent=True)
    stand(demo.ledger, 1214, state=RunState.RUNNING, why=why)
    app = make_app(demo.ledger.path)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        await pilot.press(*TO_1214, "r")
        await until(pilot, lambda: asked(demo) == [("retry", 1214, {"state": "running"})])


async def test_an_automatic_retry_can_be_stopped(demo: DemoLedger) -> None:
    stand(demo.ledger, 1214, again_at=NOW + 600, why="node lost. Retried by itself at 14:13 (1 of 3)")
    app = make_app(demo.ledger.path)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        app.go_to(1214)
        await pilot.press("c")
        await until_shown(pilot, "Do not repeat run 1214?", "(1 of 3)")
        await pilot.press("right", "enter")
        await until(pilot, lambda: asked(demo) == [("cancel", 1214, {"state": "failed"})])


async def test_a_run_that_may_hang_is_ended_and_done_again_after_one_question(demo: DemoLedger) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        await pilot.press("home", *keys_to(1217), "r")
        await until_shown(pilot, "run 1217 is running: only a run that has ended is retried")
        cell = nested(reason("task.hang", since=NOW - 1380, stage="fit", usual=120))
        stand(demo.ledger, 1217, why=reason(SUSPECT, stage="fit", done=38, total=42, segment=7, cell=cell))
        await until_shown(pilot, "it may hang")
        await pilot.press("r")
        await until_shown(pilot, "End run 1217 and do it again?", "Yes, do run 1217 again")
        await pilot.press("right", "enter")
        await until(pilot, lambda: asked(demo) == [("retry", 1217, {"state": "running"})])
