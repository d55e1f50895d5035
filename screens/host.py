"""What the screens and the keys need of the application. They know only this of it, so that imports point one way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from flowspec.stages import Place
from screens.data import ScreenData
from screens.options import ScreenOptions
from screens.question import Question
from screens.reader import Reader
from screens.requests import Request
from screens.widgets.piece import Piece


class Host(Protocol):
    """The application that the screens stand in."""

    options: ScreenOptions
    data: ScreenData
    notice: Piece | None  # the last message to the operator
    reader: Reader

    def now(self) -> float: ...

    def say(self, words: str, style: str = "plain") -> None:
        """Show the operator a message in the status line."""

    def ask(self, request: Request, words: str = "") -> None:
        """Write a request for the driver into the ledger; `words` describe it to the operator."""

    def last_undone_by(self) -> Request | None:
        """What undoes the last request of this console that can be undone, which is then no longer the last."""

    @property
    def person(self) -> str:
        """The name that the operator has given, '' when nobody has asked yet: an account is often shared."""

    def introduce(self, name: str) -> None:
        """From now on this console acts for somebody of this name."""

    def confirm(self, question: Question, *confirmed: Callable[[], None]) -> None:
        """Ask the operator first; `confirmed` has for each of the question's answers what is called then."""

    def choose(self, title: str, offered: Sequence[tuple[str, str]], chosen: Callable[[str], None]) -> None:
        """Offer words by their names; `chosen` gets those that the operator has taken."""

    def go_to(self, run: int) -> None:
        """Show the main screen with the cursor on this run."""

    def open_detail(self, run: int) -> None: ...

    def open_events(self) -> None: ...

    def open_report(self) -> None: ...

    def open_preview(self, run: int) -> None: ...

    def open_checks(self, check: str) -> None:
        """Show what the doctor or the preflight finds, or have it look; what sends work asks first."""

    def open_help(self) -> None: ...

    def open_log(self, run: int, place: Place) -> None:
        """Show the log of a job that was fetched."""

    def open_login(self, profile: Path) -> None: ...

    def open_palette(self) -> None: ...

    def back(self) -> None:
        """Close the screen in front; on the main screen, clear the message."""

    def repaint(self) -> None:
        """Send the whole screen to the terminal again."""

    def action_suspend_process(self) -> None: ...

    def exit(self, code: int, /) -> None: ...
