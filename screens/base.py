"""What all screens have in common: bars above and below, panes between, and the keys."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.screen import Screen

from console.ledger.endpoints import EndpointRow
from console.reading.snapshot import RunRow
from flowspec import text
from screens.host import Host
from screens.keys.action import Action, Target
from screens.keys.actions import ACTIONS, BY_NAME, EVERYWHERE
from screens.keys.command_line import HINT, complete, parse_command
from screens.keys.footer import footer
from screens.keys.perform import perform
from screens.keys.screen_handlers import filter_by
from screens.rows.header import header
from screens.rows.night import night_line
from screens.rows.status import came_at_once, status_line
from screens.widgets.lines import Bar
from screens.widgets.pane import Pane
from screens.widgets.piece import Piece
from screens.widgets.prompt import Prompt
from screens.widgets.split import Split, heights
from screens.widgets.typed import Typed

NARROW = 100  # columns: below, the panes stand on one another
TALL = 40  # lines: from here on all panes fit when they stand on one another
ONE_PANE = "one pane has the whole screen"
FOLDED = "the other panes are folded: tab opens one"


class ConsoleScreen(Typed, Screen[None], inherit_bindings=False):
    """A screen of panes. Stacked on a small terminal, those without the focus are folded to a line."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(action.keys, f"do('{action.name}')", action.label, show=False, priority=True, id=action.name)
        for action in ACTIONS
    ]
    OFFERED: ClassVar[Sequence[Action]] = EVERYWHERE  # by the palette
    FOOTER: ClassVar[Sequence[Action]] = ()
    ALWAYS_OPEN: ClassVar[Sequence[str]] = ()  # panes that are never folded

    def __init__(self, host: Host) -> None:
        ascii_only = host.options.ascii_only
        super().__init__(classes="ascii" if ascii_only else "")
        self.host = host
        self.header, self.night, self.summary, self.sentence_bar, self.status, self.footer = self._bars = [
            Bar(id=name, ascii_only=ascii_only)
            for name in ("header", "night", "summary", "sentence", "status", "footer")
        ]
        self._zoomed = False
        self._split = Split()
        self._prompt: Prompt | None = None
        self._ready = False  # data can come before there is anything to show them in

    def panes(self) -> list[Pane]:
        """The panes, in the order of `tab`."""
        raise NotImplementedError

    def all_panes(self) -> list[Pane]:
        """Also those for which there is no room now."""
        return self.panes()

    def selected_run(self) -> RunRow | None:
        """The run that the keys act on."""
        raise NotImplementedError

    def marked_runs(self) -> Sequence[RunRow]:
        """The runs that are marked: when there are any, the keys act on all of them."""
        return ()

    def fill(self) -> None:
        """Show the data that the host has now."""
        raise NotImplementedError

    def sentence(self) -> Piece:
        """What there is to say of the thing under the cursor."""
        raise NotImplementedError

    def stacked(self) -> bool:
        """Whether there is room for a few panes only."""
        return self.size.width < NARROW

    def compose(self) -> ComposeResult:
        yield self.header
        yield self.night
        yield self.summary
        with Container(id="panes"):
            yield from self.all_panes()
        yield self.sentence_bar
        yield self.status
        yield self.footer

    def on_mount(self) -> None:
        self._ready = True
        self.panes()[0].focus()
        self.lay_out()
        self.refill()

    def on_resize(self, event: events.Resize) -> None:
        self.lay_out()
        self.call_after_refresh(self.draw_bars)

    def on_screen_resume(self) -> None:
        self.refill()

    # ---- what is drawn

    def refill(self) -> None:
        """There are new data, or time has passed and ages have changed."""
        if self._ready:
            self.fill()
            self.draw_bars()

    def draw_bars(self) -> None:
        """The lines above and below the panes."""
        if not self._ready:
            return
        host, width = self.host, self.size.width
        self.header.show(header(host.data, host.options, host.now(), width))
        self.night.show(night_line(host.data, host.now(), width))
        self._say(self.sentence_bar, self.sentence())
        self._say(self.status, status_line(host.data, host.notice, host.now()))
        keys = footer(self.selected_run(), host.options.read_only, self.FOOTER, width)
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
        self.lay_out()
        self.draw_bars()

    def lay_out(self) -> None:
        """When stacked, leave open what is always open and the pane that is focused; zoomed, only that."""
        focused = self.focused_pane()
        self.mark_kind()
        folding = self.stacked() and self.size.height < TALL and not self._zoomed
        for pane in self.panes():
            pane.display = not self._zoomed or pane is focused
            pane.set_class(folding and pane is not focused and pane.id not in self.ALWAYS_OPEN, "folded")
        self.size_panes()

    def mark_kind(self) -> None:
        self.set_class(self.stacked(), "stacked")
        self.set_class(self._zoomed, "zoomed")
        self.status.styles.height = 2 if self.stacked() else 1

    def room(self) -> int:
        """The lines that the panes have together."""
        bars = (bar.styles.height for bar in self._bars if bar.display)
        return self.size.height - sum(int(height.value) for height in bars if height is not None)

    def need(self, pane: Pane) -> int:
        """The lines that a pane can fill."""
        return 1 if pane.has_class("folded") else pane.need

    def size_panes(self) -> None:
        """Give each pane its part of the room."""
        panes = [pane for pane in self.panes() if pane.display]
        if not panes:  # the screen is being closed
            return
        needs = [self.need(pane) for pane in panes]
        part = self._split.row if len(self._open_panes()) > 1 else None
        for pane, lines in zip(panes, heights(self.room(), needs, part), strict=True):
            pane.styles.height = lines

    # ---- a line that is typed

    def open_prompt(self, prompt: Prompt) -> None:
        self._prompt = prompt

    @property
    def typing(self) -> bool:
        """Whether characters are text now."""
        return self._prompt is not None

    def takes_key(self, event: events.Key) -> bool:
        """Whether the key belongs to the line that is typed: letters mean letters there, and no key anything else."""
        if self._prompt is None:
            return False
        if not self._prompt.press(event.key, event.character):
            self._prompt = None
        self.after_key()
        return True

    def on_paste(self, event: events.Paste) -> None:
        if self._prompt is not None:
            self._prompt.paste(event.text)
            self.after_key()
        else:
            self.host.say(came_at_once(event.text), "warn")

    def type_command(self) -> None:
        snapshot = self.host.data.snapshot
        runs = [row.run for row in snapshot.runs] if snapshot else []
        completed = partial(complete, runs=runs)
        self.open_prompt(Prompt(":", HINT, lambda words: None, done=self._command, completed=completed))

    def _command(self, line: str) -> None:
        command = parse_command(line)
        if isinstance(command, str):
            self.host.say(command, "warn")
        elif command is not None and command.action is not None:
            self.press(command.action)
        elif command is not None and command.run is not None:
            self.host.go_to(command.run)
        elif command is not None and command.filter is not None:
            filter_by(command.filter)(self.host, self.target())

    # ---- keys

    def action_do(self, name: str) -> None:
        self.press(BY_NAME[name])

    def press(self, action: Action) -> None:
        """Do what the key of this action does."""
        perform(action, self.host, self.target())
        self.after_key()

    def target(self) -> Target:
        return Target(self, self.selected_run(), self.marked_runs())

    def after_key(self) -> None:
        """A key may have changed what is to be shown."""
        self.draw_bars()

    def step_focus(self, step: int) -> None:
        panes = self.panes()
        pane = panes[(panes.index(self.focused_pane()) + step) % len(panes)]
        pane.display = True  # what is not displayed cannot be focused
        pane.focus()

    def toggle_zoom(self) -> None:
        self._zoomed = not self._zoomed
        self.lay_out()

    def resize_columns(self, *, grow: bool) -> None:
        if not self._alone():
            self.host.say("the panes stand on one another: + and - make this one higher or lower", "warn")

    def resize_rows(self, *, grow: bool) -> None:
        if not self._alone():
            panes = self._open_panes()
            now = 100 * panes[0].size.height // max(1, self.room())
            first = self.focused_pane() is panes[0]
            self._split = self._split.resized_rows(now, grow=grow, first=first)
            self.size_panes()

    def _open_panes(self) -> list[Pane]:
        return [pane for pane in self.panes() if pane.display and not pane.has_class("folded")]

    def _alone(self) -> bool:
        """Whether there is no other pane to take room from; that is said."""
        if len(self._open_panes()) > 1:
            return False
        self.host.say(FOLDED if sum(pane.display for pane in self.panes()) > 1 else ONE_PANE, "warn")
        return True

    def endpoint(self) -> EndpointRow | None:
        return None

    def copy_row(self) -> None:
        from screens.rows.copying import to_copy  # with all that a run's detail needs: not before the first paint

        offered = to_copy(self.focused_pane().cursor_item, self.host.data.detail, self.sentence()[0])
        if not offered:
            self.host.say("nothing to copy here", "warn")
        elif len(offered) == 1:
            self._copy(offered[0][1])
        else:
            self.host.choose("Copy what?", offered, self._copy)

    def _copy(self, words: str) -> None:
        self.app.copy_to_clipboard(words)
        self.host.say(f"copied: {words} (if your terminal allows; else select it here)")
