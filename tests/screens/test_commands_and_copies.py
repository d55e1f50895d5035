"""`:` commands from the table of keys, and `y`, which copies what is under the cursor."""

from __future__ import annotations

from typing import Any

import pytest

from console.ledger import runs
from screens.choice import Choice
from screens.keys.actions import ACTIONS, OF_RUN
from screens.keys.command_line import COMMANDS, Command, complete, parse_command
from screens.rows.copying import LONGEST, to_copy
from tests.ledger_fixture import DemoLedger
from tests.screen_driver import make_app, settled, shown, until, until_shown
from tests.screens.test_seeing import typed

WIDE, SMALL = (120, 40), (80, 24)


def asked(demo: DemoLedger) -> list[tuple[str, int | None]]:
    return [(request.verb, request.run) for request in demo.ledger.asked()]


def command(words: str) -> list[str]:
    return ["colon", *typed(words), "enter"]


async def test_a_run_is_gone_to_from_anywhere_and_acted_on_by_name(demo: DemoLedger) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        await pilot.press("tab", "enter", "v", "colon", *typed("run 1218"))
        await until_shown(pilot, ":run 1218_")
        await pilot.press("enter")
        await until_shown(pilot, "Segments of 1218", "run 1218 is complete")
        await pilot.press(*command("launch"))
        await until_shown(pilot, "Launch run 1218?")
        await pilot.press("tab", "enter")
        await until(pilot, lambda: asked(demo) == [("launch", 1218)])
        await pilot.press(*command("filter state:failed"))
        await until_shown(pilot, "Runs  /state:failed", "Segments of 1214")
        await pilot.press(*command("run 1217"))  # it is filtered away
        await until_shown(pilot, "Segments of 1217")
        await pilot.press(*command("cancel"))
        await until_shown(pilot, "Cancel run 1217?")
        await pilot.press("escape")
        assert asked(demo) == [("launch", 1218)]


async def test_what_is_not_parse_command_is_told_in_one_line_and_letters_do_nothing_else(demo: DemoLedger) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        await pilot.press(*command("rm"))
        await until_shown(pilot, "there is no :rm, there are run NUMBER, filter WORDS, launch, retry, cancel")
        await pilot.press(*command("run 99"))
        await until_shown(pilot, "run 99 is not known here")
        await pilot.press("colon", *typed("lrcAa"), "escape", *command(""))
        await until(pilot, lambda: "q quit" in shown(app))
        assert asked(demo) == []
        await pilot.press(*command("q"))
    assert app.return_code == 0


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("  run   1217 ", Command(run=1217)),
        ("filter", Command(filter="")),
        ("filter !x  run:1-", Command(filter="!x  run:1-")),
        (" ", None),
        ("run 1x", ":run wants a number"),
        ("run ٣", ":run wants a number"),
        ("launch 1217", ":launch takes nothing after it"),
        ("\x1b[31m", "there is no"),
    ],
)
def test_lines(line: str, wanted: Any) -> None:
    found = parse_command(line)
    assert found.startswith(wanted) if isinstance(wanted, str) and isinstance(found, str) else found == wanted


def test_what_acts_can_be_typed() -> None:
    assert {
        action.name
        for action in (*OF_RUN, *ACTIONS)
        if action.changes and action.name not in ("fetch", "accept", "waive")
    } <= set(COMMANDS)


