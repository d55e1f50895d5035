"""The threads of the screen never end by themselves: what goes wrong is shown, and the next time may go well."""

from __future__ import annotations

from contextlib import closing, suppress

import pytest

from console.ledger.store import Ledger
from screens import reader as reader_module
from screens.reader import Reader, RequestWriter
from screens.requests import Request
from tests.ledger_fixture import NOW, demo_ledger
from tests.waiting import until

ERRORS = [OSError(5, "Input/output error"), KeyError("pid"), RecursionError("too deep"), MemoryError()]


class Screen:
    """Takes the messages of a thread."""

    def __init__(self):
        self.posted = []

    def __call__(self, message):
        self.posted.append(message)
        with suppress(AttributeError):
            self.reader.message_handled()

    def reads(self, path, processes=None):
        self.reader = Reader(path, lambda: NOW, self, processes)
        self.reader.start()

    def data(self):
        return self.posted[-1].data if self.posted else None


@pytest.fixture
def screen(monkeypatch):
    monkeypatch.setattr(reader_module, "CHECK_SECONDS", 0.0)
    monkeypatch.setattr(reader_module, "READ_SECONDS", 0.02)
    return Screen()


@pytest.mark.parametrize("error", ERRORS, ids=repr)
def test_processes_that_cannot_be_looked_at_hide_nothing_of_the_ledger(tmp_path, screen, error):
    class Broken:
        mended = False

        def problem(self):
            if not self.mended:
                raise error
            return None

        def starting(self):
            return False

        def sandbox_ended(self):
            return False

    processes = Broken()
    screen.reads(demo_ledger(tmp_path / "ledger.db").ledger.path, processes)
    until(lambda: screen.data() and screen.data().process_problem and screen.data().snapshot)
    assert screen.data().process_problem.startswith("the driver's process cannot be looked at: ")
    assert screen.data().problem == ""
    processes.mended = True
    until(lambda: screen.data().process_problem == "")
    screen.reader.stop()
    screen.reader.join(5)


@pytest.mark.parametrize("error", ERRORS, ids=repr)
def test_a_reader_that_cannot_read_shows_why_and_reads_when_it_can(tmp_path, screen, monkeypatch, error):
    good = reader_module.SnapshotReader.snapshot

    def broken(self):
        raise error

    monkeypatch.setattr(reader_module.SnapshotReader, "snapshot", broken)
    screen.reads(demo_ledger(tmp_path / "ledger.db").ledger.path)
    until(lambda: screen.data() and screen.data().problem)
    monkeypatch.setattr(reader_module.SnapshotReader, "snapshot", good)
    until(lambda: screen.data().problem == "" and screen.data().snapshot)
    screen.reader.stop()
    screen.reader.join(5)


@pytest.mark.parametrize("error", ERRORS, ids=repr)
def test_a_request_that_cannot_be_written_is_told_and_the_next_one_is_written(tmp_path, screen, monkeypatch, error):
    path, good = demo_ledger(tmp_path / "ledger.db").ledger.path, Ledger.ask

    def broken(*_, **__):
        raise error

    monkeypatch.setattr(Ledger, "ask", broken)
    writer = RequestWriter(path, lambda: NOW, screen)
    writer.start()
    writer.write(Request("auto", None, {"on": True}))
    told = until(lambda: screen.posted and screen.posted[0])
    assert told.number is None
    assert (getattr(error, "strerror", None) or type(error).__name__) in told.problem
    monkeypatch.setattr(Ledger, "ask", good)
    writer.write(Request("auto", None, {"on": True}))
    written = until(lambda: len(screen.posted) > 1 and screen.posted[1])
    with closing(Ledger(path)) as ledger:
        assert ledger.request(written.number).verb == "auto"
    writer.stop()
    writer.join(5)
