import asyncio
import random
import sqlite3
import time
from pathlib import Path

import pytest

from console.ledger import hints, new_failures, sources
from console.ledger.presence import DriverLock
from console.ledger.store import Ledger
from flowspec.readiness import Verdict
from flowspec.states import RunState
from screens.data import ScreenData
from screens.keys.actions import ACTIONS, QUIT, SUSPEND
from screens.rows.status import status_line
from screens.widgets.moves import MOVES
from tests.ledger_fixture import NOW, DemoLedger, demo_ledger, stand
from tests.screen_driver import WATCHING, keys_to, make_app, settled, shown, until, until_shown

WIDE, SMALL = (120, 40), (80, 24)


def asked(demo: DemoLedger) -> list[tuple[str, int | None, dict[str, object]]]:
    return [(request.verb, request.run, request.args) for request in demo.ledger.asked()]


@pytest.mark.parametrize("size", [WIDE, SMALL], ids=["wide", "small"])
async def test_runs_segments_progress_and_endpoints_are_all_in_sight(demo: DemoLedger, size: tuple[int, int]) -> None:
    new_failures.acknowledge(demo.ledger, 10**6, "anna@daq1")
    app = make_app(demo.ledger.path)
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        await pilot.press(*keys_to(1214))
        await settled(pilot)
        screen = shown(app)
        data = "compute disk flows ok 5 s"
        for words in ("e21062", "driver here", "auto ON", data, "14:03"):
            assert words in screen.splitlines()[0]
        for words in (">  1214 FAILED", "Segments of 1214", "38/42", "frib-analysis", "OFFLINE", "l launch", "q quit"):
            assert words in screen
        assert ("07       1.9 G ok   !!   -" if size == WIDE else "to look at: 07 09") in screen
        assert "EventEditor aborted (rc 134)" in screen
        assert {strip.cell_length for strip in app.screen._compositor.render_strips()} == {size[0]}


async def test_on_a_small_screen_tab_opens_each_pane(demo: DemoLedger) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        for heading in ("XFER", "PROGRESS", "ENDPOINT", "ENDED"):
            await pilot.press("tab")
            screen = await until_shown(pilot, heading)
            assert "ENDED" in screen  # the runs stay
        await pilot.resize_terminal(*WIDE)
        await until_shown(pilot, "PROGRESS", "XFER", "ENDPOINT ", "ENDED")


async def test_both_cursors_stay_on_the_run_that_keys_act_on(demo: DemoLedger) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        app.go_to(1217)
        await pilot.press("tab", "tab")  # past its segments: the cursor of Flow runs stands on it too
        await until_shown(pilot, ">  1217 running", ">  1217 fit", "Segments of 1217")
        await pilot.press("down")
        await until_shown(pilot, ">  1216 running", "Segments of 1216")
        await pilot.press("c")
        await until_shown(pilot, "Cancel run 1216?")


async def test_launching_asks_the_driver_and_shows_its_answer(demo: DemoLedger) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        await pilot.press(*keys_to(1218), "l")
        await until_shown(pilot, "Launch run 1218?", "u takes that back until it has started")
        await pilot.press("tab", "enter")
        await until_shown(pilot, "asked the driver to launch run 1218")
        assert asked(demo) == [("launch", 1218, {"state": "ready"})]
        request = demo.ledger.asked()[0]
        demo.ledger.answer(request.id, "done", "run 1218 is queued")
        await until_shown(pilot, "run 1218 is queued")


async def test_a_refusal_is_shown_as_such(demo: DemoLedger) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        await pilot.press(*keys_to(1214), "r")
        await until(pilot, lambda: asked(demo) == [("retry", 1214, {"dry": True})])
        demo.ledger.answer(demo.ledger.asked()[0].id, "refused", "run 1214: nothing is missing")
        await until_shown(pilot, "refused: run 1214: nothing is missing")


async def test_cancelling_is_asked_and_enter_goes_back(demo: DemoLedger) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        await pilot.press(*keys_to(1217), "c")
        await until_shown(pilot, "Cancel run 1217?", "r continues with what is missing")
        await pilot.press("enter")
        await until_shown(pilot, "nothing was done")
        await pilot.press("c", "escape")
        await until_shown(pilot, "nothing was done")
        assert asked(demo) == []
        await pilot.press("c", "right", "enter")
        await until_shown(pilot, "asked the driver to cancel run 1217")
        assert asked(demo) == [("cancel", 1217, {"state": "running"})]