@pytest.mark.parametrize(
    ("keys", "wanted"),
    [
        ([*command("run 1214")], "/data/e21062/stagearea/run1214"),
        ([*command("run 1214"), "tab"], "/data/e21062/stagearea/run1214/run-1214-07.evt"),
        ([*command("run 1214"), "tab", "tab"], "0d3c5f1e-0000-4000-8000-001214000001"),
        (["shift+tab"], "frib-analysis"),
        ([*command("run 1214"), "enter"], "/data/e21062/stagearea/run1214/run-1214-07.evt"),
        ([*command("run 1214"), "enter", "3"], "0d3c5f1e-0000-4000-8000-001214000001"),
    ],
    ids=["run", "segment", "flow-run", "endpoint", "segment-of-detail", "attempt-of-detail"],
)
async def test_y_copies_and_always_shows(demo: DemoLedger, keys: list[str], wanted: str) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press(*keys)
        await settled(pilot)
        await pilot.pause()
        await pilot.press("y")
        await until_shown(pilot, "Copy what?")
        await pilot.press("enter")
        await until_shown(pilot, f"copied: {wanted}")
        assert app.clipboard == wanted


async def test_a_copy_is_harmless_and_short(demo: DemoLedger) -> None:
    runs.set_run(demo.ledger, 1219, path="/data/\x1b]52;c;cm0=\x07run\n1219" + "x" * 5000)
    app = make_app(demo.ledger.path)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        app.go_to(1219)
        await until(pilot, lambda: app.data.detail is not None and app.data.detail.run.run == 1219)
        assert app.data.snapshot is not None
        copied = dict(to_copy(app.data.snapshot.run(1219), app.data.detail))["path"]
        assert copied.isprintable()
        assert copied.startswith("/data/run 1219xxx")
        assert len(copied) == LONGEST
        await pilot.press("question_mark", "y")
        await until_shown(pilot, "nothing to copy here")


@pytest.mark.parametrize("size", [WIDE, (80, 24)], ids=["wide", "small"])
async def test_what_can_be_copied_of_a_run_is_offered(demo: DemoLedger, size: tuple[int, int]) -> None:
    demo.ledger.put("web_app", "https://app.globus.org/runs/")
    app = make_app(demo.ledger.path)
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        await pilot.press(*command("run 1215"))
        await settled(pilot)
        await until(pilot, lambda: app.data.detail and app.data.detail.run.run == 1215 and app.data.detail.web_app)
        result, link = (
            "/data/e21062/results/run-1215-sorted.root",
            "https://app.globus.org/runs/0d3c5f1e-0000-4000-8000-001215000001",
        )
        for keys, wanted in (("2", result), ("down", result), ("4", link)):
            await pilot.press("y")
            screen = await until_shown(pilot, "Copy what?", "1 path", "2 result", "3 id", "4 link", "5 sentence")
            assert max(map(len, screen.splitlines())) <= size[0]
            await pilot.press(keys)
            if keys == "down":
                await pilot.press("enter")
            await until(pilot, lambda wanted=wanted: app.clipboard == wanted)
        await pilot.press("y")
        await until_shown(pilot, "Copy what?")
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, Choice))
        assert app.clipboard == link


@pytest.mark.parametrize(
    ("line", "completed", "ways"),
    [
        ("ru", "run ", ""),
        ("filt", "filter ", ""),
        ("launc", "launch", ""),
        ("re", "re", "retry reverse redraw report"),
        ("run 12", "run 12", "1200 1201 1202 1203 1204 1205 1206 1207 and 13 more"),
        ("run 121", "run 121", "1210 1211 1212 1213 1214 1215 1216 1217 and 2 more"),
        ("run 122", "run 1220", ""),
        ("filter state:", "filter state:", ""),
        ("zebra", "zebra", "nothing begins so"),
    ],
)
def test_tab_completes_commands_and_run_numbers(line: str, completed: str, ways: str) -> None:
    found, others = complete(line, range(1200, 1221))
    assert (found, set(others.split())) == (completed, set(ways.split()))


async def test_tab_in_the_command_line_completes_it_and_leaves_the_panes_alone(demo: DemoLedger) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        await pilot.press("colon", *"ru", "tab", *"1203", "tab", "enter")
        await until_shown(pilot, "> 1203 done")
        await pilot.press("colon", *"run", "space", "tab")
        await until_shown(pilot, ":run 12", "1219 1218")
