"""What of a line is shown where there is no room for all: the least is given up first. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from flowspec import text
from screens.widgets.piece import Piece


@dataclass(frozen=True)
class Item:
    """Ways to say it, from the longest to the shortest, each with what it is worth: the least is given up first."""

    variants: tuple[tuple[int, Piece], ...]

    @property
    def worth(self) -> int:
        return self.variants[0][0]

    @property
    def piece(self) -> Piece:
        return self.variants[0][1]


def fitting(items: Sequence[Item], width: int) -> Sequence[Item]:
    """What is given up for a long one may be short enough to come back when that had to go as well."""
    shown, given_up = dict(enumerate(items)), []
    while len(shown) > 1 and _cells(shown.values()) > width:
        place = min(shown, key=lambda place: shown[place].worth)
        least = shown.pop(place)
        if least.variants[1:]:
            shown[place] = Item(least.variants[1:])
        else:
            given_up.append((place, least))
    for place, item in sorted(given_up, key=lambda one: -one[1].worth):
        if _cells([*shown.values(), item]) <= width:
            shown[place] = item
    return [shown[place] for place in sorted(shown)]


def _cells(items: Iterable[Item]) -> int:
    return sum(text.cells(item.piece[0]) for item in items)