async def test_launching_an_incomplete_run_asks_with_the_reason_and_forces(demo: DemoLedger) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        await pilot.press(*keys_to(1213), "l")
        await until_shown(pilot, "Launch run 1213 all the same?", "Run 1213 segment 03 is missing")
        await pilot.press("tab", "enter")
        await until(pilot, lambda: asked(demo) == [("launch", 1213, {"state": "incomplete", "force": True})])


async def test_the_header_says_that_flows_is_given_no_hints(demo: DemoLedger) -> None:
    new_failures.acknowledge(demo.ledger, 10**6, "anna@daq1")
    app = make_app(demo.ledger.path)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        hints.switch_off(demo.ledger, 10, "")
        await until_shown(pilot, "Flows LATE")


async def test_a_key_that_cannot_be_used_says_why(demo: DemoLedger) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        await pilot.press(*keys_to(1219), "l")
        await until_shown(
            pilot, "run 1219 is recording (segment 02 is growing): it can be launched when it is complete"
        )
        await pilot.press("home", *keys_to(1215), "l")
        await until_shown(pilot, "run 1215 is done: nothing to launch")
        await pilot.press("escape")
        await until(pilot, lambda: "nothing to launch" not in shown(app))
        assert asked(demo) == []


async def test_read_only_looks_and_does_not_touch(demo: DemoLedger) -> None:
    app = make_app(demo.ledger.path, read_only=True)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        screen = shown(app)
        assert "READ-ONLY" in screen
        assert "launch" not in screen.splitlines()[-1]
        await pilot.press("down", "l", "r", "c", "o", "a")
        await until_shown(pilot, "--read-only: this console only looks")
        assert asked(demo) == []


async def test_ascii_means_ascii_in_every_screen(demo: DemoLedger) -> None:
    app = make_app(demo.ledger.path, ascii_only=True)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        for keys in (keys_to(1215), ["enter"], ["escape", "question_mark"], ["escape", "up", "up", "c"]):
            await pilot.press(*keys)
            await pilot.pause()
            assert shown(app).isascii()
        await until_shown(pilot, "Cancel run 1217?")


async def test_the_detail_of_a_run_and_back(demo: DemoLedger) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press(*keys_to(1214), "enter")
        screen = await until_shown(pilot, "run 1214 FAILED", "Timeline of the attempts", "7 Events", "??")
        for words in ("60Cr beta decay", "/data/e21062/stagearea/run1214", "transfer 42, fit 42, convert 42"):
            assert words in screen
        assert "> 07" in screen
        await pilot.press("r")
        await until(pilot, lambda: asked(demo) == [("retry", 1214, {"dry": True})])
        await pilot.press("escape")
        await until_shown(pilot, "Endpoints")


async def test_a_hostile_title_is_shown_harmlessly(demo: DemoLedger) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        await pilot.press(*keys_to(1215))
        await until_shown(pilot, "60Cr beta [bold red]decay[/] gnp.exe 日本語 !")
        await pilot.press("enter")
        await until_shown(pilot, "60Cr beta [bold red]decay[/] gnp.exe 日本語 !")


async def test_help_lists_every_key(demo: DemoLedger) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=(100, 90)) as pilot:
        await settled(pilot)
        await pilot.press("question_mark")
        screen = await until_shown(pilot, "Help", "shift+tab", "ctrl+z", "reported done, but")
        assert "asks first" in screen
        await pilot.press("escape")
        await until_shown(pilot, "Endpoints")


async def test_new_data_do_not_move_the_cursor(demo: DemoLedger) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        await pilot.press(*keys_to(1218))
        demo.found(1220, Verdict.TAKING, "segment 00 is growing", 1)
        await until_shown(pilot, "  1220 recording", ">  1218 ready")
        stand(demo.ledger, 1218, state=RunState.QUEUED, why="is next")
        await until_shown(pilot, ">  1218 queued")


async def test_an_important_event_takes_the_place_of_what_was_said(demo: DemoLedger) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        await pilot.press(*keys_to(1219), "l")
        await until_shown(pilot, "it can be launched when it is complete")
        demo.ledger.event("info", "run 1210: segment 05 arrived", actor="driver", run=1210)
        demo.ledger.event("bad", "run 1216 FAILED at convert", actor="driver", run=1216)
        await until_shown(pilot, "14:03 run 1216 FAILED at convert")


