"""`python -m remote.sandbox.daq`: take runs one after the other and copy them to the DTN while they are taken.

For each run that is whole at the DTN, one line of JSON on stdout:
{"run", "segments", "events", "bytes", "began", "ended", "ended_at", "directory"}; times are unix times, `ended` is
that of END_RUN, `ended_at` when the file that holds it was complete at the DTN.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from flowspec import names
from remote.sandbox.daq.rsync import Rsync
from remote.sandbox.daq.taking import BLOCKS, take_run
from remote.signals import set_on_signal


class Stopped(Exception):
    """Asked to end, perhaps in the middle of a run."""


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    stop = threading.Event()
    set_on_signal(stop)
    if options.lifeline:
        threading.Thread(target=_stop_at_end_of_stdin, args=(stop,), daemon=True).start()
    try:
        _take_runs(options, stop)
    except Stopped:
        return 0
    except OSError as error:
        print(f"remote.sandbox.daq: {error}", file=sys.stderr)
        return 1
    return 0


def _take_runs(options: argparse.Namespace, stop: threading.Event) -> None:
    rsync = Rsync(options.daq, options.dtn)

    def wait(seconds: float) -> None:
        if stop.wait(seconds):
            raise Stopped

    def pace() -> None:
        rsync.run_pass()
        wait(options.rate / BLOCKS)

    first = max(options.first_run, _highest_run(options.daq, options.dtn) + 1)
    for run in itertools.islice(itertools.count(first), options.runs or None):
        if run > first:
            wait(options.pause)
        taken = take_run(
            options.daq, run, segments=options.segments, events=options.events, seed=options.seed, pace=pace
        )
        ended_at = rsync.deliver(taken)
        line = {
            "run": run,
            "segments": len(taken.segments),
            "events": taken.events,
            "bytes": taken.bytes,
            "began": taken.began,
            "ended": taken.ended,
            "ended_at": ended_at,
            "directory": str(options.dtn / taken.directory.name),
        }
        print(json.dumps(line), flush=True)


def _highest_run(*directories: Path) -> int:
    present = [names.parse_run_directory(item.name) for d in directories if d.is_dir() for item in d.iterdir()]
    return max((run for run in present if run is not None), default=-1)


def _stop_at_end_of_stdin(stop: threading.Event) -> None:
    while os.read(0, 4096):  # not through sys.stdin: its lock would be held when the interpreter ends
        pass
    stop.set()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m remote.sandbox.daq", description=__doc__.split("\n")[0])
    parser.add_argument("--daq", type=Path, required=True, metavar="DIR", help="the DAQ's stagearea")
    parser.add_argument("--dtn", type=Path, required=True, metavar="DIR", help="the runs directory at the DTN")
    parser.add_argument("--runs", type=_count, default=1, metavar="N", help="runs to take, 0 for no end (default 1)")
    parser.add_argument("--segments", type=_positive, default=3, metavar="M", help="per run (default 3)")
    parser.add_argument("--events", type=_positive, default=200, metavar="K", help="per segment (default 200)")
    parser.add_argument("--first-run", type=_count, default=1217, metavar="N", help="if none is present yet")
    parser.add_argument("--rate", type=_seconds, default=0.0, metavar="SECONDS", help="from segment to segment")
    parser.add_argument("--pause", type=_seconds, default=0.0, metavar="SECONDS", help="between two runs")
    parser.add_argument("--seed", type=_count, default=0, metavar="S", help="the same seed takes the same data")
    parser.add_argument("--lifeline", action="store_true", help="end when stdin ends")
    return parser


def _count(text: str) -> int:
    number = int(text)
    if not 0 <= number <= names.LARGEST_NUMBER:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and {names.LARGEST_NUMBER}")
    return number


def _positive(text: str) -> int:
    if _count(text) == 0:
        raise argparse.ArgumentTypeError("at least 1")
    return int(text)


def _seconds(text: str) -> float:
    if not 0 <= float(text) < 1e6:
        raise argparse.ArgumentTypeError(f"{text} is no number of seconds")
    return float(text)


if __name__ == "__main__":
    sys.exit(main())
