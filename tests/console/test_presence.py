"""One driver by file lock: seen by others, gone with its process however that ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from console.presence import DriverLock, driver, lock_path

HOLD = """
import sys, time
from pathlib import Path
from console.presence import DriverLock
lock = DriverLock(Path(sys.argv[1]))
print("taken" if lock.take("background", patience=0.1) else "refused", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def ledger(tmp_path):
    return tmp_path / "ledger.db"


def hold(ledger):
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, str(ledger)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def test_nobody_drives(ledger):
    assert driver(ledger) is None


def test_only_one_drives_until_it_is_killed(ledger):
    first = hold(ledger)
    assert first.stdout.readline() == "taken\n"
    present = driver(ledger)
    assert (present.pid, present.mode, present.here) == (first.pid, "background", True)
    assert present.beat_age < 5
    second = hold(ledger)
    assert second.stdout.readline() == "refused\n"
    second.communicate("")
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert driver(ledger) is None
    third = hold(ledger)
    assert third.stdout.readline() == "taken\n"
    assert driver(ledger).pid == third.pid
    third.communicate("")


def test_a_driver_without_heartbeat_is_seen_to_hang(ledger):
    lock = DriverLock(ledger)
    assert lock.take("foreground")
    os.utime(lock_path(ledger), (0, 0))
    assert driver(ledger).hung
    lock.beat()
    assert not driver(ledger).hung
    lock.release()
    assert driver(ledger) is None
