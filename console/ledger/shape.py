"""Whether a database has the tables of a ledger and nothing else.

Whoever could give somebody a database to open could have it act: a trigger or a view runs with the rights of the
reader. So what is not as a console makes it is refused, and `PRAGMA trusted_schema` is off.
"""

from __future__ import annotations

import functools
import sqlite3
from pathlib import Path
from typing import Any

from console.ledger.errors import LedgerError

SCHEMA = Path(__file__).with_name("schema.sql")  # complete, of the newest version
_PARTS = {"table": ("table_xinfo", "foreign_key_list", "index_list"), "index": ("index_xinfo",)}
_STATISTICS = "sqlite_stat"  # what ANALYZE leaves: no harm, and not ours

Shape = dict[tuple[str, str], Any]


def distrust(db: sqlite3.Connection) -> None:
    """No function with effects may be called by what stands in the database itself."""
    db.execute("PRAGMA trusted_schema=OFF")


def refuse_active(db: sqlite3.Connection, path: Path) -> None:
    """Raises LedgerError when it has triggers or views, or is of another program: before anything is written to it."""
    found = _names(db)
    active = sorted(f"{kind} {name}" for kind, name in found if kind not in _PARTS)
    if active:
        raise _refusal(path, f"it has {', '.join(active)}")
    if found and db.execute("PRAGMA user_version").fetchone()[0] == 0:
        raise _refusal(path, "it is a database of another program")


def refuse_other(db: sqlite3.Connection, path: Path) -> None:
    """Raises LedgerError when its tables, columns or indexes are not those of this version."""
    names, expected = _names(db), _expected()
    differs = sorted(f"{kind} {name}" for kind, name in names ^ expected.keys())
    if not differs:  # no name of somebody else is put into a statement
        found = _shape(db, names)
        differs = sorted(f"{kind} {name}" for kind, name in names if found[kind, name] != expected[kind, name])
    if differs:
        raise _refusal(path, f"it differs in {', '.join(differs)}")


def _refusal(path: Path, why: str) -> LedgerError:
    return LedgerError(f"{path} is not as a console makes a ledger: {why:.200}. It is not opened; is it yours?")


def _names(db: sqlite3.Connection) -> set[tuple[str, str]]:
    rows = db.execute("SELECT type, name FROM sqlite_master").fetchall()
    return {(str(kind), str(name)) for kind, name in rows if not str(name).startswith(_STATISTICS)}


def _shape(db: sqlite3.Connection, names: set[tuple[str, str]]) -> Shape:
    """What tables and indexes are made of. The text of CREATE differs after an upgrade, and does not matter."""
    return {
        (kind, name): [[tuple(row) for row in db.execute(f"PRAGMA {part}('{name}')")] for part in _PARTS[kind]]
        for kind, name in names
    }


@functools.cache
def _expected() -> Shape:
    db = sqlite3.connect(":memory:", isolation_level=None)
    try:
        db.executescript(SCHEMA.read_text(encoding="utf-8"))
        return _shape(db, _names(db))
    finally:
        db.close()
