"""`<`, `>`, `+`, `-`: panes take room from their neighbours."""

from __future__ import annotations

from screens.widgets.pane import Pane
from screens.widgets.split import LEAST, Split
from tests.ledger_fixture import DemoLedger
from tests.screen_driver import make_app, settled, until, until_shown

WIDE, SMALL = (120, 40), (80, 24)


def test_what_one_pane_gets_another_gives() -> None:
    wider = Split().resized_columns(grow=True, first=True)
    assert wider.column > 50
    assert wider.resized_columns(grow=True, first=False) == Split()
    assert Split().resized_rows(grow=True, first=False).row < 50
    assert Split().resized_rows(grow=False, first=False).row > 50


def test_no_pane_vanishes() -> None:
    split = Split()
    for _ in range(50):
        split = split.resized_columns(grow=False, first=True)
        split = split.resized_rows(grow=True, first=True)
    assert split == Split(LEAST, 100 - LEAST)


async def test_side_by_side_a_pane_grows_both_ways(demo: DemoLedger) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        runs, endpoints = app.screen.query_one("#runs", Pane), app.screen.query_one("#endpoints", Pane)
        before = runs.size
        await pilot.press("greater_than_sign", "plus")
        await until(pilot, lambda: runs.size.width > before.width and runs.size.height > before.height)
        await pilot.press("shift+tab", *["greater_than_sign", "plus"] * 2)
        await until(pilot, lambda: endpoints.size.width > 60 and runs.size.height < before.height)


async def test_on_one_another_a_pane_grows_in_height_only(demo: DemoLedger) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        runs = app.screen.query_one("#runs", Pane)
        before = runs.size.height
        await pilot.press("minus")
        await until(pilot, lambda: runs.size.height < before)
        await pilot.press("greater_than_sign")
        await until_shown(pilot, "the panes stand on one another")
        await pilot.press("z", "plus")
        await until_shown(pilot, "one pane has the whole screen")


async def test_a_tall_detail_shares_its_height(demo: DemoLedger) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("enter")
        await until_shown(pilot, "7 Events")
        segments = app.screen.query_one("#segments", Pane)
        before = segments.size.height
        await pilot.press("plus", "plus")
        await until(pilot, lambda: segments.size.height > before)
