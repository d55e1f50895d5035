"""What a key is: one object from which its bindings, footer, help, palette entry and `:` command all come."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from console.ledger.endpoints import EndpointRow
from console.reading.snapshot import RunRow
from screens.question import Question
from screens.widgets.prompt import Prompt

if TYPE_CHECKING:  # the table of keys is read before Textual is
    from screens.host import Host
    from screens.widgets.pane import Pane

READ_ONLY = "--read-only: this console only looks"


class Panes(Protocol):
    """What the keys need of the screen on which they are pressed."""

    def focused_pane(self) -> Pane: ...

    def step_focus(self, step: int) -> None: ...

    def toggle_zoom(self) -> None: ...

    def resize_columns(self, *, grow: bool) -> None: ...

    def resize_rows(self, *, grow: bool) -> None: ...

    def open_prompt(self, prompt: Prompt) -> None: ...

    def type_command(self) -> None: ...

    def copy_row(self) -> None: ...

    def endpoint(self) -> EndpointRow | None:
        """The compute endpoint that is meant; None where none is shown."""


class Sections(Protocol):
    """What the keys need of the detail of a run."""

    def show_section(self, place: int) -> None: ...

    def toggle_witnesses(self) -> None: ...

    def toggle_merging(self) -> None: ...

    def fetch_report(self) -> None: ...

    def accept_segment(self) -> None: ...

    def waive_segment(self) -> None: ...

    def marked_segments(self) -> tuple[int, ...]: ...


@dataclass(frozen=True)
class Target:
    """What a key acts on: the screen on which it was pressed, and the run and the marked runs at that moment."""

    panes: Panes
    run: RunRow | None
    marked: Sequence[RunRow] = ()
    sections: Sections | None = None  # where that screen is the detail of a run


Handler = Callable[["Host", Target], None]


@dataclass(frozen=True)
class Action:
    """A key: `label` is for the footer ('' keeps it out), `help` for the help screen, `run` does it.

    `why_not` gives the reason why it cannot be done to a run now, `question` what must be asked before.
    """

    name: str
    keys: str  # as Textual names them, separated by commas
    shown: str  # how the footer and the help screen write them
    label: str
    help: str
    run: Handler
    changes: bool = False  # anything but what this console shows: not with --read-only
    why_not: Callable[[RunRow | None], str | None] = lambda run: None
    question: Callable[[RunRow], Question | None] = lambda run: None


def why_not(action: Action, run: RunRow | None, read_only: bool) -> str | None:
    """Why the key cannot be used now; None when it can."""
    if action.changes and read_only:
        return READ_ONLY
    return action.why_not(run)
