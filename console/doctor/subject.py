"""What is examined: the settings of a profile, and the clients made of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from console.ledger.store import Ledger
from console.settings.model import Settings
from remote.globus.connection import Remote
from remote.globus.errors import RemoteError

T = TypeVar("T")

AGAIN_SECONDS = (5.0, 10.0)  # Compute allows 20 requests in 10 s, and the driver has its share


@dataclass(frozen=True)
class Subject:
    """`remote` is None when there is no login to ask with. `now` is the clock of this machine."""

    settings: Settings
    remote: Remote | None = None
    now: Callable[[], float] = time.time
    ended: threading.Event = field(default_factory=threading.Event)  # nobody waits for the findings any more

    @property
    def there(self) -> Remote:
        """The clients, for checks that are made only when there are any."""
        if self.remote is None:
            raise ValueError("there are no clients")
        return self.remote

    def read(self, look: Callable[[Ledger], T]) -> T | None:
        """What a look into the ledger has found; None when there is no ledger yet."""
        if not self.settings.ledger.exists():
            return None
        ledger = Ledger(self.settings.ledger, read_only=True)
        try:
            return look(ledger)
        finally:
            ledger.close()

    def ask(self, call: Callable[[], T]) -> T:
        """Call Globus; what can be asked again later is, twice. Raises RemoteError."""
        for pause in AGAIN_SECONDS:
            try:
                return call()
            except RemoteError as error:
                if error.kind != "later" or error.ambiguous or self.ended.wait(pause):
                    raise
        return call()
