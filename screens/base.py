"""What the main screen and the detail of a run have in common: bars above and below, panes between, and the keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.screen import Screen

from console import text
from console.report import RunRow
from screens import bars
from screens.keys import ACTIONS
from screens.lines import Bar, Piece
from screens.pane import Pane

if TYPE_CHECKING:
    from screens.app import ConsoleApp

NARROW = 100  # columns: below, the panes stand on one another
TALL = 40  # lines: from here on all panes fit when they stand on one another


class ConsoleScreen(Screen[None], inherit_bindings=False):
    """A screen of panes. Stacked on a small terminal, a few panes are open and the others are folded to a line."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(action.keys, f"do('{action.name}')", action.label, show=False) for action in ACTIONS
    ]
    FOOTER: ClassVar[Sequence[str]] = ()  # names of the actions in the footer
    ALWAYS_OPEN: ClassVar[Sequence[str]] = ()  # panes that are never folded
    OPEN_FIRST: ClassVar[str] = ""  # the pane that is open beside them until another is focused

    app: ConsoleApp

    def __init__(self, ascii_only: bool) -> None:
        super().__init__(classes="ascii" if ascii_only else "")
        self.header, self.facts, self.why, self.status, self.footer = (
            Bar(id=name, ascii_only=ascii_only) for name in ("header", "facts", "why", "status", "footer")
        )
        self._open = self.OPEN_FIRST
        self._ready = False  # news can come before there is anything to show them in

    def panes(self) -> list[Pane]:
        """The panes, in the order of `tab`."""
        raise NotImplementedError

    def chosen_run(self) -> RunRow | None:
        """The run that the keys act on."""
        raise NotImplementedError

    def fill(self) -> None:
        """Show what the app knows now."""
        raise NotImplementedError

    def sentence(self) -> Piece:
        """What there is to say of the thing under the cursor."""
        raise NotImplementedError

    def stacked(self) -> bool:
        """Whether there is room for a few panes only."""
        return self.size.width < NARROW

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
        self.header.show(bars.header(app.look, app.options, app.now(), self.size.width))
        self._say(self.why, self.sentence())
        self._say(self.status, bars.status(app.look, app.notice))
        self.footer.show(bars.footer(self.chosen_run(), app.options.read_only, self.FOOTER))

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
        """When stacked, leave open what is always open and the pane that was focused last."""
        focused = self.focused_pane().id or ""
        if focused not in self.ALWAYS_OPEN:
            self._open = focused
        self.set_class(self.stacked(), "stacked")
        folding = self.stacked() and self.size.height < TALL
        for pane in self.panes():
            pane.set_class(folding and pane.id not in (self._open, *self.ALWAYS_OPEN), "folded")

    # ---- keys

    def action_do(self, name: str) -> None:
        action = next(action for action in ACTIONS if action.name == name)
        self.app.do(action, self.chosen_run())

    def step_focus(self, step: int) -> None:
        panes = self.panes()
        panes[(panes.index(self.focused_pane()) + step) % len(panes)].focus()
