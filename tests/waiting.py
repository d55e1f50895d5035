"""Waiting for a condition. The bound is there for what hangs: how long something takes is for benchmarks and drills.

A machine on which ten things run at once must not fail a test, so nothing here may be waited for by a shorter time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

HANGS_AFTER = 240.0  # s


def until(condition: Callable[[], T], *, every: float = 0.02, told: Callable[[], str] | None = None) -> T:
    """The first true value of `condition`, asked every so many seconds; `told` says what there was when none came."""
    end = time.monotonic() + HANGS_AFTER
    while not (value := condition()):
        assert time.monotonic() < end, f"not so within {HANGS_AFTER:.0f} s: {told() if told else condition}"
        time.sleep(every)
    return value
