"""When Flows polls an action: at growing intervals, so that it notices the end of a long action late.

Documented: the interval between two polls doubles, up to ten minutes. That it begins with a second is not.
"""

from __future__ import annotations

FIRST_INTERVAL = 1.0  # s
LONGEST_INTERVAL = 600.0  # s


def interval(polls: int) -> float:
    """Seconds from the start of an action to its first poll (0), from the first to the second (1), and so on."""
    return min(LONGEST_INTERVAL, FIRST_INTERVAL * 2.0 ** min(polls, 20))


def next_poll(started: float, polled: float | None, now: float) -> float:
    """When Flows next polls an action, by the rule; always later than `now`.

    `polled` is when it last polled, as its log has it. All three are seconds since the epoch. A doubled interval is as
    long as all those before it together, and the first once more: so the number of polls need not be known, and a
    poll that came early (after a hint) or late does no harm.
    """
    last = started if polled is None else max(started, polled)
    while (due := last + min(LONGEST_INTERVAL, last - started + FIRST_INTERVAL)) <= now:
        last = due
    return due
