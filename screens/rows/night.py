"""The line that says whether the night moves, as it fits below the header. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from console.reading import night_words
from screens.data import ScreenData
from screens.rows.fitting import Item, fitting
from screens.widgets.piece import Piece


def night_line(data: ScreenData, now: float, width: int) -> Sequence[Piece]:
    """Empty while nothing is known. The state and the key to press are never given up."""
    if data.snapshot is None:
        return []
    items = [
        Item(tuple((worth, (f" {words} ", part.style)) for worth, words in part.variants))
        for part in night_words.line(data.snapshot, now)
    ]
    return [item.piece for item in fitting(items, width)]
