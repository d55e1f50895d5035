"""A line that is typed at the bottom of the screen. Pure: keys in, words out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flowspec import text
from screens.widgets.piece import Piece

LONGEST = 200


@dataclass
class Prompt:
    """`sign` stands before the words, `hint` after them; `changed` gets all words at each key."""

    sign: str
    hint: str
    changed: Callable[[str], None]
    words: str = ""
    before: str = ""  # what `escape` goes back to
    done: Callable[[str], None] = lambda words: None  # gets the words when `enter` ends the line
    # What `tab` makes of the words, and what else they may become.
    completed: Callable[[str], tuple[str, str]] = lambda words: (words, "")

    def press(self, key: str, character: str | None) -> bool:
        """Take a key; False when the line is finished: kept by `enter`, taken back by `escape`."""
        if key in ("enter", "escape", "ctrl+c"):
            if key == "enter":
                self.done(self.words)
            else:
                self.put(self.before)
            return False
        if key == "backspace" and not self.words:
            self.put("")
            return False
        words = self.words
        if key == "tab":
            words, others = self.completed(words)
            self.hint = others or self.hint
        elif key == "backspace":
            words = words[:-1]
        elif key == "ctrl+u":
            words = ""
        elif key == "ctrl+w":
            words = words.rstrip().rpartition(" ")[0]
        elif character is not None and character.isprintable():
            words += character
        if words != self.words:
            self.put(words)
        return True

    def paste(self, pasted: str) -> None:
        self.put(self.words + text.clean(pasted))

    def put(self, words: str) -> None:
        self.words = words[:LONGEST]
        self.changed(self.words)

    def line(self) -> list[Piece]:
        return [(f" {self.sign}{text.clean(self.words)}", "title"), ("_", "focus"), (f"  {self.hint}", "dim")]
