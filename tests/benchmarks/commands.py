"""What every command costs before it does anything."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.benchmarks.result import ROOT, Result, median_seconds_of_command

BIN = Path(sys.prefix) / "bin"


def version_time() -> Result:
    """`console --version`, median of 10."""
    command = [BIN / "console", "--version"]
    return Result("version_time", 1000 * median_seconds_of_command(command, 10), "ms", aim=150)


def venvcmd_overhead() -> Result:
    """What venvcmd adds to a command when the environment is there, median of 30."""
    nothing = ["-I", "-S", "-c", ""]
    through = median_seconds_of_command([ROOT / "venvcmd", "python", *nothing], 30)
    direct = median_seconds_of_command([BIN / "python", *nothing], 30)
    return Result("venvcmd_overhead", 1000 * (through - direct), "ms", aim=50)


BENCHMARKS = (version_time, venvcmd_overhead)
