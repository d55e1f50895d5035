"""How long nobody drives after the driver was killed or stopped while a console is open."""

from __future__ import annotations

import os
import signal
import statistics
import tempfile
import time
from pathlib import Path

from tests.benchmarks.result import Result
from tests.driver_fixture import experiment_in

TIMES = 11
AIM = 2.0


def _seconds(number: int) -> float:
    """Median from the signal to the next driver with an epoch of its own: from then on it acts."""
    waits = []
    with tempfile.TemporaryDirectory() as directory, experiment_in(Path(directory)) as experiment:
        experiment.supervise()
        present = experiment.successor()
        for turn in range(TIMES):
            time.sleep(0.1 + 0.045 * turn)  # at different moments of the console's look
            began = time.monotonic()
            os.kill(present.pid, number)
            present = experiment.successor(of=present)
            waits.append(time.monotonic() - began)
    return statistics.median(waits)


def takeover_after_kill() -> Result:
    """SIGKILL of the driver to the next driver that acts, with one console open, median of 11."""
    return Result("takeover_after_kill", _seconds(signal.SIGKILL), "s", aim=AIM)


def takeover_after_stop() -> Result:
    """SIGSTOP of the driver to the next driver that acts, with one console open, median of 11."""
    return Result("takeover_after_stop", _seconds(signal.SIGSTOP), "s", aim=AIM)


BENCHMARKS = (takeover_after_kill, takeover_after_stop)
