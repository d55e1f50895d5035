"""What the driver has of its own: a log, which must not grow without end, the profile as it was read, and the clock."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from console.ledger.store import Ledger
from console.settings.errors import SettingsError
from console.settings.private import FILE_MODE
from flowspec import text

if TYPE_CHECKING:
    from console.settings.model import Settings

LOG_BYTES = 5_000_000  # of driver.log; as much again is kept of what it held before
LOOK_SECONDS = 20.0
CLOCK_SECONDS = 60.0  # a clock that is kept right does not jump so far
RESTART = "restart the driver to use it (console driver stop, console driver start)"


def cap_log(log: Path) -> None:
    """Begin the log anew when it is large, and keep the end of what it held beside it. Raises OSError.

    It is emptied and not renamed: a driver that has it open appends, and so goes on at its new beginning.
    """
    try:
        descriptor = os.open(log, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    with open(descriptor, "rb+") as full:
        size = os.fstat(descriptor).st_size
        if size <= LOG_BYTES:
            return
        full.seek(size - LOG_BYTES)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        with open(os.open(log.with_name(log.name + ".1"), flags, FILE_MODE), "wb") as kept:
            shutil.copyfileobj(full, kept)
        full.truncate(0)


class ProfileWatch:
    """Tells, once, that the profile or deployed.json would give other settings than the driver works with."""

    def __init__(self, ledger: Ledger, used: Settings, load: Callable[[], Settings]) -> None:
        self._ledger, self._used, self._load = ledger, used, load
        self._told = ""

    def look(self) -> None:
        words = self._words()
        if words != self._told:
            level, told = ("warning", words) if words else ("info", "the profile is again as the driver uses it")
            self._ledger.event(level, told, actor="driver")
            self._told = words

    def _words(self) -> str:
        try:
            now = self._load()
        except SettingsError as error:
            return f"the profile has a fault now, with which no driver starts: {error}"
        keys = sorted(_differing(self._used.model_dump(), now.model_dump()))
        return f"the profile has changed ({', '.join(keys)}): {RESTART}" if keys else ""


class ClockWatch:
    """Tells that the computer's clock was set: every age that is counted across that moment is wrong by as much."""

    def __init__(
        self, ledger: Ledger, clock: Callable[[], float] = time.time, steady: Callable[[], float] = time.monotonic
    ) -> None:
        self._ledger, self._clock, self._steady = ledger, clock, steady
        self._before = self._apart()

    def look(self) -> None:
        before, self._before = self._before, self._apart()
        jump = self._before - before
        if abs(jump) > CLOCK_SECONDS:
            way = "forward" if jump > 0 else "back"
            words = f"the clock of this computer went {way} by {text.span(abs(jump))} (set, or it was suspended)"
            self._ledger.event("warning", f"{words}: ages counted from before are wrong by that", actor="driver")

    def _apart(self) -> float:
        return self._clock() - self._steady()


def _differing(before: Mapping[str, Any], now: Mapping[str, Any], above: str = "") -> Iterator[str]:
    """The keys, as in policy.settle, that have other values."""
    for name in before.keys() | now.keys():
        old, new = before.get(name), now.get(name)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            yield from _differing(old, new, f"{above}{name}.")
        elif old != new:
            yield f"{above}{name}"
