"""Pictures of every screen of a running sandbox, in two sizes: `python -m tests.pictures [FOLDER]` (docs/screens).

Four runs are taken: one comes home, one fails in a segment, one hangs in its fit, and one waits for an endpoint.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from console.ledger import job_reports
from console.reading.snapshot import snapshot
from flowspec.states import RunState
from screens.options import ScreenOptions
from tests.documents import DOCS
from tests.picture import picture
from tests.pipeline_fixture import Pipeline, running_pipeline
from tests.sandbox_records import set_fault
from tests.waiting import until

SIZES = ((120, 40), (80, 24))
HOME, FAILED, HANGS, HELD = 1, 2, 3, 4
SEGMENTS, EVENTS, BAD = 5, 40, 2
TO_HANGING, TO_FAILED = ["down"], ["down", "down"]
# Name, what the page says of it, keys that lead there.
SCENES = (
    ("main", "The main screen: a run has failed in one segment", TO_FAILED),
    ("endpoints", "The compute endpoints, one of them offline", ["shift+tab"]),
    ("filter", "Only runs that need somebody", ["p"]),
    ("segments", "The detail of the failed run: its segments", [*TO_FAILED, "enter"]),
    ("witnesses", "What file, task and flow log say of it", [*TO_FAILED, "enter", "w"]),
    ("timeline", "Where its time went", [*TO_FAILED, "enter", "3"]),
    ("flow-log", "What Flows logged", [*TO_FAILED, "enter", "4"]),
    ("jobs", "The report and the log of the job that failed", [*TO_FAILED, "enter", "6"]),
    ("confirm", "A question: what will happen, and the way back is chosen", [*TO_HANGING, "c"]),
    ("events", "The event log", ["v"]),
    ("palette", "The command palette", [*TO_FAILED, "ctrl+p", "r", "e"]),
    ("help", "The help", ["question_mark"]),
)


def story(pipeline: Pipeline) -> None:
    """What there is to see."""
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
    pipeline.ledger.ask("report", FAILED, actor="shift@daq1", stage="fit", segment=BAD)
    until(lambda: any(report.report for report in job_reports.of_run(pipeline.ledger, FAILED)))
    pipeline.wait_for(HELD, RunState.QUEUED)
    until(lambda: "3 files" not in _why(pipeline, HANGS) and "fit" in _why(pipeline, HANGS))


def _why(pipeline: Pipeline, run: int) -> str:
    row = snapshot(pipeline.ledger).run(run)
    return row.why if row is not None else ""


def pictures(pipeline: Pipeline, folder: Path) -> None:
    settings = pipeline.settings
    options = ScreenOptions("sandbox", settings.site.name, settings.ledger, "the sandbox's runs", sandbox=True)
    for name, _, keys in SCENES:
        for size in SIZES:
            svg = picture(options, size, keys, time.time)
            (folder / f"{name}-{size[0]}x{size[1]}.svg").write_text(svg)


def page() -> str:
    """The page that shows them."""
    lines = [
        "# The screens",
        "",
        "Made from a running sandbox by `python -m tests.pictures`: 120x40, and 80x24 below it.",
    ]
    for name, told, _ in SCENES:
        lines += ["", f"## {told}", ""]
        lines += [f"![{told}, {width}x{height}](screens/{name}-{width}x{height}.svg)" for width, height in SIZES]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=DOCS / "screens")
    folder: Path = parser.parse_args().folder
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as directory, running_pipeline(Path(directory) / "sandbox") as pipeline:
        story(pipeline)
        pictures(pipeline, folder)
    folder.with_suffix(".md").write_text(page())


if __name__ == "__main__":
    main()
