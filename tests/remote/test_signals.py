"""A process ends on a signal, whatever its main thread is doing when it comes."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from remote.signals import ENDING
from tests.waiting import HANGS_AFTER

SIGNALLED_IN_THE_MIDDLE_OF_A_WAIT = """if True:
    import os, sys, threading
    from remote.signals import set_on_signal
    stop = threading.Event()
    set_on_signal(stop)
    with stop._cond:  # as `stop.wait` does at its begin and at its end
        os.kill(os.getpid(), int(sys.argv[1]))
        assert not stop.is_set()
    stop.wait()
"""


@pytest.mark.parametrize("number", ENDING)
def test_a_signal_in_the_middle_of_a_wait_ends_it(number: signal.Signals) -> None:
    command = [sys.executable, "-c", SIGNALLED_IN_THE_MIDDLE_OF_A_WAIT, str(int(number))]
    assert subprocess.run(command, timeout=HANGS_AFTER).returncode == 0
