"""How long a call may take, how often it may be repeated, how many there may be."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

# What may be over in a second. Not 429: to ask again at once is what it is about.
_PASSING = (500, 502, 503, 504)
ANSWER_SECONDS = 10.0
SUBMIT_SECONDS = 15.0


def repeatable_options() -> dict[str, Any]:
    """SDK options of clients for calls that may be made twice: one retry, within 10 + 2 + 10 s."""
    return _options(ANSWER_SECONDS, retries=1)


def once_options() -> dict[str, Any]:
    """SDK options of clients for calls that must not be made twice: the SDK would repeat a POST after a reset line."""
    return _options(SUBMIT_SECONDS, retries=0)


def _options(seconds: float, retries: int) -> dict[str, Any]:
    from globus_sdk.transport import RetryConfig

    from remote.globus.transport import Transport

    return {
        "transport": Transport(seconds),
        "retry_config": RetryConfig(
            max_retries=retries,
            max_sleep=2,
            retry_after_status_codes=(503,),
            transient_error_status_codes=_PASSING,
        ),
    }


class Budget:
    """At most `limit` requests in any `seconds`; whoever comes too early waits. Shared by threads."""

    def __init__(
        self,
        limit: int,
        seconds: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._limit = limit
        self._seconds = seconds
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._spent: deque[float] = deque()

    def spend(self) -> float:
        """Take one request from the budget and wait until it is due. Returns the seconds waited."""
        with self._lock:
            now = self._clock()
            due = now
            if len(self._spent) == self._limit:
                due = max(now, self._spent.popleft() + self._seconds)
            self._spent.append(due)
        if due > now:
            self._sleep(due - now)
        return due - now

    def spare(self) -> int:
        """How many requests may be made now without waiting."""
        with self._lock:
            now = self._clock()
            return self._limit - sum(spent + self._seconds > now for spent in self._spent)
