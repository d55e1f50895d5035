"""Driving the console's screen in tests: wait for a condition, read what the operator reads."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from textual.app import App
from textual.pilot import Pilot

from console.reading.snapshot import Snapshot
from screens.app import ConsoleApp
from screens.main_screen import MainScreen
from screens.options import ScreenOptions
from tests.ledger_fixture import NOW
from tests.waiting import HANGS_AFTER

WATCHING = "/data/e21062/stagearea"


def make_app(
    ledger: Path,
    *,
    now: Callable[[], float] = lambda: NOW,
    processes: Any = None,
    snapshot: Snapshot | None = None,
    **how: Any,
) -> ConsoleApp:
    options = ScreenOptions("e21062", "FRIB>NERSC", ledger, WATCHING, **how)
    return ConsoleApp(options, now=now, processes=processes, snapshot=snapshot)


def keys_to(run: int) -> list[str]:
    """The keys that lead from the first run of the demo to this one: what needs somebody is above, the newest first."""
    order = (1214, 1213, 1212, *range(1219, 1214, -1), *range(1211, 1199, -1))
    return ["down"] * order.index(run)


def shown(app: App[Any]) -> str:
    """What is on the terminal, line by line."""
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip) for strip in strips)


def unwrapped(app: App[Any]) -> str:
    """What is on the terminal as one line, each gap one space."""
    return " ".join(shown(app).split())


async def until(pilot: Pilot[Any], condition: Callable[[], object]) -> None:
    """Wait until the condition holds."""
    end = time.monotonic() + HANGS_AFTER
    while not condition():
        assert time.monotonic() < end, f"not within {HANGS_AFTER:.0f} s; the screen shows:\n{shown(pilot.app)}"
        await asyncio.sleep(0.01)


async def until_shown(pilot: Pilot[Any], *words: str) -> str:
    """Wait until all of these words stand on the screen, wherever lines break; returns all that stands there."""
    await until(pilot, lambda: all(word in shown(pilot.app) or word in unwrapped(pilot.app) for word in words))
    return shown(pilot.app)


async def settled(pilot: Pilot[Any]) -> None:
    """Wait until the screen shows the segments of the run that is selected."""
    app = pilot.app
    assert isinstance(app, ConsoleApp)
    main = next(screen for screen in app.screen_stack if isinstance(screen, MainScreen))

    def fresh() -> bool:
        if app.data.snapshot is None:
            return False
        main.selected_run()  # it follows the cursor, whose message may still be on its way
        detail = app.data.detail
        return (detail.run.run if detail else None) == main.selected

    await until(pilot, fresh)
