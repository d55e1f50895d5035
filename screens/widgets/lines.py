"""The base of all we draw: lines of styled text, of which only those that have changed are sent to the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from flowspec import text
from screens.widgets.piece import STYLES, Piece


class Lines(Widget):
    """A widget that says what each of its lines shows; `draw_changes` compares and redraws."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"lines--{name}" for name in STYLES}

    def __init__(self, *, id: str, ascii_only: bool = False) -> None:
        super().__init__(id=id)
        self.ascii_only = ascii_only
        self._drawn: list[Sequence[Piece]] = []
        self._drawn_size = Size(0, 0)

    def line(self, y: int, width: int) -> Sequence[Piece]:
        """What line `y` shows, in `width` cells."""
        raise NotImplementedError

    def draw_changes(self) -> None:
        """Redraw the lines that show something else than before."""
        before = self._drawn
        self._draw()
        if len(before) != len(self._drawn):
            self.refresh()
            return
        for y, (old, new) in enumerate(zip(before, self._drawn, strict=True)):
            if old != new:
                self.refresh(Region(0, y, self.size.width, 1))

    def _draw(self) -> None:
        width, height = self._drawn_size = self.size
        self._drawn = [self.line(y, width) for y in range(height)]

    def on_resize(self, event: events.Resize) -> None:
        self.draw_changes()

    def render_line(self, y: int) -> Strip:
        if self._drawn_size != self.size:  # rendered before its resize event comes: else first empty, then again
            self._draw()
        pieces = self._drawn[y] if y < len(self._drawn) else ()
        segments = [Segment(self._shown(words), self._style(name)) for words, name in pieces]
        return Strip(segments).adjust_cell_length(self.size.width, self._style("plain"))

    def _shown(self, words: str) -> str:
        return text.plain_ascii(words) if self.ascii_only else words

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"lines--{name}")


class Bar(Lines):
    """Lines that show what is given to `show`, cleaned already."""

    def __init__(self, *, id: str, ascii_only: bool = False) -> None:
        super().__init__(id=id, ascii_only=ascii_only)
        self._lines: Sequence[Sequence[Piece]] = ()

    def show(self, *lines: Sequence[Piece]) -> None:
        self._lines = lines
        self.draw_changes()

    def line(self, y: int, width: int) -> Sequence[Piece]:
        return clipped(self._lines[y], width) if y < len(self._lines) else ()


def clipped(pieces: Sequence[Piece], width: int) -> Sequence[Piece]:
    """At most `width` cells of them; where something is cut off, a mark says so."""
    if sum(text.cells(words) for words, _ in pieces) <= width:
        return pieces
    kept, left = list[Piece](), width
    for words, style in pieces:
        if text.cells(words) >= left:
            return [*kept, (text.clean(f"{words} ", left), style)]
        kept.append((words, style))
        left -= text.cells(words)
    return kept
