"""`D` and `F`: what the doctor and a preflight find, line by line, while everything else goes on."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from textual.pilot import Pilot

from console.doctor import apart
from screens.app import ConsoleApp
from screens.confirm import Confirm
from screens.main_screen import MainScreen
from tests.ledger_fixture import DemoLedger
from tests.pipeline_fixture import Pipeline, running_pipeline
from tests.sandbox_records import clear_faults, set_fault
from tests.screen_driver import make_app, settled, shown, until, until_shown, unwrapped

SMALL = (80, 24)
RUN = 1217
LONG = "as long as it takes to fill more than two lines of a terminal of eighty columns, and then some, to the end"
SAYS = """
import json, sys
for check, verdict, said, next_step in {lines!r}:
    print(json.dumps(dict(check=check, verdict=verdict, said=said, next_step=next_step)), flush=True)
{then}
"""
Play = Callable[..., list[str]]


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Play:
    """A process that says these lines takes the place of the doctor's; what it is asked for each time is listed."""
    asked: list[str] = []

    def playing(*lines: tuple[str, str, str, str], then: str = "") -> list[str]:
        def python(module: str, check: str, profile: str) -> list[str]:
            asked.append(check)
            return [sys.executable, "-c", SAYS.format(lines=lines, then=then)]

        monkeypatch.setattr(apart, "python", python)
        return asked

    return playing


def on_main(app: ConsoleApp) -> bool:
    return isinstance(app.screen, MainScreen)


async def begin(app: ConsoleApp, pilot: Pilot[object]) -> None:
    """Press the key of the preflight and say yes."""
    await pilot.press("F")
    await until_shown(pilot, "Send a segment through the whole pipeline?")
    await pilot.press("tab", "enter")
    await until(pilot, lambda: not isinstance(app.screen, Confirm))


async def test_lines_come_one_by_one_the_worst_first_and_whole(demo: DemoLedger, play: Play) -> None:
    asked = play(("runs", "ok", "can be read", ""), ("clock", "bad", LONG, "chronyc makestep, as root"),
                 ("driver", "warn", "nobody drives", "console driver start"), then="sys.stdin.read()")  # fmt: skip
    app = make_app(demo.ledger.path, ascii_only=True, profile=Path("/e21062.toml"))
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        await pilot.press("D")
        screen = await until_shown(pilot, "3 lines so far", "looking, ")
        assert screen.isascii()
        rows = [line[:15].split() for line in screen.splitlines()]
        order = [row for row in rows if row and row[0] in ("NO", "!", "ok")]
        assert order == [["NO", "clock"], ["!", "driver"], ["ok", "runs"]]
        assert LONG in unwrapped(app)
        assert "-> chronyc makestep, as root" in screen
        assert "GO" not in screen.replace("NO-GO", ""), "not before its end"
        await pilot.press("escape")
        await until(pilot, lambda: on_main(app))
        await pilot.press("D")
        await until_shown(pilot, "3 lines so far")
        assert asked == ["doctor"], "it went on"
        await pilot.press("c")
        await until_shown(pilot, "told to end, and ended: D begins once more")


async def test_the_end_is_told_wherever_one_is_and_the_next_look_is_a_new_one(demo: DemoLedger, play: Play) -> None:
    asked = play(("runs", "ok", "can be read", ""), then="sys.stdin.readline()")
    app = make_app(demo.ledger.path, profile=Path("/e21062.toml"))
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        await pilot.press("D")
        await until_shown(pilot, "1 line so far")
        await pilot.press("escape")
        await until(pilot, lambda: on_main(app))
        play(("runs", "bad", "is gone", "mount it"))
        screen = app.get_screen("doctor")
        screen._apart.end()  # type: ignore[attr-defined]
        await until_shown(pilot, "doctor: GO: all that a shift needs is there; D shows it")
        await pilot.press("D")
        await until_shown(pilot, "Doctor at ", "GO: all that a shift needs is there")
        assert asked == ["doctor"]
        await pilot.press("D")
        await until_shown(pilot, "NO-GO, 1 bad: mend what is marked NO", "-> mount it")
        assert asked == ["doctor", "doctor"]


@pytest.mark.parametrize("then", ["sys.exit(3)", "print('{', end='', flush=True); sys.exit(3)"])
async def test_a_process_that_breaks_off_is_no_go(demo: DemoLedger, play: Play, then: str) -> None:
    play(("runs", "ok", "can be read", ""), then=then)
    app = make_app(demo.ledger.path, profile=Path("/e21062.toml"))
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        await pilot.press("D")
        await until_shown(pilot, "NO-GO: it ended before its end (return code 3); console doctor in a shell says more")


async def test_what_cannot_be_started_says_so(demo: DemoLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "python", lambda *_: ["/nowhere/python"])
    app = make_app(demo.ledger.path, profile=Path("/e21062.toml"))
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        await pilot.press("D")
        await until_shown(pilot, "NO-GO: it cannot be started: No such file or directory")


async def test_who_only_looks_sends_nothing(demo: DemoLedger, play: Play) -> None:
    asked = play()
    app = make_app(demo.ledger.path, read_only=True, profile=Path("/e21062.toml"))
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        for key in "DF":
            await pilot.press(key)
            await until_shown(pilot, "--read-only: this console only looks")
        assert asked == []


async def test_a_preflight_asks_first(demo: DemoLedger, play: Play) -> None:
    asked = play()
    app = make_app(demo.ledger.path, profile=Path("/e21062.toml"))
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        await pilot.press("F")
        await until_shown(pilot, "Send a segment through the whole pipeline?")
        await pilot.press("enter")
        await until(pilot, lambda: on_main(app))
        assert asked == []


# ---- with a sandbox


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    with running_pipeline(tmp_path_factory.mktemp("checks") / "sandbox", auto_launch=False, speed=20.0) as pipeline:
        yield pipeline


@pytest.mark.parametrize("typed", [["D"], [":", *"doctor", "enter"], ["ctrl+p", *"doctor", "enter"]], ids="D:p")
async def test_a_sandbox_is_examined(pipeline: Pipeline, typed: list[str]) -> None:
    app = make_app(pipeline.settings.ledger, sandbox=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.data.snapshot)
        await pilot.press(*typed)
        await until_shown(pilot, "Doctor at ")
        screen = shown(app)
        assert "GO, " in screen or "GO: " in screen
        assert "NO " not in screen, screen


async def test_a_preflight_goes_through_a_sandbox_and_is_ended_by_a_key(pipeline: Pipeline) -> None:
    pipeline.deliver(pipeline.take(RUN, segments=2, events=10))
    pipeline.start_driver()
    try:
        app = make_app(pipeline.settings.ledger, profile=pipeline.profile)
        async with app.run_test(size=SMALL) as pilot:
            await until_shown(pilot, "ready")
            await begin(app, pilot)
            await until_shown(pilot, "ok clean-up", "GO: a segment gets through")
            set_fault(pipeline.sandbox.directory, "function-hang", stage="fit", seconds=3600)
            await begin(app, pilot)
            await until_shown(pilot, "ok transfer")
            await pilot.press("F")
            await until_shown(pilot, "the preflight is under way: c ends it")
            await pilot.press("c")
            await until_shown(pilot, "was told to end", "ok clean-up", "told to end, and ended: F begins once more")
    finally:
        clear_faults(pipeline.sandbox.directory)
        pipeline.end_driver()
    left = [path for path in Path(pipeline.settings.site.top).glob("preflight-*") if path.is_dir()]
    assert left == []
