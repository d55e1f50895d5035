"""Finding, sorting, marking and zooming, as the operator sees it."""

from __future__ import annotations

import pytest
from textual import events

from flowspec.states import RunState
from screens.keys import bulk
from screens.keys.action import READ_ONLY
from screens.keys.actions import CANCEL, LAUNCH, RETRY
from screens.widgets.prompt import Prompt
from tests.ledger_fixture import DemoLedger, stand
from tests.screen_driver import make_app, settled, shown, until, until_shown

WIDE, SMALL = (120, 40), (80, 24)


def typed(words: str) -> list[str]:
    names = {":": "colon", "!": "exclamation_mark", "-": "minus", " ": "space"}
    return [names.get(character, character) for character in words]


def asked(demo: DemoLedger) -> list[tuple[str, int | None]]:
    return [(request.verb, request.run) for request in demo.ledger.asked()]


@pytest.mark.parametrize("size", [WIDE, SMALL], ids=["wide", "small"])
async def test_a_filter_narrows_while_it_is_typed_and_letters_do_nothing_else(
    demo: DemoLedger, size: tuple[int, int]
) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        await pilot.press("slash", *typed("cancel"))  # l, c and a would launch, cancel and acknowledge
        screen = await until_shown(pilot, "Runs  /cancel", "/cancel_", "1211 cancelled", "1208 cancelling", "1/2 of")
        assert "1218 ready" not in screen
        await pilot.press("enter", "slash", "ctrl+u", *typed("run:1212-1214"), "enter")
        await until_shown(pilot, "Runs  /run:1212-1214", ">  1214", "Segments of 1214", "q quit")
        await pilot.press("escape")
        await until_shown(pilot, "1219 recording")
        assert app.screen.focused_pane().cursor_key == 1214  # type: ignore[attr-defined]
    assert asked(demo) == []


async def test_keys_that_come_all_at_once_are_dealt_with_in_their_order(demo: DemoLedger) -> None:
    """As pasted, or held up on a slow line: `a` after `/` is a letter, `l` after `enter` acts, on the run moved to."""
    app = make_app(demo.ledger.path)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        for key, character in [
            ("slash", "/"),
            *((c, c) for c in "ready"),
            ("enter", "\r"),
            ("escape", None),
            ("j", "j"),
        ]:
            app.post_message(events.Key(key, character))
        app.post_message(events.Key("k", "k"))
        app.post_message(events.Key("l", "l"))
        await until_shown(pilot, "Launch run 1218?")
        await pilot.press("tab", "enter")
        await until(pilot, lambda: asked(demo) == [("launch", 1218)])
        assert app.screen.focused_pane().cursor_key == 1218  # type: ignore[attr-defined]


async def test_escape_while_typing_goes_back_to_the_filter_before(demo: DemoLedger) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        await pilot.press("slash", *typed("recording"), "enter", "slash", "ctrl+u", *typed("xyz"))
        await until_shown(pilot, "none of", "is shown: /xyz; esc shows all")
        await pilot.press("escape")
        await until_shown(pilot, "Runs  /recording", "1219 recording")


async def test_only_problems_sorting_and_a_run_that_becomes_one(demo: DemoLedger) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("p")
        screen = await until_shown(pilot, "problems only", "1214 FAILED", "1213 INCOMPLETE", "1212 ABNORMAL")
        assert "1216 running" not in screen.split("Segments")[0][:60]
        stand(demo.ledger, 1209, state=RunState.FAILED, why="failed at fit")
        await until_shown(pilot, "1209 FAILED")
        await pilot.press("s", "S")
        await until_shown(pilot, "problems only  by RUN down", ">  1214 FAILED")
        await pilot.press("S")
        lines = (await until_shown(pilot, "by RUN up")).splitlines()
        assert [line[3:8].strip() for line in lines[4:8]] == ["1209", "1212", "1213", "1214"]


