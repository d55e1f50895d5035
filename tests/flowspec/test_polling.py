"""When Flows polls an action next."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowspec.polling import LONGEST_INTERVAL, interval, next_poll

POLLS = list(itertools.accumulate(interval(poll) for poll in range(40)))  # seconds after the start of the action


def test_intervals_double_up_to_ten_minutes() -> None:
    assert POLLS[:6] == [1, 3, 7, 15, 31, 63]
    assert [interval(poll) for poll in (8, 9, 10, 11, 5000)] == [256, 512, 600, 600, 600]


@pytest.mark.parametrize(
    ("polled", "now", "due"),
    [
        (None, 0, 1),
        (None, 100, 127),  # the log has no poll: by the rule
        (63, 100, 127),
        (64.5, 100, 130),  # late by what its polls took
        (90, 100, 181),  # a hint made it poll in between
        (None, 1023, 1623),  # ten minutes and no longer
        (1023, 5000, 5223),
    ],
)
def test_the_next_poll(polled: float | None, now: float, due: float) -> None:
    begin = 1_782_914_602.0
    assert next_poll(begin, None if polled is None else begin + polled, begin + now) == pytest.approx(begin + due)


@given(st.floats(0, 100_000), st.one_of(st.none(), st.floats(-10, 200_000)))
def test_it_is_never_in_the_past_nor_beyond_the_longest_interval(now: float, polled: float | None) -> None:
    due = next_poll(0.0, polled, now)
    assert now < due <= max(now, polled or 0.0) + LONGEST_INTERVAL


@given(st.floats(0, 10_000))
def test_without_a_poll_in_the_log_it_is_the_first_poll_of_the_rule_after_now(now: float) -> None:
    assert next_poll(0.0, None, now) == pytest.approx(next(poll for poll in POLLS if poll > now))
