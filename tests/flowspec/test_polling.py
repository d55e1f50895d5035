"""When Flows looks next at an action."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowspec.polling import LONGEST_INTERVAL, interval, next_look

LOOKS = list(itertools.accumulate(interval(look) for look in range(40)))  # seconds after the start of the action


def test_intervals_double_up_to_ten_minutes() -> None:
    assert LOOKS[:6] == [1, 3, 7, 15, 31, 63]
    assert [interval(look) for look in (8, 9, 10, 11, 5000)] == [256, 512, 600, 600, 600]


@pytest.mark.parametrize(
    ("looked", "now", "due"),
    [
        (None, 0, 1),
        (None, 100, 127),  # nothing heard of its looks: by the rule
        (63, 100, 127),
        (64.5, 100, 130),  # late by what its looks took
        (90, 100, 181),  # a hint made it look in between
        (None, 1023, 1623),  # ten minutes and no longer
        (1023, 5000, 5223),
    ],
)
def test_the_next_look(looked: float | None, now: float, due: float) -> None:
    begin = 1_782_914_602.0
    assert next_look(begin, None if looked is None else begin + looked, begin + now) == pytest.approx(begin + due)


@given(st.floats(0, 100_000), st.one_of(st.none(), st.floats(-10, 200_000)))
def test_it_is_never_in_the_past_nor_beyond_the_longest_interval(now: float, looked: float | None) -> None:
    due = next_look(0.0, looked, now)
    assert now < due <= max(now, looked or 0.0) + LONGEST_INTERVAL


@given(st.floats(0, 10_000))
def test_without_news_it_is_the_first_look_of_the_rule_after_now(now: float) -> None:
    assert next_look(0.0, None, now) == pytest.approx(next(look for look in LOOKS if look > now))
