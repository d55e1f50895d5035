"""The event log as the operator sees it: newest last, followed, read in pages, found in."""

from __future__ import annotations

import pytest
from textual import events

from console.reading.eventlog import PAGE, LogReader
from tests.ledger_fixture import DemoLedger
from tests.screen_driver import make_app, settled, shown, until, until_shown
from tests.screens.test_seeing import typed

WIDE, SMALL = (120, 40), (80, 24)


def many(demo: DemoLedger, count: int) -> None:
    with demo.ledger.change():
        for number in range(count):
            demo.ledger.event("info", f"happening {number:05d}", actor="driver", run=1000 + number % 100)


@pytest.mark.parametrize("size", [WIDE, SMALL], ids=["wide", "small"])
async def test_what_was_asked_stands_there_with_its_outcome(demo: DemoLedger, size: tuple[int, int]) -> None:
    demo.ledger.event("warning", "retry: run 1215 is done", actor="anna@daq1", run=1215)
    app = make_app(demo.ledger.path)
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        await pilot.press("v")
        screen = await until_shown(pilot, "Events, all of them", "run 1215 anna@daq1: retry: run 1215 is done")
        assert "BAD" in screen
        assert next(line[:1] for line in screen.splitlines() if "retry: run 1215" in line) == ">"
        await pilot.press("enter")
        await until_shown(pilot, "Segments of 1215: 12")
        await pilot.press("escape", "escape")
        await until_shown(pilot, "Endpoints")


async def test_it_follows_the_end_until_the_operator_goes_up(demo: DemoLedger) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        await pilot.press("v")
        await until_shown(pilot, "Events, all of them")
        demo.ledger.event("info", "first news", actor="driver")
        await until_shown(pilot, "driver: first news")
        await pilot.press("up", "up")
        stands = app.screen.log_pane.cursor_key  # type: ignore[attr-defined]
        top = shown(app).splitlines()[4]
        demo.ledger.event("info", "second news", actor="driver")
        await until(pilot, lambda: app.data.log and app.data.log.events[-1].text == "second news")
        await pilot.pause()
        assert app.screen.log_pane.cursor_key == stands  # type: ignore[attr-defined]
        assert shown(app).splitlines()[4] == top
        await pilot.press("G")
        await until_shown(pilot, "driver: second news")


async def test_acting_from_the_log_is_refused_as_the_run_there_changes_by_itself(demo: DemoLedger) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        await pilot.press("v", "c")
        await until_shown(pilot, "enter opens the run of this event: act there")
        assert demo.ledger.asked() == []


async def test_of_many_events_only_pages_are_read_and_a_filter_finds_the_oldest(demo: DemoLedger) -> None:
    many(demo, 12 * PAGE)
    app = make_app(demo.ledger.path)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        await pilot.press("v")
        await until_shown(pilot, "home reads older ones", f"happening {12 * PAGE - 1:05d}")
        assert app.data.log is not None
        assert len(app.data.log.events) == PAGE
        await pilot.press("home")
        await until(pilot, lambda: app.data.log and len(app.data.log.events) == 2 * PAGE)
        await pilot.press("slash", *typed("happening 00007"), "enter")
        await until_shown(pilot, "Events, all of them  /happening 00007", "driver: happening 00007")
        assert len(app.data.log.events) == 1
        await pilot.press("escape", "p")
        await until_shown(pilot, "problems only", "run 1214 FAILED at fit")


async def test_a_filter_that_is_pasted_finds_the_oldest_too(demo: DemoLedger) -> None:
    many(demo, 12 * PAGE)
    app = make_app(demo.ledger.path)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        await pilot.press("v", "slash")
        app.post_message(events.Paste("happening 00007"))
        await until_shown(pilot, "Events, all of them  /happening 00007", "driver: happening 00007")


def test_the_reader_keeps_no_more_than_is_wanted_however_long_it_reads(demo: DemoLedger) -> None:
    many(demo, 10)
    reader = LogReader(demo.ledger, lambda event: event.run == 1003)
    log = reader.read(PAGE)
    assert (log.whole, log.enough, [event.text for event in log.events]) == (True, True, ["happening 00003"])
    follower = LogReader(demo.ledger, lambda event: True)
    follower.read(10)
    many(demo, 3 * PAGE)
    log = follower.read(10)
    assert len(log.events) == 10 + 2 * PAGE
    assert not log.whole
    assert follower.read(10) is log
    assert len({event.event for event in follower.read(3 * PAGE).events}) >= 3 * PAGE
