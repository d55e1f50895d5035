"""A few things of which one is chosen: by its number, or with the cursor and enter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from flowspec import text

WIDTH = 68  # cells of a line in the box


class Choice(ModalScreen[str | None]):
    """What was chosen, or None. `offered` are names and words; the first is the one under the cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k,shift+tab", "step(-1)", show=False),
        Binding("down,j,tab", "step(1)", show=False),
        Binding("enter,y", "take", show=False),
        Binding("escape,q,n", "go_back", show=False),
    ]

    def __init__(self, title: str, offered: Sequence[tuple[str, str]], ascii_only: bool) -> None:
        super().__init__(classes="ascii" if ascii_only else "")
        self._title, self._offered, self._place = title, offered, 0
        self._shown = text.plain_ascii if ascii_only else str

    def compose(self) -> ComposeResult:
        with Vertical(id="box"):
            yield Static(self._shown(self._title), markup=False, id="title")
            for place in range(len(self._offered)):
                yield Static(self._line(place), markup=False, id=f"offer-{place}")
            yield Static("enter or the number takes it, esc goes back", markup=False, id="how")

    def _line(self, place: int) -> str:
        name, words = self._offered[place]
        mark = ">" if place == self._place else " "
        return self._shown(text.clean(f"{mark} {place + 1} {name:9}{words}", WIDTH))

    def action_step(self, step: int) -> None:
        before, self._place = self._place, (self._place + step) % len(self._offered)
        for place in (before, self._place):
            self.query_one(f"#offer-{place}", Static).update(self._line(place))

    def action_take(self) -> None:
        self._answer(self._offered[self._place][1])

    def action_go_back(self) -> None:
        self._answer(None)

    def on_key(self, event: events.Key) -> None:
        number = int(event.key) if event.key.isdecimal() else 0
        if 1 <= number <= len(self._offered):
            event.stop()
            self._answer(self._offered[number - 1][1])

    def _answer(self, words: str | None) -> None:
        """Only the first counts, of keys that come at once."""
        if self.is_active:
            self.dismiss(words)
