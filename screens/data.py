"""What the screens show: what was last read from the ledger, and what is wrong with reading it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from console.reading.eventlog import Log
from console.reading.snapshot import Snapshot

if TYPE_CHECKING:  # what is known of one run is read, and its modules imported, after the first paint
    from console.reading.detail import RunDetail
    from console.reading.report import Report


@dataclass(frozen=True)
class ScreenData:
    """Nothing until the ledger could be read once; `problem` says why it cannot be read now."""

    snapshot: Snapshot | None = None
    detail: RunDetail | None = None  # of the selected run
    log: Log | None = None  # while the event log is shown
    report: Report | None = None  # while the report of the shift is shown
    problem: str = ""
    process_problem: str = ""  # of the driver or sandbox that this console started
    sandbox_ended: bool = False
    driver_starts: bool = False  # this console is starting one
