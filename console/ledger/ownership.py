"""Whose the ledger is, and what lies beside it: only the account that has it opens it for writing."""

from __future__ import annotations

import shlex
from pathlib import Path

from console.settings.private import NotOurs, account, is_ours, make_directory, refuse_shared

SIDE_FILES = ("-wal", "-shm", ".driver", ".takeover")  # SQLite's own two, the driver's lock, that of a takeover


def claim(ledger: Path) -> None:
    """Have a directory for this ledger in which only this account writes, and nothing that another one has left.

    Raises NotOurs: whose it is, and what ends that.
    """
    make_directory(ledger.parent)
    if ledger.exists():
        refuse_shared(ledger)
    foreign = [path for end in SIDE_FILES if (path := ledger.with_name(ledger.name + end)).exists() and not _ours(path)]
    if foreign:
        names, whose = " and ".join(path.name for path in foreign), account(foreign[0].stat().st_uid)
        raise NotOurs(
            f"{names} in {ledger.parent} belong to {whose}, who has opened this ledger: nothing can be written to it. "
            f"Close all consoles, then: {' && '.join(map(_mend, foreign))}"
        )


def _ours(path: Path) -> bool:
    return is_ours(path.stat())


def _mend(path: Path) -> str:
    """What to type: a log that has something in it is kept, as it may be part of the ledger."""
    if path.name.endswith("-wal") and path.stat().st_size:
        copy = f"{path}.copy"
        return f"{shlex.join(['cp', str(path), copy])} && {shlex.join(['mv', '-f', copy, str(path)])}"
    return shlex.join(["rm", "-f", str(path)])
