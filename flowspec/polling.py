"""When Flows looks at an action: at growing intervals, so that it notices the end of a long action late.

Documented: the interval between two looks doubles, up to ten minutes. That it begins with a second is not.
"""

from __future__ import annotations

FIRST_INTERVAL = 1.0  # s
LONGEST_INTERVAL = 600.0  # s


def interval(looks: int) -> float:
    """Seconds from the start of an action to its first look (0), from the first to the second (1), and so on."""
    return min(LONGEST_INTERVAL, FIRST_INTERVAL * 2.0 ** min(looks, 20))


def next_look(started: float, looked: float | None, now: float) -> float:
    """When Flows looks next at an action, as far as the rule tells; always later than `now`.

    `looked` is when it last looked, as its log has it. All three are seconds since the epoch. A doubled interval is as
    long as all those before it together, and the first once more: so the number of looks need not be known, and a
    look that came early (after a hint) or late does no harm.
    """
    last = started if looked is None else max(started, looked)
    while (due := last + min(LONGEST_INTERVAL, last - started + FIRST_INTERVAL)) <= now:
        last = due
    return due
