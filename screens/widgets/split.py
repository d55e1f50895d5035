"""How panes share the screen: by what they hold, until an operator gives one more or less. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

STEP, LEAST, HALF = 5, 20, 50  # percent


@dataclass(frozen=True)
class Split:
    """Parts in percent: of the first column, of the first pane, and of the upper of two on one another beside a third.

    None while what the panes hold decides.
    """

    column: int = HALF
    row: int | None = None
    corner: int | None = None

    def resized_columns(self, *, grow: bool, first: bool) -> Split:
        """One step, for a pane in the first column or in the other."""
        return replace(self, column=_step(self.column, grow=grow is first))

    def resized_rows(self, now: int, *, grow: bool, first: bool) -> Split:
        """One step from the part that the first pane has now."""
        return replace(self, row=_step(now, grow=grow is first))

    def resized_corner(self, now: int, *, grow: bool, first: bool) -> Split:
        return replace(self, corner=_step(now, grow=grow is first))


def _step(part: int, *, grow: bool) -> int:
    """What needs little may be smaller than an operator can make it: it does not grow by being made smaller."""
    return min(part + STEP, max(part, 100 - LEAST)) if grow else max(part - STEP, min(part, LEAST))


def heights(total: int, needs: Sequence[int], part: int | None = None) -> list[int]:
    """Lines for panes on one another, `total` together; `needs` are the lines that each could fill.

    The first gets what the others do not need, and half of all when it needs that; with `part` it gets so many percent.
    """
    first, *others = needs
    least = total * (HALF if part is None else part) // 100
    room = total - least if part is not None else min(sum(others), max(total - least, total - first))
    return [total - room, *_poured(room, others)] if others else [total]


def _poured(room: int, needs: Sequence[int]) -> list[int]:
    """Those that need little get it, the others an equal part of the rest; the neediest what nobody needs."""
    got = [0] * len(needs)
    waiting = sorted(range(len(needs)), key=needs.__getitem__)
    while waiting:
        place = waiting.pop(0)
        got[place] = min(needs[place], room // (len(waiting) + 1)) if waiting else room
        room -= got[place]
    return got
