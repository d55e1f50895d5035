"""When something began, as a person writes it."""

from __future__ import annotations

import time

import pytest

from flowspec import times

NOW = time.mktime((2026, 7, 1, 14, 3, 22, 0, 0, -1))


def at(day: int, hour: int, minute: int = 0, month: int = 7) -> float:
    return time.mktime((2026, month, day, hour, minute, 0, 0, 0, -1))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("8h", NOW - 8 * 3600),
        (" 30 m ", NOW - 1800),
        ("2d", NOW - 2 * 86400),
        ("00:00", at(1, 0)),
        ("14:03", at(1, 14, 3)),
        ("14:04", at(30, 14, 4, month=6)),  # is to come today: yesterday's, of the month before
        ("2026-06-28", at(28, 0, month=6)),
        ("2026-07-01 08:30", at(1, 8, 30)),
    ],
)
def test_a_span_a_time_of_day_and_a_date(words: str, expected: float) -> None:
    assert times.since(words, NOW) == expected


@pytest.mark.parametrize("words", ["", "yesterday", "25:00", "8", "-1h", "2026-13-01", "2027-01-01", "1e9h", "99999d"])
def test_what_is_no_time_that_has_passed_is_refused(words: str) -> None:
    with pytest.raises(ValueError, match=r"expected|to come"):
        times.since(words, NOW)
