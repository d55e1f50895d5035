"""Holding a queued run back, and undoing what can be undone."""

from __future__ import annotations

from console.ledger import pause
from screens.requests import Request, Requests
from tests.ledger_fixture import NOW, DemoLedger, stand
from tests.screen_driver import keys_to, make_app, settled, shown, until, until_shown
from tests.screens.test_seeing import typed

SMALL = (80, 24)


def asked(demo: DemoLedger) -> list[tuple[str, int | None, dict[str, object]]]:
    return [(request.verb, request.run, request.args) for request in demo.ledger.asked()]


def answer(demo: DemoLedger, text: str, state: str = "done") -> None:
    demo.ledger.answer(demo.ledger.asked()[0].id, state, text)


async def test_h_holds_a_queued_run_h_releases_it_and_u_undoes_the_last_of_these(demo: DemoLedger) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        await pilot.press("u")
        await until_shown(pilot, "nothing to undo")
        await pilot.press(*keys_to(1219), "h")
        await until_shown(pilot, "run 1219 is recording: only a queued run can be held")
        await pilot.press("slash", *typed("run:1209"), "enter", "h")
        await until(pilot, lambda: asked(demo) == [("hold", 1209, {})])
        stand(demo.ledger, 1209, held_by="anna@daq1", why="held by anna@daq1: h releases it")
        answer(demo, "run 1209 is held")
        await until_shown(pilot, "queued", "held by anna@daq1: h releases it", "run 1209 is held")
        await pilot.press("h")
        await until_shown(pilot, "Release run 1209?", "It is held by anna@daq1")
        await pilot.press("tab", "enter")
        await until(pilot, lambda: asked(demo) == [("release", 1209, {})])
        stand(demo.ledger, 1209, held_by=None, why="is next")
        answer(demo, "run 1209 is released")
        await until_shown(pilot, "run 1209 is released")
        await pilot.press("u")
        await until_shown(pilot, "asked the driver to undo: hold run 1209")
        assert asked(demo) == [("hold", 1209, {})]


async def test_b_streams_a_run_that_is_recorded_after_a_question_and_u_undoes_that(demo: DemoLedger) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        await pilot.press(*keys_to(1219), "b")
        await until_shown(pilot, "Work on run 1219 while it is recorded?", "Yes, stream run 1219")
        await pilot.press("tab", "enter")
        await until(pilot, lambda: asked(demo) == [("stream", 1219, {})])
        stand(demo.ledger, 1219, streaming=1)
        answer(demo, "run 1219 is streamed")
        await until_shown(pilot, "run 1219 is streamed")
        await pilot.press("enter")
        await until_shown(pilot, "recording", "; streamed")
        await pilot.press("escape", "u")
        await until(pilot, lambda: asked(demo) == [("unstream", 1219, {})])
        answer(demo, "run 1219 is not streamed")
        stand(demo.ledger, 1219, streaming=None)
        await until_shown(pilot, "run 1219 is not streamed")
        await pilot.press("enter")
        await until_shown(pilot, "; not streamed")


async def test_switching_auto_launch_by_mistake_is_undone(demo: DemoLedger) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        await pilot.press("o")
        await until(pilot, lambda: asked(demo) == [("auto", None, {"on": False})])
        demo.ledger.put("auto", "off")
        answer(demo, "auto-launch is off")
        await until_shown(pilot, "auto OFF", "auto-launch is off")
        await pilot.press("u")
        await until_shown(pilot, "Launch 1 complete run now?")
        await pilot.press("tab", "enter")
        await until_shown(pilot, "undo: switch auto-launch on")
        assert asked(demo) == [("auto", None, {"on": True})]


async def test_launching_is_paused_for_a_reason_which_every_console_shows_and_resumed_after_a_question(
    demo: DemoLedger,
) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        await pilot.press("H", "enter")
        await until_shown(pilot, "not paused: say why, all others will read it")
        await pilot.press("H", *typed("NERSC "), "escape")
        assert asked(demo) == []
        await pilot.press("H", *typed("NERSC is down"), "enter")
        await until(pilot, lambda: asked(demo) == [("pause", None, {"reason": "NERSC is down"})])
        pause.begin(demo.ledger, "anna@daq1", NOW, "NERSC is down")
        answer(demo, "launching is paused: NERSC is down")
        await until_shown(pilot, "PAUSED by anna", "PAUSED  by anna <1 min: NERSC is down", "1 waiting", "H resumes")
        await pilot.press("H")
        await until_shown(
            pilot, "Resume launching?", "Paused by anna@daq1 for 0 s: NERSC is down", "Runs that wait in the queue: 1."
        )
        await pilot.press("escape")
        assert asked(demo) == []
        await pilot.press("H", "right", "enter")
        await until(pilot, lambda: asked(demo) == [("resume", None, {"was": "NERSC is down"})])
        pause.end(demo.ledger)
        answer(demo, "launching goes on")
        await until(pilot, lambda: "PAUSED" not in shown(app))
        await pilot.press("u")
        await until(pilot, lambda: asked(demo) == [("pause", None, {"reason": "NERSC is down"})])


async def test_auto_launch_that_was_switched_on_is_taken_back_with_what_it_queued(demo: DemoLedger) -> None:
    demo.ledger.put("auto", "off")
    app = make_app(demo.ledger.path)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        await pilot.press("colon", *typed("auto"), "enter")
        await until_shown(pilot, "Launch 1 complete run now?", "Now: run 1218.")
        await pilot.press("tab", "enter")
        await until(pilot, lambda: asked(demo) == [("auto", None, {"on": True})])
        number = demo.ledger.asked()[0].id
        answer(demo, "auto-launch is on: 1 queued")
        await until_shown(pilot, "auto-launch is on: 1 queued")
        await pilot.press("u")
        await until(pilot, lambda: asked(demo) == [("take-back", None, {"request": number})])


def test_only_what_was_done_is_undone_the_last_one_first_and_an_undo_never() -> None:
    requests = Requests()
    made = [
        Request("hold", 1), Request("hold", 2), Request("launch", 3), Request("release", 1),
        Request("hold", 4, undoes=True),
    ]  # fmt: skip
    for number, request in enumerate(made):
        requests.written(number, request)
        assert requests.answered(number, "asked") is None
        assert requests.answered(number, "refused" if request.run == 2 else "done") is request
        assert requests.answered(number, "done") is None
    undone = [requests.undo() for _ in range(4)]
    launched = Request("take-back", None, {"request": 2}, undoes=True)
    assert undone == [Request("hold", 1, undoes=True), launched, Request("release", 1, undoes=True), None]


async def test_auto_launch_is_switched(demo: DemoLedger) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        await pilot.press("o")
        await until(pilot, lambda: asked(demo) == [("auto", None, {"on": False})])
        demo.ledger.put("auto", "off")
        await until_shown(pilot, "auto OFF")
        await pilot.press("o")
        await until_shown(pilot, "Launch 1 complete run now?", "Now: run 1218.", "Yes, launch 1 complete run")
        await pilot.press("enter")  # it goes back
        await until(pilot, lambda: "Yes, launch 1 complete run" not in shown(app))
        await pilot.press("o")
        await until_shown(pilot, "Yes, launch 1 complete run")
        await pilot.press("tab", "enter")
        await until(pilot, lambda: ("auto", None, {"on": True}) in asked(demo))
        assert len(asked(demo)) == 2
