"""A database that is not as a console makes a ledger is not opened: neither for writing nor for looking."""

from __future__ import annotations

import sqlite3

import pytest

from console.ledger import schema, shape
from console.ledger.store import Ledger, LedgerError

FOREIGN = {
    "a trigger": "CREATE TRIGGER t AFTER INSERT ON requests BEGIN DELETE FROM events; END",
    "a trigger that asks": "CREATE TRIGGER t AFTER UPDATE ON runs BEGIN "
    "INSERT INTO requests (at, actor, verb, run) VALUES (0, 'anna', 'launch', 1); END",
    "a view": "CREATE VIEW v AS SELECT * FROM runs",
    "a view in place of a table": "DROP TABLE resumes; CREATE VIEW resumes AS SELECT 1 attempt, 'a' actor, 0.0 at",
    "a table more": "CREATE TABLE more (a)",
    "a table less": "DROP TABLE hints",
    "a column more": "ALTER TABLE requests ADD COLUMN more TEXT",
    "a computed column": "ALTER TABLE events ADD COLUMN more TEXT AS (upper(text))",
    "a column less": "ALTER TABLE runs DROP COLUMN title",
    "another default": "DROP TABLE resumes; CREATE TABLE resumes "
    "(attempt INTEGER PRIMARY KEY REFERENCES attempts (attempt), actor TEXT NOT NULL DEFAULT 'x', at REAL NOT NULL)",
    "an index more": "CREATE INDEX more ON runs (title)",
    "an index on what is computed": "DROP INDEX runs_by_state; CREATE INDEX runs_by_state ON runs (upper(state))",
    "a virtual table": "CREATE VIRTUAL TABLE more USING fts5(a)",
    "a name that is a statement": 'CREATE TABLE "x\'); DROP TABLE runs; --" (a)',
}


@pytest.fixture
def path(tmp_path):
    Ledger(tmp_path / "ledger.db").close()
    return tmp_path / "ledger.db"


def change(path, sql):
    db = sqlite3.connect(path)
    db.executescript(sql)
    db.close()


@pytest.mark.parametrize("read_only", [False, True], ids=["to write", "to look"])
@pytest.mark.parametrize("what", FOREIGN)
def test_what_a_console_does_not_make_is_refused(path, what, read_only):
    change(path, FOREIGN[what])
    before = path.read_bytes()
    with pytest.raises(LedgerError, match="is not as a console makes a ledger"):
        Ledger(path, read_only=read_only)
    assert path.read_bytes() == before


def test_nothing_in_an_older_ledger_acts_while_it_is_upgraded(path):
    change(path, FOREIGN["a trigger"])
    change(path, f"PRAGMA user_version={schema.SCHEMA_VERSION - 1}")
    with pytest.raises(LedgerError, match="it has trigger t"):
        Ledger(path)


def test_a_database_of_another_program_is_not_made_a_ledger(tmp_path):
    other = tmp_path / "ledger.db"
    change(other, "CREATE TABLE bookmarks (address)")
    before = other.read_bytes()
    with pytest.raises(LedgerError, match="of another program"):
        Ledger(other)
    assert other.read_bytes() == before


def test_what_analyze_leaves_is_no_harm(path):
    change(path, "INSERT INTO meta VALUES ('a', 'b'); ANALYZE")
    assert Ledger(path).get("a") == "b"


@pytest.mark.parametrize("read_only", [False, True], ids=["to write", "to look"])
def test_what_stands_in_a_ledger_calls_no_function_with_effects(path, read_only):
    ledger = Ledger(path, read_only=read_only)
    assert ledger.row("PRAGMA trusted_schema")[0] == 0


def test_a_ledger_to_look_at_must_be_of_this_version(path):
    change(path, f"PRAGMA user_version={schema.SCHEMA_VERSION - 1}")
    with pytest.raises(LedgerError, match="console driver start upgrades it"):
        Ledger(path, read_only=True)
    change(path, f"PRAGMA user_version={schema.SCHEMA_VERSION + 1}")
    with pytest.raises(LedgerError, match="use the console that wrote it"):
        Ledger(path, read_only=True)


def test_the_shape_that_is_expected_is_that_of_a_new_ledger(path):
    db = sqlite3.connect(path)
    shape.refuse_active(db, path)
    shape.refuse_other(db, path)
    db.close()