async def test_marked_runs_are_acted_on_together_after_one_question(demo: DemoLedger) -> None:
    for run in (1209, 1210):
        stand(demo.ledger, run, state=RunState.READY, why="complete")
    app = make_app(demo.ledger.path)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("slash", *typed("run:1209-1213"), "enter", "asterisk", "l")
        await until_shown(
            pilot,
            "5 marked",
            "Launch 2 runs?",
            "1210, 1209",
            "Now: 2 ready. 17 segments",
            "Left out",
            "1213, 1212, 1211",
        )
        await pilot.press("escape")
        await until_shown(pilot, "nothing was done")
        assert asked(demo) == []
        await pilot.press("l", "tab", "enter")
        await until(pilot, lambda: asked(demo) == [("launch", None)])
        (request,) = demo.ledger.asked()
        assert request.args == {"each": {"1210": "ready", "1209": "ready"}}
        demo.ledger.answer(request.id, "done", "1 queued, 1 had started: left running (1209)")
        await until_shown(pilot, "1 queued, 1 had started: left running (1209)")
        await pilot.press("u")
        await until_shown(pilot, "undo: take back what has not started")
        assert [(asked.verb, asked.args) for asked in demo.ledger.asked()] == [("take-back", {"request": request.id})]
        await pilot.press("escape")
        await until(pilot, lambda: "marked" not in shown(app))


async def test_what_is_no_longer_seen_is_not_acted_on(demo: DemoLedger) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        app.go_to(1219)
        await pilot.press("space", "space")
        await until_shown(pilot, " * 1219", " * 1218", ">  1217", "2 marked")
        await pilot.press("slash", *typed("1218"), "enter", "l")
        await until_shown(pilot, "Launch 1 run?", "1218")


async def test_read_only_marks_but_does_not_act(demo: DemoLedger) -> None:
    app = make_app(demo.ledger.path, read_only=True)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("asterisk", "r")
        await until_shown(pilot, "--read-only: this console only looks")
    assert asked(demo) == []


@pytest.mark.parametrize("size", [WIDE, SMALL], ids=["wide", "small"])
async def test_a_zoomed_pane_has_the_screen_and_tab_zooms_the_next(demo: DemoLedger, size: tuple[int, int]) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        await pilot.press("z")
        await until(pilot, lambda: "Endpoints" not in shown(app))
        assert "1204 done" in shown(app)
        await pilot.press("tab")
        screen = await until_shown(pilot, "XFER")
        assert "ENDED" not in screen
        await pilot.press("shift+tab", "z")
        await until_shown(pilot, "ENDED", "Flow runs", "Endpoints")


async def test_panes_say_what_they_cannot(demo: DemoLedger) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("S")
        await until_shown(pilot, "not sorted: s sorts by the next column")
        await pilot.press("tab", "space")
        await until_shown(pilot, "only runs can be marked")
        await pilot.press("question_mark", "s")
        await until_shown(pilot, "this pane cannot be filtered or sorted")


async def test_a_question_on_many_names_a_few_and_counts_the_rest(demo: DemoLedger) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        assert app.data.snapshot is not None
        runs = app.data.snapshot.runs
    assert [run.run for run in bulk.usable(LAUNCH, runs)] == [1218]  # not what has a question of its own
    assert 1217 in [run.run for run in bulk.usable(CANCEL, runs)]
    assert bulk.why_not(CANCEL, None, runs, True) == READ_ONLY
    question = bulk.question_many(RETRY, runs[:12], runs)
    assert question.title == "Retry 12 runs?"
    assert question.consequence[0] == "1219, 1218, 1217, 1216, 1215, 1214, 1213, 1212 and 4 more"
    assert "Left out" in question.consequence[-1]


def test_a_line_is_typed_corrected_and_pasted() -> None:
    told: list[str] = []
    prompt = Prompt("/", "", told.append, before="old")
    for key, character in [("a", "a"), ("space", " "), ("b", "b"), ("c", "c"), ("backspace", "\x7f"), ("up", None)]:
        assert prompt.press(key, character)
    assert told == ["a", "a ", "a b", "a bc", "a b"]
    prompt.paste("x\x1b[31m\ny")
    assert prompt.words == "a bx y"
    prompt.press("ctrl+w", None)
    assert prompt.words == "a bx"
    prompt.press("ctrl+u", None)
    assert prompt.words == ""
    assert not prompt.press("escape", None)
    assert prompt.words == "old"
    assert Prompt("/", "", told.append).press("backspace", None) is False
