"""Back-off: how long to wait after the n-th failure in a row."""

from __future__ import annotations

from collections.abc import Callable, Sequence

Spread = tuple[float, float]  # the least and the most of a pause that jitter leaves, as factors


def pause(failures: int, steps: Sequence[float]) -> float:
    """The pause after so many failures in a row (1: the first), in the unit of `steps`; the last step repeats."""
    return steps[min(failures, len(steps)) - 1]


def doubling(first: float, longest: float) -> tuple[float, ...]:
    """Steps that double from `first` up to `longest`."""
    steps = [min(first, longest)]
    while steps[-1] < longest:
        steps.append(min(longest, 2 * steps[-1]))
    return tuple(steps)


def jittered(seconds: float, spread: Spread, random: Callable[[], float]) -> float:
    """`seconds` at a random place of its spread, so that what failed together is not tried again together.

    `random` gives numbers from 0 to 1, as `random.random` does.
    """
    least, most = spread
    return seconds * (least + (most - least) * random())
