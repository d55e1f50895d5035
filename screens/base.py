"""What the main screen and the detail of a run have in common: bars above and below, panes between, and the keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.screen import Screen

from console.reading.snapshot import RunRow
from flowspec import text
from screens.keys.actions import (
    ACTIONS,
    BACK,
    COMMAND,
    COPY,
    EVERYWHERE,
    FILTER,
    MARK,
    MARK_ALL,
    NARROWER,
    PROBLEMS,
    REDRAW,
    REVERSE,
    SEEING,
    SIZING,
    SORT,
    WIDER,
    ZOOM,
    Action,
)
from screens.keys.command_line import HINT, understood
from screens.keys.copying import to_copy
from screens.rows import bars
from screens.rows.header import header
from screens.rows.styles import Piece
from screens.widgets.lines import Bar
from screens.widgets.pane import Pane
from screens.widgets.prompt import Prompt
from screens.widgets.split import Split
from screens.widgets.table import View

if TYPE_CHECKING:
    from screens.app import ConsoleApp

NARROW = 100  # columns: below, the panes stand on one another
TALL = 40  # lines: from here on all panes fit when they stand on one another


class ConsoleScreen(Screen[None], inherit_bindings=False):
    """A screen of panes. Stacked on a small terminal, a few panes are open and the others are folded to a line."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(action.keys, f"do('{action.name}')", action.label, show=False, priority=True, id=action.name)
        for action in ACTIONS
    ]
    COMMANDS: ClassVar[Sequence[Action]] = EVERYWHERE  # what the palette offers
    FOOTER: ClassVar[Sequence[str]] = ()  # names of the actions in the footer
    ALWAYS_OPEN: ClassVar[Sequence[str]] = ()  # panes that are never folded
    OPEN_FIRST: ClassVar[str] = ""  # the pane that is open beside them until another is focused
    MARKABLE: ClassVar[str] = ""  # the pane whose rows can be marked

    app: ConsoleApp

    def __init__(self, ascii_only: bool) -> None:
        super().__init__(classes="ascii" if ascii_only else "")
        self.header, self.facts, self.why, self.status, self.footer = (
            Bar(id=name, ascii_only=ascii_only) for name in ("header", "facts", "why", "status", "footer")
        )
        self._open = self.OPEN_FIRST
        self._zoomed = False
        self._split = Split()
        self._prompt: Prompt | None = None
        self._ready = False  # news can come before there is anything to show them in

    def panes(self) -> list[Pane]:
        """The panes, in the order of `tab`."""
        raise NotImplementedError

    def chosen_run(self) -> RunRow | None:
        """The run that the keys act on."""
        raise NotImplementedError

    def marked_runs(self) -> Sequence[RunRow]:
        """The runs that are marked: when there are any, the keys act on all of them."""
        return ()

    def fill(self) -> None:
        """Show what the app knows now."""
        raise NotImplementedError

    def sentence(self) -> Piece:
        """What there is to say of the thing under the cursor."""
        raise NotImplementedError

    def stacked(self) -> bool:
        """Whether there is room for a few panes only."""
        return self.size.width < NARROW

    def beside(self) -> bool:
        """Whether panes stand beside one another, two in a row."""
        return False

    def compose(self) -> ComposeResult:
        yield self.header
        yield self.facts
        with Container(id="panes"):
            yield from self.panes()
        yield self.why
        yield self.status
        yield self.footer

    def on_mount(self) -> None:
        self._ready = True
        self.panes()[0].focus()
        self.refill()

    def on_resize(self, event: events.Resize) -> None:
        self.fold()
        self.call_after_refresh(self.bars)

    def on_screen_resume(self) -> None:
        self.refill()

    # ---- what is drawn

    def refill(self) -> None:
        """The app has looked at the ledger, or time has passed and ages have changed."""
        if self._ready:
            self.fill()
            self.bars()

    def bars(self) -> None:
        """The lines above and below the panes."""
        if not self._ready:
            return
        app = self.app
        self.header.show(header(app.look, app.options, app.now(), self.size.width))
        self._say(self.why, self.sentence())
        self._say(self.status, bars.status(app.look, app.notice))
        keys = bars.footer(self.chosen_run(), app.options.read_only, self.FOOTER, self.size.width)
        self.footer.show(self._prompt.line() if self._prompt else keys)

    def _say(self, bar: Bar, sentence: Piece) -> None:
        """A sentence in as many lines as the bar has."""
        words, style = sentence
        lines = text.wrap(words, max(1, self.size.width - 2), max(1, bar.size.height))
        bar.show(*([(f" {line} ", style)] if line else [] for line in lines))

    # ---- panes

    def focused_pane(self) -> Pane:
        panes = self.panes()
        return self.focused if isinstance(self.focused, Pane) and self.focused in panes else panes[0]

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        self.fold()
        self.bars()

    def fold(self) -> None:
        """When stacked, leave open what is always open and the pane that was focused last; zoomed, only that."""
        focused = self.focused_pane()
        if focused.id not in self.ALWAYS_OPEN:
            self._open = focused.id or ""
        self.set_class(self.stacked(), "stacked")
        self.set_class(self._zoomed, "zoomed")
        folding = self.stacked() and self.size.height < TALL and not self._zoomed
        for pane in self.panes():
            pane.display = not self._zoomed or pane is focused
            pane.set_class(folding and pane.id not in (self._open, *self.ALWAYS_OPEN), "folded")
        self.share_out()

    def share_out(self) -> None:
        """Give each pane its part of the room."""
        column, row = self._split.column, self._split.row
        container = self.query_one("#panes")
        if self.beside():
            container.styles.grid_columns = f"{column}fr {100 - column}fr"
            container.styles.grid_rows = f"{row}fr {100 - row}fr"
        for place, pane in enumerate(self.panes()):
            part = 1 if self.beside() else 100 - row if place else row
            pane.styles.height = 1 if pane.has_class("folded") else f"{part}fr"

    # ---- keys

    def takes(self, event: events.Key) -> bool:
        """Whether the key belongs to the line that is typed: letters mean letters there, and no key anything else."""
        if self._prompt is None:
            return False
        if not self._prompt.press(event.key, event.character):
            self._prompt = None
        self.bars()
        return True

    def on_paste(self, event: events.Paste) -> None:
        if self._prompt is not None:
            self._prompt.paste(event.text)
            self.bars()

    def action_do(self, name: str) -> None:
        action = next(action for action in ACTIONS if action.name == name)
        if action in SEEING:
            self._see(action)
        elif action is not BACK or not self._see_all_again():
            self.app.do(action, self.chosen_run(), self.marked_runs())

    def step_focus(self, step: int) -> None:
        panes = self.panes()
        pane = panes[(panes.index(self.focused_pane()) + step) % len(panes)]
        pane.display = True  # what is not displayed cannot be focused
        pane.focus()

    # ---- what is seen

    def _see(self, action: Action) -> None:
        pane = self.focused_pane()
        view = pane.table.view
        if action is REDRAW:
            self.app.repaint()
        elif action is ZOOM:
            self._zoomed = not self._zoomed
            self.fold()
        elif action in SIZING:
            self._resize(pane, action)
        elif action is COPY:
            self._copy(pane)
        elif action is COMMAND:
            self._prompt = Prompt(":", HINT, lambda words: None, done=self._command)
        elif action in (MARK, MARK_ALL):
            self._mark(pane, action)
        elif not pane.table.fields:
            self.app.say("this pane cannot be filtered or sorted", "warn")
        elif action is FILTER:
            self._type_filter(pane)
        elif action is SORT:
            pane.see(view.next_sort(pane.table.columns))
        elif action is REVERSE and not view.sort:
            self.app.say("not sorted: s sorts by the next column", "warn")
        elif action is REVERSE:
            pane.see(replace(view, descending=not view.descending))
        elif action is PROBLEMS and pane.table.problem is None:
            self.app.say("nothing in this pane is a problem: / filters it", "warn")
        elif action is PROBLEMS:
            pane.see(replace(view, only_problems=not view.only_problems))
        self.bars()

    def _resize(self, pane: Pane, action: Action) -> None:
        if sum(other.display for other in self.panes()) == 1:
            self.app.say("one pane has the whole screen", "warn")
        elif action in (WIDER, NARROWER) and not self.beside():
            self.app.say("the panes stand on one another: + and - make this one higher or lower", "warn")
        else:
            place, columns = self.panes().index(pane), 2 if self.beside() else 1
            first_column, first_row = place % columns == 0, place < columns
            self._split = self._split.resized(action, first_column=first_column, first_row=first_row)
            self.share_out()

    def _mark(self, pane: Pane, action: Action) -> None:
        if pane.id != self.MARKABLE:
            self.app.say("only runs can be marked", "warn")
        elif action is MARK:
            pane.mark()
        else:
            pane.table.toggle_all()
            pane.draw_changes()

    def _copy(self, pane: Pane) -> None:
        words = to_copy(pane.cursor_item, self.app.look.detail)
        if words is None:
            self.app.say("nothing to copy here", "warn")
            return
        self.app.copy_to_clipboard(words)
        self.app.say(f"copied: {words} (if your terminal allows; else select it here)")

    def _command(self, line: str) -> None:
        typed = understood(line)
        if isinstance(typed, str):
            self.app.say(typed, "warn")
        elif typed is not None and typed.action is not None:
            self.action_do(typed.action.name)
        elif typed is not None and typed.run is not None:
            self.app.go_to(typed.run)
        elif typed is not None and typed.filter is not None:
            self._filter(self.focused_pane(), typed.filter)

    def _filter(self, pane: Pane, words: str) -> None:
        if pane.table.fields:
            pane.see(replace(pane.table.view, filter=words))
        else:
            self.app.say("this pane cannot be filtered or sorted", "warn")

    def _type_filter(self, pane: Pane) -> None:
        names = " ".join(f"{name}:" for name in pane.table.fields)
        hint = f"enter keeps it, esc goes back, ctrl+u empties it; text, {names} !not"
        now = pane.table.view.filter
        self._prompt = Prompt("/", hint, lambda words: pane.see(replace(pane.table.view, filter=words)), now, now)

    def _see_all_again(self) -> bool:
        """Take back what was marked, or what was filtered or sorted; False when there was nothing of that."""
        pane = self.focused_pane()
        if pane.table.marked:
            pane.table.unmark()
            pane.draw_changes()
        elif pane.table.view != View():
            pane.see(View())
        else:
            return False
        self.bars()
        return True
