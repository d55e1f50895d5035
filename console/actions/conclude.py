"""The progress of an attempt and its end, concluded from its outputs, not from what Globus calls success."""

from __future__ import annotations

from typing import Any

from console.actions import retry
from console.context import Context
from console.evidence import suspicion
from console.evidence.hints import SHOWN_AFTER, unnoticed
from console.ledger import attempts, conditions, dossier, evidence, failures
from console.ledger.attempts import Attempt
from console.ledger.dossier import Dossier
from console.ledger.errors import LedgerError
from console.ledger.moves import move, move_attempt
from flowspec import catalogue, flowlog, names, quarantine
from flowspec.causes import classify
from flowspec.conditions import Reason, Topic, reason
from flowspec.plan import Plan
from flowspec.progress import Matrix, Says, Witness, current_stage
from flowspec.stages import STAGES, CellState, Stage
from flowspec.standing import INACTIVE, SUSPECT
from flowspec.states import (
    CANCEL_ASKED,
    CANCEL_ENDED,
    ENDED_BADLY,
    ENDED_WELL,
    FAILED,
    GIVEN_UP,
    PART_DONE,
    RETURNED,
    Move,
)
from remote.globus.errors import missing_consent
from remote.globus.flows import FlowRun

OPEN_QUESTIONS = (CellState.RUNNING, CellState.DISAGREES)
# Seconds after the end of a flow run within which its outputs may still appear in listings.
OUTPUTS_LATE_SECONDS = 10.0
SEGMENTS_NAMED = 5  # of those that failed
_LEVELS = {RETURNED: "good", PART_DONE: "good", FAILED: "bad", CANCEL_ENDED: "warning"}


def update_attempt(ctx: Context, attempt: Attempt, flow_run: FlowRun) -> None:
    """Write the progress of the attempt; end it when its flow run has ended."""
    known = dossier.read(ctx.ledger, attempt.run)
    if known is None:
        raise LedgerError(f"attempt {attempt.attempt} is of run {attempt.run}, which the ledger does not have")
    matrix, plan = known.matrix, attempt.plan
    evidence.store_progress(ctx.ledger, known.run, matrix)
    planned = {place: matrix[place] for place in plan.places() if place in matrix}
    stage = current_stage(planned) or plan.places()[-1][0]
    if stage.value != attempt.stage:
        attempts.set_attempt(ctx.ledger, attempt.attempt, stage=stage.value)
    if flow_run.status in ("ACTIVE", "INACTIVE"):
        progress = _inactive(flow_run) or _unnoticed(ctx, attempt, planned) or progress_of_stage(stage, plan, matrix)
        _put_progress(ctx, attempt, progress)
    elif flow_run.cancelled:
        _cancelled_elsewhere(ctx, attempt)
    elif any(cell.state in OPEN_QUESTIONS for cell in planned.values()) and _ended_just_now(ctx, flow_run):
        _put_progress(ctx, attempt, progress_of_stage(stage, plan, matrix))
    elif flow_run.status != "SUCCEEDED":
        _failed(ctx, known, attempt, planned, first_failure(planned) or _cause(attempt, flow_run))
    elif any(cell.state is not CellState.DONE for cell in planned.values()):
        missing = first_failure(planned) or reason("work.missing")
        _failed(ctx, known, attempt, planned, reason("flow.succeeded-but", cause=catalogue.nested(missing)))
    else:
        _succeeded(ctx, known, attempt)


def _put_progress(ctx: Context, attempt: Attempt, progress: Reason) -> None:
    conditions.put(ctx.ledger, attempt.run, Topic.PROGRESS, [progress], attempt.attempt, ended=[Topic.POLL])


def end_attempt(
    ctx: Context, attempt: Attempt, how: Move, run_move: Move, why: Reason, about: Topic = Topic.OUTCOME, **columns: Any
) -> None:
    """Write that an attempt has ended, and where that leaves its run."""
    with ctx.ledger.change():
        # Tasks that were running when the attempt ended are no longer polled: only their outputs count.
        evidence.forget_evidence(ctx.ledger, attempt.run, Witness.TASK, Says.PENDING, Says.RUNNING)
        evidence.forget_evidence(ctx.ledger, attempt.run, Witness.LOG, Says.RUNNING)
        move_attempt(ctx.ledger, attempt.attempt, how, why)
        move(ctx.ledger, attempt.run, run_move, about=about, reasons=[why], attempt=attempt.attempt, **columns)
        evidence.refresh_progress(ctx.ledger, attempt.run)
        text = f"run {attempt.run} attempt {attempt.number} {how.targets[0].value}: {catalogue.sentence(why)}"
        ctx.ledger.event(_LEVELS[run_move], text, actor="driver", run=attempt.run, attempt=attempt.attempt)


def first_failure(matrix: Matrix) -> Reason | None:
    """The failure of the earliest stage in a matrix, with its segments; None when no place failed."""
    for stage in STAGES:
        bad = [(segment, cell) for (s, segment), cell in matrix.items() if s is stage and cell.bad]
        if bad:
            segments = [segment for segment, _ in bad[:SEGMENTS_NAMED] if segment is not None]
            more, cause = max(0, len(bad) - SEGMENTS_NAMED), catalogue.nested(bad[0][1].reason)
            return reason("work.failed", stage=stage.value, segments=segments, more=more, cause=cause)
    return None


