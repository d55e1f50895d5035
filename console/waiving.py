"""Doing without a segment: the next result is made without it, and says so."""

from __future__ import annotations

from console import failures
from console.failures import Waiver
from console.ledger import Request
from console.operations import Operations, Refused, run_of
from console.states import RunState
from flowspec.names import shown

LONGEST_REASON = 200  # characters


def waive(ops: Operations, request: Request) -> str:
    """Waive a segment (`segment`, `reason`), or take that back (`undo`)."""
    run = run_of(ops, request)
    segment = request.args.get("segment")
    if not isinstance(segment, int) or segment not in run.members:
        raise Refused(f"run {run.run} has no segment {segment}")
    before = failures.waivers(ops.ledger, run.run).get(segment)
    if request.args.get("undo"):
        if before is None:
            raise Refused(f"run {run.run}: segment {segment:02d} is not waived")
        failures.remove_waiver(ops.ledger, run.run, segment)
        return f"run {run.run}: segment {segment:02d} is wanted again{_how_to_go_on(run.state)}"
    reason = shown(" ".join(str(request.args.get("reason") or "").split()), LONGEST_REASON)
    if not reason:
        raise Refused(f"run {run.run}: a segment is waived for a reason; none was given")
    if before is not None:
        raise Refused(f"run {run.run}: segment {before} already")
    if len(failures.waivers(ops.ledger, run.run).keys() & {*run.members}) + 1 == len(run.members):
        raise Refused(f"run {run.run}: segment {segment:02d} is the last one; without it there is nothing to analyze")
    failures.add_waiver(ops.ledger, run.run, Waiver(segment, reason, request.actor, ops.now()))
    return f"run {run.run}: segment {segment:02d} is waived: {reason}{_how_to_go_on(run.state)}"


def _how_to_go_on(state: RunState) -> str:
    if state in (RunState.RUNNING, RunState.CANCELLING):
        return "; this holds for the next attempt, not for the one under way"
    return "; r makes the result accordingly" if state in (RunState.FAILED, RunState.DONE, RunState.CANCELLED) else ""
