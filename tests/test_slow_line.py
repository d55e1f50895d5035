"""The slow line is slow, loses nothing, and passes size and exit code on."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from tests.tmux import Terminal
from tests.waiting import until

PROGRAM = """
import os, sys
assert tuple(os.get_terminal_size()) == (60, 20), os.get_terminal_size()
print("asks", flush=True)
answer = input()
for number in range(400):
    print(f"line {number:04d} " + "x" * 40)
sys.stdout.flush()
print(f"got {answer} end", flush=True)
sys.exit(7)
"""


def test_what_passes_comes_late_and_whole(tmp_path: Path) -> None:
    line = [sys.executable, "-m", "tests.slow_line", "--rate", "10000", "--delay", "0.2"]
    window = Terminal(tmp_path, (60, 20), [*line, sys.executable, "-c", PROGRAM])
    try:
        window.wait_for("asks")
        began = time.monotonic()
        window.press("x", "y", "Enter")
        until(lambda: "got xy end" in window.text())
        took = time.monotonic() - began
        assert window.wait_for_end() == 7
        lines = [row for row in window.text().splitlines() if row.startswith("line ")]
        assert lines[-1].startswith("line 0399 ")
        assert took > 400 * 51 / 10_000  # no faster than the line; both delays come on top
    finally:
        window.close()
    window.nothing_is_left()
