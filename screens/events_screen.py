"""The event log: everything that happened, newest last. It follows the end until the operator goes up."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import ClassVar

from console.ledger.events import Event
from console.reading.eventlog import PAGE, Log
from console.reading.snapshot import RunRow
from flowspec import text
from screens.base import ConsoleScreen
from screens.host import Host
from screens.keys.action import Action
from screens.keys.actions import COPY, DETAIL, EVENTS, FILTER, HELP, OF_RUN, PROBLEMS, QUIT
from screens.reader import LogQuery
from screens.rows import events
from screens.widgets.pane import Pane
from screens.widgets.piece import Piece
from screens.widgets.table import accepts, parse_filter


class EventsScreen(ConsoleScreen):
    """Only so much of the log is read as is wanted: going to the first row reads older events."""

    FOOTER: ClassVar[Sequence[Action]] = (DETAIL, FILTER, PROBLEMS, EVENTS, COPY, HELP, QUIT)

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self.log_pane = Pane(
            events.COLUMNS,
            attrgetter("event"),
            events.pieces,
            id="log",
            ascii_only=host.options.ascii_only,
            problem=events.is_problem,
        )
        self._rows = PAGE
        self._follows = True

    def panes(self) -> list[Pane]:
        return [self.log_pane]

    def stacked(self) -> bool:
        return False

    def selected_run(self) -> RunRow | None:
        snapshot, event = self.host.data.snapshot, self.log_pane.cursor_item
        return snapshot.run(event.run) if snapshot and event else None

    def on_mount(self) -> None:
        super().on_mount()
        self._read()

    def on_unmount(self) -> None:
        self.host.reader.read_log(None)

    def _read(self) -> None:
        """Ask for what the operator wants to see: what is filtered away need not be kept."""
        view, fields = self.log_pane.table.view, self.log_pane.table.fields
        terms = parse_filter(view.filter, fields)

        def wanted(event: Event) -> bool:
            return (not view.only_problems or events.is_problem(event)) and accepts(terms, event, fields)

        self.host.reader.read_log(LogQuery((view.filter, view.only_problems), self._rows, wanted))

    # ---- what is shown

    def fill(self) -> None:
        log = self.host.data.log
        self.log_pane.show(log.events if log else (), title=f"Events{_how_much(log)}", empty=self._empty(log))
        if self._follows and self.log_pane.table.rows:
            self.log_pane.move_cursor_to(self.log_pane.table.rows[-1].event)

    def _empty(self, log: Log | None) -> str:
        if self.host.data.problem:
            return "cannot be read: see below"
        return "nothing happened yet" if log and log.whole else "reading the ledger"

    def sentence(self) -> Piece:
        event = self.log_pane.cursor_item
        return events.sentence(event) if event is not None else ("", "plain")

    # ---- keys

    def press(self, action: Action) -> None:
        if action in OF_RUN:  # what is under the cursor may change at any moment
            self.host.say("enter opens the run of this event: act there", "warn")
        else:
            super().press(action)

    def after_key(self) -> None:
        self._read()
        self.draw_bars()

    def on_pane_cursor_moved(self, event: Pane.CursorMoved) -> None:
        rows, key = self.log_pane.table.rows, self.log_pane.cursor_key
        self._follows = bool(rows) and key == rows[-1].event
        log = self.host.data.log
        if rows and key == rows[0].event and log is not None and log.enough and not log.whole:
            self._rows = len(rows) + PAGE
            self._read()
        self.draw_bars()


def _how_much(log: Log | None) -> str:
    if log is None or log.back_to is None:
        return ""
    if log.whole:
        return ", all of them"
    older = "home reads older ones" if log.enough else "older ones are being read"
    return f" since {text.moment(log.back_to)[5:16]}, {older}"
