"""Pictures of every screen of a running sandbox, in two sizes: `python -m tests.pictures [FOLDER]` (docs/screens)."""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from console.ledger import job_reports
from flowspec.states import RunState
from screens.options import ScreenOptions
from tests.documents import DOCS
from tests.picture import picture
from tests.pipeline_fixture import Pipeline, running_pipeline
from tests.sandbox_records import set_fault
from tests.waiting import until

SIZES = ((120, 40), (80, 24))
HOME, FAILED, HANGS, HELD, READY = range(1213, 1218)
SEGMENTS, EVENTS, BAD = 5, 40, 2
SHIFT = "shift@daq1"


@dataclass(frozen=True)
class Scene:
    """What a picture is named, what the page says of it, the keys that lead there, and words to wait for."""

    name: str
    told: str
    keys: Sequence[str]
    words: Sequence[str] = ()


def _to(run: int, *keys: str) -> Sequence[str]:
    return (*":run", "space", *str(run), "enter", *keys)


NIGHT = (
    Scene("main", "The main screen: a run has failed in one segment", _to(FAILED), ["STUCK"]),
    Scene("stuck", "A run is stuck: its row begins with the key to press", _to(HANGS), ["may hang"]),
    Scene("endpoints", "The compute endpoints, one of them offline", ["shift+tab"]),
    Scene("filter", "`p`: only runs that need somebody", ["p"]),
    Scene("plan", "`r`: what a new attempt would do", _to(FAILED, "r"), [f"Yes, retry run {FAILED}"]),
    Scene("confirm", "`c`: what will happen, and the way back is chosen", _to(HANGS, "c")),
    Scene("segments", "The detail of the failed run: its segments", _to(FAILED, "enter")),
    Scene("witnesses", "What file, task and flow log say of it", _to(FAILED, "enter", "w")),
    Scene("timeline", "Where its time went", _to(FAILED, "enter", "3")),
    Scene("flow-log", "What Flows logged", _to(FAILED, "enter", "4")),
    Scene("jobs", "The report of the job that failed", _to(FAILED, "enter", "6")),
    Scene("log", "The whole log of that job", _to(FAILED, "enter", "6", "enter"), ["Log of run", "EventEditor"]),
    Scene("copy", "`y`: what can be copied of a run that is done", _to(HOME, "y"), ["esc goes back"]),
    Scene("report", "`R`: the report of the shift", ["R"], ["Shift report since"]),
    Scene("events", "The event log", ["v"]),
    Scene("palette", "The command palette", _to(FAILED, "ctrl+p", "r", "e")),
    Scene("help", "The help", ["question_mark"]),
)
AUTO_OFF = (
    Scene("auto", "`o` that switches auto-launch on: how many runs it launches", ["o"], ["Launch 1 complete run now?"]),
)
PAUSED = (Scene("paused", "Launching is paused: by whom, since when and why", _to(HELD), ["PAUSED"]),)


def story(pipeline: Pipeline) -> None:
    """What there is to see in the first pictures.

    One run comes home, one fails in a segment, one hangs in its fit, and one waits for an endpoint.
    """
    directory = pipeline.sandbox.directory
    set_fault(directory, "function-crash", run=FAILED, stage="fit", segment=BAD, times=0)
    set_fault(directory, "function-hang", run=HANGS, stage="fit", segment=BAD, times=0)
    pipeline.start_driver()
    for run, state in ((HOME, RunState.DONE), (FAILED, RunState.FAILED), (HANGS, RunState.RUNNING)):
        pipeline.deliver(pipeline.take(run, SEGMENTS, EVENTS))
        pipeline.wait_for(run, state)
    set_fault(directory, "endpoint-offline", endpoint="frib-analysis")
    until(lambda: pipeline.ledger.row("SELECT 1 FROM endpoints WHERE online = 0"))
    pipeline.deliver(pipeline.take(HELD, SEGMENTS, EVENTS))
    pipeline.ledger.ask("report", FAILED, actor=SHIFT, stage="fit", segment=BAD)
    until(lambda: any(report.report for report in job_reports.of_run(pipeline.ledger, FAILED)))
    pipeline.wait_for(HELD, RunState.QUEUED)


def switch_off(pipeline: Pipeline) -> None:
    """Auto-launch is off, and a run is ready."""
    _asked(pipeline, "auto", on=False)
    pipeline.deliver(pipeline.take(READY, SEGMENTS, EVENTS))
    pipeline.wait_for(READY, RunState.READY)


def pause(pipeline: Pipeline) -> None:
    _asked(pipeline, "pause", reason="NERSC maintenance until 06:00")


def _asked(pipeline: Pipeline, verb: str, **args: Any) -> None:
    number = pipeline.ledger.ask(verb, None, actor=SHIFT, **args)
    until(lambda: getattr(pipeline.ledger.request(number), "state", "") == "done")


def pictures(pipeline: Pipeline, folder: Path, scenes: Sequence[Scene]) -> None:
    settings = pipeline.settings
    options = ScreenOptions("sandbox", settings.site.name, settings.ledger, "the sandbox's runs", sandbox=True)
    for scene in scenes:
        for width, height in SIZES:
            svg = picture(options, (width, height), scene.keys, time.time, scene.words)
            (folder / f"{scene.name}-{width}x{height}.svg").write_text(svg)


def page() -> str:
    """The page that shows them."""
    lines = [
        "# The screens",
        "",
        "Made from a running sandbox by `python -m tests.pictures`: 120x40, and 80x24 below it.",
    ]
    for scene in (*NIGHT, *AUTO_OFF, *PAUSED):
        lines += ["", f"## {scene.told}", ""]
        lines += [
            f"![{scene.told}, {width}x{height}](screens/{scene.name}-{width}x{height}.svg)" for width, height in SIZES
        ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=DOCS / "screens")
    folder: Path = parser.parse_args().folder
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as directory, running_pipeline(Path(directory) / "sandbox") as pipeline:
        for prepare, scenes in ((story, NIGHT), (switch_off, AUTO_OFF), (pause, PAUSED)):
            prepare(pipeline)
            pictures(pipeline, folder, scenes)
    folder.with_suffix(".md").write_text(page())


if __name__ == "__main__":
    main()
