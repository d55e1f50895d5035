"""A table in a pane: fixed columns, a cursor that follows its row by key, and only changed lines are drawn again.

Textual repaints a whole DataTable for one changed cell (14 kB on a 120x40 screen); here a changed row costs its line.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message

from console import text
from screens.keys import MOVES
from screens.lines import Lines, Piece

HEAD_LINES = 2  # title and column names


@dataclass(frozen=True)
class Column:
    """A column of `width` cells; width 0 takes what is left (one column, the last)."""

    name: str
    width: int
    right: bool = False


class Pane(Lines, can_focus=True):
    """Shows items as rows. `key` tells rows apart, `drawn` gives a row's entries, one for each column.

    Folded (one line high) it shows its title and summary. Only visible rows are drawn, so thousands of items are fine.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(move.keys, f"move('{move.name}')", move.label, show=False) for move in MOVES
    ]

    class Moved(Message):
        """The operator moved the cursor of a pane."""

        def __init__(self, pane: Pane) -> None:
            super().__init__()
            self.pane = pane

        @property
        def control(self) -> Pane:
            return self.pane

    def __init__(
        self,
        columns: Sequence[Column],
        key: Callable[[Any], Hashable],
        drawn: Callable[[Any], Sequence[Piece]],
        *,
        id: str,
        ascii_only: bool = False,
    ) -> None:
        super().__init__(id=id, ascii_only=ascii_only)
        self._columns, self._key, self._entries_of = columns, key, drawn
        self._items: Sequence[Any] = ()
        self._title = self._empty = self._summary = ""
        self._stale = False
        self._index: dict[Hashable, int] = {}
        self._cursor = 0
        self._pointing = True
        self._top = 0

    # ---- what it shows

    def show(
        self, items: Sequence[Any], *, title: str, empty: str = "", summary: str = "", stale: bool = False
    ) -> None:
        """Show these items; the cursor stays on its row while that is there.

        `empty` is said when there is no item, `summary` when the pane is folded; what is `stale` is drawn dim.
        """
        key = self.cursor_key
        self._items, self._title, self._empty, self._summary, self._stale = items, title, empty, summary, stale
        self._index = {self._key(item): place for place, item in enumerate(items)}
        self._cursor = self._index.get(key, min(self._cursor, max(0, len(items) - 1)))
        self._follow()

    @property
    def cursor_key(self) -> Any:
        """The key of the row under the cursor; None when there is no row."""
        item = self.cursor_item
        return None if item is None else self._key(item)

    @property
    def cursor_item(self) -> Any:
        return self._items[self._cursor] if self._cursor < len(self._items) else None

    def point_at(self, key: Hashable) -> None:
        """Put the cursor on the row with this key; hide it when there is none. Nobody is told: only keys tell."""
        self._pointing = key in self._index
        self._cursor = self._index.get(key, self._cursor)
        self._follow()

    # ---- moving

    def action_move(self, how: str) -> None:
        page = max(1, self._room - 1)
        last = len(self._items) - 1
        steps = {"up": -1, "down": 1, "page_up": -page, "page_down": page, "first": -last - 1, "last": last + 1}
        before = self._cursor
        self._cursor = max(0, min(last, self._cursor + steps[how]))
        self._pointing = True
        if self._cursor != before:
            self._follow()
            self.post_message(self.Moved(self))

    @property
    def _room(self) -> int:
        return max(0, self.size.height - HEAD_LINES)

    def _follow(self) -> None:
        """Scroll as little as shows the cursor, then draw the lines that differ."""
        if self._room:
            highest = max(0, len(self._items) - self._room)
            self._top = max(self._cursor - self._room + 1, min(self._top, self._cursor, highest), 0)
        self.draw_changes()

    def on_resize(self, event: events.Resize) -> None:
        self._follow()

    def watch_has_focus(self, _has_focus: bool) -> None:
        super().watch_has_focus(_has_focus)
        self.draw_changes()

    # ---- drawing

    def line(self, y: int) -> tuple[Piece, ...]:
        if y == 0:
            return self._title_line()
        if y == 1:
            names = [(column.name, "head") for column in self._columns]
            return (("  ", "head"), *self._entries(names))
        place = self._top + y - HEAD_LINES
        if place < len(self._items):
            return self._row_line(place)
        if place == 0 and self._empty:
            return ((text.fit("  " + text.clean(self._empty), self.size.width), "dim"),)
        return ((" " * self.size.width, "plain"),)

    def _title_line(self) -> tuple[Piece, ...]:
        rule = "-" if self.ascii_only else "─"
        title = f" {text.clean(self._title)} "
        folded = self.size.height == 1
        count = len(self._items)
        after = f" {self._summary} " if folded and self._summary else ""
        if not folded and count > self._room:
            after = f" {self._cursor + 1}/{count} "
        style = "focus" if self.has_focus else "title"
        room = max(0, self.size.width - 1)
        head = text.clean(title, room)
        tail = text.clean(after, max(0, room - text.cells(head)))
        gap = rule * (room - text.cells(head) - text.cells(tail))
        if folded:
            return ((rule, "frame"), (head, style), (tail, "plain"), (gap, "frame"))
        return ((rule, "frame"), (head, style), (gap, "frame"), (tail, "frame"))

    def _row_line(self, place: int) -> tuple[Piece, ...]:
        entries = self._entries(self._entries_of(self._items[place]))
        here = place == self._cursor and (self._pointing or self.has_focus)
        mark = "> " if here else "  "
        if here and self.has_focus:
            return tuple((words, "cursor") for words, _ in ((mark, ""), *entries))
        if self._stale:
            return tuple((words, "dim") for words, _ in ((mark, ""), *entries))
        return ((mark, "title"), *entries)

    def _entries(self, pieces: Sequence[Piece]) -> list[Piece]:
        left = self.size.width - 2
        drawn: list[Piece] = []
        for column, (words, style) in zip(self._columns, pieces, strict=True):
            width = max(0, min(column.width or left, left))
            drawn.append((text.fit(words, width, right=column.right) + (" " if width < left else ""), style))
            left = max(0, left - width - 1)
        return drawn
