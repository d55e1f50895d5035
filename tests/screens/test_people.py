"""Notes, claims, other consoles, and what happened since one was here."""

from __future__ import annotations

import pytest

from console.ledger import consoles, remarks
from console.ledger.presence import actor
from tests import waiting
from tests.ledger_fixture import DemoLedger
from tests.screen_driver import make_app, settled, shown, until, until_shown
from tests.screens.test_seeing import typed

SMALL = (80, 24)


async def test_the_name_is_asked_for_once_and_is_who_asks(demo: DemoLedger) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        await pilot.press("m")
        await until_shown(pilot, "your name: ")
        await pilot.press(*typed("anna"), "enter")
        (request,) = await _asked(pilot, demo, 1)
        assert (request.verb, request.run, request.args) == ("claim", 1214, {})
        assert request.actor == actor("anna")
        assert request.actor.startswith("anna(")
        await pilot.press("n")
        await until_shown(pilot, "note on 1214: ")
        await pilot.press(*typed("trap was open"), "enter")
        request = (await _asked(pilot, demo, 2))[-1]
        assert (request.verb, request.args, request.actor) == ("note", {"text": "trap was open"}, actor("anna"))


async def _asked(pilot, demo: DemoLedger, count: int):  # type: ignore[no-untyped-def]
    await until(pilot, lambda: len(demo.ledger.asked()) >= count)
    return demo.ledger.asked()


async def test_without_a_name_or_words_nothing_is_asked(demo: DemoLedger) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        await pilot.press("m", "enter")
        await until_shown(pilot, "without a name nothing was done")
        app.introduce("anna")
        await pilot.press("n", "enter")
        await until_shown(pilot, "a note without words")
        assert demo.ledger.asked() == []


async def test_the_key_gives_up_what_is_mine_and_takes_what_is_not(demo: DemoLedger) -> None:
    remarks.set_claim(demo.ledger, 1214, actor("anna"))
    app = make_app(demo.ledger.path)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        app.introduce("bert")
        await pilot.press("m")
        assert (await _asked(pilot, demo, 1))[-1].args == {}
        app.introduce("anna")
        await pilot.press("m")
        assert (await _asked(pilot, demo, 2))[-1].args == {"undo": True}


@pytest.mark.parametrize("size", [(120, 40), SMALL], ids=["wide", "small"])
async def test_what_people_say_stands_in_the_sentence_and_in_the_detail(
    demo: DemoLedger, size: tuple[int, int]
) -> None:
    remarks.set_claim(demo.ledger, 1214, "anna(shift)@daq1")
    remarks.add_note(demo.ledger, 1214, "bert@daq2", "trap was open")
    app = make_app(demo.ledger.path)
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        await until_shown(pilot, "claimed by anna(shift)@daq1; note of bert@daq2: trap was open")
        await pilot.press("enter")
        await until_shown(pilot, "people", "Segments of 1214", "trap was open")


async def test_other_consoles_stand_in_the_header_where_there_is_room(demo: DemoLedger) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=(160, 40)) as pilot:
        await settled(pilot)
        assert "consoles" not in shown(app).splitlines()[0]
        consoles.beat(demo.ledger, "elsewhere", "bert@daq2")
        await until_shown(pilot, "2 consoles: ", "bert@daq2")


async def test_who_comes_back_is_told_once_what_happened(demo: DemoLedger) -> None:
    demo.at -= 8 * 3600
    consoles.beat(demo.ledger, "before", actor())
    consoles.close(demo.ledger, "before")
    demo.at += 8 * 3600
    app = make_app(demo.ledger.path)
    async with app.run_test(size=SMALL) as pilot:
        await until_shown(pilot, "since you left 8 h ago: ")
    waiting.until(lambda: not consoles.open_ones(demo.ledger))


async def test_who_only_looks_is_not_there(demo: DemoLedger) -> None:
    app = make_app(demo.ledger.path, read_only=True)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        await pilot.press("m")
        await until_shown(pilot, "--read-only")
    assert demo.ledger.rows("SELECT * FROM consoles") == []
