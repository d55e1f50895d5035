"""Command line of the fire tests; see the package's docstring. Exit code 1 when anything was lost or doubled."""

from __future__ import annotations

import argparse
import functools
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.fire import points
from tests.fire.soak import Report, Soak


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fire", description="Kills everything again and again.")
    parser.add_argument("--kills", type=int, default=200, help="how many, at random (200)")
    parser.add_argument("--seed", type=int, default=None, help="of the random numbers; printed, to try again")
    parser.add_argument("--points", action="store_true", help="kill at every durable step instead, in five stories")
    parser.add_argument("--streaming", action="store_true", help="the runs are worked on while they are recorded")
    options = parser.parse_args(arguments)
    if options.points:
        print(f"kills {points.burn(None, lambda text: print(text, flush=True))}  lost 0  doubled 0  orphans 0")
        return 0
    seed = options.seed if options.seed is not None else int(time.time())
    print(f"seed {seed}", flush=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="frib-fire-") as directory:
        say = functools.partial(print, flush=True)
        report = Soak(Path(directory), seed, say, streaming=options.streaming).burn(options.kills)
    show(report, time.monotonic() - began)
    return 0 if report.verdict.good else 1


def show(report: Report, seconds: float) -> None:
    for text in (*report.verdict.lost, *report.verdict.doubled, *report.verdict.orphans):
        print(text)
    kills = ", ".join(f"{kind} {count}" for kind, count in sorted(report.kills.items()))
    verdict = report.verdict
    print(
        f"runs {report.runs}  kills {sum(report.kills.values())} ({kills})  lost {len(verdict.lost)}  "
        f"doubled {len(verdict.doubled)}  orphans {len(verdict.orphans)}  "
        f"early segments {report.early}  "
        f"median takeover {report.median_takeover:.2f} s  worst {max(report.takeovers, default=0):.2f} s  "
        f"in {seconds:.0f} s"
    )


if __name__ == "__main__":
    sys.exit(main())
