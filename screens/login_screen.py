"""A login to Globus: the address for a browser, whole, and a line for the code that is shown there.

What is said and done is `console.cli.logging_in.log_in`, on a thread that this screen answers.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.app import ComposeResult
from textual.message import Message
from textual.screen import ModalScreen
from textual.strip import Strip

from console.ledger.errors import cause_of
from flowspec import text
from screens.widgets.lines import Bar, Lines
from screens.widgets.piece import Piece
from screens.widgets.prompt import Prompt
from screens.widgets.typed import Typed

if TYPE_CHECKING:
    from remote.globus.errors import RemoteError

LIMIT_SECONDS = 60.0  # of an exchange; the calls have limits of their own, and are repeated
MOST_LINES = 6  # of what is said above and below the address
SCROLLED = "(up and down: all of it)"
OPEN = "Open this address in a browser, on any machine; it shows a code:"
HINT = "enter logs in, y copies the address, esc goes back"
ANOTHER_CODE = "a code serves once, and for some minutes: open the address again for another"
UNCHANGED = "nobody has logged in: L tries again"
SCROLLS = {"up": -1, "down": 1, "pageup": -10, "pagedown": 10}


class Said(Message):
    """What the thread has to say: `then` shows it."""

    def __init__(self, then: Callable[[], None]) -> None:
        super().__init__()
        self.then = then


class Address(Lines):
    """From edge to edge, so that what is selected with the mouse is the address and nothing else."""

    def __init__(self, *, id: str, ascii_only: bool) -> None:
        super().__init__(id=id, ascii_only=ascii_only)
        self.words, self._top = "", 0
        self._link = Style()

    def show(self, address: str) -> None:
        self.words, self._link = text.clean(address), Style(link=text.clean(address))
        self.draw_changes()

    def lines_of(self, width: int) -> int:
        return -(-len(self.words) // max(1, width))

    def scroll(self, lines: int) -> None:
        self._top = min(max(0, self._top + lines), max(0, self.lines_of(self.size.width) - self.size.height))
        self.draw_changes()

    def line(self, y: int, width: int) -> Sequence[Piece]:
        begin = (self._top + y) * width
        return [(self.words[begin : begin + width], "plain")]

    def render_line(self, y: int) -> Strip:
        strip = super().render_line(y)
        if not self.words:
            return strip
        return Strip([Segment(words, (style or Style()) + self._link) for words, style, _ in strip])


class LoginScreen(Typed, ModalScreen[Piece]):
    """What there is to say when it is left."""

    def __init__(self, profile: Path, ascii_only: bool) -> None:
        super().__init__()
        self._profile = profile
        self._head, self._message, self._field = [
            Bar(id=name, ascii_only=ascii_only) for name in ("login-head", "login-message", "login-field")
        ]
        self._address = Address(id="login-address", ascii_only=ascii_only)
        self._why, self._said = "", "making the address"
        self._prompt: Prompt | None = None  # while a code is wanted
        self._left: Piece = (UNCHANGED, "warn")  # what escape says
        self._asks = False  # whether to be somebody else
        self._waits = 0  # how often the thread was given something to do
        self._answers: queue.SimpleQueue[str | bool | None] = queue.SimpleQueue()  # None: the operator has left

    def compose(self) -> ComposeResult:
        yield self._head
        yield self._address
        yield self._message
        yield self._field

    def on_mount(self) -> None:
        self._show()
        threading.Thread(target=self._log_in, name="login", daemon=True).start()

    def on_unmount(self) -> None:
        self._answers.put(None)

    # ---- the thread, which is a console.cli.logging_in.Desk

    def _log_in(self) -> None:
        from console.cli.asking import BadUse, Failure
        from console.cli.logging_in import log_in
        from console.settings.errors import SettingsError
        from console.settings.profiles import load
        from remote.globus.credentials import hidden

        try:
            words = f"logged in as {log_in(load(self._profile), self).who.name}: what waited for it goes on"
            end = (words, "good")
        except (BadUse, Failure, SettingsError) as error:
            end = (hidden(str(error)), "warn")
        except Exception as error:  # whatever it is: it is shown
            end = (hidden(cause_of(error)), "bad")
        self._from_thread(lambda: self._leave(end))

    def _from_thread(self, then: Callable[[], None]) -> None:
        self.post_message(Said(then))

    def _answer(self) -> str | bool | None:
        if (answer := self._answers.get()) is None:
            self._answers.put(None)  # for whatever is asked next
        return answer

    def tell(self, words: str) -> None:
        self._from_thread(lambda: self._say(words))

    def show(self, why: str, address: str) -> None:
        def shown() -> None:
            self._why = f"{why}: this login does that. " if why else ""
            self._address.show(address)
            self._say("")

        self._from_thread(shown)

    def code(self) -> str:
        self._from_thread(lambda: self._want_code())
        return str(self._answer() or "")

    def again(self, refused: RemoteError) -> bool:
        words = f"{refused.cause}; {ANOTHER_CODE if refused.login else 'try it again'}"
        self._from_thread(lambda: self._say(words))
        return True

    def agrees(self, words: str) -> bool:
        self._from_thread(lambda: self._ask(words))
        return self._answer() is True

    # ---- what it shows

    def on_said(self, message: Said) -> None:
        message.then()

    def _say(self, words: str) -> None:
        self._said = words
        self._show()

    def _want_code(self) -> None:
        self._waits += 1
        self._prompt = Prompt("The code: ", HINT, lambda words: None, done=self._give)
        self._show()

    def _ask(self, words: str) -> None:
        self._waits += 1
        if words:
            self._asks = True
            self._say(words)
        else:
            self._keep(True)

    def _keep(self, keep: bool) -> None:
        if keep:
            self._left = ("the login is being stored", "plain")
        self._answers.put(keep)
        self._say("")

    def _give(self, code: str) -> None:
        self._waits += 1
        waits = self._waits
        self._answers.put("".join(code.split()))
        self._say("asking Globus who that is; esc goes back")
        self.set_timer(LIMIT_SECONDS, lambda: self._too_long(waits))

    def _too_long(self, waits: int) -> None:
        if waits == self._waits:
            self._leave((f"Globus has not answered in {LIMIT_SECONDS:.0f} s: {UNCHANGED}", "bad"))

    def _leave(self, end: Piece) -> None:
        if self.is_active:
            self.dismiss(end)

    def on_resize(self, event: events.Resize) -> None:
        self._show()

    def _show(self) -> None:
        if not self.size.width:
            return
        head = f"{self._why}{OPEN}" if self._address.words else "Log in to Globus"
        rows = self._bar(self._message, self._said, "warn") + self._bar(self._head, head, "title") + 1
        if self._address.lines_of(self.size.width) > self.size.height - rows:
            self._bar(self._head, f"{head} {SCROLLED}", "title")
        if self._asks:
            self._field.show([(" Be this identity from now on? [y/N] ", "title"), ("_", "focus")])
        else:
            self._field.show(self._prompt.line() if self._prompt else [(" esc goes back", "dim")])

    def _bar(self, bar: Bar, words: str, style: str) -> int:
        """How many lines it takes."""
        lines = [line for line in text.wrap(words, max(1, self.size.width - 2), MOST_LINES) if line]
        bar.styles.height = len(lines)
        bar.show(*([(f" {line} ", style)] for line in lines))
        return len(lines)

    # ---- keys

    @property
    def typing(self) -> bool:
        return self._prompt is not None

    def takes_key(self, event: events.Key) -> bool:
        """All of them."""
        if event.key in ("escape", "ctrl+c"):
            self._leave(self._left)
        elif self._asks:
            self._asks = False
            self._keep(event.key == "y")
        elif event.key in SCROLLS:
            self._address.scroll(SCROLLS[event.key])
        elif event.key == "y" and self._prompt is not None and not self._prompt.words:
            self.app.copy_to_clipboard(self._address.words)
            self._say("copied, if your terminal allows; else select the address here")
        elif self._prompt is not None:
            self._type(self._prompt, event)
        return True

    def _type(self, prompt: Prompt, event: events.Key) -> None:
        if event.key == "enter" and not prompt.words.strip():
            self._say("no code was given")
        elif prompt.press(event.key, event.character):
            self._say("")
        else:
            self._prompt = None
            self._show()

    def takes_text(self, keys: Sequence[events.Key]) -> None:
        self._paste("".join(key.character or "" for key in keys))

    def on_paste(self, event: events.Paste) -> None:
        self._paste(event.text)

    def _paste(self, words: str) -> None:
        if self._prompt is not None:
            self._prompt.paste(words)
            self._say("")
