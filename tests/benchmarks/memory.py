"""The memory of a driver that goes through 2,000 runs of 20 segments in simulated time."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.benchmarks.result import ROOT, Result


def driver_growth() -> Result:
    """Memory after run 2,000 of 20 segments beyond that after run 200, of discovery, chores and ledger."""
    command = [sys.executable, "-m", "tests.benchmarks.remembering", "200", "2000"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    first, last = json.loads(ran.stdout)
    return Result("driver_growth", (last - first) / 1e6, "MB", aim=10)


BENCHMARKS = (driver_growth,)
