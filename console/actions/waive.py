"""Doing without a segment: the next result is made without it, and says so."""

from __future__ import annotations

from console.context import Context, Refused, dossier_of
from console.ledger import failures
from console.ledger.store import Request
from flowspec import permits
from flowspec.names import shown
from flowspec.quarantine import Waiver
from flowspec.states import RunState

LONGEST_REASON = 200  # characters


def waive(ctx: Context, request: Request) -> str:
    """Waive a segment (`segment`, `reason`), or take that back (`undo`)."""
    known = dossier_of(ctx, request)
    run, segment, undo = known.run, request.args.get("segment"), bool(request.args.get("undo"))
    refusal = permits.waive(run.run, segment, run.members, known.waived, undo)
    if refusal is not None or not isinstance(segment, int):
        raise Refused(refusal or f"run {run.run} has no segment {segment}")
    if undo:
        failures.remove_waiver(ctx.ledger, run.run, segment)
        return f"run {run.run}: segment {segment:02d} is wanted again{_how_to_go_on(run.state)}"
    reason = shown(" ".join(str(request.args.get("reason") or "").split()), LONGEST_REASON)
    if not reason:
        raise Refused(f"run {run.run}: a segment is waived for a reason; none was given")
    failures.add_waiver(ctx.ledger, run.run, Waiver(segment, reason, request.actor, ctx.now()))
    return f"run {run.run}: segment {segment:02d} is waived: {reason}{_how_to_go_on(run.state)}"


def _how_to_go_on(state: RunState) -> str:
    if state in (RunState.RUNNING, RunState.CANCELLING):
        return "; this holds for the next attempt, not for the one under way"
    return "; r makes the result accordingly" if state in (RunState.FAILED, RunState.DONE, RunState.CANCELLED) else ""
