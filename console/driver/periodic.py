"""Something that the driver does again and again."""

from __future__ import annotations

import logging
import random
import sqlite3
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass

from console.ledger.store import Ledger, LedgerError
from console.settings.model import SettingsError
from remote.globus.errors import RemoteError

log = logging.getLogger("console.driver.loop")

WORST_PAUSE = 60.0  # seconds between tries of something that keeps failing


@dataclass
class Periodic:
    """Something done again and again on one thread; after a failure with growing pauses.

    `source` is the name under which the ledger says that this does not work. `due` is of the monotonic clock: a
    computer's clock that is set must not put the driver to sleep.
    """

    source: str
    do: Callable[[], object]
    seconds: float
    due: float = 0.0
    failures: int = 0
    problem_of: str = ""

    def run(self, ledger: Ledger) -> bool:
        """Do it when it is due. True when it was done and went well.

        Raises sqlite3.OperationalError when the ledger itself cannot be used: that could not be written there.
        """
        if time.monotonic() < self.due:
            return False
        try:
            self.do()
        except sqlite3.OperationalError:
            raise
        except RemoteError as error:
            self._failed(ledger, error.service, f"{error.cause}; {error.next_step}")
            return False
        except (SettingsError, LedgerError) as error:
            self._failed(ledger, self.source, str(error))
            return False
        except Exception as error:  # a bug in one periodic must be seen and must not stop the others
            log.error("%s: %s", self.source, traceback.format_exc())
            self._failed(ledger, self.source, f"internal error, see the driver's log: {type(error).__name__}: {error}")
            return False
        if self.failures:
            ledger.heard(self.problem_of)
        self.failures = 0
        self.due = time.monotonic() + self.seconds * random.uniform(0.9, 1.1)
        return True

    def _failed(self, ledger: Ledger, source: str, problem: str) -> None:
        self.failures += 1
        pause = min(WORST_PAUSE, max(1.0, self.seconds) * 2.0**self.failures)
        self.due = time.monotonic() + pause * random.uniform(0.5, 1.0)
        self.problem_of = source
        ledger.unheard(source, problem)
