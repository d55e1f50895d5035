"""Decisions about a segment: the result is made without it (waive), or with its output as it is (accept)."""

from __future__ import annotations

from collections.abc import Mapping

from console.context import Context, Refused, dossier_of
from console.ledger import decisions
from console.ledger.store import Request
from flowspec import permits
from flowspec.decisions import Acceptance, Decision, Waiver
from flowspec.names import shown
from flowspec.states import RunState

LONGEST_REASON = 200  # characters


def waive(ctx: Context, request: Request) -> str:
    """Waive a segment (`segment`, `reason`), or take that back (`undo`)."""
    known = dossier_of(ctx, request)
    segment, undo = request.args.get("segment"), bool(request.args.get("undo"))
    refusal = permits.waive(known.run.run, segment, known.run.members, known.waived, undo)
    return _decide(ctx, request, Waiver, refusal, known.run.state)


def accept(ctx: Context, request: Request) -> str:
    """Take the output of a segment as it is although hits were lost in it (`segment`, `reason`), or not (`undo`)."""
    known = dossier_of(ctx, request)
    segment, undo = request.args.get("segment"), bool(request.args.get("undo"))
    refusal = permits.accept(known.run.run, segment, known.lossy, known.acceptances, undo)
    return _decide(ctx, request, Acceptance, refusal, known.run.state)


_VERBS: Mapping[type[Decision], str] = {Waiver: "waived", Acceptance: "accepted as it is"}
_UNDONE: Mapping[type[Decision], str] = {Waiver: "wanted again", Acceptance: "no longer accepted"}


def _decide(ctx: Context, request: Request, kind: type[Decision], refusal: str | None, state: RunState) -> str:
    run, segment = request.run, request.args.get("segment")
    if refusal is not None or not isinstance(segment, int) or run is None:
        raise Refused(refusal or f"run {run} has no segment {segment}")
    if request.args.get("undo"):
        decisions.remove(ctx.ledger, run, kind, segment)
        return f"run {run}: segment {segment:02d} is {_UNDONE[kind]}{_how_to_go_on(state)}"
    reason = shown(" ".join(str(request.args.get("reason") or "").split()), LONGEST_REASON)
    if not reason:
        raise Refused(f"run {run}: a segment is {_VERBS[kind]} for a reason; none was given")
    decisions.add(ctx.ledger, run, kind(segment, reason, request.actor, ctx.now()))
    return f"run {run}: segment {segment:02d} is {_VERBS[kind]}: {reason}{_how_to_go_on(state)}"


def _how_to_go_on(state: RunState) -> str:
    if state in (RunState.RUNNING, RunState.CANCELLING):
        return "; this holds for the next attempt, not for the one under way"
    return "; r makes the result accordingly" if state in (RunState.FAILED, RunState.DONE, RunState.CANCELLED) else ""
