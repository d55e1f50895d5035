"""Command line of the drills; see the package's docstring. Exit code 1 when one of them went wrong."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.drills.stories import DRILLS, run

VISIBLE_AIM, KEYS_AIM = 10.0, 5


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.drills", description="Something goes wrong; it is mended.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which (all): {', '.join(DRILLS)}")
    parser.add_argument("--far", action="store_true", help="at 80x24, behind a line of 10 kB/s and 150 ms each way")
    given = parser.parse_args(arguments)
    names = given.names or list(DRILLS)
    if unknown := [name for name in names if name not in DRILLS]:
        parser.error(f"no drill {unknown[0]!r}: there are {', '.join(DRILLS)}")
    print(f"{'drill':20}  visible  keys  told   (aims: {VISIBLE_AIM:.0f} s, {KEYS_AIM} keys)", flush=True)
    failed = 0
    for name in names:
        with tempfile.TemporaryDirectory(prefix="drill-") as directory:
            try:
                visible, keys, told, untold = run(name, Path(directory), far=given.far)
            except AssertionError as error:
                failed += 1
                print(f"{name:20}  FAILED: {error}", flush=True)
            else:
                beyond = "  beyond the aims" if visible > VISIBLE_AIM or keys > KEYS_AIM else ""
                if untold:
                    beyond += f"  not told to press {untold}"
                print(f"{name:20}  {visible:5.1f} s  {keys:4}  {told or '-':4}{beyond}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