async def test_nobody_driving_is_loud(tmp_path: Path) -> None:
    demo = demo_ledger(tmp_path / "ledger")
    app = make_app(demo.ledger.path)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        screen = shown(app)
        assert "driver NONE" in screen.splitlines()[0]
        assert "no driver runs: nothing is launched or watched" in screen
        assert "Runs (OLD)" in screen
        await pilot.press(*keys_to(1218), "l", "tab", "enter")
        await until_shown(pilot, "asked to launch run 1218, but no driver runs")
        lock = DriverLock(demo.ledger.path)
        assert lock.take("background")
        await until_shown(pilot, "driver here")
        lock.release()
        await until_shown(pilot, "driver NONE")


async def test_an_old_source_shows_its_age_and_problem(demo: DemoLedger) -> None:
    demo.at = NOW + 35
    sources.failed(demo.ledger, "flows", "timeout after 10 s")
    new_failures.acknowledge(demo.ledger, 10**6, "anna@daq1")
    demo.at = NOW + 38
    sources.answered(demo.ledger, "disk")
    sources.answered(demo.ledger, "compute")
    app = make_app(demo.ledger.path, now=lambda: NOW + 40)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        assert "flows OLD 40 s: timeout after 10 s" in shown(app).splitlines()[0]
        assert "compute disk ok" in shown(app).splitlines()[0]
        assert "Flow runs (OLD 40 s: flows: timeout after 10 s)" in shown(app)
        assert ": disk" not in shown(app)
        await pilot.press(*keys_to(1217))
        await until_shown(pilot, "Segments of 1217 (OLD 40 s: flows")
        await pilot.press("down", "down")
        await until_shown(pilot, "Segments of 1215  analyze ok")  # what is finished does not grow old


async def test_what_was_fresh_grows_old_when_nothing_is_written_any_more(demo: DemoLedger) -> None:
    clock = [NOW]
    app = make_app(demo.ledger.path, now=lambda: clock[0])
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        assert "OLD" not in shown(app)
        clock[0] = NOW + 60
        await until_shown(pilot, "compute OLD 60 s", "Flow runs (OLD 60 s: flows)", "Endpoints (OLD 60 s: compute)")


async def test_empty_loading_and_failed_look_different(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    app = make_app(path)
    async with app.run_test(size=SMALL) as pilot:
        await until_shown(pilot, "LEDGER PROBLEM", "no ledger at", "cannot be read: see below")
        Ledger(path).close()
        screen = await until_shown(pilot, f"no runs yet, and nobody watches {WATCHING}")
        assert "LEDGER PROBLEM" not in screen
        await pilot.press("l")
        await until_shown(pilot, "no run is selected")
        lock = DriverLock(path)
        lock.take("background")
        try:
            since = time.strftime("%H:%M", time.localtime(lock.me.started))
            await until_shown(pilot, f"no runs yet: watching {WATCHING} since {since}", "no endpoint was heard of yet")
            sources.failed(Ledger(path), "disk", "it cannot be listed")
            await until_shown(pilot, "nothing can be seen: it cannot be listed")
        finally:
            lock.release()


async def test_a_ledger_that_breaks_is_told_and_what_was_known_stays(
    demo: DemoLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)

        def broken(self: Ledger) -> int:
            raise sqlite3.OperationalError("disk I/O error")

        with monkeypatch.context() as breaking:
            breaking.setattr(Ledger, "version", broken)
            await until_shown(pilot, "LEDGER PROBLEM", "disk I/O error", "1214 FAILED", "Runs (OLD)")
        await until(pilot, lambda: "LEDGER PROBLEM" not in shown(app))


def test_loading_is_told_before_anything_was_read() -> None:
    assert status_line(ScreenData(), None, NOW) == ("reading the ledger", "dim")


@pytest.mark.parametrize("read_only", [False, True])
async def test_no_keys_break_the_screen_whatever_happens_meanwhile(demo: DemoLedger, read_only: bool) -> None:
    keys = [key for action in ACTIONS if action not in (QUIT, SUSPEND) for key in action.keys.split(",")]
    keys += [key for move in MOVES for key in move.keys.split(",")] + ["left", "right", "ctrl+c", "x"]
    chance = random.Random(2)
    app = make_app(demo.ledger.path, read_only=read_only)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        for turn in range(200):
            app.simulate_key(chance.choice(keys))
            if turn % 10 == 0:
                demo.found(1220 + turn, Verdict.TAKING, "growing", 2)
            if turn % 40 == 0:
                await pilot.resize_terminal(*chance.choice([(20, 5), (60, 10), (100, 24), (200, 50), SMALL]))
            await asyncio.sleep(chance.choice([0, 0.001, 0.01]))
        await pilot.pause()
    assert app.return_value is None  # it was still there when the test ended
    assert bool(demo.ledger.asked()) is not read_only
