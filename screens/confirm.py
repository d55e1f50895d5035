"""Asking before something is done that is hard to undo: the way back is what `enter` does unless another is chosen."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from flowspec import text
from screens.question import Question
from screens.widgets.prompt import Prompt
from screens.widgets.typed import Typed


class Confirm(Typed, ModalScreen[int]):
    """The place among `Question.answers` of the one that the operator goes to, or whose word is typed, and then enter.

    -1 is no.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,up,shift+tab,h,k", "app.focus_previous", show=False),
        Binding("right,down,tab,l,j", "app.focus_next", show=False),
        Binding("escape,n,q", "answer(-1)", show=False),
    ]

    def __init__(self, question: Question, ascii_only: bool) -> None:
        super().__init__(classes="ascii" if ascii_only else "")
        self._question = question
        self._shown = text.plain_ascii if ascii_only else str
        self._typed = Prompt("> ", "", self._show_typed) if question.word else None

    def compose(self) -> ComposeResult:
        question = self._question
        with Vertical(id="box"):
            yield self._line(question.title, "title")
            for sentence in question.consequence:
                yield self._line(sentence)
            if self._typed is not None:
                yield self._line(f"To do it, type {question.word} and press enter:", "how")
                yield self._line("> _", "typed")
            with Horizontal(id="answers"):
                yield Button(f"[{question.no}]".replace("[", "\\["), id="no")
                for place, words in enumerate(question.answers if self._typed is None else ()):
                    yield Button(f"[{words}]".replace("[", "\\["), id=f"answer-{place}")

    def _line(self, words: str, id: str | None = None) -> Static:
        return Static(self._shown(text.clean(words)), markup=False, id=id)

    def on_mount(self) -> None:
        self.query_one("#no", Button).focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.action_answer([button.id for button in self.query(Button)].index(event.button.id) - 1)

    def action_answer(self, place: int) -> None:
        """Only the first answer counts: of keys that come at once, others may lead to a second one."""
        if self.is_active:
            self.dismiss(place)

    # ---- a word that is typed

    @property
    def typing(self) -> bool:
        return self._typed is not None

    def on_paste(self, event: events.Paste) -> None:
        if self._typed is not None:
            self._typed.paste(event.text)

    def takes_key(self, event: events.Key) -> bool:
        """Whether the key belongs to the word: then every key does. `enter` on another word does nothing."""
        if self._typed is None:
            return False
        words = self._typed.words.strip().lower()
        if event.key in ("escape", "ctrl+c") or (event.key == "enter" and not words):
            self.action_answer(-1)
        elif event.key != "enter":
            self._typed.press(event.key, event.character)
        elif words == self._question.word:
            self.action_answer(0)
        return True

    def _show_typed(self, words: str) -> None:
        for line in self.query("#typed").results(Static):  # none yet, when the keys come faster than the question
            line.update(self._shown(text.clean(f"> {words}_", 60)))
