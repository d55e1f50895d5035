"""What `y` copies: the path or id of the row under the cursor. Pure."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from console.ledger.endpoints import EndpointRow
from console.ledger.events import Event
from console.reading.detail import RunDetail, SegmentRow
from console.reading.snapshot import FlowRow, RunRow
from flowspec import text
from flowspec.names import segment_file
from screens.rows.sections import Row

LONGEST = 1000  # terminals refuse long ones; no path of ours comes near


def to_copy(item: Any, detail: RunDetail | None) -> str | None:
    """The run directory, segment file, flow run id, endpoint id or sentence; None when there is nothing to copy.

    `detail` is that of the selected run. What comes back is one harmless line.
    """
    found = _found(item, detail)
    return text.clean(found, LONGEST) if found else None


def _found(item: Any, detail: RunDetail | None) -> str | None:
    if isinstance(item, RunRow):
        return detail.run.path if detail is not None and detail.run.run == item.run else None
    if isinstance(item, FlowRow):
        return item.flow_run
    if isinstance(item, EndpointRow):
        return item.endpoint
    if isinstance(item, Event):
        return item.text
    if isinstance(item, (SegmentRow, Row)) and item.segment is not None and detail is not None:
        return str(PurePosixPath(detail.run.path) / segment_file(detail.run.run, item.segment))
    if isinstance(item, Row):
        return _flow_run(item, detail) or item.sentence[0]
    return None


def _flow_run(row: Row, detail: RunDetail | None) -> str | None:
    """That of the attempt, in the timeline."""
    number = row.key[0] if isinstance(row.key, tuple) else None
    attempts = detail.attempts if detail is not None else ()
    return next((attempt.flow_run for attempt in attempts if attempt.number == number), None)
