"""A screen to read and search in: `/` types what is looked for, n and N go from hit to hit."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import ClassVar

from textual.binding import Binding, BindingType

from flowspec import text
from screens.base import ConsoleScreen
from screens.host import Host
from screens.keys.action import Action
from screens.keys.actions import BACK, FILTER
from screens.widgets.moves import HITS
from screens.widgets.pane import Pane
from screens.widgets.piece import Piece
from screens.widgets.prompt import Prompt
from screens.widgets.table import Column

HINT = "enter keeps it, then n is the next hit and N the previous one; esc goes back"
Item = tuple[int, Sequence[Piece]]  # its number, and what it says in the columns


class Viewer(ConsoleScreen):
    """Shows lines. What a subclass shows, it gives to `show_lines`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(hit.keys, f"hit('{hit.name}')", hit.help, show=False, priority=True, id=hit.name) for hit in HITS
    ]

    def __init__(self, host: Host, columns: Sequence[Column], name: str) -> None:
        super().__init__(host)
        self.lines = Pane(columns, itemgetter(0), itemgetter(1), id=name, ascii_only=host.options.ascii_only)
        self._wanted = ""
        self._hits: list[int] = []

    def panes(self) -> list[Pane]:
        return [self.lines]

    def show_lines(self, items: Sequence[Item], title: str, empty: Piece = ("", "plain")) -> None:
        found = self._wanted.casefold()
        self._hits = [number for number, pieces in items if found in _words(pieces).casefold()] if found else []
        hits = f"/{self._wanted}: {len(self._hits) or 'no'} hit{'s' if len(self._hits) != 1 else ''} in "
        self.lines.show(items, title=(hits if found else "") + title, empty=empty)

    def sentence(self) -> Piece:
        item = self.lines.cursor_item
        return (_words(item[1]), "plain") if item else ("", "plain")

    # ---- keys

    def press(self, action: Action) -> None:
        if action is FILTER:
            self.open_prompt(Prompt("/", HINT, self._look_for, self._wanted, self._wanted))
            self.draw_bars()
        elif action is BACK and self._wanted:
            self._look_for("")
            self.draw_bars()
        else:
            super().press(action)

    def _look_for(self, words: str) -> None:
        """Go to the first hit from where the cursor is, as the words are typed."""
        self._wanted = words
        self.fill()
        if self._hits and self.lines.cursor_key not in self._hits:
            self._go(1)

    def action_hit(self, name: str) -> None:
        if not self._wanted:
            self.host.say("nothing is looked for: / types it", "warn")
        elif not self._hits:
            self.host.say(f"nothing here has {text.clean(self._wanted, 30)!r}", "warn")
        else:
            self._go(1 if name == HITS[0].name else -1)
        self.draw_bars()

    def _go(self, step: int) -> None:
        """To the next hit or the previous one, past the end from the other end."""
        here = self.lines.cursor_key
        ahead = [hit for hit in self._hits if (hit > here if step > 0 else hit < here)]
        self.lines.move_cursor_to((ahead or self._hits)[0 if step > 0 else -1])


def _words(pieces: Sequence[Piece]) -> str:
    return "  ".join(words for words, _ in pieces if words)
