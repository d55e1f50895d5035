"""The threads of a driver: what ends it, what does not."""

from __future__ import annotations

import errno
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing

import pytest

from console.driver import main, threads
from console.driver.process import EXIT_HUNG
from console.ledger import sources
from console.ledger.presence import DriverLock, driver
from console.ledger.store import Ledger
from tests.waiting import HANGS_AFTER, until

# A driver whose talk to Globus does what is said, while the disk thread hangs; it hangs after half a second.
DRIVE = """
import sys, threading, time
from pathlib import Path
from console.driver import threads
from console.ledger.presence import DriverLock
threads.NO_PROGRESS_SECONDS, threads.END_SECONDS, threads.BEAT_SECONDS = 0.5, 0.1, 0.1
lock = DriverLock(Path(sys.argv[1]))
assert lock.take("background")
made = threads.DriverThreads(Path(sys.argv[1]), lock, "")
def hang():
    threading.Event().wait()
def get_on():
    while not made.stop.wait(0.1):
        made.progress()
threading.Thread(target=lambda: (sys.stdin.read(), made.stop.set()), daemon=True).start()
globus = {"hang": hang, "get on": get_on}[sys.argv[2]]
sys.exit(made.run(threads.Work("disk", hang), must_progress=threads.Work("globus", globus)))
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledger.db"


def drive(path, how):
    return subprocess.Popen(
        [sys.executable, "-c", DRIVE, str(path), how], stdin=subprocess.PIPE, stderr=subprocess.PIPE
    )


def test_a_driver_that_cannot_get_on_with_globus_ends_itself(path):
    hanging = drive(path, "hang")
    assert hanging.wait(HANGS_AFTER) == EXIT_HUNG
    assert "nothing has moved for" in hanging.communicate()[1].decode()
    assert driver(path) is None
    lock = DriverLock(path)
    assert lock.take("background")
    assert lock.predecessor.pid == hanging.pid  # for the next one to tell
    lock.release()


def test_a_hanging_disk_is_no_reason_to_end(path):
    working = drive(path, "get on")
    started = until(lambda: (there := driver(path)) and there.epoch and there)
    until(lambda: time.time() - started.started > 3 * 0.5)
    assert working.poll() is None
    working.communicate("", timeout=HANGS_AFTER)
    assert working.returncode == 0


class Working:
    """Threads of a driver in this process that do what a test says."""

    def __init__(self, path, disk, globus):
        self.lock = DriverLock(path)
        assert self.lock.take("background")
        self.threads = threads.DriverThreads(path, self.lock, "")
        self.code = None
        self._thread = threading.Thread(target=self._run, args=(disk, globus))
        self._thread.start()

    def _run(self, disk, globus):
        made = self.threads
        disk_work = threads.Work("disk", lambda: disk(made))
        self.code = made.run(disk_work, must_progress=threads.Work("globus", lambda: globus(made)))

    def end(self):
        self.threads.stop.set()
        self._thread.join(HANGS_AFTER)
        self.lock.release()
        return self.code


def wait(made):
    made.stop.wait()


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(threads, "RETRY_SECONDS", 0.05)
    monkeypatch.setattr(threads, "BEAT_SECONDS", 0.05)
    monkeypatch.setattr(threads, "PAUSES", (0.05,))


def test_work_that_could_not_write_is_done_again_and_the_trouble_is_shown(path, quick):
    fails, tried = threading.Event(), []

    def write(made):
        tried.append(1)
        until(fails.is_set)
        if len(tried) < 3:
            raise sqlite3.OperationalError("database or disk is full")
        made.ledger().put("done", "yes")

    working = Working(path, wait, write)
    until(lambda: driver(path).epoch)
    fails.set()
    until(lambda: len(tried) == 3)
    until(lambda: Ledger(path).get("done") == "yes")
    until(lambda: not driver(path).problem)
    assert working.end() == 0
    texts = [row["text"] for row in Ledger(path).rows("SELECT text FROM events")]
    assert len([text for text in texts if text.startswith("the ledger can be written again")]) == 2


@pytest.mark.parametrize(
    "error", [ZeroDivisionError("bug"), OSError(errno.EMFILE, "Too many open files"), RecursionError(), MemoryError()]
)
def test_a_thread_that_fails_is_told_and_begins_again(path, quick, caplog, error):
    tried, mended = [], threading.Event()

    def fail(made):
        tried.append(1)
        if not mended.is_set():
            raise error
        with closing(made.ledger()) as ledger:
            sources.answered(ledger, "disk")
        made.stop.wait()

    working = Working(path, fail, wait)
    until(lambda: len(tried) > 2)
    with closing(Ledger(path)) as ledger:
        assert "it is tried again" in until(lambda: sources.problem(ledger, "disk"))
        mended.set()
        until(lambda: not sources.problem(ledger, "disk"))
        texts = [row["text"] for row in ledger.rows("SELECT text FROM events WHERE text LIKE 'disk: %'")]
    assert working.end() == 0
    assert [text for text in texts if "tried again" in text] == texts[:1], "one event, however often it fails"
    assert type(error).__name__ in caplog.text


def test_a_damaged_ledger_ends_the_driver_with_its_cause(path, quick):
    def damaged(made):
        raise sqlite3.DatabaseError("database disk image is malformed")

    working = Working(path, damaged, wait)
    until(lambda: working.code is not None)
    assert working.end() == 1
    assert working.threads.failure == "database disk image is malformed"


def test_what_fails_before_the_ledger_is_open_is_shown_and_tried_again(path, quick, monkeypatch):
    opens, mended = threads.schema.check, threading.Event()

    def check(path):
        if not mended.is_set():
            raise OSError(errno.EIO, "Input/output error")
        opens(path)

    monkeypatch.setattr(threads.schema, "check", check)
    working = Working(path, wait, wait)
    assert "ledger: Input/output error" in until(lambda: driver(path).problem)
    mended.set()
    until(lambda: driver(path).epoch and not driver(path).problem)
    assert working.end() == 0


def test_a_lifeline_that_cannot_be_read_ends_the_driver(monkeypatch):
    def broken(*_):
        raise OSError(errno.EIO, "Input/output error")

    stop = threading.Event()
    monkeypatch.setattr(main.os, "read", broken)
    with pytest.raises(OSError, match="Input/output"):
        main._until_stdin_ends(stop)
    assert stop.is_set()


def test_a_backup_is_made_of_a_ledger_with_runs(path, quick):
    ledger = Ledger(path)
    working = Working(path, wait, wait)
    until(lambda: driver(path).epoch)
    with ledger.change() as db:
        db.execute("INSERT INTO runs (run, path, verdict, state, updated) VALUES (7, '/r', 'ready', 'done', 1)")
    working.end()
    assert list(path.parent.glob("*.backup-*")) == []  # there was nothing to lose
    working = Working(path, wait, wait)
    (backup,) = until(lambda: list(path.parent.glob("*.backup-*")))
    working.end()
    assert sqlite3.connect(backup).execute("SELECT run FROM runs").fetchall() == [(7,)]
    assert backup.stat().st_mode & 0o777 == 0o600
