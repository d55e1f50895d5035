"""How far an attempt is, and how it ended: by what its outputs say, not by what Globus calls success."""

from __future__ import annotations

from console.actions import resume, retry
from console.context import Context
from console.evidence import suspicion
from console.evidence.hints import SHOWN_AFTER, unnoticed
from console.ledger import attempts, evidence, failures, runs
from console.ledger.attempts import Attempt
from console.ledger.runs import Run
from flowspec import flowlog, names, quarantine
from flowspec.numbers import ranges
from flowspec.plan import Plan
from flowspec.progress import Matrix, Says, Witness, current_stage
from flowspec.stages import STAGES, CellState, Stage
from flowspec.states import INACTIVE, AttemptState, RunState
from remote.globus.errors import missing_consent
from remote.globus.flows import FlowRun

OPEN_QUESTIONS = (CellState.RUNNING, CellState.DISAGREES)
# How long after the end of a flow run its outputs may take to show up before the attempt is judged without them.
JUDGE_AFTER_SECONDS = 10.0


def judge(ctx: Context, attempt: Attempt, flow_run: FlowRun) -> None:
    """Write how far the attempt is, and how it ended when it has."""
    matrix = evidence.refresh_progress(ctx.ledger, attempt.run)
    run = runs.run(ctx.ledger, attempt.run)
    assert run is not None, f"attempt {attempt.attempt} belongs to no run"
    planned = {place: matrix[place] for place in attempt.plan.places() if place in matrix}
    stage = current_stage(planned) or attempt.plan.places()[-1][0]
    if stage.value != attempt.stage:
        attempts.set_attempt(ctx.ledger, attempt.attempt, stage=stage.value)
    if flow_run.status in ("ACTIVE", "INACTIVE"):
        far = _inactive(flow_run) or _unnoticed(ctx, attempt, planned) or _how_far(stage, attempt.plan, matrix)
        _say(ctx, run, far)
    elif flow_run.cancelled:
        _cancelled_elsewhere(ctx, attempt)
    elif any(cell.state in OPEN_QUESTIONS for cell in planned.values()) and _ended_just_now(ctx, flow_run):
        _say(ctx, run, _how_far(stage, attempt.plan, matrix))
    elif flow_run.status != "SUCCEEDED":
        _failed(ctx, attempt, planned, failure(planned) or _cause(attempt, flow_run))
    elif any(cell.state is not CellState.DONE for cell in planned.values()):
        missing = failure(planned) or "not every output is there"
        _failed(ctx, attempt, planned, f"Globus says succeeded, but {missing}")
    else:
        _succeeded(ctx, attempt, run, matrix)


def _say(ctx: Context, run: Run, far: str) -> None:
    if run.why != far and run.state is RunState.RUNNING:
        runs.set_run(ctx.ledger, run.run, why=far)


def end(ctx: Context, attempt: Attempt, state: AttemptState, run_state: RunState, why: str) -> None:
    """Write that an attempt has ended, and where that leaves its run."""
    now = ctx.now()
    with ctx.ledger.change():
        # What still ran when the attempt ended is no longer followed: only its output can tell.
        evidence.forget_evidence(ctx.ledger, attempt.run, Witness.TASK, Says.PENDING, Says.RUNNING)
        evidence.forget_evidence(ctx.ledger, attempt.run, Witness.LOG, Says.RUNNING)
        attempts.set_attempt(ctx.ledger, attempt.attempt, state=state.value, why=why, ended_at=now)
        finished = None if run_state is RunState.RUNNING else now
        runs.set_run(ctx.ledger, attempt.run, state=run_state.value, why=why, finished_at=finished)
        evidence.refresh_progress(ctx.ledger, attempt.run)
        level = {RunState.DONE: "good", RunState.RUNNING: "good", RunState.FAILED: "bad"}.get(run_state, "warning")
        text = f"run {attempt.run} attempt {attempt.number} {state.value}: {why}"
        ctx.ledger.event(level, text, actor="driver", run=attempt.run, attempt=attempt.attempt)


def failure(matrix: Matrix) -> str:
    """The first thing that went wrong in a matrix, with its stage and segments; '' when nothing did."""
    for stage in STAGES:
        bad = [(segment, cell) for (s, segment), cell in matrix.items() if s is stage and cell.bad]
        if bad:
            segments = ", ".join(f"{segment:02d}" for segment, _ in bad[:5] if segment is not None)
            more = f" and {len(bad) - 5} more" if len(bad) > 5 else ""
            where = f" of segment {segments}{more}" if segments else ""
            return f"{stage.value}{where} failed: {bad[0][1].why}"
    return ""


# ---- how it ended


