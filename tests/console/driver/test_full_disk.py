"""A ledger on a disk that is full or read-only: nobody dies, nothing is started, and it goes on when there is room."""

from __future__ import annotations

import os
import resource
import shutil
import sqlite3
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from console.cli.commands import run as run_command
from console.cli.parser import _parser
from console.driver import supervisor
from console.driver.process import EXIT_DISK
from console.ledger import attempts
from console.ledger.errors import DiskProblem
from console.ledger.presence import driver, lock_path
from console.ledger.store import Ledger
from console.reading.snapshot import snapshot
from flowspec.states import RunState
from tests.driver_fixture import experiment_in
from tests.pipeline_fixture import running_pipeline
from tests.waiting import until

NOBODY = 65534
NO_ROOM = 4096  # bytes to which a process may write files: too few for the ledger, enough for the record beside it


def fill_disk(pid):
    """From now on the process cannot make its files larger: the kernel refuses, as on a full disk."""
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (NO_ROOM, resource.RLIM_INFINITY))


def make_room(pid):
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def test_a_full_disk_holds_launches_and_the_driver_goes_on_when_there_is_room(tmp_path):
    with running_pipeline(tmp_path / "sandbox", auto_launch=False) as pipeline:
        pipeline.deliver(pipeline.take(1201, segments=1, events=5))
        pipeline.start_driver()
        pipeline.wait_for(1201, RunState.READY)
        first = driver(pipeline.settings.ledger)
        fill_disk(first.pid)
        number = pipeline.ledger.ask("launch", 1201, actor="shift@here")
        told = until(lambda: snapshot(pipeline.ledger).driver.problem)
        assert "the ledger cannot be written: " in told
        assert "nothing is launched or watched until it can" in told
        seen = lock_path(pipeline.settings.ledger).stat().st_mtime
        until(lambda: lock_path(pipeline.settings.ledger).stat().st_mtime > seen)  # it beats
        assert pipeline.flow_runs() == []
        assert attempts.attempts(pipeline.ledger, 1201) == []
        make_room(first.pid)
        until(lambda: attempts.attempts(pipeline.ledger, 1201) and attempts.attempts(pipeline.ledger, 1201)[0].flow_run)
        assert pipeline.ledger.request(number).state == "done"
        assert len(pipeline.flow_runs()) == len(attempts.attempts(pipeline.ledger, 1201)) == 1
        last = until(lambda: (there := driver(pipeline.settings.ledger)) and not there.problem and there)
        assert (last.pid, last.epoch) == (first.pid, first.epoch)
        (text,) = pipeline.ledger.rows("SELECT text FROM events WHERE text LIKE 'the ledger can be written again%'")
        assert "nothing was launched meanwhile" in text["text"]


def test_where_there_can_be_no_lock_the_console_tries_again(tmp_path, monkeypatch):
    monkeypatch.setattr(supervisor, "DISK_PAUSES", (0.0, 0.5))
    with experiment_in(tmp_path) as experiment:
        in_the_way = lock_path(experiment.ledger)
        in_the_way.mkdir()
        watching = experiment.supervise()
        told = until(watching.problem)
        assert f"exit code {EXIT_DISK}" in told
        assert "there can be no driver without its lock file" in told
        in_the_way.rmdir()
        experiment.successor()


def test_a_driver_that_starts_on_a_full_disk_waits_for_room(tmp_path):
    with experiment_in(tmp_path) as experiment:
        Ledger(experiment.ledger).close()
        experiment.ledger.with_name("ledger.db.driver").write_bytes(b" " * 2048)
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (NO_ROOM, hard))
        try:
            process = experiment.start()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        present = until(lambda: (there := experiment.present()) and there.problem and there)
        assert (present.pid, present.epoch) == (process.pid, 0)
        make_room(process.pid)
        assert experiment.successor().pid == process.pid
        until(lambda: not experiment.present().problem)


def test_a_change_for_which_there_is_no_room_is_undone_as_a_whole(tmp_path):
    ledger = Ledger(tmp_path / "ledger.db")
    pages = ledger.row("PRAGMA page_count")[0]
    ledger.row(f"PRAGMA max_page_count={pages}")

    def too_large() -> None:
        with ledger.change():
            ledger.put("small", "1")
            ledger.event("info", "x" * 100_000, actor="me")

    with pytest.raises(sqlite3.OperationalError, match="full"):
        too_large()
    assert not ledger._db.in_transaction
    assert ledger.get("small") == ""
    ledger.row("PRAGMA max_page_count=100000")
    ledger.put("small", "2")
    assert Ledger(ledger.path).get("small") == "2"


@pytest.fixture
def place():
    """A directory that can be made read-only to us, also when the tests run as root."""
    directory = Path(tempfile.mkdtemp())
    directory.chmod(0o755)
    yield directory
    directory.chmod(0o700)
    shutil.rmtree(directory)


def _give(directory, uid):
    for path in (directory, *directory.iterdir()):
        with suppress(FileNotFoundError):
            os.chown(path, uid, -1)


@contextmanager
def read_only(directory):
    for path in (directory, *directory.iterdir()):
        with suppress(FileNotFoundError):  # SQLite takes its own files away when the last connection is closed
            path.chmod(0o555 if path.is_dir() else 0o444)
    root = os.geteuid() == 0
    if root:  # which may write everywhere: an account that has these files, and may not
        _give(directory, NOBODY)
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
            _give(directory, 0)
        for path in (directory, *directory.iterdir()):
            path.chmod(0o755 if path.is_dir() else 0o644)


@pytest.mark.parametrize("in_use", [True, False], ids=["in use", "at rest"])
def test_a_read_only_disk_is_read_and_what_cannot_be_written_is_told(place, in_use, capsys):
    ledger = Ledger(place / "ledger.db")
    ledger.put("auto", "off")
    ledger.event("info", "before", actor="me")
    if not in_use:
        ledger.close()
    with read_only(place):
        reader = Ledger(place / "ledger.db", must_exist=True)
        seen = snapshot(reader)
        assert (seen.auto, [event.text for event in seen.events]) == (False, ["before"])
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            reader.ask("launch", 1, actor="me")
        version = reader.version()
        assert reader.version() == version
        with pytest.raises((DiskProblem, sqlite3.OperationalError), match="readonly"):
            Ledger(place / "ledger.db").put("auto", "on")
    later = Ledger(place / "ledger.db")
    later.put("auto", "on")
    later.event("info", "after", actor="me")
    assert reader.version() != version
    fresh = snapshot(reader)
    assert (fresh.auto, fresh.events[0].text) == (True, "after")


def test_a_command_tells_of_a_full_disk_in_one_line(place, capsys):
    with experiment_in(place / "e") as experiment:
        Ledger(experiment.ledger).close()
        experiment.started()
        with read_only(experiment.ledger.parent):
            options = _parser().parse_args(["--profile", str(experiment.profile), "retry", "7"])
            assert run_command(options) == 1
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        assert "readonly" in said or "nothing can be written to it" in said
