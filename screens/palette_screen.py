"""The command palette: every command of the table of keys, found by typing, with the reason when it cannot be used."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import ClassVar

from textual import events

from console.reading.snapshot import RunRow
from screens.base import ConsoleScreen
from screens.host import Host
from screens.keys import bulk
from screens.keys.action import Action
from screens.keys.actions import QUIT
from screens.keys.command_line import matching
from screens.keys.keymap import shown
from screens.widgets.moves import MOVES
from screens.widgets.pane import Pane
from screens.widgets.piece import Piece
from screens.widgets.prompt import Prompt
from screens.widgets.table import Column

COLUMNS = (Column("COMMAND", 13), Column("KEY", 10), Column("WHAT IT DOES", 0))
HINT = "type to find, enter does it, esc goes back"
# Letters are typed here, and ctrl+u empties the line, so that only these move the cursor.
_MOVES = {key: move.name for move in MOVES for key in move.keys.split(",") if len(key) > 1 and key != "ctrl+u"}


class PaletteScreen(ConsoleScreen):
    """Lies on the screen `below`, whose selected run the commands act on."""

    FOOTER: ClassVar[Sequence[Action]] = (QUIT,)

    def __init__(self, host: Host, below: ConsoleScreen) -> None:
        super().__init__(host)
        ascii_only = host.options.ascii_only
        self._below = below
        self._chosen = False  # what nobody has typed or gone to is not done by a slip
        self.commands = Pane(COLUMNS, attrgetter("name"), self._drawn, id="commands", ascii_only=ascii_only)
        self._prompt = Prompt("> ", HINT, self._find)

    def panes(self) -> list[Pane]:
        return [self.commands]

    def selected_run(self) -> RunRow | None:
        return self._below.selected_run()

    def fill(self) -> None:
        run = self.selected_run()
        marked = self._below.marked_runs()
        of = f"the {len(marked)} marked runs" if marked else f"run {run.run}" if run else "no run is selected"
        words = self._prompt.words if self._prompt else ""
        found = matching(words, self._below.OFFERED)
        empty = f"no command has {words!r}: ctrl+u empties the line"
        self.commands.show(found, title=f"Commands: {of}", empty=empty, depends_on=(run, marked))

    def _find(self, words: str) -> None:
        self._chosen = bool(words.strip())
        self.fill()
        self.commands.action_move("first")

    def sentence(self) -> Piece:
        action = self.commands.cursor_item
        if action is None:
            return "", "plain"
        reason = self._why_not(action)
        return (f"{action.name}: not now: {reason}", "warn") if reason else (f"{action.name}: {action.help}", "plain")

    def _why_not(self, action: Action) -> str | None:
        marked = self._below.marked_runs()
        return bulk.why_not(action, self.selected_run(), marked, self.host.options.read_only)

    def _drawn(self, action: Action) -> Sequence[Piece]:
        style = "dim" if self._why_not(action) else "plain"
        return (action.name, style), (shown(action, self.host.options.keys), style), (action.help, style)

    # ---- keys

    def takes_key(self, event: events.Key) -> bool:
        """All keys are for the line that is typed, but for those that move the cursor."""
        if self._prompt is None:
            return False
        if event.key in ("escape", "ctrl+c"):
            self.app.pop_screen()
        elif event.key == "enter":
            self._do(self.commands.cursor_item)
        elif event.key in _MOVES:
            self._chosen = True
            self.commands.action_move(_MOVES[event.key])
        else:
            self._prompt.press(event.key, event.character)
        self.draw_bars()
        return True

    def _do(self, action: Action | None) -> None:
        if action is None or not self._chosen:
            self.host.say("type the command, or go to it with the arrows, first", "warn")
            return
        self.app.pop_screen()
        self._below.press(action)
