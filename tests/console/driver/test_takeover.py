"""A driver that dies, hangs or is stopped is replaced; whatever becomes of the old one, it does not act again."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time

import pytest

from console.driver.process import EXIT_ANOTHER, EXIT_REPLACED, ProcessProblem, start_driver, stop_driver
from console.driver.takeover import AnotherDrives, CannotReplace, become_driver, raise_epoch
from console.ledger.presence import DriverLock, Presence, advice, driver, lock_path
from console.ledger.store import EPOCH, Ledger
from console.settings.profiles import load
from tests.driver_fixture import experiment_in
from tests.waiting import HANGS_AFTER, until

# Holds the lock under the given record (JSON, over its own) and never beats.
HOLD = """
import json, sys
from dataclasses import replace
from pathlib import Path
from console.ledger.presence import DriverLock
lock = DriverLock(Path(sys.argv[1]))
lock.me = replace(lock.me, **json.loads(sys.argv[2]))
print("taken" if lock.take("background") else "refused", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def experiment(tmp_path):
    with experiment_in(tmp_path) as experiment:
        yield experiment


@pytest.fixture
def hold():
    """Start a process that holds the lock, and has not beaten for a while."""
    started = []

    def holding(ledger, **record):
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(ledger), json.dumps(record)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        started.append(process)
        assert process.stdout.readline() == "taken\n"
        os.utime(lock_path(ledger), (time.time() - 60, time.time() - 60))
        return process

    yield holding
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("number", "how"), [(signal.SIGKILL, "which has died"), (signal.SIGSTOP, "which was stopped and was ended")]
)
def test_an_open_console_replaces_a_driver_that_is_gone_or_stopped(experiment, number, how):
    experiment.supervise()
    first = experiment.successor()
    os.kill(first.pid, number)
    second = experiment.successor(of=first)  # how soon: benchmark takeover
    assert (second.epoch, second.takeovers) == (first.epoch + 1, 1)
    assert not first.same_process(second)
    until(lambda: gone(first))
    (told,) = [text for text in experiment.events() if "takes over" in text]
    assert told.endswith(f"takes over from {first.who}, process {first.pid} on {first.host}, {how}")