def _failed(ctx: Context, attempt: Attempt, planned: Matrix, cause: str) -> None:
    stage = Stage(attempt.stage) if attempt.stage else None
    told = evidence.evidence(ctx.ledger, attempt.run)
    found = quarantine.found_in(attempt.attempt, attempt.plan, stage, planned, told, cause)
    with ctx.ledger.change():
        failures.record(ctx.ledger, attempt.run, found)
        again_at, what_next = retry.after_failure(ctx, attempt, found)
        end(ctx, attempt, AttemptState.FAILED, RunState.FAILED, f"{cause}. {what_next}")
        runs.set_run(ctx.ledger, attempt.run, again_at=again_at)


def _succeeded(ctx: Context, attempt: Attempt, run: Run, matrix: Matrix) -> None:
    """All that the attempt was to do is there; that may not be all that the run needs."""
    plan = attempt.plan
    if plan.left:
        why = f"{plan.left} segments are left for a further attempt"
        end(ctx, attempt, AttemptState.SUCCEEDED, RunState.RUNNING, why)
    elif plan.held:
        in_quarantine = quarantine.quarantine(failures.of_run(ctx.ledger, run.run), run.members, matrix, plan.waived)
        reasons = [why for segment, why in in_quarantine.items() if segment in plan.held]
        others = set(plan.held) - in_quarantine.keys()
        reasons += [f"segment {ranges(others)} is still to be done: r does what is missing"] if others else []
        end(ctx, attempt, AttemptState.SUCCEEDED, RunState.FAILED, "; ".join(reasons))
    else:
        result = ctx.results / names.sorted_file(run.run)
        waived = {s: w for s, w in failures.waivers(ctx.ledger, run.run).items() if s in plan.waived}
        why = "; ".join(filter(None, [f"the result is back: {result.name}", quarantine.made_of(plan, waived)]))
        with ctx.ledger.change():
            runs.set_run(ctx.ledger, run.run, result=str(result))
            end(ctx, attempt, AttemptState.SUCCEEDED, RunState.DONE, why)


def _cancelled_elsewhere(ctx: Context, attempt: Attempt) -> None:
    """In the Globus web app: what belongs to the flow run must be seen gone as after a cancel of ours."""
    who = "somebody at Globus"
    with ctx.ledger.change():
        attempts.set_attempt(ctx.ledger, attempt.attempt, cancel_by=who, cancel_at=ctx.now())
        runs.set_run(ctx.ledger, attempt.run, state=RunState.CANCELLING.value, why=f"cancelled by {who}")
        text = f"run {attempt.run} attempt {attempt.number}: its flow run was cancelled by {who}"
        ctx.ledger.event("warning", text, actor="driver", run=attempt.run, attempt=attempt.attempt)


def _ended_just_now(ctx: Context, flow_run: FlowRun) -> bool:
    """Its last outputs may still be on their way into the listings."""
    # Without regard to which clock is ahead: one that is far off must not put the judgement off for as long.
    completed = flow_run.completed
    return completed is not None and abs(ctx.now() - flowlog.seconds(completed)) < JUDGE_AFTER_SECONDS


def _cause(attempt: Attempt, flow_run: FlowRun) -> str:
    causes = [visit.cause for visit in attempt.visits.values() if visit.cause]
    details = flow_run.details
    said = details.get("cause") or details.get("description") or "the flow run failed without a cause"
    return causes[0] if causes else attempt.why or str(said)


# ---- how far it is


def _inactive(flow_run: FlowRun) -> str:
    if flow_run.status != "INACTIVE":
        return ""
    consent = missing_consent(flow_run.details)
    said = consent or flow_run.details.get("description") or "without a reason"
    return f"{INACTIVE}{said}; {resume.HOW_WITH_CONSENT if consent else resume.HOW}"


def _unnoticed(ctx: Context, attempt: Attempt, planned: Matrix) -> str:
    waiting = unnoticed(ctx.ledger, attempt)
    if waiting is None or ctx.now() - waiting.ended < SHOWN_AFTER:
        return ""
    return "; ".join(filter(None, [failure(planned), str(waiting)]))


def _how_far(stage: Stage, plan: Plan, matrix: Matrix) -> str:
    """Counted over all segments that the result is to be made of, also those that were done before."""
    wanted = {None, *plan.expected} - {*plan.held}
    cells = [(segment, cell) for (s, segment), cell in matrix.items() if s is stage and segment in wanted]
    left = [(segment, cell) for segment, cell in cells if cell.state is not CellState.DONE]
    if not left:
        return "all outputs are there; Flows has not ended the flow run yet"
    segment, now = min(left, key=lambda place: (not place[1].bad, not suspicion.strange(place[1])))
    counted = f"{stage.value} {len(cells) - len(left)}/{len(cells)}" if stage.per_segment else stage.value
    named = f"segment {segment:02d} " if segment is not None and (now.bad or suspicion.strange(now)) else ""
    return f"{counted}: {named}{'failed: ' if now.state is CellState.FAILED else ''}{now.why}"
