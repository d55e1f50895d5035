"""A picture of the screen, made by the app itself: `python -m tests.picture OUT.svg [--size 120x40] [--ledger FILE]`.

Without a ledger it shows a demo with runs in every state. With one it shows what that ledger says now.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from console.ledger.presence import DriverLock
from screens.app import ConsoleApp
from screens.options import ScreenOptions
from screens.themes import RGB
from tests.ledger_fixture import NOW, demo_ledger
from tests.screen_driver import settled, until, until_shown


def picture(
    options: ScreenOptions,
    size: tuple[int, int],
    keys: Sequence[str],
    now: Callable[[], float],
    words: Sequence[str] = (),
) -> str:
    """The screen as SVG, after these keys and when these words stand there."""
    return asyncio.run(_picture(ConsoleApp(options, now=now), size, keys, words))


async def _picture(app: ConsoleApp, size: tuple[int, int], keys: Sequence[str], words: Sequence[str]) -> str:
    async with app.run_test(size=size) as pilot:
        app.theme = RGB.name
        await settled(pilot)
        for key in keys:
            await pilot.press(key)
            await settled(pilot)
        await until_shown(pilot, *words)
        await until(pilot, lambda: _taken(app).count(app.options.experiment) > 1)  # in the title, and behind a question
        return _taken(app)


def _taken(app: ConsoleApp) -> str:
    return app.export_screenshot(title=f"{app.options.experiment} console")


def _demo(size: tuple[int, int], keys: Sequence[str]) -> str:
    os.environ["TZ"] = "UTC"
    time.tzset()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "e21062.ledger"
        demo_ledger(path, older=20)
        lock = DriverLock(path)
        lock.take("background")
        try:
            options = ScreenOptions("e21062", "FRIB>NERSC", path, "/data/e21062/stagearea")
            return picture(options, size, keys, lambda: NOW)
        finally:
            lock.release()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--size", default="120x40", help="columns x lines")
    parser.add_argument("--ledger", type=Path, help="of a real experiment, instead of the demo")
    parser.add_argument("--experiment", default="sandbox", help="the name in the header, with --ledger")
    parser.add_argument("--site", default="sandbox", help="the site in the header, with --ledger")
    parser.add_argument("--keys", default="", help="keys to press first, separated by spaces, such as 'down down'")
    given = parser.parse_args()
    width, height = map(int, given.size.split("x"))
    if given.ledger is None:
        svg = _demo((width, height), given.keys.split())
    else:
        options = ScreenOptions(given.experiment, given.site, given.ledger, "", sandbox=given.experiment == "sandbox")
        svg = picture(options, (width, height), given.keys.split(), time.time)
    given.out.write_text(svg)


if __name__ == "__main__":
    main()