def gone(present):
    """Ended, though nobody may have waited for it yet."""
    try:
        with open(f"/proc/{present.pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_of_many_that_start_at_once_one_drives_and_the_others_end_quietly(experiment):
    several = [experiment.start() for _ in range(4)]
    winner = experiment.successor()
    losers = [process for process in several if process.pid != winner.pid]
    assert [process.wait(HANGS_AFTER) for process in losers] == [EXIT_ANOTHER] * 3
    assert winner.epoch == 1
    assert "Traceback" not in experiment.log()
    assert experiment.log().count("drives this experiment already") == 3


def test_consoles_that_race_for_a_driver_that_was_stopped_start_one(experiment):
    experiment.supervise()
    first = experiment.successor()
    supervisors = [experiment.supervise() for _ in range(2)]
    os.kill(first.pid, signal.SIGSTOP)
    second = experiment.successor(of=first)
    until(lambda: all(s._process is None or s._process.poll() == EXIT_ANOTHER or s._process.pid == second.pid
                      for s in supervisors))  # fmt: skip
    assert experiment.successor().pid == second.pid
    assert [s.problem() for s in supervisors] == [None, None]


@pytest.mark.parametrize("noticed", ["by the lock", "by the ledger"])
def test_an_old_driver_that_wakes_up_ends_before_it_writes(experiment, noticed):
    """As when it could not be killed: another one has come while it slept."""
    old = experiment.started()
    until(lambda: stopped_between_writes(old, experiment.ledger))
    present = experiment.present()
    lock = DriverLock(experiment.ledger)
    if noticed == "by the lock":
        lock.replace("background", present)
    ledger = Ledger(experiment.ledger)
    ledger.put(EPOCH, "9")
    (experiment.runs / "run7").mkdir()  # something to write about
    before = dump(ledger)
    os.kill(old.pid, signal.SIGCONT)
    assert old.wait(HANGS_AFTER) == EXIT_REPLACED
    assert dump(ledger) == before
    assert "has taken over" in experiment.log()
    lock.release()
    ledger.close()


def stopped_between_writes(process, ledger):
    """Stop it, unless that would be in the middle of a transaction, which would keep all others from writing."""
    process.send_signal(signal.SIGSTOP)
    until(lambda: driver(ledger).stopped)
    db = sqlite3.connect(ledger, timeout=0, isolation_level=None)
    try:
        db.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError:
        process.send_signal(signal.SIGCONT)
        return False
    finally:
        db.close()
    return True


def dump(ledger):
    return list(ledger._db.iterdump())


def test_one_that_hangs_is_ended_and_replaced(tmp_path, hold):
    ledger = tmp_path / "ledger.db"
    old = hold(ledger)
    lock, came = become_driver(ledger, "foreground")
    assert old.wait(HANGS_AFTER) == -signal.SIGKILL
    assert re.search(r"which gave no sign of life for 6\d s and was ended", came)
    assert driver(ledger).pid == os.getpid()
    lock.release()
    lock, came = become_driver(ledger, "foreground")
    assert came == ""  # the one before ended by itself
    lock.release()


def test_one_that_beats_is_left_alone_whatever_the_clock_says(tmp_path, hold):
    ledger = tmp_path / "ledger.db"
    old = hold(ledger)
    beating = subprocess.Popen(["sh", "-c", 'sleep 0.5; touch "$0"', str(lock_path(ledger))])
    with pytest.raises(AnotherDrives, match=str(old.pid)):
        become_driver(ledger, "background")
    assert (old.poll(), beating.wait()) == (None, 0)


def test_a_pid_that_was_used_again_is_never_killed(tmp_path, hold):
    """The lock is held, but its record names a process that is not the one with this pid."""
    ledger = tmp_path / "ledger.db"
    innocent = hold(ledger, born="another boot:1")
    with pytest.raises(CannotReplace, match="cannot be seen from here"):
        become_driver(ledger, "background")
    assert innocent.poll() is None


def test_one_on_another_machine_is_not_replaced_but_told_of(experiment, hold):
    far = hold(experiment.ledger, host="daq7.frib.msu.edu", pid=4711)
    with pytest.raises(CannotReplace, match=r"process 4711 on daq7\.frib\.msu\.edu"):
        become_driver(experiment.ledger, "background")
    with pytest.raises(ProcessProblem, match="kill -9 4711"):
        start_driver(load(experiment.profile), experiment.profile)
    with pytest.raises(ProcessProblem, match="stop it there"):
        stop_driver(experiment.ledger)
    supervisor = experiment.supervise()
    told = until(supervisor.problem)
    assert told == advice(experiment.present())
    assert "kill -9 4711" in told
    assert supervisor._process is None
    assert far.poll() is None


def test_a_stopped_driver_can_be_ended_by_command(experiment):
    process = experiment.started()
    os.kill(process.pid, signal.SIGSTOP)
    assert stop_driver(experiment.ledger).pid == process.pid
    assert experiment.present() is None


def test_an_end_that_was_asked_for_is_no_takeover(experiment):
    for number in (1, 2):
        process = experiment.started()
        assert stop_driver(experiment.ledger).epoch == number
        assert process.wait(HANGS_AFTER) == 0
    assert [text for text in experiment.events() if "takes over" in text] == []


def test_the_epoch_goes_on_after_an_old_ledger_was_restored(tmp_path):
    ledger = Ledger(tmp_path / "ledger.db")
    lock = DriverLock(ledger.path)
    assert lock.take("background")
    lock.predecessor = Presence(1, socket.gethostname(), "shift", 0.0, "background", epoch=41)
    assert raise_epoch(ledger, lock, "") == 42
