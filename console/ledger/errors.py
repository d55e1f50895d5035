"""Why the ledger cannot be used, and why a driver must stop: told apart because each is answered differently."""

from __future__ import annotations

import errno
import sqlite3

from console.settings.private import told


class LedgerError(Exception):
    """The ledger cannot be used; the text says which file, why and what to do."""


class DiskProblem(LedgerError):
    """The ledger's disk is full, read-only or out of order: it passes when somebody has seen to it."""


class Trouble(Exception):
    """What a chore of the driver has found wrong with its source, in words for people."""


class NoLongerDriving(BaseException):
    """Another driver has taken over: whoever gets this must not act any more.

    Not an Exception, so that no code that goes on after an error goes on after this.
    """


def cause_of(error: Exception) -> str:
    """What went wrong, in one line for people; of what should not happen also its name."""
    if isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EPERM):
        return told(error)  # whose it is
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    known = isinstance(error, (LedgerError, sqlite3.Error, OSError))
    return str(error) if known else f"internal error: {type(error).__name__}: {error}"
