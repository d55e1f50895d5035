"""Pause and resume launching of the whole experiment: what is in flight goes on, and nothing else is started."""

from __future__ import annotations

from console.context import Context, Refused
from console.ledger import pause, runs
from console.ledger.store import Request
from flowspec import catalogue, text
from flowspec.states import RunState

NOT_PAUSED = "launching is not paused"
LONGEST = 200  # characters of a reason


def pause_launching(ctx: Context, request: Request) -> str:
    """Start nothing from now on; `reason` stands in the header of every console and beside every run that waits."""
    why = text.clean(str(request.args.get("reason") or ""), LONGEST).strip()
    if not why:
        raise Refused("launching is paused for a reason: none was given")
    if (before := pause.stored(ctx.ledger)) is not None:
        raise Refused(f"launching is {catalogue.sentence(before.reason)}")
    pause.begin(ctx.ledger, request.actor, ctx.now(), why)
    return f"launching is paused: {why}. What is in flight goes on; H resumes launching"


def resume_launching(ctx: Context, request: Request) -> str:
    before = pause.stored(ctx.ledger)
    if before is None:
        raise Refused(NOT_PAUSED)
    pause.end(ctx.ledger)
    waiting = len(runs.runs(ctx.ledger, RunState.QUEUED))
    lasted = text.span(ctx.now() - before.since)
    return f"launching goes on (runs in the queue: {waiting}); {before.who} had paused it for {lasted}"
