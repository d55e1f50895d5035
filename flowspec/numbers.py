"""Sets of run and segment numbers as people write them: `00-06, 09`."""

from __future__ import annotations

from collections.abc import Iterable

from flowspec.names import LARGEST_NUMBER

MOST_NUMBERS = 20_000  # more at once is a slip of the finger


def ranges(numbers: Iterable[int], width: int = 2) -> str:
    """`00-06, 09`, each padded to `width` digits."""
    found: list[list[int]] = []
    for number in sorted(numbers):
        if found and found[-1][1] == number - 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return ", ".join("-".join(f"{n:0{width}d}" for n in dict.fromkeys(pair)) for pair in found)


def parse_ranges(text: str) -> tuple[int, ...]:
    """`3,7` or `1200-1250,1300` as numbers in ascending order. Raises ValueError with one sentence."""
    found: set[int] = set()
    for part in text.split(","):
        first, dash, last = (word.strip() for word in part.partition("-"))
        numbers = (first, last if dash else first)
        if not all(number.isascii() and number.isdigit() and len(number) <= 10 for number in numbers):
            raise ValueError(f"{part.strip()!r} is neither a number nor a range of them, such as 3-7")
        begin, end = map(int, numbers)
        if end < begin or end > LARGEST_NUMBER:
            raise ValueError(f"{part.strip()!r} is no range: expected a smaller and a larger number")
        if end - begin + len(found) >= MOST_NUMBERS:
            raise ValueError(f"more than {MOST_NUMBERS} numbers at once")
        found.update(range(begin, end + 1))
    return tuple(sorted(found))
