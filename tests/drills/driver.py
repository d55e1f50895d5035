"""The driver with less patience, so that tests need less of it too: `python -m tests.drills.driver [console ARGUMENTS]`

What is free on the DTN's disk it takes from the file that FRIB_TEST_FREE_SPACE names, while that is there: two numbers
of bytes, free and in total.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from console.actions import cancel_steps, launch
from console.cli.parser import main
from console.disk import space
from console.driver import loop
from console.evidence import suspicion
from remote.globus import compute, limits

FREE_SPACE = "FRIB_TEST_FREE_SPACE"


def less_patient() -> None:
    limits.SUBMIT_SECONDS, limits.ANSWER_SECONDS = 3.0, 3.0
    loop.ENDPOINT_SECONDS, launch.LOOKUP_SECONDS = 1.5, 2.5  # the latter: so long is read what is tried again
    cancel_steps.SILENT_SECONDS = 3.0
    suspicion.SERVED_POLLS, suspicion.UNSERVED_POLLS = 6.0, 8.0
    compute.REQUESTS, compute.REQUEST_SECONDS = 16, 1.0  # World's sandbox is as many times as fast
    measured = space.measure

    def told(directory: Path) -> space.Space:
        file = Path(os.environ.get(FREE_SPACE, os.devnull))
        if not file.is_file():
            return measured(directory)
        free, total = file.read_text().split()
        return space.Space(int(free), int(total))

    space.measure = told


if __name__ == "__main__":
    less_patient()
    sys.exit(main())
