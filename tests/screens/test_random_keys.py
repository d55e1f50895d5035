"""Random keys never break the screen, and with --read-only they change nothing.

FRIB_KEYS=10000 presses more; FRIB_KEYS_SEED repeats a failure: the seed is printed.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.geometry import Size
from textual.keys import _character_to_key
from textual.pilot import Pilot

from console.doctor import apart
from console.ledger.presence import lock_path
from flowspec.states import RunState
from screens.keys.actions import ACTIONS, BACK, DETAIL, DOCTOR, EVENTS, HELP, PALETTE
from screens.main_screen import MainScreen
from screens.widgets.moves import MOVES
from tests.ledger_fixture import DemoLedger, stand
from tests.run_history import with_history
from tests.screen_driver import make_app, settled, until, until_shown
from tests.waiting import HANGS_AFTER

KEYS = int(os.environ.get("FRIB_KEYS", "2500"))
BATCH = 100  # so many keys at once: as pasted, or held up on a slow line
TYPED = "abc019:!-~ /\\[]\u65e5\u0301\u202e"
OTHERS = ("left", "right", "ctrl+c", "ctrl+u", "ctrl+w", "ctrl+d", "ctrl+p", "backspace", "delete", "insert", "f5",
          "ctrl+@", "shift+up", "ctrl+right", "y", "n")  # fmt: skip
# A screen that opens takes as long as many keys: they come less often.
OPENERS = (DETAIL, DOCTOR, EVENTS, HELP, PALETTE, BACK)
NAMES = [key for action in (*ACTIONS, *MOVES) for key in action.keys.split(",") if action not in OPENERS]
OPENING = [key for action in OPENERS for key in action.keys.split(",")]
WORDS = ("cancel", "state:failed", "run:1200-1217", "!done", "seg:3", "[/bold]", "run:-", "a:b:c", "!")
SIZES = ((120, 40), (80, 24), (99, 39), (40, 12), (10, 3), (1, 1), (200, 60), (100, 40))


def strokes(chance: random.Random) -> Iterator[events.Event]:
    """A key; now and then a whole word, a paste or another size."""
    kind = chance.random()
    if kind < 0.10:
        yield key(chance.choice(OPENING))
    elif kind < 0.75:
        yield key(chance.choice(NAMES))
    elif kind < 0.86:
        yield key(chance.choice(OTHERS))
    elif kind < 0.96:
        yield key(_character_to_key(character := chance.choice(TYPED)), character)
    elif kind < 0.97:
        yield from (key(name) for name in (chance.choice("lrc"), "tab", "enter"))
    elif kind < 0.99:
        yield from (key(_character_to_key(character), character) for character in chance.choice(WORDS))
        yield key("enter")
    elif kind < 0.995:
        yield events.Paste(chance.choice(WORDS) + "\x1b[31m\n\0")
    else:
        size = Size(*chance.choice(SIZES))
        yield events.Resize(size, size)


def key(name: str, character: str | None = None) -> events.Key:
    return events.Key(name, character or (name if len(name) == 1 else None))


def dump(path: Path) -> list[str]:
    """All that the ledger holds."""
    db = sqlite3.connect(path)
    try:
        return list(db.iterdump())
    finally:
        db.close()


def live(demo: DemoLedger, chance: random.Random) -> None:
    """What the driver does meanwhile: it answers, and runs change."""
    for request in demo.ledger.asked():
        plan = {
            "digest": "d",
            "plan": chance.choice((None, {})),
            "lines": ["[/bold] \x1b[31mfit 07", "x" * 300] * chance.randint(0, 6),
        }
        if chance.random() < 0.3:
            demo.ledger.answer(request.id, "refused", "no [/b] \x1b[2J because")
        else:
            demo.ledger.answer(request.id, "done", json.dumps(plan) if request.args.get("dry") else "it is so [/]")
    run = chance.randint(1200, 1219)
    stand(demo.ledger, run, state=chance.choice(list(RunState)), why="[/] \x1b[31mfor no reason")
    demo.ledger.event(chance.choice(("info", "good", "warning", "bad")), f"run {run} [/]", actor="driver", run=run)


async def press(pilot: Pilot[Any], demo: DemoLedger, seed: int, *, driven: bool) -> None:
    """All the keys, each batch at once; the screen must have dealt with them before the next."""
    chance = random.Random(seed)
    pressed = 0
    while pressed < KEYS:
        for _ in range(BATCH):
            for event in strokes(chance):
                if isinstance(event, events.Resize):
                    await pilot.resize_terminal(*event.size)
                else:
                    pilot.app.post_message(event)
                    pressed += 1
        done = asyncio.Event()
        pilot.app.call_later(done.set)
        await asyncio.wait_for(done.wait(), HANGS_AFTER)
        os.utime(lock_path(demo.ledger.path))
        if driven and chance.random() < 0.5:
            live(demo, chance)
        assert pilot.app._exception is None


async def as_at_first(pilot: Pilot[Any]) -> None:
    """After all of it the screen still does what it should."""
    await pilot.resize_terminal(120, 40)
    for _ in range(8):
        await pilot.press("escape")
    await until(pilot, lambda: isinstance(pilot.app.screen, MainScreen))
    await pilot.press("question_mark")
    await until_shown(pilot, "Help: keys and glyphs")


@pytest.fixture
def seed() -> int:
    chosen = int(os.environ.get("FRIB_KEYS_SEED", time.time_ns() % 1_000_000))
    print(f"FRIB_KEYS_SEED={chosen}")
    return chosen


@pytest.mark.parametrize("read_only", [True, False], ids=["read-only", "acting"])
async def test_random_keys(demo: DemoLedger, seed: int, monkeypatch: pytest.MonkeyPatch, read_only: bool) -> None:
    with_history(demo, 1214, 7)
    before = dump(demo.ledger.path)
    app = make_app(demo.ledger.path, read_only=read_only)
    quits: list[object] = []
    monkeypatch.setattr(app, "exit", quits.append)  # the screen stays for the other keys
    monkeypatch.setattr(apart, "python", lambda *_: ["true"])  # what is examined has tests of its own
    monkeypatch.setattr(app, "action_suspend_process", lambda: None)  # what there is to suspend is the test
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await press(pilot, demo, seed, driven=not read_only)
        await as_at_first(pilot)
    assert len(quits) > 2  # the more keys there are, and lines that take letters, the fewer are this one
    monkeypatch.undo()
    requests = demo.ledger.rows("SELECT verb, count(*) AS n FROM requests GROUP BY verb")
    if read_only:
        assert dump(demo.ledger.path) == before
    else:
        # Which verbs, is luck (a letter may be typed into a line); that there are many requests, is not.
        assert len(requests) > 1, "the keys did nothing"
        assert sum(row["n"] for row in requests) > 10, "the keys did next to nothing"
