"""Asking Globus how far the open attempts are, in few calls, and writing it to the ledger as evidence.

One list call for all flow runs, one batch call for all compute tasks; logs, transfer tasks and listings only of what is
under way. A stage whose places are all settled (done or failed) is not asked about again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import Any

from console import records
from console.operations import Operations
from console.outputs import news
from console.records import Attempt, Run
from console.states import AttemptState, RunState
from console.witnesses import of_compute, of_log, of_transfer, planned
from flowspec import flowlog, names
from flowspec.plan import plan_missing
from flowspec.progress import Matrix, Says, Witness, current_stage
from flowspec.stages import STAGES, CellState, Stage
from remote.globus.errors import RemoteError, missing_consent
from remote.globus.flows import FlowRun

TASK_GROUP = "tg_"
_COMPUTE = (Stage.FIT, Stage.CONVERT, Stage.ANALYZE)
SETTLED = (CellState.DONE, CellState.FAILED)
OPEN_QUESTIONS = (CellState.RUNNING, CellState.DISAGREES)
# How long after the end of a flow run its outputs may take to show up before the attempt is judged without them.
JUDGE_AFTER_SECONDS = 10.0
PING_SECONDS = 10.0
CLOCKS_DIFFER_SECONDS = 3600.0


def poll_attempts(ops: Operations) -> None:
    """One look at everything under way; with nothing under way, only at whether Flows answers."""
    attempts = [a for a in records.open_attempts(ops.ledger) if a.state is AttemptState.STARTED]
    if not attempts:
        _ping(ops)
        return
    listed = _listed(ops, attempts)
    flow_runs: dict[int, FlowRun] = {}
    refused: list[RemoteError] = []
    for attempt in attempts:
        with _for_this_one_only(refused):
            flow_run = listed.get(str(attempt.flow_run)) or ops.remote.flows.run(str(attempt.flow_run))
            _follow_log(ops, attempt, flow_run)
            flow_runs[attempt.attempt] = flow_run
    attempts = [a for a in records.open_attempts(ops.ledger) if a.attempt in flow_runs]
    _ask_compute(ops, attempts)
    for attempt in attempts:
        with _for_this_one_only(refused):
            _ask_transfer_and_look(ops, attempt)
        _judge(ops, attempt, flow_runs[attempt.attempt])
    if refused:
        raise refused[0]


@contextmanager
def _for_this_one_only(refused: list[RemoteError]) -> Iterator[None]:
    """What Globus refuses for one attempt must not stop the others; what fails for the moment fails for all."""
    try:
        yield
    except RemoteError as error:
        if error.kind == "later":
            raise
        refused.append(error)


def poll_endpoints(ops: Operations) -> None:
    """The status of each compute endpoint; a change is an event."""
    for stage, endpoint in ops.endpoints.items():
        status = ops.remote.compute.endpoint_status(endpoint)
        known = ops.ledger.row("SELECT * FROM endpoints WHERE endpoint = ?", endpoint)
        name = known["name"] if known else ops.remote.compute.endpoint_name(endpoint)
        changed = known is None or bool(known["online"]) != status.online
        since = ops.now() if changed or known is None else known["since"]
        detail = json.dumps(status.details)
        with ops.ledger.change() as db:
            if changed or known is None or known["detail"] != detail:
                db.execute(
                    "INSERT OR REPLACE INTO endpoints (endpoint, name, stage, online, since, detail) "
                    "VALUES (?,?,?,?,?,?)",
                    (endpoint, name, stage.value, status.online, since, detail),
                )
            if changed and (known is not None or not status.online):
                text = f"compute endpoint {name} is {'online' if status.online else 'OFFLINE: runs wait for it'}"
                ops.ledger.event("good" if status.online else "bad", text, actor="driver")
    ops.ledger.heard("compute")


# ---- flow runs


def _ping(ops: Operations) -> None:
    """Flows is asked now and then even when nothing is under way: better to know before a run is ready."""
    row = ops.ledger.row("SELECT tried_at FROM sources WHERE name = 'flows'")
    if row is None or ops.now() - row["tried_at"] > PING_SECONDS:
        recently = datetime.fromtimestamp(ops.now() - PING_SECONDS, timezone.utc)
        ops.remote.flows.runs([ops.flow_id], recently.isoformat())
        ops.ledger.heard("flows")


def _listed(ops: Operations, attempts: list[Attempt]) -> dict[str, FlowRun]:
    """The flow runs that were started since the oldest of these attempts, by id."""
    oldest = datetime.fromtimestamp(min(a.intended_at for a in attempts) - CLOCKS_DIFFER_SECONDS, timezone.utc)
    listed = ops.remote.flows.runs({a.flow_id for a in attempts}, oldest.isoformat())
    ops.ledger.heard("flows")
    return {flow_run.id: flow_run for flow_run in listed}


def _follow_log(ops: Operations, attempt: Attempt, flow_run: FlowRun) -> None:
    """Read what the flow log says since last time, and the compute task groups that it names."""
    entries = ops.remote.flows.log(flow_run.id, after=attempt.log_after)
    visits = flowlog.follow(attempt.visits, entries)
    visits = flowlog.with_actions(visits, flow_run.details)
    groups = {stage: v.action for stage, v in visits.items() if (v.action or "").startswith(TASK_GROUP)}
    tasks = {
        stage: ops.remote.compute.task_group(group.removeprefix(TASK_GROUP))
        for stage, group in groups.items()
        if group and not records.tasks(ops.ledger, attempt.attempt, stage)
    }
    if not entries and not tasks and visits == attempt.visits:
        return
    with ops.ledger.change():
        for stage, ids in tasks.items():
            records.add_tasks(ops.ledger, attempt.attempt, stage, ids)
        for stage, visit in visits.items():
            records.record_evidence(ops.ledger, attempt.run, of_log(attempt, stage, visit, ops.now()), attempt.attempt)
        after = entries[-1].time if entries else attempt.log_after
        columns: dict[str, Any] = {"visits": flowlog.dump(visits), "log_after": after}
        cause = flowlog.outcome_cause(entries)
        if cause:
            columns["why"] = cause
        records.set_attempt(ops.ledger, attempt.attempt, **columns)


# ---- tasks and outputs


def _ask_compute(ops: Operations, attempts: list[Attempt]) -> None:
    """One batch call for every compute task that has not ended."""
    batches = [
        (attempt, stage, records.tasks(ops.ledger, attempt.attempt, stage))
        for attempt in attempts
        for stage in attempt.visits
        if stage in _COMPUTE
    ]
    running = [task for _, _, tasks in batches for task, ended in tasks if not ended]
    if not running:
        return
    replies = ops.remote.compute.batch_status(running)
    ops.ledger.heard("compute")
    with ops.ledger.change():
        for attempt, stage, tasks in batches:
            found = of_compute(attempt, stage, [task for task, _ in tasks], replies, ops.now())
            records.record_evidence(ops.ledger, attempt.run, found, attempt.attempt)
        records.end_tasks(ops.ledger, [t for t, reply in replies.items() if reply.status in ("success", "failed")])


def _ask_transfer_and_look(ops: Operations, attempt: Attempt) -> None:
    """The transfer tasks of an attempt, and the outputs of its stages that are not settled."""
    run = _run(ops, attempt)
    matrix = records.matrix(ops.ledger, run)
    for stage, visit in attempt.visits.items():
        segments = planned(attempt.plan, stage)
        if all(matrix[(stage, s)].state in SETTLED for s in segments if (stage, s) in matrix):
            continue
        if stage not in _COMPUTE and visit.action:
            task = ops.remote.transfer.task(visit.action)
            said = of_transfer(attempt, stage, task, ops.now())
            records.record_evidence(ops.ledger, attempt.run, said, attempt.attempt)
        records.record_evidence(ops.ledger, attempt.run, news(ops, run, stage, segments), attempt.attempt)
        ops.ledger.heard("transfer")


# ---- judging


def _judge(ops: Operations, attempt: Attempt, flow_run: FlowRun) -> None:
    """Write how far the attempt is, and how it ended when it has."""
    matrix = records.refresh_progress(ops.ledger, attempt.run)
    run = _run(ops, attempt)
    stage = current_stage(matrix) or Stage.RETURN
    if stage.value != attempt.stage:
        records.set_attempt(ops.ledger, attempt.attempt, stage=stage.value)
    if flow_run.status in ("ACTIVE", "INACTIVE"):
        why = _inactive(flow_run) or _how_far(stage, matrix)
        if run.why != why and run.state is RunState.RUNNING:
            records.set_run(ops.ledger, run.run, why=why)
    elif flow_run.cancelled:
        _end(ops, attempt, AttemptState.CANCELLED, RunState.CANCELLED, "cancelled; r does what is missing")
    elif any(cell.state in OPEN_QUESTIONS for cell in matrix.values()) and _ended_just_now(ops, flow_run):
        return
    elif flow_run.status == "SUCCEEDED":
        _judge_success(ops, attempt, run, matrix)
    else:
        why = f"{failure(matrix) or _cause(attempt, flow_run)}. r retries what is missing"
        _end(ops, attempt, AttemptState.FAILED, RunState.FAILED, why)


def _judge_success(ops: Operations, attempt: Attempt, run: Run, matrix: Matrix) -> None:
    """A flow run that says SUCCEEDED has done so only when the outputs are there."""
    converted = all(matrix[(Stage.CONVERT, s)].state is CellState.DONE for s in attempt.plan.convert)
    if attempt.plan.left and converted:
        why = f"{attempt.plan.left} segments are left for a further attempt"
        _end(ops, attempt, AttemptState.SUCCEEDED, RunState.RUNNING, why)
    elif plan_missing(run.run, run.segments, matrix) is None:
        result = str(ops.results / names.sorted_file(run.run))
        with ops.ledger.change():
            records.set_run(ops.ledger, run.run, result=result)
            _end(
                ops, attempt, AttemptState.SUCCEEDED, RunState.DONE, f"the result is back: {names.sorted_file(run.run)}"
            )
    else:
        why = f"Globus says succeeded, but {failure(matrix) or 'not every output is there'}. r retries what is missing"
        _end(ops, attempt, AttemptState.FAILED, RunState.FAILED, why)


def _ended_just_now(ops: Operations, flow_run: FlowRun) -> bool:
    """Its last outputs may still be on their way into the listings."""
    return flow_run.completed is not None and ops.now() - _seconds(flow_run.completed) < JUDGE_AFTER_SECONDS


def _end(ops: Operations, attempt: Attempt, state: AttemptState, run_state: RunState, why: str) -> None:
    now = ops.now()
    with ops.ledger.change():
        # What still ran when the attempt ended is no longer followed: only its output can tell.
        records.forget_evidence(ops.ledger, attempt.run, Witness.TASK, Says.PENDING, Says.RUNNING)
        records.forget_evidence(ops.ledger, attempt.run, Witness.LOG, Says.RUNNING)
        records.set_attempt(ops.ledger, attempt.attempt, state=state.value, why=why, ended_at=now)
        finished = None if run_state is RunState.RUNNING else now
        records.set_run(ops.ledger, attempt.run, state=run_state.value, why=why, finished_at=finished)
        records.refresh_progress(ops.ledger, attempt.run)
        level = {AttemptState.SUCCEEDED: "good", AttemptState.FAILED: "bad"}.get(state, "warning")
        text = f"run {attempt.run} attempt {attempt.number} {state.value}: {why}"
        ops.ledger.event(level, text, actor="driver", run=attempt.run, attempt=attempt.attempt)


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


def _how_far(stage: Stage, matrix: Matrix) -> str:
    cells = [cell for (s, _), cell in matrix.items() if s is stage]
    done = sum(cell.state is CellState.DONE for cell in cells)
    now = next((cell for cell in cells if cell.state is not CellState.DONE), None)
    if now is None:
        return "all outputs are there; Flows has not ended the flow run yet"
    counted = f"{stage.value} {done}/{len(cells)}" if stage.per_segment else stage.value
    return f"{counted}: {now.why}"


def _inactive(flow_run: FlowRun) -> str:
    if flow_run.status != "INACTIVE":
        return ""
    said = missing_consent(flow_run.details) or flow_run.details.get("description") or "without a reason"
    return f"the flow run is inactive: {said}"


def _cause(attempt: Attempt, flow_run: FlowRun) -> str:
    causes = [visit.cause for visit in attempt.visits.values() if visit.cause]
    details = flow_run.details
    said = details.get("cause") or details.get("description") or "the flow run failed without a cause"
    return causes[0] if causes else attempt.why or str(said)


def _run(ops: Operations, attempt: Attempt) -> Run:
    run = records.run(ops.ledger, attempt.run)
    assert run is not None, f"attempt {attempt.attempt} belongs to no run"
    return run


def _seconds(time: str) -> float:
    """Seconds since the epoch; Python 3.10 does not read the Z that some services write."""
    return datetime.fromisoformat(time[:-1] + "+00:00" if time.endswith("Z") else time).timestamp()
