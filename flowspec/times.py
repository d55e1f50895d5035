"""When something began, as a person writes it: `8h` ago, `00:00` last, `2026-07-01 14:00`. Pure."""

from __future__ import annotations

import re
import time

_AGO = re.compile(r"(\d{1,4})\s*(s|m|h|d)")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_FORMS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%d")
EXPECTED = "a span (8h, 30m, 2d), a time of day (00:00) or a date (2026-07-01, '2026-07-01 14:00')"


def since(text: str, now: float) -> float:
    """Seconds since the epoch, not after `now`. A time of day is the last one that has passed, by the local clock.

    Raises ValueError, which says what was expected.
    """
    words = text.strip()
    if ago := _AGO.fullmatch(words):
        return now - int(ago[1]) * _UNITS[ago[2]]
    if at := _time_of_day(words, now):
        return at
    for form in _FORMS:
        try:
            found = time.mktime(time.strptime(words, form))
        except (ValueError, OverflowError):
            continue
        if found <= now:
            return found
        raise ValueError(f"{text!r} is to come")
    raise ValueError(f"{text!r}: expected {EXPECTED}")


def _time_of_day(words: str, now: float) -> float | None:
    try:
        given = time.strptime(words, "%H:%M")
    except ValueError:
        return None
    today = time.localtime(now)
    for day in (today.tm_mday, today.tm_mday - 1):  # mktime takes day 0 as the last of the month before
        at = time.mktime((today.tm_year, today.tm_mon, day, given.tm_hour, given.tm_min, 0, 0, 0, -1))
        if at <= now:
            return at
    return None