# ---- how it ended


def _failed(ctx: Context, known: Dossier, attempt: Attempt, planned: Matrix, cause: Reason) -> None:
    stage = Stage(attempt.stage) if attempt.stage else None
    found = quarantine.found_in(attempt.attempt, attempt.plan, stage, planned, known.evidence, cause)
    with ctx.ledger.change():
        failures.record(ctx.ledger, attempt.run, found)
        after = dossier.read(ctx.ledger, attempt.run) or known
        then = retry.after_failure(ctx, after, attempt, found)
        why = reason("outcome.failed", cause=catalogue.nested(cause), **then)
        end_attempt(ctx, attempt, ENDED_BADLY, FAILED, why, again_at=then.get("again_at"))


def _succeeded(ctx: Context, known: Dossier, attempt: Attempt) -> None:
    """Every planned output of the attempt is there; the run may need further attempts."""
    plan, run = attempt.plan, known.run
    if plan.left:
        end_attempt(ctx, attempt, ENDED_WELL, PART_DONE, reason("attempt.next", left=plan.left), Topic.PROGRESS)
    elif plan.held:
        found = quarantine.quarantine(known.failures, run.members, known.matrix, plan.waived)
        held = [catalogue.nested(why) for s, why in found.items() if s in plan.held]
        left = sorted(set(plan.held) - found.keys())
        why = reason("outcome.held", quarantined=held, left=left)
        end_attempt(ctx, attempt, ENDED_WELL, FAILED, why, again_at=None)
    else:
        result = ctx.results / names.sorted_file(run.run)
        waived = {s: w for s, w in known.waivers.items() if s in plan.waived}
        back = reason("outcome.returned", file=result.name, note=quarantine.made_of(plan, waived))
        end_attempt(ctx, attempt, ENDED_WELL, RETURNED, back, result=str(result))


def _cancelled_elsewhere(ctx: Context, attempt: Attempt) -> None:
    """Cancelled in the Globus web app: its tasks are polled until they have ended, as after a cancel request."""
    who = "somebody at Globus"
    with ctx.ledger.change():
        attempts.set_attempt(ctx.ledger, attempt.attempt, cancel_by=who, cancel_at=ctx.now())
        why = reason("cancel.elsewhere", who=who)
        move(ctx.ledger, attempt.run, CANCEL_ASKED, about=Topic.PROGRESS, reasons=[why], attempt=attempt.attempt)
        text = f"run {attempt.run} attempt {attempt.number}: its flow run was cancelled by {who}"
        ctx.ledger.event("warning", text, actor="driver", run=attempt.run, attempt=attempt.attempt)


def end_cancelled(ctx: Context, attempt: Attempt, why: Reason) -> None:
    """The attempt was cancelled, and nothing of it runs any more."""
    end_attempt(ctx, attempt, GIVEN_UP, CANCEL_ENDED, why)


def _ended_just_now(ctx: Context, flow_run: FlowRun) -> bool:
    """Its last outputs may not be in the listings yet."""
    # Without regard to which clock is ahead: one that is far off must not delay the conclusion for as long.
    completed = flow_run.completed
    return completed is not None and abs(ctx.now() - flowlog.seconds(completed)) < OUTPUTS_LATE_SECONDS


def _cause(attempt: Attempt, flow_run: FlowRun) -> Reason:
    causes = [visit.cause for visit in attempt.visits.values() if visit.cause]
    details = flow_run.details
    said = details.get("cause") or details.get("description") or "the flow run failed without a cause"
    return classify(causes[0]) if causes else attempt.reason if attempt.reason.code else classify(str(said))


# ---- its progress


def _inactive(flow_run: FlowRun) -> Reason | None:
    if flow_run.status != "INACTIVE":
        return None
    consent = missing_consent(flow_run.details)
    said = consent or flow_run.details.get("description") or "without a reason"
    return reason(INACTIVE, words=str(said), consent=bool(consent))


def _unnoticed(ctx: Context, attempt: Attempt, planned: Matrix) -> Reason | None:
    waiting = unnoticed(ctx.ledger, attempt)
    if waiting is None or ctx.now() - waiting.ended < SHOWN_AFTER:
        return None
    return waiting.reason(first_failure(planned))


def progress_of_stage(stage: Stage, plan: Plan, matrix: Matrix) -> Reason:
    """Counted over all segments that the result is to be made of, also those that were done before. Pure."""
    wanted = {None, *plan.expected} - {*plan.held}
    cells = [(segment, cell) for (s, segment), cell in matrix.items() if s is stage and segment in wanted]
    left = [(segment, cell) for segment, cell in cells if cell.state is not CellState.DONE]
    if not left:
        return Reason("flow.outputs")

    segment, now = min(left, key=lambda place: (not place[1].bad, not suspicion.notable(place[1])))
    return reason(
        SUSPECT if now.suspect else "flow.stage",
        stage=stage.value, done=len(cells) - len(left), total=len(cells), counted=stage.per_segment,
        segment=segment if now.bad or suspicion.notable(now) else None, failed=now.state is CellState.FAILED,
        cell=catalogue.nested(now.reason),
    )  # fmt: skip
