"""Panes share the room by what they hold; `<`, `>`, `+`, `-` take it from their neighbours."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.pilot import Pilot

from flowspec.states import RunState
from screens.main_screen import MainScreen
from screens.widgets.pane import HEAD_LINES
from screens.widgets.split import LEAST, Split, heights
from tests.ledger_fixture import DemoLedger, stand
from tests.screen_driver import make_app, settled, shown, until, until_shown

WIDE, SMALL, LARGE = (120, 40), (80, 24), (160, 50)


def main(pilot: Pilot[Any]) -> MainScreen:
    screen = pilot.app.screen
    assert isinstance(screen, MainScreen)
    return screen


def test_what_one_pane_gets_another_gives() -> None:
    wider = Split().resized_columns(grow=True, first=True)
    assert wider.column > 50
    assert wider.resized_columns(grow=True, first=False) == Split()
    assert Split().resized_rows(50, grow=True, first=False).row == 45
    assert Split().resized_rows(50, grow=False, first=False).row == 55


def test_no_pane_vanishes_and_none_grows_by_being_made_smaller() -> None:
    split = Split(row=50)
    for _ in range(50):
        assert split.row is not None
        split = split.resized_columns(grow=False, first=True)
        split = split.resized_rows(split.row, grow=True, first=True)
    assert split == Split(LEAST, 100 - LEAST)
    assert Split().resized_rows(90, grow=True, first=True).row == 90
    assert Split().resized_rows(10, grow=False, first=True).row == 10


@given(
    st.integers(20, 200),
    st.lists(st.integers(1, 300), min_size=1, max_size=4),
    st.none() | st.integers(LEAST, 100 - LEAST),
)
def test_all_the_room_is_given_away_and_nobody_starves_beside_what_needs_less(
    total: int, needs: list[int], part: int | None
) -> None:
    given = heights(total, needs, part)
    assert sum(given) == total
    assert min(given) >= min(1, total // 10)
    if part is None:
        assert given[0] >= min(needs[0], total // 2)
    for height, need in zip(given[1:], needs[1:], strict=True):
        assert height >= min(need, (total - given[0]) // len(needs[1:]))


def test_what_holds_little_gives_way() -> None:
    assert heights(34, [200, 13]) == [21, 13]
    assert heights(34, [200, 60]) == [17, 17]
    assert heights(34, [3, 20]) == [14, 20]
    assert heights(20, [200, 1, 12, 1]) == [10, 1, 8, 1]


async def test_runs_has_the_full_width_and_what_the_others_do_not_need(demo: DemoLedger) -> None:
    stand(demo.ledger, 1217, RunState.RUNNING, f"a sentence of {'many ' * 9}words, to its end")
    app = make_app(demo.ledger.path)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await until_shown(pilot, "words, to its end")
        screen = main(pilot)
        await until(pilot, lambda: screen.endpoints.size.height == HEAD_LINES + 3)
        assert screen.runs.size.width == WIDE[0]
        assert screen.flow_runs.size.height == HEAD_LINES + 6  # three that are under way and three that have ended
        assert screen.segments.size.height == screen.flow_runs.size.height + screen.endpoints.size.height
        assert screen.runs.size.height + screen.segments.size.height == screen.room()


async def test_nothing_jumps_while_the_cursor_goes_from_run_to_run(demo: DemoLedger) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        screen = main(pilot)
        await until(pilot, lambda: screen.endpoints.size.height == HEAD_LINES + 3)
        before = screen.runs.size
        for _ in range(6):
            await pilot.press("down")
            await settled(pilot)
            assert main(pilot).runs.size == before


async def test_on_a_small_screen_runs_keeps_the_room_until_another_pane_is_wanted(demo: DemoLedger) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        screen = main(pilot)
        assert [pane.size.height for pane in screen.panes()[1:]] == [1, 1, 1]
        assert screen.runs.size.height == screen.room() - 3
        await pilot.press("tab")
        await until(pilot, lambda: screen.segments.size.height > 1)
        await pilot.press("shift+tab")
        await until(pilot, lambda: screen.segments.size.height == 1)
        await pilot.press("plus")
        await until_shown(pilot, "the other panes are folded: tab opens one")


@pytest.mark.parametrize(("size", "there"), [(LARGE, True), ((159, 50), False), ((160, 49), False)])
async def test_the_newest_events_are_in_view_where_there_is_room(
    demo: DemoLedger, size: tuple[int, int], there: bool
) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        assert ("Events, newest first" in shown(app)) is there
        if there:
            for number in range(20):
                demo.ledger.event("info", f"event {number} of twenty", actor="driver")
            screen = await until_shown(pilot, "event 19 of twenty")
            assert "event 0 of twenty" not in screen
            await pilot.press("z")
            await until(pilot, lambda: "Events, newest" not in shown(app))


async def test_side_by_side_a_pane_grows_both_ways(demo: DemoLedger) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        screen = main(pilot)
        runs, segments, flow_runs, endpoints = screen.panes()
        before = runs.size.height, segments.size.width, endpoints.size.height
        await pilot.press("minus")
        await until(pilot, lambda: runs.size.height < before[0])
        await pilot.press("greater_than_sign")
        await until_shown(pilot, "Runs has the whole width")
        await pilot.press("tab", "greater_than_sign")
        await until(pilot, lambda: segments.size.width > before[1])
        await pilot.press("tab", "tab", *["plus"] * 4)
        await until(pilot, lambda: endpoints.size.height > before[2] and endpoints.size.height > flow_runs.size.height)


async def test_on_one_another_a_pane_grows_in_height_only(demo: DemoLedger) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        segments = main(pilot).segments
        await pilot.press("tab")
        await until(pilot, lambda: segments.size.height > 1)
        before = segments.size.height
        await pilot.press("plus")
        await until(pilot, lambda: segments.size.height > before)
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
        segments = app.screen.query_one("#segments")
        before = segments.size.height
        await pilot.press("minus", "minus")
        await until(pilot, lambda: segments.size.height < before)
