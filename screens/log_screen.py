"""The log of a job, to be read and searched: all of it that was brought from the site, as far as there is room."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from textual.message import Message

from console.actions.report_files import Log, read_log
from console.ledger.errors import cause_of
from console.ledger.job_reports import PENDING, RequestedReport
from console.reading.snapshot import RunRow
from flowspec import text
from flowspec.stages import Place
from screens.host import Host
from screens.keys.action import Action
from screens.keys.actions import CANCEL, FETCH, FILTER, HELP, QUIT, RETRY
from screens.requests import Request
from screens.viewer import Item, Viewer
from screens.widgets.piece import Piece
from screens.widgets.table import Column

COLUMNS = (Column("LOG", 0),)


class LogRead(Message):
    """What stands in the log, or why it cannot be read."""

    def __init__(self, log: Log | None, problem: str = "") -> None:
        super().__init__()
        self.log, self.problem = log, problem


class LogScreen(Viewer):
    """Follows the end while the cursor is there: `f` fetches the log again, and what has come is shown."""

    FOOTER: ClassVar[Sequence[Action]] = (RETRY, CANCEL, FETCH, FILTER, HELP, QUIT)

    def __init__(self, host: Host, run: int, place: Place) -> None:
        super().__init__(host, COLUMNS, "joblog")
        self.run, self._place = run, place
        self._asked: float | None = None  # when what is being read was fetched
        self._reading: threading.Thread | None = None
        self._items: list[Item] = []
        self._read_once = False
        self._title = self._problem = ""

    def selected_run(self) -> RunRow | None:
        snapshot = self.host.data.snapshot
        return snapshot.run(self.run) if snapshot else None

    # ---- what is shown

    def fill(self) -> None:
        if self.is_current:
            self.host.reader.select(self.run)
        report = self._report()
        if report is not None and report.report is not None and report.report.log:
            self._read(Path(report.report.log), report.fetched_at)
        self.show_lines(self._items, f"Log of {self._whose()}{self._title}{_state(report)}", self._empty())

    def _report(self) -> RequestedReport | None:
        """The newest one of this job."""
        detail = self.host.data.detail
        reports = detail.reports if detail is not None and detail.run.run == self.run else ()
        return next((report for report in reports if (report.stage, report.segment) == self._place), None)

    def _whose(self) -> str:
        stage, segment = self._place
        return f"run {self.run} {stage.value}{'' if segment is None else f' {segment:02d}'}"

    def _empty(self) -> Piece:
        if self._problem:
            return self._problem, "bad"
        return ("the log is empty" if self._read_once else "reading", "dim")

    def _read(self, path: Path, fetched: float | None) -> None:
        """Once for each fetch, on a thread of its own: a disk that does not answer keeps no key waiting."""
        if fetched == self._asked or (self._reading is not None and self._reading.is_alive()):
            return
        self._asked = fetched

        def read() -> None:
            try:
                message = LogRead(read_log(path))
            except Exception as error:  # whatever it is: it is shown
                message = LogRead(None, f"cannot be read: {cause_of(error)}")
            self.post_message(message)

        self._reading = threading.Thread(target=read, name="job log", daemon=True)
        self._reading.start()

    def on_log_read(self, message: LogRead) -> None:
        self._reading = None
        follows = self.lines.cursor_key in (None, self._items[-1][0] if self._items else None)
        self._problem = message.problem
        if message.log is not None:
            self._read_once = True
            self._items = [(number, ((line, "plain"),)) for number, line in enumerate(message.log.lines, start=1)]
            self._title = f": {len(self._items)} lines"
            if message.log.left_out:
                self._items.insert(0, (0, ((_left_out(message.log), "warn"),)))
        self.refill()
        if follows and self._items:
            self.lines.move_cursor_to(self._items[-1][0])

    # ---- keys

    def press(self, action: Action) -> None:
        if action is FETCH and not self.host.options.read_only:
            stage, segment = self._place
            request = Request("report", self.run, {"stage": stage.value, "segment": segment})
            self.host.ask(request, f"fetch the log of {self._whose()}")
            self.after_key()
        else:
            super().press(action)


def _left_out(log: Log) -> str:
    return f"the first {text.size(log.left_out)} of this log are not shown here"


def _state(report: RequestedReport | None) -> str:
    """How old it is, or that a newer one is on its way."""
    if report is None or report.fetched_at is None:
        return ""
    if report.state in PENDING:
        return ", a newer one is being fetched"
    runs = report.report is not None and report.report.rc is None and report.report.running_at is not None
    return f", as of {text.clock(report.fetched_at)}{': f fetches more' if runs else ''}"
