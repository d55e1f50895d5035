"""The event log: everything that happened, newest last. It follows the end until the operator goes up."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import ClassVar

from textual import events

from console.ledger.events import Event
from console.reading.eventlog import PAGE, Log
from console.reading.snapshot import RunRow
from flowspec import text
from screens.base import ConsoleScreen
from screens.keys.actions import ACTIONS, OF_RUN
from screens.reader import LogWish
from screens.rows import styles
from screens.rows.styles import Piece
from screens.widgets.pane import Column, Pane
from screens.widgets.table import accepts, parse

WORDS = {"info": "", "good": "good", "warning": "warn", "bad": "BAD"}
COLUMNS = (
    Column("TIME", 14, value=lambda event: text.moment(event.at)),
    Column("WHO", 12, value=attrgetter("actor")),
    Column("RUN", 5, True, value=attrgetter("run")),
    Column("LEVEL", 5, value=attrgetter("level")),
    Column("WHAT", 0, value=attrgetter("text")),
)


class EventsScreen(ConsoleScreen):
    """Only so much of the log is read as is wanted: going to the first row reads older events."""

    FOOTER: ClassVar[Sequence[str]] = ("detail", "filter", "problems", "events", "copy", "help", "quit")

    def __init__(self, ascii_only: bool) -> None:
        super().__init__(ascii_only)
        self.log_pane = Pane(
            COLUMNS, attrgetter("event"), _drawn, id="log", ascii_only=ascii_only, problem=_is_problem
        )  # fmt: skip
        self._rows = PAGE
        self._follows = True

    def panes(self) -> list[Pane]:
        return [self.log_pane]

    def stacked(self) -> bool:
        return False

    def chosen_run(self) -> RunRow | None:
        seen, event = self.app.look.snapshot, self.log_pane.cursor_item
        return seen.run(event.run) if seen and event else None

    def on_mount(self) -> None:
        super().on_mount()
        self._read()

    def on_unmount(self) -> None:
        self.app.reader.read_log(None)

    def _read(self) -> None:
        """Ask for what the operator wants to see: what is filtered away need not be kept."""
        view, fields = self.log_pane.table.view, self.log_pane.table.fields
        terms = parse(view.filter, fields)

        def wanted(event: Event) -> bool:
            return (not view.only_problems or _is_problem(event)) and accepts(terms, event, fields)

        self.app.reader.read_log(LogWish((view.filter, view.only_problems), self._rows, wanted))

    # ---- what is shown

    def fill(self) -> None:
        log = self.app.look.log
        self.log_pane.show(log.events if log else (), title=f"Events{_how_much(log)}", empty=self._nothing(log))
        if self._follows and self.log_pane.table.rows:
            self.log_pane.point_at(self.log_pane.table.rows[-1].event)

    def _nothing(self, log: Log | None) -> str:
        if self.app.look.problem:
            return "cannot be read: see below"
        return "nothing happened yet" if log and log.whole else "reading the ledger"

    def sentence(self) -> Piece:
        event = self.log_pane.cursor_item
        if event is None:
            return "", "plain"
        of = f" run {event.run}" if event.run is not None else ""
        return f"{text.moment(event.at)}{of} {event.actor}: {event.text}", _style(event)

    # ---- keys

    def takes(self, event: events.Key) -> bool:
        typed = super().takes(event)
        if typed:
            self._read()
        return typed

    def action_do(self, name: str) -> None:
        action = next(action for action in ACTIONS if action.name == name)
        if action in OF_RUN:  # what is under the cursor may change at any moment
            self.app.say("enter opens the run of this event: act there", "warn")
            return
        super().action_do(name)
        self._read()

    def on_pane_moved(self, event: Pane.Moved) -> None:
        rows, key = self.log_pane.table.rows, self.log_pane.cursor_key
        self._follows = bool(rows) and key == rows[-1].event
        log = self.app.look.log
        if rows and key == rows[0].event and log is not None and log.enough and not log.whole:
            self._rows = len(rows) + PAGE
            self._read()
        self.bars()


def _is_problem(event: Event) -> bool:
    return event.level in ("bad", "warning")


def _style(event: Event) -> str:
    return styles.LEVEL_STYLES.get(event.level, "plain")


def _drawn(event: Event) -> Sequence[Piece]:
    style = _style(event)
    return (
        (text.moment(event.at)[5:], "plain"),
        (event.actor, "plain"),
        ("" if event.run is None else str(event.run), "plain"),
        (WORDS.get(event.level, event.level), style),
        (event.text, style),
    )


def _how_much(log: Log | None) -> str:
    if log is None or log.back_to is None:
        return ""
    if log.whole:
        return ", all of them"
    older = "home reads older ones" if log.enough else "older ones are being read"
    return f" since {text.moment(log.back_to)[5:16]}, {older}"
