"""A row that says itself what it shows, in columns and in a sentence below. Pure."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flowspec.stages import Place
from screens.widgets.piece import Piece
from screens.widgets.table import Column


@dataclass(frozen=True)
class Row:
    """`values` are what its columns are sorted and filtered by, where that is not what they show.

    `segment` is the first that it is about, `segments` are all of a row of segments, `place` is the job whose report is
    worth reading.
    """

    key: Hashable
    pieces: Sequence[Piece]
    sentence: Piece
    bad: bool = False
    values: Mapping[str, Any] = field(default_factory=dict)
    segment: int | None = None
    place: Place | None = None
    segments: tuple[int, ...] = ()


def column(place: int, name: str, width: int, right: bool = False) -> Column:
    """A column for rows: the `place`-th of their pieces."""
    return Column(name, width, right, lambda row: row.values.get(name, row.pieces[place][0]))


def columns(*described: tuple[str, int] | tuple[str, int, bool]) -> tuple[Column, ...]:
    return tuple(column(place, *words) for place, words in enumerate(described))


SEGMENTS = columns(("SEG", 7), ("RAW", 6, True), ("XFER", 4), ("FIT", 4), ("CONV", 4), ("NOTE", 0))


def key_of_segment(rows: Sequence[Row], segment: int | None) -> Hashable:
    """The key of the row about a segment, or of those with others, of the one that is bad when one is; else None."""
    before = [row for row in rows if row.segment is not None and segment is not None and row.segment <= segment]
    mine = [row for row in before if row.segment == before[-1].segment]
    return next((row.key for row in mine if row.bad), mine[0].key if mine else None)
