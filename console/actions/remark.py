"""What people say of a run, as requests: a note; that it is theirs."""

from __future__ import annotations

from console.context import Context, Refused, run_of
from console.ledger import remarks
from console.ledger.store import Request
from flowspec import text
from remote.globus.credentials import hidden

LONGEST = 400  # cells of a note


def note(ctx: Context, request: Request) -> str:
    run = run_of(ctx, request)
    words = text.clean(hidden(str(request.args.get("text") or "")), LONGEST).strip()
    if not words:
        raise Refused("a note without words")
    remarks.add_note(ctx.ledger, run.run, request.actor, words)
    return f"run {run.run}: {words}"


def claim(ctx: Context, request: Request) -> str:
    """The run is theirs who ask; with `undo` it is nobody's."""
    run, before = run_of(ctx, request), remarks.of_run(ctx.ledger, request.run or 0).claim
    if request.args.get("undo"):
        if before is None:
            raise Refused(f"run {run.run} is claimed by nobody")
        remarks.drop_claim(ctx.ledger, run.run)
        return f"run {run.run} is nobody's, it was claimed by {before.actor}"
    remarks.set_claim(ctx.ledger, run.run, request.actor)
    was = f", before by {before.actor}" if before is not None and before.actor != request.actor else ""
    return f"run {run.run} is claimed by {request.actor}{was}"
