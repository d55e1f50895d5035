"""Pauses after failures: they grow to their bound and no further, and jitter keeps to its share."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from flowspec.backoff import doubling, jittered, pause

seconds = st.floats(0.01, 1e4)
failures = st.integers(1, 10_000)


@given(seconds, seconds, failures)
def test_a_doubling_pause_is_never_negative_never_shrinks_and_is_bounded(first, longest, n):
    steps = doubling(first, longest)
    assert 0 < pause(n, steps) <= pause(n + 1, steps) <= longest
    assert pause(n, steps) == min(longest, first * 2.0 ** min(n - 1, 100))


@given(st.lists(seconds, min_size=1), failures)
def test_each_step_has_its_failure_and_the_last_repeats(steps, n):
    assert pause(n, steps) == (steps[n - 1] if n <= len(steps) else steps[-1])


@given(seconds, st.floats(0.0, 1.0), st.floats(1.0, 2.0), st.floats(0.0, 1.0))
def test_jitter_keeps_to_its_share(wait, least, most, random):
    found = jittered(wait, (least, most), lambda: random)
    assert 0 <= wait * least <= found * (1 + 1e-9)
    assert found <= wait * most * (1 + 1e-9)


def test_without_a_spread_there_is_no_jitter():
    assert {jittered(7.0, (1.0, 1.0), lambda r=r: r) for r in (0.0, 0.3, 1.0)} == {7.0}


def test_the_ends_of_the_spread_are_reached():
    assert [jittered(10.0, (0.5, 1.0), lambda r=r: r) for r in (0.0, 1.0)] == [5.0, 10.0]
