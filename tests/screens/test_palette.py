"""`ctrl+p`: every command by name, found by typing."""

from __future__ import annotations

import pytest

from screens.keys.actions import EVERYWHERE, FETCH, RETRY
from screens.keys.command_line import matching
from tests.ledger_fixture import DemoLedger
from tests.screen_driver import keys_to, make_app, settled, until, until_shown
from tests.screens.test_commands_and_copies import asked
from tests.screens.test_seeing import typed

WIDE, SMALL = (120, 40), (80, 24)


@pytest.mark.parametrize("size", [WIDE, SMALL], ids=["wide", "small"])
async def test_a_command_is_found_by_typing_and_done_on_the_selected_run(
    demo: DemoLedger, size: tuple[int, int]
) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        await pilot.press(*keys_to(1218), "ctrl+p", *typed("lau"))
        await until_shown(pilot, "Commands: run 1218", "> lau_", "launch: launch the selected run")
        await pilot.press("enter")
        await until_shown(pilot, "Launch run 1218?")
        await pilot.press("tab", "enter")
        await until(pilot, lambda: asked(demo) == [("launch", 1218)])


async def test_what_cannot_be_used_says_why_and_does_nothing(demo: DemoLedger) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        await pilot.press(*keys_to(1219), "ctrl+p", *typed("launch"))
        await until_shown(pilot, "launch: not now: run 1219 is recording")
        await pilot.press("enter")
        await until_shown(pilot, "Segments of 1219", "it can be launched when it is complete")
        await pilot.press("ctrl+p", *typed("no such thing"))
        await until_shown(pilot, "no command has 'no such thing'")
        await pilot.press("enter", "escape")
        await until_shown(pilot, "Segments of 1219")
        assert asked(demo) == []


async def test_enter_alone_does_nothing_and_arrows_choose(demo: DemoLedger) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        await pilot.press(*keys_to(1218), "ctrl+p", "enter")
        await until_shown(pilot, "type the command, or go to it with the arrows, first", "Commands: run 1218")
        assert asked(demo) == []
        await pilot.press("down", "up", "enter")
        await until_shown(pilot, "Launch run 1218?")
        await pilot.press("tab", "enter")
        await until(pilot, lambda: asked(demo) == [("launch", 1218)])


async def test_the_commands_of_a_detail_and_of_marked_runs(demo: DemoLedger) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("enter", "ctrl+p", *typed("flow log"), "enter")
        await until_shown(pilot, "Flow log", "7 Events")
        await pilot.press("escape", "asterisk", "ctrl+p", *typed("retry"))
        await until_shown(pilot, "marked runs", "retry: a new attempt")
        await pilot.press("enter")
        await until_shown(pilot, "Retry 9 runs?")


def test_a_name_that_begins_with_the_words_comes_first() -> None:
    assert matching("re", EVERYWHERE)[0] is RETRY
    assert matching("MISSING or", EVERYWHERE) == [RETRY]
    assert matching("", EVERYWHERE) == list(EVERYWHERE)
    assert FETCH not in EVERYWHERE
