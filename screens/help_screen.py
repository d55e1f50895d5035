"""The help: made from the table of keys and the table of glyphs, so that it cannot go stale."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import ClassVar

from screens.base import ConsoleScreen
from screens.host import Host
from screens.keys.action import Action
from screens.keys.actions import HELP, QUIT
from screens.keys.keymap import ENTRIES, shown
from screens.rows import styles
from screens.widgets.pane import Pane
from screens.widgets.piece import Piece
from screens.widgets.table import Column

KEYS = (Column("KEY", 10), Column("WHAT IT DOES", 0))


class HelpScreen(ConsoleScreen):
    """Keys and glyphs, to be scrolled."""

    FOOTER: ClassVar[Sequence[Action]] = (HELP, QUIT)

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self.keys = Pane(KEYS, itemgetter(0), itemgetter(1), id="keys", ascii_only=host.options.ascii_only)

    def panes(self) -> list[Pane]:
        return [self.keys]

    def selected_run(self) -> None:
        return None

    def fill(self) -> None:
        keys = self.host.options.keys
        lines: list[tuple[Piece, Piece]] = [((shown(entry, keys), "title"), (entry.help, "plain")) for entry in ENTRIES]
        lines += [
            ((glyph, style), (meaning, "plain")) for glyph, style, meaning in (*styles.GLYPHS.values(), styles.NOTHING)
        ]
        self.keys.show(list(enumerate(lines)), title="Help: keys and glyphs (esc goes back)")

    def sentence(self) -> Piece:
        item = self.keys.cursor_item
        return f"{item[1][0][0]}: {item[1][1][0]}" if item else "", "plain"
