"""What the lock file says may have been written by anything: it is cleaned, and no signal goes by it alone."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from console.driver.process import ProcessProblem, stop_driver
from console.ledger import presence
from console.ledger.presence import Presence, actor, born_of, driver, lock_path
from flowspec import text

RECORD = {"pid": 1, "host": socket.gethostname(), "who": "anna@daq1", "started": 1.0, "mode": "background", "born": "b"}
EVIL = "\x1b[2J\x1b]0;title\x07\u202eanna\r\n\x9b31m"
values = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers(), max_size=2)


class Held:
    """A lock that this test holds, with what it likes in it."""

    def __init__(self, ledger):
        self.ledger = ledger
        self.fd = os.open(lock_path(ledger), os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self.fd, fcntl.LOCK_EX)

    def says(self, content):
        os.ftruncate(self.fd, 0)
        os.pwrite(self.fd, content if isinstance(content, bytes) else json.dumps(content).encode(), 0)
        return driver(self.ledger)

    def close(self):
        os.close(self.fd)


@pytest.fixture
def held(tmp_path):
    lock = Held(tmp_path / "ledger.db")
    yield lock
    lock.close()


@pytest.fixture
def bystander():
    """A process of this account that has nothing to do with it."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.communicate()


def test_texts_are_harmless_on_a_terminal(held):
    present = held.says(RECORD | dict.fromkeys(("who", "mode", "born", "problem"), EVIL))
    for said in (present.who, present.mode, present.born, present.problem):
        assert said.isprintable()
        assert "anna" in said


def test_texts_are_not_longer_than_what_is_written(held):
    present = held.says(RECORD | {"who": "a" * 1500})
    assert text.cells(present.who) <= 128


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(st.dictionaries(st.sampled_from([*RECORD, "epoch", "takeovers", "problem", "beat_age", "stopped"]), values))
@example({"pid": -1})
@example({"pid": True})
@example({"pid": 1 << 40})
@example({"started": float("nan")})
@example({"started": 1e300})
@example({"epoch": 10**400})
@example({"beat_age": -1, "stopped": True})
@example({"host": None})
def test_whatever_it_says_is_a_presence_that_can_be_shown(held, said):
    present = held.says(RECORD | said)
    assert isinstance(present, Presence)
    assert all(type(number) is int and 0 <= number < 1 << 31 for number in (present.pid, present.epoch))
    assert time.gmtime(present.started)
    assert all(isinstance(each, str) and each.isprintable() for each in (present.who, present.host, present.mode))
    assert present.beat_age >= 0
    assert not present.stopped


@pytest.mark.parametrize(
    "content", [b"", b" " * 2048, b"[" * 4000, b'{"pid":' * 500, b"null", b"[]", b"7", b"\xff" * 50, b"9" * 4000]
)
def test_what_is_no_record_is_a_driver_of_which_nothing_is_known(held, content):
    assert held.says(content).pid == 0


# ---- stopping


@pytest.mark.parametrize("born", ["", "b", "as it was in another life"])
def test_no_signal_goes_to_a_process_that_did_not_take_the_lock(held, bystander, born):
    held.says(RECORD | {"pid": bystander.pid, "born": born})
    with pytest.raises(ProcessProblem, match=f"nothing was stopped: process {bystander.pid} is not the one"):
        stop_driver(held.ledger)
    assert bystander.poll() is None


@pytest.mark.parametrize("pid", [0, -1, 1, 1 << 22, 1 << 40])
def test_no_signal_goes_to_a_pid_that_is_none(held, pid):
    """0 would be our own group, -1 all processes of the account."""
    held.says(RECORD | {"pid": pid})
    with pytest.raises(ProcessProblem, match="nothing was stopped"):
        stop_driver(held.ledger)


def test_no_signal_goes_to_a_process_of_another_account(held, bystander, monkeypatch):
    held.says(RECORD | {"pid": bystander.pid, "born": born_of(bystander.pid)})
    us = os.geteuid()
    monkeypatch.setattr(presence.os, "geteuid", lambda: us + 1)
    with pytest.raises(ProcessProblem, match=rf"started by anna@daq1: process {bystander.pid} belongs to "):
        stop_driver(held.ledger)
    assert bystander.poll() is None


def test_without_handles_of_processes_the_same_is_asked(held, bystander, monkeypatch):
    monkeypatch.delattr(presence.os, "pidfd_open", raising=False)
    held.says(RECORD | {"pid": bystander.pid, "born": "b"})
    with pytest.raises(ProcessProblem, match="nothing was stopped"):
        stop_driver(held.ledger)
    assert bystander.poll() is None
    assert presence.signal_exactly(bystander.pid, born_of(bystander.pid), signal.SIGTERM)
    assert bystander.wait() == -signal.SIGTERM


# ---- who acts


def test_who_acts_is_the_account_of_the_kernel_beside_the_name_that_was_given(monkeypatch):
    monkeypatch.setattr(presence, "account", lambda uid: f"account{uid}")
    monkeypatch.setattr(presence.os, "getuid", lambda: 7)
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    host = socket.gethostname().split(".")[0]
    monkeypatch.setenv("LOGNAME", "account7")
    assert actor() == f"account7@{host}"
    monkeypatch.setenv("LOGNAME", "anna")
    assert actor() == f"anna(account7)@{host}"
    monkeypatch.setenv("LOGNAME", "driver")
    assert actor() == f"driver(account7)@{host}"
    monkeypatch.setenv("LOGNAME", EVIL)
    assert actor().isprintable()
    assert actor().endswith(f"(account7)@{host}")
