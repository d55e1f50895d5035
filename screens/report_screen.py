"""The report of the shift: read when the screen is opened, and again with its key."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import ClassVar

from console.reading.page import as_text
from console.reading.report import SHIFT_SECONDS
from console.reading.report_page import page
from flowspec import text
from screens.base import ConsoleScreen
from screens.host import Host
from screens.keys.action import Action
from screens.keys.actions import FILTER, HELP, QUIT, REPORT
from screens.rows.status import unread
from screens.widgets.pane import Pane
from screens.widgets.piece import Piece
from screens.widgets.table import Column

LINES = (Column("", 0, value=lambda line: line[1]),)


class ReportScreen(ConsoleScreen):
    """Lines of text, to be scrolled."""

    FOOTER: ClassVar[Sequence[Action]] = (REPORT, FILTER, HELP, QUIT)

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self.lines = Pane(LINES, itemgetter(0), _drawn, id="report", ascii_only=host.options.ascii_only)
        self.read()

    def read(self) -> None:
        """Read it as of now."""
        self.host.reader.read_report(self.host.now() - SHIFT_SECONDS)

    def panes(self) -> list[Pane]:
        return [self.lines]

    def stacked(self) -> bool:
        return False

    def selected_run(self) -> None:
        return None

    def on_unmount(self) -> None:
        self.host.reader.read_report(None)

    def fill(self) -> None:
        report = self.host.data.report
        if report is None:
            self.lines.show([], title="Shift report", empty=unread(self.host.data)[0])
            return
        lines = as_text(page(report), max(20, self.size.width - 4))[2:]
        title = f"Shift report since {text.moment(report.since)[5:16]} (R reads it again)"
        self.lines.show(list(enumerate(lines)), title=title)

    def sentence(self) -> Piece:
        item = self.lines.cursor_item
        return item[1].strip() if item else "", "plain"


def _drawn(line: tuple[int, str]) -> Sequence[Piece]:
    words = line[1]
    return ((words, "title" if words and words == words.upper() and not words.startswith(" ") else "plain"),)
