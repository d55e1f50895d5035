"""Prints the tables; see the package's docstring."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable

from tests.model import tables
from tests.model.whole import WholeDriver


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.model", description="Streaming at the size of a real run.")
    parser.add_argument("--series", action="store_true", help="also runs that follow each other")
    parser.add_argument("--whole", action="store_true", help="only a few rows, by the whole driver")
    options = parser.parse_args()
    if options.whole:
        rows = (case.row(WholeDriver) for case in (tables.OFF, tables.DEFAULTS, tables.WIDER))
        _tell(tables.table(tables.HEAD, rows))
        return 0
    _tell(tables.facts())
    _tell(tables.rates())
    _tell(tables.table(tables.HEAD, (case.row() for case in tables.CASES)))
    if options.series:
        _tell(tables.table(tables.HEAD_OF_SERIES, (case.row_of_series() for case in tables.SERIES_CASES)))
    return 0


def _tell(lines: Iterable[str]) -> None:
    for line in lines:
        print(line, flush=True)
    print()


if __name__ == "__main__":
    sys.exit(main())
