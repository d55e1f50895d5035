"""What follows for an attempt from what is known of its run and of its flow run. Pure: nothing is asked or written."""

from __future__ import annotations

from dataclasses import dataclass

from console.evidence import suspicion
from console.evidence.hints import SHOWN_AFTER, Unnoticed
from console.ledger.attempts import Attempt
from console.ledger.dossier import Dossier
from flowspec import catalogue, flowlog
from flowspec.causes import classify
from flowspec.cells import Cell
from flowspec.conditions import Owner, Reason, Severity, reason
from flowspec.plan import Plan
from flowspec.progress import COMPARING, Matrix, current_stage
from flowspec.stages import STAGES, CellState, Stage
from flowspec.standing import INACTIVE, SUSPECT
from remote.globus.errors import missing_consent
from remote.globus.flows import FlowRun

OPEN_QUESTIONS = (CellState.RUNNING, CellState.DISAGREES)
# Seconds after the end of a flow run within which its outputs may still appear in listings.
OUTPUTS_LATE_SECONDS = 10.0
SEGMENTS_NAMED = 5  # of those that failed


@dataclass(frozen=True)
class Conclusion:
    """Where an attempt stands: it makes `progress`, its flow run was `cancelled`, it `failed`; else it succeeded."""

    stage: Stage
    progress: Reason | None = None
    cancelled: bool = False
    failed: Reason | None = None


def conclusion(
    known: Dossier, attempt: Attempt, flow_run: FlowRun, waiting: Unnoticed | None, now: float
) -> Conclusion:
    """`waiting` is the end of an action that Flows has not noticed yet, `now` in seconds since the epoch."""
    plan, matrix, planned = attempt.plan, known.matrix, planned_cells(known, attempt)
    stage = current_stage(planned) or plan.places()[-1][0]
    # A segment that waits for somebody at a later stage is not to be hidden by one that has failed before.
    far = progress_of_stage(_waiting_stage(planned) or stage, plan, matrix)
    if flow_run.status in ("ACTIVE", "INACTIVE"):
        if plan.early and _converted(waiting, planned):
            return Conclusion(stage)  # nothing is left that Flows would start, and it may notice that much later
        return Conclusion(stage, _inactive(flow_run) or _unnoticed(waiting, planned, now) or far)
    if flow_run.cancelled:
        return Conclusion(stage, cancelled=True)
    if any(cell.reason.code == COMPARING for cell in planned.values()):  # takes as long as the result is large
        return Conclusion(stage, far)
    if any(cell.state in OPEN_QUESTIONS for cell in planned.values()) and _ended_just_now(flow_run, now):
        return Conclusion(stage, far)
    if flow_run.status != "SUCCEEDED":
        return Conclusion(stage, failed=first_failure(planned) or _cause(attempt, flow_run))
    if any(cell.state is not CellState.DONE for cell in planned.values()):
        missing = first_failure(planned) or reason("work.missing")
        return Conclusion(stage, failed=reason("flow.succeeded-but", cause=catalogue.nested(missing)))
    return Conclusion(stage)


def planned_cells(known: Dossier, attempt: Attempt) -> Matrix:
    """The cells of the places that the attempt is to do."""
    return {place: known.matrix[place] for place in attempt.plan.places() if place in known.matrix}


def _converted(waiting: Unnoticed | None, planned: Matrix) -> bool:
    """Whether its last action has ended, and everything that was to be done is there."""
    if waiting is None or waiting.stage is not Stage.CONVERT:
        return False
    return all(cell.state is CellState.DONE for cell in planned.values())


def first_failure(matrix: Matrix) -> Reason | None:
    """The failure of the earliest stage in a matrix, with its segments; None when no place failed."""
    for stage in STAGES:
        bad = [(segment, cell) for (s, segment), cell in matrix.items() if s is stage and cell.bad]
        if bad:
            segments = [segment for segment, _ in bad[:SEGMENTS_NAMED] if segment is not None]
            more, cause = max(0, len(bad) - SEGMENTS_NAMED), catalogue.nested(bad[0][1].reason)
            return reason("work.failed", stage=stage.value, segments=segments, more=more, cause=cause)
    return None


def _ended_just_now(flow_run: FlowRun, now: float) -> bool:
    """Its last outputs may not be in the listings yet."""
    # Without regard to which clock is ahead: one that is far off must not delay the conclusion for as long.
    completed = flow_run.completed
    return completed is not None and abs(now - flowlog.seconds(completed)) < OUTPUTS_LATE_SECONDS


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


def _unnoticed(waiting: Unnoticed | None, planned: Matrix, now: float) -> Reason | None:
    if waiting is None or now - waiting.ended < SHOWN_AFTER:
        return None
    return waiting.reason(first_failure(planned))


def _code_of(cell: Cell) -> str:
    """By who has to act for it to go on."""
    if cell.suspect:
        return SUSPECT
    if cell.state is CellState.DISAGREES:
        return "flow.disagrees"
    if not _waits_for_somebody(cell):  # others of the stage go on beside what failed
        return "flow.stage"
    return "flow.waits-site" if catalogue.entry(cell.reason.code).owner is Owner.SITE else "flow.waits"


def _waiting_stage(planned: Matrix) -> Stage | None:
    return next((stage for (stage, _), cell in planned.items() if _waits_for_somebody(cell)), None)


def _waits_for_somebody(cell: Cell) -> bool:
    """Whether it has not ended and does not go on by itself."""
    return not cell.bad and catalogue.entry(cell.reason.code).severity is Severity.STUCK


def progress_of_stage(stage: Stage, plan: Plan, matrix: Matrix) -> Reason:
    """Counted over all segments that the result is to be made of, also those that were done before. Pure."""
    wanted = {None, *plan.expected} - {*plan.held}
    cells = [(segment, cell) for (s, segment), cell in matrix.items() if s is stage and segment in wanted]
    left = [(segment, cell) for segment, cell in cells if cell.state is not CellState.DONE]
    if not left:
        return Reason("flow.outputs")

    segment, now = min(left, key=lambda place: (not _waits_for_somebody(place[1]), not place[1].bad))
    return reason(
        _code_of(now),
        stage=stage.value, done=len(cells) - len(left), total=len(cells), counted=stage.per_segment,
        segment=segment if now.bad or suspicion.notable(now) else None, failed=now.state is CellState.FAILED,
        cell=catalogue.nested(now.reason),
    )  # fmt: skip
