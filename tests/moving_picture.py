"""The moving picture of the README, from a running sandbox: `python -m tests.moving_picture [OUT.svg]`.

A run fails, `p` finds it, `r` shows what a new attempt would do, and it is done. It loops, and needs no script: where
nothing may move, one still is shown.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from flowspec.states import RunState
from screens.app import ConsoleApp
from screens.options import ScreenOptions
from screens.themes import RGB
from tests.documents import DOCS
from tests.pipeline_fixture import Pipeline, running_pipeline
from tests.sandbox_records import set_fault
from tests.screen_driver import settled, shown, until, until_shown

SIZE = (80, 24)
SEGMENTS, EVENTS, BAD = 5, 60, 2
HOME, FAILS = (1214, 1215), 1216
STILL = 3  # the one that is shown where nothing may move: the plan


@dataclass(frozen=True)
class Still:
    """What is shown for so many seconds."""

    svg: str
    seconds: float


def moving(stills: Sequence[Still], kept: int) -> str:
    """One SVG that shows these after each other, for ever; `kept` is shown where nothing may move."""
    length = sum(still.seconds for still in stills)
    rules = [
        f".still {{ visibility: hidden; animation: {length}s step-end infinite }}",
        f"#still-{kept} {{ visibility: visible }}",
        "@media (prefers-reduced-motion: reduce) { .still { animation: none } }",
    ]
    groups = []
    begin = 0.0
    for place, still in enumerate(stills):
        end = begin + still.seconds
        steps = {0.0: "hidden", begin: "visible", end: "hidden"}
        told = " ".join(f"{at / length:.2%} {{ visibility: {what} }}" for at, what in steps.items())
        rules.append(f"#still-{place} {{ animation-name: still-{place} }} @keyframes still-{place} {{ {told} }}")
        groups.append(f'<g class="still" id="still-{place}">{still.svg}</g>')
        begin = end
    box = stills[0].svg.split('viewBox="')[1].split('"')[0]
    head = f'<svg viewBox="{box}" xmlns="http://www.w3.org/2000/svg"><style>{" ".join(rules)}</style>'
    return "\n".join([head, *groups, "</svg>\n"])


async def stills(pipeline: Pipeline) -> list[Still]:
    """The story, as it happens."""
    settings = pipeline.settings
    options = ScreenOptions("sandbox", settings.site.name, settings.ledger, "the sandbox's runs", sandbox=True)
    app = ConsoleApp(options, now=time.time)
    taken: list[Still] = []

    def take(title: str, seconds: float) -> None:
        taken.append(Still(app.export_screenshot(title=title), seconds))

    async with app.run_test(size=SIZE) as pilot:
        app.theme = RGB.name
        await asyncio.to_thread(lambda: pipeline.deliver(pipeline.take(FAILS, SEGMENTS, EVENTS)))
        await _row(pilot, FAILS, "fit ")
        take("Runs come in from the detector and are analyzed by themselves", 3)
        await _row(pilot, FAILS, "FAILED")
        take("A run fails: its row says the key to press, and why", 4)
        await _press(pilot, "p")
        take("p: only what needs somebody", 3)
        await _press(pilot, "r")
        await until_shown(pilot, f"Yes, retry run {FAILS}")
        await until(pilot, lambda: "Endpoints" in app.export_screenshot())  # what is behind the question is drawn
        take("r: what a new attempt would do; nothing happens before the yes", 4)
        await _press(pilot, "right")
        take("right: the other answer", 2)
        await _press(pilot, "enter")
        await _press(pilot, "p")
        await _row(pilot, FAILS, "fit ")
        take("enter: only what is missing is done again; p shows all runs", 3)
        await _row(pilot, FAILS, "done")
        await _press(pilot, "a")
        await until_shown(pilot, "seen by")
        await until(pilot, lambda: "seen by" not in shown(app))  # good news leaves by itself
        take("Done: the result is back; a: the failure was seen", 4)
    return taken


async def _press(pilot: Pilot[Any], key: str) -> None:
    await pilot.press(key)
    await settled(pilot)


async def _row(pilot: Pilot[Any], run: int, state: str) -> None:
    """Wait until the row of the run says so, and its segments are shown."""
    await until(pilot, lambda: f"{run} {state}" in shown(pilot.app))
    await settled(pilot)


def story(pipeline: Pipeline) -> list[Still]:
    """Some runs are home; the next one has a segment at which the fit aborts once."""
    set_fault(pipeline.sandbox.directory, "function-crash", run=FAILS, stage="fit", segment=BAD)
    pipeline.start_driver()
    for run in HOME:
        pipeline.deliver(pipeline.take(run, SEGMENTS, EVENTS))
        pipeline.wait_for(run, RunState.DONE)
    return asyncio.run(stills(pipeline))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, nargs="?", default=DOCS / "screen-moving.svg")
    out: Path = parser.parse_args().out
    with tempfile.TemporaryDirectory() as directory, running_pipeline(Path(directory) / "sandbox") as pipeline:
        out.write_text(moving(story(pipeline), STILL))


if __name__ == "__main__":
    main()
