"""Something that the driver does again and again."""

from __future__ import annotations

import logging
import random
import sqlite3
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from console.ledger import logins, sources
from console.ledger.errors import Trouble
from console.ledger.store import Ledger, LedgerError
from console.settings.errors import SettingsError
from flowspec import backoff
from remote.globus.errors import RemoteError

log = logging.getLogger("console.driver.loop")

LONGEST_PAUSE = 60.0  # seconds between tries of something that keeps failing
INTERVAL_SPREAD = (0.9, 1.1)
PAUSE_SPREAD = (0.5, 1.0)

T = TypeVar("T")


@dataclass
class Periodic(Generic[T]):
    """A chore: something done again and again on one thread; after a failure with growing pauses.

    `source` is the name under which the ledger says that this does not work; `chore` names it where another has the
    same source. `clock` is monotonic, as is `due`: a computer's clock that is set must not put the driver to sleep.
    """

    source: str
    do: Callable[[], T]
    seconds: float
    clock: Callable[[], float] = time.monotonic
    due: float = 0.0
    failures: int = 0
    chore: str = ""

    def __post_init__(self) -> None:
        self.chore = self.chore or self.source

    def hurry(self) -> None:
        """There is something to do: do it at the next `run`, though its time has not come."""
        self.due = min(self.due, self.clock())

    def run(self, ledger: Ledger) -> T | None:
        """Do it when it is due; returns what it returned. None when it was not due, or failed.

        Raises sqlite3.OperationalError when the ledger itself cannot be used: that could not be written there.
        """
        if self.clock() < self.due:
            return None
        try:
            with sources.chore(ledger, self.chore, self.source):
                done = self.do()
        except sqlite3.OperationalError:
            raise
        except RemoteError as error:
            logins.demand(ledger, error.demand)
            self._failed(ledger, error.service, f"{error.cause}; {error.next_step}", login=error.login)
            return None
        except (SettingsError, LedgerError, Trouble) as error:
            self._failed(ledger, self.source, str(error))
            return None
        except Exception as error:  # a bug in one periodic must be seen and must not stop the others
            log.error("%s: %s", self.source, traceback.format_exc())
            problem = f"internal error, see the driver's log: {type(error).__name__}: {error}"
            self._failed(ledger, self.source, problem)
            return None
        self.failures = 0
        self.due = self.clock() + backoff.jittered(self.seconds, INTERVAL_SPREAD, random.random)
        return done

    def _failed(self, ledger: Ledger, source: str, problem: str, *, login: bool = False) -> None:
        self.failures += 1
        pause = backoff.pause(self.failures, backoff.doubling(2 * max(1.0, self.seconds), LONGEST_PAUSE))
        self.due = self.clock() + backoff.jittered(pause, PAUSE_SPREAD, random.random)
        sources.failed(ledger, source, problem, chore=self.chore, login=login)
