"""The help: made from the table of keys and the table of glyphs, so that it cannot go stale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from screens.host import Host
from screens.keys.action import Action
from screens.keys.actions import FILTER, HELP, QUIT
from screens.keys.keymap import shown
from screens.keys.tasks import by_task
from screens.rows import styles
from screens.viewer import Viewer
from screens.widgets.piece import Piece
from screens.widgets.table import Column

KEYS = (Column("KEY", 10), Column("WHAT IT DOES", 0))


class HelpScreen(Viewer):
    """Keys by what one wants to do, and glyphs."""

    FOOTER: ClassVar[Sequence[Action]] = (FILTER, HELP, QUIT)

    def __init__(self, host: Host) -> None:
        super().__init__(host, KEYS, "keys")

    def selected_run(self) -> None:
        return None

    def fill(self) -> None:
        keys = self.host.options.keys
        lines: list[tuple[Piece, Piece]] = []
        for task, entries in by_task():
            lines += [((task.upper(), "head"), ("", "plain"))]
            lines += [((shown(entry, keys), "title"), (entry.help, "plain")) for entry in entries]
        lines += [(("GLYPHS", "head"), ("", "plain"))]
        lines += [
            ((glyph, style), (meaning, "plain")) for glyph, style, meaning in (*styles.GLYPHS.values(), styles.NOTHING)
        ]
        self.show_lines(list(enumerate(lines)), "Help: keys and glyphs (/ searches, esc goes back)")
