"""What the pane of the compute endpoints says: in columns, in a sentence, and in one line when it is folded. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter

from console.ledger.endpoints import VERSION, EndpointRow
from console.ledger.restarts import Restarts
from flowspec import catalogue, text
from flowspec.conditions import NO_REASON, Reason
from screens.widgets.piece import Piece
from screens.widgets.table import Column

COLUMNS = (
    Column("ENDPOINT", 14, value=attrgetter("name")),
    Column("STATE", 7, value=lambda row: _state(row)[0].lower()),
    Column("SINCE", 5, True, value=lambda row: -row.since),
    Column("TASK", 5, True, value=lambda row: -row.oldest if row.oldest else None),
    Column("WORK", 0, value=attrgetter("queued")),
)
NAMED = 6  # runs; the others are counted
NO_RESTARTS = Restarts()
NONE = "no endpoint was heard of yet"


def pieces(row: EndpointRow, now: float) -> Sequence[Piece]:
    state = _state(row)
    oldest = text.span(now - row.oldest) if row.oldest is not None else ""
    work = _work(row) if row.online or not row.waiting else f"waits: {_runs(row.waiting)}"
    return (
        (row.name, "plain"), state, (text.span(now - row.since), "plain"), (oldest, "plain"),
        (work, "plain" if row.online else "bad"),
    )  # fmt: skip


def _state(row: EndpointRow) -> Piece:
    if not row.online:
        return "OFFLINE", "bad"
    return ("SILENT", "bad") if row.silent else ("online", "good")


def _work(row: EndpointRow) -> str:
    """`38/40 busy 4 queued`: what the endpoint tells of its workers, else what is known of our own tasks there."""
    queued = row.pending if row.pending is not None and row.online else row.queued
    if not row.online:
        return f"{queued} queued" if queued else ""
    workers = row.workers
    busy = f"{workers[0]}/{workers[1]} busy" if workers else f"{row.running} running"
    return f"{busy} {queued} queued" if workers is None or workers[1] else f"no worker yet, {queued} queued"


def sentence(
    row: EndpointRow,
    answered_at: float | None,
    now: float,
    pending: Reason = NO_REASON,
    restarts: Restarts = NO_RESTARTS,
) -> Piece:
    """How it is, since when, who waits for it, and what can be done. `answered_at` is when Compute last answered,
    `pending` what Slurm said of our jobs, of whichever endpoint."""
    oldest = f", the oldest task since {text.clock(row.oldest)}" if row.oldest is not None else ""
    waits = f"{_count(row.waiting)} for it: {_runs(row.waiting)}" if row.waiting else "no run waits for it"
    of = f"serves {row.stage}"
    if row.detail.get(VERSION):
        of += f", version {row.detail[VERSION]}"
    if pending.code:
        of = f"{catalogue.sentence(pending)} | {of}"
    if not row.online:
        since = f"{row.name} OFFLINE since {text.clock(row.since)}"
        return f"{since}: {waits}{oldest}; {_next_step(row, restarts)} | {of} | {row.endpoint}", "bad"
    ago = f", heard {text.span(now - answered_at)} ago" if answered_at is not None else ""
    since = f"{row.name} online since {text.clock(row.since)}{ago}"
    silent = "SILENT, it takes tasks and begins none: " if row.silent else ""
    work = f"{silent}{_work(row)}{oldest}{'' if row.workers else '; its workers are not told'}"
    if row.error:
        return f"{since}, but it says: {row.error}: {work}; {waits} | {of} | {row.endpoint}", "bad"
    return f"{since}: {work}; {waits} | {of} | {row.endpoint}", "bad" if row.silent else "plain"


def _next_step(row: EndpointRow, restarts: Restarts) -> str:
    if (asked := restarts.asked.get(row.endpoint)) is not None:
        return f"{asked.who} asked the site at {text.clock(asked.at)} to restart it"
    return f"{catalogue.start_it(row.endpoint in restarts.offered)}, and what waits goes on by itself"


def summary(rows: Sequence[EndpointRow]) -> str:
    if not rows:
        return NONE
    away = [text.clean(row.name) for row in rows if not row.online]
    silent = [text.clean(row.name) for row in rows if row.online and row.silent]
    told = [f"{word}: {', '.join(names)}" for word, names in (("OFFLINE", away), ("SILENT", silent)) if names]
    return "; ".join(told) or f"{len(rows)} online"


def in_trouble(row: EndpointRow) -> bool:
    return row.silent or not row.online


def _count(runs: Sequence[int]) -> str:
    return "1 run waits" if len(runs) == 1 else f"{len(runs)} runs wait"


def _runs(runs: Sequence[int]) -> str:
    more = f" and {len(runs) - NAMED} more" if len(runs) > NAMED else ""
    return " ".join(map(str, runs[:NAMED])) + more
