"""The help: made from the table of keys and the table of glyphs, so that it cannot go stale."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import ClassVar

from screens.base import ConsoleScreen
from screens.keys.actions import ACTIONS, MOVES
from screens.keys.keymap import shown
from screens.rows import styles
from screens.rows.styles import Piece
from screens.widgets.pane import Column, Pane

KEYS = (Column("KEY", 10), Column("WHAT IT DOES", 0))


class HelpScreen(ConsoleScreen):
    """Keys and glyphs, to be scrolled."""

    FOOTER: ClassVar[Sequence[str]] = ("help", "quit")

    def __init__(self, ascii_only: bool) -> None:
        super().__init__(ascii_only)
        self.keys = Pane(KEYS, itemgetter(0), itemgetter(1), id="keys", ascii_only=ascii_only)

    def panes(self) -> list[Pane]:
        return [self.keys]

    def chosen_run(self) -> None:
        return None

    def fill(self) -> None:
        keys = self.app.options.keys
        told = {action.name: action.help for action in ACTIONS} | {move.name: move.label for move in MOVES}
        lines: list[tuple[Piece, Piece]] = [
            ((shown(name, keys), "title"), (words, "plain")) for name, words in told.items()
        ]
        lines += [
            ((glyph, style), (meaning, "plain")) for glyph, style, meaning in (*styles.GLYPHS.values(), styles.NOTHING)
        ]
        self.keys.show(list(enumerate(lines)), title="Help: keys and glyphs (esc goes back)")

    def sentence(self) -> Piece:
        item = self.keys.cursor_item
        return f"{item[1][0][0]}: {item[1][1][0]}" if item else "", "plain"
