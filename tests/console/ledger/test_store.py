"""The ledger: transactions, requests carried out once, sources, versions."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from console.ledger import sources
from console.ledger.sources import ANSWERED_SECONDS, Source
from console.ledger.store import Ledger, LedgerError


class Clock:
    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def ledger(tmp_path, clock):
    ledger = Ledger(tmp_path / "new" / "ledger.db", now=clock)
    yield ledger
    ledger.close()


def test_it_is_made_once_and_opened_again(ledger):
    ledger.put("auto", "off")
    assert Ledger(ledger.path).get("auto") == "off"
    assert ledger.path.parent.stat().st_mode & 0o077 == 0


FULL = 2  # as PRAGMA synchronous tells it


@pytest.mark.parametrize("how", [{}, {"must_exist": True}, {"epoch": 1}], ids=str)
def test_what_was_committed_survives_a_power_cut_however_the_ledger_was_opened(ledger, how):
    for opened in (ledger, Ledger(ledger.path, **how)):
        assert opened.row("PRAGMA synchronous")[0] == FULL
        assert opened.row("PRAGMA journal_mode")[0] == "wal"
        opened.close()


def test_a_failed_change_leaves_nothing(ledger):
    def half() -> None:
        with ledger.change():
            ledger.put("key", "value")
            ledger.event("info", "text", actor="me")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half()
    assert ledger.get("key") == ""
    assert ledger.rows("SELECT * FROM events") == []


def test_a_request_is_answered_once(ledger):
    number = ledger.ask("launch", 12, actor="me@here", force=True)
    (asked,) = ledger.asked()
    assert (asked.id, asked.verb, asked.run, asked.args, asked.actor) == (
        number,
        "launch",
        12,
        {"force": True},
        "me@here",
    )
    ledger.answer(number, "done", "queued")
    ledger.answer(number, "refused", "too late")
    assert ledger.asked() == []
    assert ledger.request(number).answer == "queued"


def test_a_change_by_another_is_noticed(ledger):
    before = ledger.version()
    ledger.put("mine", "1")
    assert ledger.version() == before
    Ledger(ledger.path).put("theirs", "1")
    assert ledger.version() != before


def test_a_source_is_written_now_and_then_and_its_problems_are_events(ledger, clock):
    sources.answered(ledger, "flows")
    clock.time += 1
    sources.answered(ledger, "flows")
    assert ledger.row("SELECT ok_at FROM sources")["ok_at"] == 1000.0
    sources.failed(ledger, "flows", "cannot be reached")
    sources.failed(ledger, "flows", "cannot be reached")
    assert sources.read(ledger) == (Source("flows", 1001.0, 1000.0, "cannot be reached"),)
    clock.time += ANSWERED_SECONDS + 1
    sources.answered(ledger, "flows")
    assert [row["text"] for row in ledger.rows("SELECT text FROM events")] == [
        "flows: cannot be reached",
        "flows: answers again",
    ]


def test_a_ledger_of_another_version_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "ledger.db"
    Ledger(path).close()
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version=99")
    db.commit()
    with pytest.raises(LedgerError, match=r"version 99.*knows version 7"):
        Ledger(path)
    assert db.execute("PRAGMA user_version").fetchone() == (99,)


def test_what_is_no_ledger_is_refused_by_name(tmp_path):
    path = tmp_path / "ledger.db"
    path.write_bytes(b"not a database, not a database, not a database")
    with pytest.raises(LedgerError, match=r"ledger\.db cannot be opened"):
        Ledger(path)
    with pytest.raises(LedgerError, match="nothing was recorded"):
        Ledger(tmp_path / "none.db", must_exist=True)
    assert not (tmp_path / "none.db").exists()


def test_text_that_is_no_utf8_is_stored_with_marks_in_its_place(tmp_path: Path) -> None:
    """A title with a Latin-1 degree sign comes from the DAQ as a stray surrogate."""
    ledger = Ledger(tmp_path / "ledger")
    ledger.event("bad", "target at 20 \udcb0C", actor="\ud800shift")
    sources.failed(ledger, "disk", "run-\udcff.evt cannot be read")
    with ledger.change() as db:
        db.executemany("INSERT INTO meta (key, value) VALUES (:key, :value)", [{"key": "a", "value": "x\udc80"}])
    assert [tuple(row) for row in ledger.rows("SELECT actor, text FROM events LIMIT 1")] == [
        ("?shift", "target at 20 ?C")
    ]
    assert sources.problem(ledger, "disk") == "run-?.evt cannot be read"
    assert ledger.get("a") == "x?"
    ledger.close()
