"""Whatever keeps a console from starting a driver is shown, and tried again: its supervisor never ends by itself."""

from __future__ import annotations

import errno
import os
import resource
import threading

import pytest

from console.driver import process, supervisor
from console.driver.process import driver_log
from console.driver.supervisor import Supervisor
from tests.driver_fixture import experiment_in
from tests.waiting import until

ERRORS = [
    OSError(errno.EAGAIN, "Resource temporarily unavailable"),  # fork
    OSError(errno.EROFS, "Read-only file system", "/data/driver.log"),
    OSError(errno.ENOSPC, "No space left on device", "/data/driver.log"),
    OSError(errno.EMFILE, "Too many open files"),
    PermissionError(errno.EACCES, "Permission denied", "/data/ledger.db.driver"),
    MemoryError(),
    RuntimeError("can't start new thread"),
]


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(supervisor, "CHECK_SECONDS", 0.02)
    monkeypatch.setattr(supervisor, "TROUBLE_PAUSES", (0.02,))


@pytest.mark.parametrize("broken", ["driver", "spawn_driver"])
@pytest.mark.parametrize("error", ERRORS, ids=repr)
def test_it_shows_the_cause_and_starts_a_driver_as_soon_as_it_can(tmp_path, monkeypatch, quick, broken, error):
    tried, mended, started = [], threading.Event(), threading.Event()

    def works(*_, **__):
        tried.append(1)
        if not mended.is_set():
            raise error
        return None

    monkeypatch.setattr(supervisor, "driver", lambda ledger: None)
    monkeypatch.setattr(supervisor, "spawn_driver", lambda *_, **__: started.set())
    if broken == "driver":
        monkeypatch.setattr(supervisor, "driver", works)
    else:
        monkeypatch.setattr(supervisor, "spawn_driver", lambda *_, **__: works() or started.set())
    watching = Supervisor(tmp_path / "ledger.db", tmp_path / "profile.toml", lifeline=False)
    watching.start()
    told = until(watching.problem)
    assert told.startswith("no driver can be started, it is tried again by itself: ")
    cause = "no right to it" if isinstance(error, PermissionError) else getattr(error, "strerror", None)
    assert (cause or type(error).__name__) in told
    assert "[Errno" not in told
    until(lambda: len(tried) > 3)
    mended.set()
    until(started.is_set)
    until(lambda: watching.problem() is None)
    watching.close()


def test_pauses_between_tries_grow_and_stay_short():
    assert supervisor.TROUBLE_PAUSES == (0.5, 1.0, 2.0, 4.0, 5.0)


def test_a_log_that_cannot_be_opened_keeps_nobody_from_driving(tmp_path):
    with experiment_in(tmp_path) as experiment:
        driver_log(experiment.ledger).mkdir()
        experiment.supervise()
        assert experiment.successor().pid


def test_a_log_is_opened_nowhere_only_when_it_cannot_be_opened(tmp_path):
    with process._log_or_nowhere(tmp_path / "driver.log") as log:
        log.write(b"here")
    assert (tmp_path / "driver.log").read_bytes() == b"here"
    (tmp_path / "directory").mkdir()
    with process._log_or_nowhere(tmp_path / "directory") as log:
        assert log.name == os.devnull


def test_without_a_descriptor_left_it_waits_and_then_drives(tmp_path, quick):
    """A real shortage in this process: neither the lock nor a log can be opened."""
    with experiment_in(tmp_path) as experiment:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
        try:
            watching = experiment.supervise()
            told = until(watching.problem)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert "Too many open files" in told
        assert experiment.successor().pid
        until(lambda: watching.problem() is None)
