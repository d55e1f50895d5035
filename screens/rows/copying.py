"""What `y` offers to copy of the row under the cursor: path, result, log, id, link, sentence. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from console.ledger.endpoints import EndpointRow
from console.ledger.events import Event
from console.reading.detail import RunDetail
from console.reading.flow_rows import FlowRow
from console.reading.snapshot import RunRow
from flowspec import text
from flowspec.names import segment_file
from screens.rows.row import Row

LONGEST = 1000  # terminals refuse long ones; no path of ours comes near

Offer = tuple[str, str]
"""What it is called, and the words."""


def to_copy(item: Any, detail: RunDetail | None, sentence: str = "") -> list[Offer]:
    """What can be copied of an item, the most likely first; empty when there is nothing.

    `detail` is that of the selected run, `sentence` what is said of the item. Each is one harmless line.
    """
    offers = {name: text.clean(words, LONGEST) for name, words in _offers(item, detail) if words}
    if offers and sentence:
        offers["sentence"] = text.clean(sentence, LONGEST)
    return list(offers.items())


def _offers(item: Any, detail: RunDetail | None) -> Iterator[tuple[str, str | None]]:
    if isinstance(item, RunRow) and detail is not None and detail.run.run == item.run:
        flow_run = next((a.flow_run for a in reversed(detail.attempts) if a.flow_run), None)
        yield "path", detail.run.path
        yield "result", detail.run.result
        yield "log", _log(detail, None)
        yield from _flow_run(flow_run, detail)
    elif isinstance(item, FlowRow):
        yield from _flow_run(item.flow_run, detail)
    elif isinstance(item, EndpointRow):
        yield "id", item.endpoint
    elif isinstance(item, Event):
        yield "event", item.text
    elif isinstance(item, Row) and item.segment is not None and detail is not None:
        yield "path", str(PurePosixPath(detail.run.path) / segment_file(detail.run.run, item.segment))
        yield "log", _log(detail, item.segment)
    elif isinstance(item, Row):
        yield from _flow_run(_of_attempt(item, detail), detail)
        yield "line", item.sentence[0]


def _flow_run(flow_run: str | None, detail: RunDetail | None) -> Iterator[tuple[str, str | None]]:
    if flow_run:
        yield "id", flow_run
        yield "link", detail.address(flow_run) if detail is not None and detail.web_app else None


def _log(detail: RunDetail, segment: int | None) -> str | None:
    """The log of a job that was fetched, of this segment where one is named."""
    there = (r for r in detail.reports if r.report is not None and r.report.log and segment in (None, r.segment))
    return next((r.report.log for r in there if r.report is not None), None)


def _of_attempt(row: Row, detail: RunDetail | None) -> str | None:
    """The flow run of the attempt, in the timeline."""
    number = row.key[0] if isinstance(row.key, tuple) else None
    attempts = detail.attempts if detail is not None else ()
    return next((attempt.flow_run for attempt in attempts if attempt.number == number), None)
