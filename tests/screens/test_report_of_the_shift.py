"""`R`: the report of the shift on the screen."""

from __future__ import annotations

import pytest

from tests.ledger_fixture import DemoLedger
from tests.screen_driver import make_app, settled, shown, until_shown


@pytest.mark.parametrize("size", [(120, 40), (80, 24)], ids=["wide", "small"])
async def test_it_begins_with_what_is_to_hand_over_and_is_scrolled(demo: DemoLedger, size: tuple[int, int]) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        await pilot.press("R")
        screen = await until_shown(pilot, "Shift report since 07-01 06:03", "TO HAND OVER", "endpoint frib-analysis")
        assert "FAILED" in screen
        assert "no driver runs" not in screen
        await pilot.press("G")
        await until_shown(pilot, "nobody asked for anything")
        await pilot.press("escape")
        await until_shown(pilot, "Endpoints")


async def test_its_key_reads_it_again(demo: DemoLedger) -> None:
    times = [demo.at]
    app = make_app(demo.ledger.path, now=lambda: times[-1])
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await pilot.press("R")
        await until_shown(pilot, "TO HAND OVER")
        demo.ledger.answer(demo.ledger.ask("retry", 1214, actor="anna@daq1"), "done", "queued")
        times.append(demo.at + 60)
        await pilot.press("R", "G")
        await until_shown(pilot, "since 07-01 06:04", "anna@daq1")
        assert "nobody asked" not in shown(app)
