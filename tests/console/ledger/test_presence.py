"""One driver by file lock: seen by others, gone with its process however that ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from console.ledger.errors import NoLongerDriving
from console.ledger.presence import DriverLock, born_of, driver, lock_path, signal_exactly
from tests.waiting import HANGS_AFTER, until

HOLD = """
import sys, time
from pathlib import Path
from console.ledger.presence import DriverLock
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


def test_a_stopped_driver_is_seen_at_once(ledger):
    holder = hold(ledger)
    holder.stdout.readline()
    assert not driver(ledger).hung
    holder.send_signal(signal.SIGSTOP)
    until(lambda: driver(ledger).stopped)
    assert driver(ledger).hung
    holder.send_signal(signal.SIGCONT)
    until(lambda: not driver(ledger).stopped)
    holder.communicate("")


def test_who_died_is_remembered_and_who_ended_is_not(ledger):
    holder = hold(ledger)
    holder.stdout.readline()
    holder.kill()
    holder.communicate()
    lock = DriverLock(ledger)
    assert lock.take("foreground")
    assert lock.predecessor.pid == holder.pid
    lock.release()
    assert lock.take("foreground")
    assert lock.predecessor is None
    lock.release()


@pytest.mark.parametrize("how", ["replaced", "removed"])
def test_who_has_lost_its_lock_file_stops(ledger, how):
    old, new = DriverLock(ledger), DriverLock(ledger)
    assert old.take("background")
    old.beat()
    if how == "replaced":
        new.replace("background", old.me)
        new.publish(epoch=7)
        assert driver(ledger).epoch == 7
    else:
        lock_path(ledger).unlink()
    with pytest.raises(NoLongerDriving, match="not ours any more"):
        old.beat()


def test_what_it_tells_is_read_by_others_and_stays_short(ledger):
    lock = DriverLock(ledger)
    assert lock.take("background")
    lock.publish(problem="x" * 10_000)
    assert set(driver(ledger).problem) == {"x"}
    lock.publish(problem="")
    assert driver(ledger).problem == ""
    lock.release()


def test_only_the_very_process_is_killed():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    born = born_of(process.pid)
    assert not signal_exactly(process.pid, born + "0", signal.SIGKILL)
    assert process.poll() is None
    assert signal_exactly(process.pid, born, signal.SIGKILL)
    assert process.wait(HANGS_AFTER) == -signal.SIGKILL
    assert not signal_exactly(process.pid, born, signal.SIGKILL)
