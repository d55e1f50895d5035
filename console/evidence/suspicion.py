"""What to say of a compute task that has not ended: since when, and what that may mean when it is strange.

Compute has no word for a task that it has lost, nor for a program that hangs: it goes on saying "pending" or "running".
So the console compares, with the workers that are idle meanwhile and with how long the same work took before.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import replace

from console.context import Context
from console.evidence.witnesses import RUNNING, WAITS, planned
from console.ledger import attempts
from console.ledger.attempts import Attempt
from flowspec import text
from flowspec.numbers import ranges
from flowspec.progress import Evidence, Says, Witness
from flowspec.stages import Cell, Stage
from flowspec.states import SUSPICION

# In looks of the poller (`policy.poll_interval`): how long a task may wait beside idle workers, of which the endpoint
# tells twice a minute only; how much longer than so many times the usual one may take that runs.
WAITING_LOOKS, RUNNING_LOOKS = 8.0, 2.0
TIMES_USUAL = 3.0
LATELY = 30  # attempts, from which is known what is usual
_OFFLINE = " offline "


def strange(cell: Cell) -> bool:
    """Whether this cell tells more than one that just takes its time."""
    return SUSPICION in cell.why or _OFFLINE in cell.why


def suspect(cell: Cell) -> bool:
    """Whether its task seems to hang or to be lost."""
    return SUSPICION in cell.why


def explained(ctx: Context, attempt: Attempt, stage: Stage, found: Sequence[Evidence]) -> list[Evidence]:
    """The same, with what there is to say of the tasks that have not ended. A new suspicion is an event."""
    rows = ctx.ledger.rows(
        "SELECT segment, says, note, at FROM evidence WHERE run = ? AND stage = ? AND witness = ? AND attempt = ?",
        attempt.run, stage.value, Witness.TASK.value, attempt.attempt,
    )  # fmt: skip
    since = {(None if row["segment"] < 0 else row["segment"], row["says"]): row["at"] for row in rows}
    told = []
    for item in found:
        at = since.get((item.segment, item.says.value), item.at)
        if item.note == WAITS:
            told.append(replace(item, note=_waiting(ctx, stage, at), at=at))
        elif item.note == RUNNING:
            told.append(replace(item, note=_running(ctx, stage, at), at=at))
        else:
            told.append(item)
    suspected = [item for item in told if SUSPICION in item.note]
    if suspected and not any(SUSPICION in row["note"] for row in rows):
        segments = ranges(item.segment for item in suspected if item.segment is not None)
        where = f"{stage.value} of segment {segments}" if segments else stage.value
        words = f"run {attempt.run}: {where} {suspected[0].note}"
        ctx.ledger.event("warning", words, actor="driver", run=attempt.run, attempt=attempt.attempt)
    return told


def lost_tasks(ctx: Context, attempt: Attempt) -> set[str]:
    """The compute tasks that wait beside idle workers for so long that nobody seems to know of them any more."""
    rows = ctx.ledger.rows(
        "SELECT stage, segment FROM evidence WHERE run = ? AND attempt = ? AND witness = ? AND says = ? "
        "AND instr(note, ?)",
        attempt.run, attempt.attempt, Witness.TASK.value, Says.PENDING.value, SUSPICION,
    )  # fmt: skip
    places = {(Stage(row["stage"]), None if row["segment"] < 0 else row["segment"]) for row in rows}
    return {
        task
        for stage in {stage for stage, _ in places}
        for segment, (task, _) in zip(
            planned(attempt.plan, stage), attempts.tasks(ctx.ledger, attempt.attempt, stage), strict=False
        )
        if (stage, segment) in places
    }


def _waiting(ctx: Context, stage: Stage, since: float) -> str:
    words = f"{WAITS} since {text.clock(since)}"
    name, offline, idle = _endpoint(ctx, stage)
    if offline is not None:
        return f"{words}: {name} is offline since {text.clock(offline)}"
    if idle and ctx.now() - since > WAITING_LOOKS * ctx.policy.poll_interval:
        workers = "idle worker" if idle == 1 else "idle workers"
        return f"{words} although {name} has {idle} {workers}: it may be lost{SUSPICION}"
    return words


def _running(ctx: Context, stage: Stage, since: float) -> str:
    words = f"{RUNNING} since {text.clock(since)}"
    name, offline, _ = _endpoint(ctx, stage)
    if offline is not None:
        return f"{words}; {name} is offline since {text.clock(offline)}"
    longer = ctx.now() - since - RUNNING_LOOKS * ctx.policy.poll_interval
    usual = _usual(ctx, stage) if longer > 0 else None
    if usual is not None and longer > TIMES_USUAL * usual:
        return f"{words}, usually {stage.value} takes {text.span(max(1.0, usual))}: it may hang{SUSPICION}"
    return words


def _endpoint(ctx: Context, stage: Stage) -> tuple[str, float | None, int]:
    """Name, since when it is offline (None: it is not), idle workers."""
    row = ctx.ledger.row("SELECT name, online, since, detail FROM endpoints WHERE endpoint = ?", ctx.endpoints[stage])
    if row is None:
        return "", None, 0
    idle = json.loads(row["detail"]).get("idle_workers")
    return row["name"], None if row["online"] else row["since"], idle if isinstance(idle, int) else 0


def _usual(ctx: Context, stage: Stage) -> float | None:
    """Seconds that tasks of this stage took lately."""
    rows = ctx.ledger.rows(
        "SELECT seconds FROM evidence WHERE run IN (SELECT run FROM attempts ORDER BY attempt DESC LIMIT ?) "
        "AND stage = ? AND witness = ? AND says = ? AND seconds IS NOT NULL",
        LATELY, stage.value, Witness.TASK.value, Says.DONE.value,
    )  # fmt: skip
    return statistics.median(row["seconds"] for row in rows) if rows else None
