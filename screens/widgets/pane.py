"""A table in a pane: fixed columns, a cursor that follows its row by key, and only changed lines are drawn again.

Textual draws a whole DataTable again for one changed cell (35 ms on a 120x40 screen); here only the row's line.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from functools import lru_cache
from typing import Any, ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message

from flowspec import text
from screens.widgets.lines import Lines
from screens.widgets.moves import MOVES
from screens.widgets.piece import Piece
from screens.widgets.table import Column, Table, View

HEAD_LINES = 2  # title and column names

_fit = lru_cache(16384)(text.fit)  # nearly all that is drawn was drawn a second ago


class Pane(Lines, can_focus=True):
    """Shows items as rows. `key` tells rows apart, `drawn` gives a row's entries, one for each column.

    Folded (one line high) it shows its title and summary. Only visible rows are drawn, so thousands of items are fine.
    `problem` and `wanted` are those of `screens.widgets.table.Table`, which decides what is shown and in what order;
    only the rows of a `markable` one can be marked. One without a `cursor` shows its first rows, whatever comes.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(move.keys, f"move('{move.name}')", move.help, show=False, priority=True, id=move.name) for move in MOVES
    ]

    class CursorMoved(Message):
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
        problem: Callable[[Any], bool] | None = None,
        wanted: Sequence[str] | None = None,
        markable: bool = False,
        cursor: bool = True,
    ) -> None:
        super().__init__(id=id, ascii_only=ascii_only)
        self._has_cursor = cursor
        self.markable = markable
        self.table = Table(columns, key, problem, wanted)
        self._entries_of = drawn
        self._title = self._summary = ""
        self._empty: Piece = ("", "plain")
        self._stale = False
        self._unread = 0
        self._shown_last: object = None
        self._cursor = 0
        self._pointing = True
        self._top = 0

    # ---- what it shows

    def show(
        self,
        items: Sequence[Any],
        *,
        title: str,
        empty: str | Piece = "",
        summary: str = "",
        stale: bool = False,
        unread: int = 0,
        depends_on: object = None,
    ) -> None:
        """Show these items; the cursor stays on its row while that is there.

        `empty` is said when there is no item, `summary` when the pane is folded; what is `stale` is drawn dim. `unread`
        is how many items will follow these. Nothing is drawn when all of this is as before: `depends_on` is what else
        the drawing of rows depends on.
        """
        shown = (items, title, empty, summary, stale, unread, depends_on)
        if shown == self._shown_last:
            return
        self._shown_last = shown
        key = self.cursor_key
        self.table.fill(items)
        self._title, self._summary, self._stale, self._unread = title, summary, stale, unread
        self._empty = (empty, "plain") if isinstance(empty, str) else empty
        self._stay_on(key)

    def set_view(self, view: View) -> None:
        """Filter, narrow or sort; the cursor stays on its row while that is there."""
        key = self.cursor_key
        self.table.set_view(view)
        self._stay_on(key)
        if self.cursor_key != key:
            self.post_message(self.CursorMoved(self))

    def _stay_on(self, key: Hashable) -> None:
        place = self.table.place(key, self._cursor) if key is not None else None
        if place is None:
            place = min(self._cursor, max(0, len(self.table.rows) - 1))
        self._cursor = place if self._has_cursor else 0
        self._follow()

    @property
    def cursor_key(self) -> Any:
        """The key of the row under the cursor; None when there is no row."""
        item = self.cursor_item
        return None if item is None else self.table.key(item)

    @property
    def cursor_item(self) -> Any:
        rows = self.table.rows
        return rows[self._cursor] if self._cursor < len(rows) else None

    def move_cursor_to(self, key: Hashable) -> None:
        """Put the cursor on the row with this key; hide it when there is none. Only keys send `CursorMoved`."""
        place = self.table.place(key, self._cursor)
        before = self._pointing, self._cursor
        self._pointing = place is not None
        self._cursor = self._cursor if place is None else place
        if before != (self._pointing, self._cursor):
            if not self._top <= self._cursor < self._top + self._room:  # not moved by a key: few jumps are cheaper
                self._top = max(0, self._cursor - self._room // 2)
            self._follow()

    # ---- moving and marking

    def action_move(self, how: str) -> None:
        page = max(1, self._room - 1)
        last = len(self.table.rows) - 1
        half = max(1, self._room // 2)
        steps = {
            "up": -1, "down": 1, "page_up": -page, "page_down": page, "half_up": -half, "half_down": half,
            "first": -last - 1, "last": last + 1,
        }  # fmt: skip
        before = self._cursor
        self._cursor = max(0, min(last, self._cursor + steps[how]))
        self._pointing = True
        if self._cursor != before:
            self._follow()
            self.post_message(self.CursorMoved(self))

    def mark(self) -> None:
        """Mark the row under the cursor, or take its mark away, and go on to the next."""
        if self.cursor_item is not None:
            self.table.toggle(self.cursor_item)
            self.draw_changes()
            self.action_move("down")

    def mark_all(self) -> None:
        """Mark all rows that are shown; when they are, none."""
        self.table.toggle_all()
        self.draw_changes()

    def unmark(self) -> None:
        self.table.unmark()
        self.draw_changes()

    @property
    def need(self) -> int:
        """The lines that it can fill; what is filtered away keeps its place, as nothing is to jump while one types."""
        return HEAD_LINES + max(1, len(self.table.all_rows))

    @property
    def _room(self) -> int:
        return max(0, self.size.height - HEAD_LINES)

    def _follow(self) -> None:
        """Scroll as little as shows the cursor, then draw the lines that differ."""
        if room := self._room:
            highest = max(0, len(self.table.rows) - room)
            self._top = max(self._cursor - room + 1, min(self._top, self._cursor, highest), 0)
        self.draw_changes()

    def on_resize(self, event: events.Resize) -> None:
        self._follow()

    def watch_has_focus(self, _has_focus: bool) -> None:
        super().watch_has_focus(_has_focus)
        self.draw_changes()

    # ---- drawing

    def line(self, y: int, width: int) -> tuple[Piece, ...]:
        if y == 0:
            return self._title_line(width)
        if y == 1:
            names = [(column.name, "head") for column in self.table.columns]
            return (("  ", "head"), *self._entries(names, width))
        place = self._top + y - HEAD_LINES
        if place < len(self.table.rows):
            return self._row_line(place, width)
        if place == 0 and (empty := self._empty_line())[0]:
            return ((text.fit(f"  {text.clean(empty[0])}", width), empty[1]),)
        return ((" " * width, "plain"),)

    def _empty_line(self) -> Piece:
        """What is said in the place of rows."""
        hidden = len(self.table.all_rows)
        hint = f"none of {hidden} is shown: {self.table.view.describe()}; esc shows all"
        return (hint, "warn") if hidden else self._empty

    def _position(self, shown: int, narrowed: bool) -> str:
        """Where the cursor is: `3/40`, `3/40 of 2000`; what is not read yet cannot be narrowed."""
        place, known = min(self._cursor + 1, shown), len(self.table.all_rows)
        if not narrowed:
            return f"{place}/{shown + self._unread}"
        return f"{place}/{shown} of {known}{f', {self._unread} not read yet' if self._unread else ''}"

    def _title_line(self, width: int) -> tuple[Piece, ...]:
        rule = "-" if self.ascii_only else "─"
        view, shown = self.table.view.describe(), len(self.table.rows)
        title = f" {text.clean(self._title)} "
        narrowing = f" {text.clean(view)} " if view else ""
        folded = self.size.height == 1
        after = f" {self._summary} " if folded and self._summary else ""
        if not folded:
            marked, narrowed = len(self.table.marked), shown < len(self.table.all_rows)
            after = f" {marked} marked " if marked else ""
            if self._has_cursor and (shown + self._unread > self._room or narrowed):
                after += f" {self._position(shown, narrowed)} "
        style = "focus" if self.has_focus else "title"
        room = max(0, width - 1)
        head = text.clean(title, room)
        narrowing = text.clean(narrowing, room - text.cells(head))
        tail = text.clean(after, room - text.cells(head) - text.cells(narrowing))
        gap = rule * (room - text.cells(head) - text.cells(narrowing) - text.cells(tail))
        if folded:
            return ((rule, "frame"), (head, style), (narrowing, "warn"), (tail, "plain"), (gap, "frame"))
        return ((rule, "frame"), (head, style), (narrowing, "warn"), (gap, "frame"), (tail, "frame"))

    def _row_line(self, place: int, width: int) -> tuple[Piece, ...]:
        item = self.table.rows[place]
        pieces = self._entries_of(item)
        entries = self._entries([pieces[place] for place in self.table.places], width)
        here = self._has_cursor and place == self._cursor and (self._pointing or self.has_focus)
        mark = (">" if here else " ") + ("*" if self.table.is_marked(item) else " ")
        if here and self.has_focus:
            *before, (last, _) = entries
            end = len(last.rstrip()) + 1  # what follows is blank: not painted, it need not be sent with each move
            drawn = tuple((words, "cursor") for words, _ in ((mark, ""), *before, (last[:end], "")))
            return (*drawn, (last[end:], "plain"))
        if self._stale:
            return tuple((words, "dim") for words, _ in ((mark, ""), *entries))
        return ((mark, "title"), *entries)

    def _entries(self, pieces: Sequence[Piece], width: int) -> list[Piece]:
        left = width - 2
        drawn: list[Piece] = []
        for column, (words, style) in zip(self.table.columns, pieces, strict=True):
            room = max(0, min(column.width or left, left))
            drawn.append((_fit(words, room, right=column.right) + (" " if room < left else ""), style))
            left = max(0, left - room - 1)
        return drawn
