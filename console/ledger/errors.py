"""Why the ledger cannot be used, and why a driver must stop: told apart because each is answered differently."""

from __future__ import annotations


class LedgerError(Exception):
    """The ledger cannot be used; the text says which file, why and what to do."""


class DiskProblem(LedgerError):
    """The ledger's disk is full, read-only or out of order: it passes when somebody has seen to it."""


class NoLongerDriving(BaseException):
    """Another driver has taken over: whoever gets this must not act any more.

    Not an Exception, so that no code that goes on after an error goes on after this.
    """
