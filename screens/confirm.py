"""Asking before something is done that is hard to undo: the way back is what `enter` does unless another is chosen."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from console import text
from screens.keys import Question


class Confirm(ModalScreen[bool]):
    """True only when the operator goes to the answer that does it, and presses enter."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,up,shift+tab,h,k", "app.focus_previous", show=False),
        Binding("right,down,tab,l,j", "app.focus_next", show=False),
        Binding("escape,n,q", "dismiss(False)", show=False),
    ]

    def __init__(self, question: Question, ascii_only: bool) -> None:
        super().__init__(classes="ascii" if ascii_only else "")
        self._question = question
        self._shown = text.plain_ascii if ascii_only else str

    def compose(self) -> ComposeResult:
        question = self._question
        with Vertical(id="box"):
            yield self._line(question.title, "title")
            for sentence in question.consequence:
                yield self._line(sentence)
            with Horizontal(id="answers"):
                yield Button(f"[{question.no}]".replace("[", "\\["), id="no")
                yield Button(f"[{question.yes}]".replace("[", "\\["), id="yes")

    def _line(self, words: str, id: str | None = None) -> Static:
        return Static(self._shown(text.clean(words)), markup=False, id=id)

    def on_mount(self) -> None:
        self.query_one("#no", Button).focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes")
