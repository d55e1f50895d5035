"""Command line of the benchmarks; see the package's docstring."""

from __future__ import annotations

import argparse
import importlib
import inspect
import json
import os
import sys
from collections.abc import Callable, Sequence

from tests.benchmarks.result import Result

GROUPS = (
    "commands",
    "queries",
    "work",
    "watching",
    "memory",
    "screen",
    "starting",
    "campaign",
    "takeover",
    "pipeline",
    "streaming",
    "restarting",
    "retry",
    "orchestrator",
    "engines",
)


def named() -> dict[str, list[Callable[[], Result]]]:
    """What each name measures: that of a group all that is in it, that of a benchmark just this."""
    groups = {group: list(importlib.import_module(f"tests.benchmarks.{group}").BENCHMARKS) for group in GROUPS}
    return groups | {benchmark.__name__: [benchmark] for group in groups.values() for benchmark in group}


def number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def row(result: Result) -> str:
    verdict = {None: "", True: "reached", False: "MISSED"}[result.reached]
    ratio = "-" if result.ratio is None else f"{number(result.ratio)}x"
    numbers = f"{number(result.value):>12} {result.unit:<8}{number(result.aim):>10}{number(result.peer):>11}{ratio:>9}"
    return f"{result.name:<28}{numbers}  {verdict}".rstrip()


HEADER = f"{'NAME':<28}{'VALUE':>12} {'UNIT':<8}{'AIM':>10}{'PEER':>11}{'RATIO':>9}"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description="Measures how fast it is.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these benchmarks, or all of these groups")
    parser.add_argument("--json", action="store_true", help="one list of results, at the end")
    parser.add_argument("--list", action="store_true", help="tell what there is, and measure nothing")
    options = parser.parse_args(arguments)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # people have the modules compiled
    known = named()
    unknown = [name for name in options.names if name not in known]
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(known)}")
    chosen = {benchmark.__name__: benchmark for name in options.names or GROUPS for benchmark in known[name]}
    if options.list:
        for name, benchmark in chosen.items():
            print(f"{name:<28} {(inspect.getdoc(benchmark) or '').splitlines()[0]}")
        return 0
    return measure(chosen, as_json=options.json)


def measure(benchmarks: dict[str, Callable[[], Result]], *, as_json: bool) -> int:
    """Run them one after the other; 1 if one could not be measured, which does not stop the others."""
    if not as_json:
        print(HEADER, flush=True)
    results, failed = [], 0
    for name, benchmark in benchmarks.items():
        try:
            result = benchmark()
        except Exception as error:
            print(f"{name}: could not be measured: {error}", file=sys.stderr, flush=True)
            failed = 1
            continue
        results.append(result)
        if not as_json:
            print(row(result), flush=True)
    if as_json:
        print(json.dumps([result.as_json() for result in results], indent=1))
    return failed


if __name__ == "__main__":
    sys.exit(main())
