"""Polling Globus for the progress of the open attempts, in few calls; the replies go to the ledger as evidence.

One list call for all flow runs, one batch call for all compute tasks; logs, transfer tasks and listings only of what is
under way. A stage whose places are all settled (done or failed) is not asked about again, but for the end of the
transfer task that Flows waits for. Which tasks a stage has takes a request for each: when there are many to ask for, as
after a restart, that is done little by little, and the flow log speaks until then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from console.context import Context
from console.evidence import progress, suspicion
from console.evidence.hints import unnoticed
from console.evidence.outputs import check_awaited_outputs
from console.evidence.troubles import Troubles
from console.evidence.witnesses import in_trouble, of_compute, of_log, of_transfer, planned
from console.ledger import attempts as attempt_rows
from console.ledger import conditions, endpoints, evidence, logins, restarts, runs, sources
from console.ledger.attempts import Attempt
from console.ledger.endpoints import VERSION, EndpointRow
from console.ledger.errors import LedgerError
from console.ledger.runs import Run
from flowspec import flowlog
from flowspec.catalogue import start_it
from flowspec.causes import classify, names_a_path
from flowspec.conditions import Topic, reason
from flowspec.progress import Says, fold
from flowspec.stages import CellState, Stage
from flowspec.states import AttemptState, RunState
from remote.globus.compute import TaskStatus
from remote.globus.errors import RemoteError
from remote.globus.flows import FlowRun, LogEntry
from remote.globus.transfer import TransferTask

TASK_GROUP = "tg_"
_COMPUTE = (Stage.FIT, Stage.CONVERT, Stage.ANALYZE)
SETTLED = (CellState.DONE, CellState.FAILED)
ACTIVE = ("ACTIVE", "INACTIVE")
PING_SECONDS = 7.0
# Of the requests that Compute takes in a time, these are kept for the state of tasks and endpoints.
KEPT_REQUESTS = 6
CLOCKS_DIFFER_SECONDS = 3600.0
BLIND = "poll.blind"  # Globus has not answered about one attempt for long, while it does about others


@dataclass(frozen=True)
class PolledAttempt:
    """What one poll found out about an attempt; the rest is evidence in the ledger."""

    attempt: Attempt
    flow_run: FlowRun
    trouble: RemoteError | None  # with this attempt only
    every_witness_asked: bool

    @property
    def can_be_judged(self) -> bool:
        """An end is judged by all witnesses: with one of them missing, good work would be called failed."""
        return self.trouble is None and (self.every_witness_asked or self.flow_run.status in ACTIVE)


@dataclass(frozen=True)
class Poll:
    attempts: tuple[PolledAttempt, ...] = ()
    trouble: RemoteError | None = None  # of a service, with more than one attempt: time for a pause


def poll_attempts(ctx: Context) -> Poll:
    """Ask about every attempt under way; with nothing under way, only whether Flows answers.

    Raises RemoteError when Flows cannot be asked: then nothing was found out.
    """
    started = [a for a in attempt_rows.open_attempts(ctx.ledger) if a.state is AttemptState.STARTED]
    followed = [a for a in started if a.cancel_at is None]  # console.actions.cancel follows the others
    if not followed:
        _ping(ctx)
        return Poll()
    troubles = Troubles()
    flow_runs = _poll_flows(ctx, followed, troubles)
    attempts = [a for a in attempt_rows.open_attempts(ctx.ledger) if a.attempt in flow_runs]
    polled: list[PolledAttempt] = []
    failed: RemoteError | None = None
    tasks_asked = False
    try:
        tasks_asked = _poll_compute(ctx, attempts, troubles)
    except RemoteError as error:  # the evidence of the other services is of use without Compute
        failed = error
    try:
        for attempt in attempts:
            polled.append(_poll_outputs(ctx, attempt, flow_runs[attempt.attempt], troubles, tasks_asked))
    except RemoteError as error:  # what was found out before holds
        failed = failed or error
    failed = failed or troubles.of_service(len(started))
    if failed is None:
        _put_troubles(ctx, started, troubles.by_attempt)
    return Poll(tuple(polled), failed)


def _poll_flows(ctx: Context, attempts: list[Attempt], troubles: Troubles) -> dict[int, FlowRun]:
    """The flow runs by attempt, with what is new in their logs; an attempt with trouble is left out."""
    flow_runs = {}
    listed = _list_flow_runs(ctx, attempts)
    for attempt in attempts:
        with troubles.of(attempt):
            flow_run = listed.get(str(attempt.flow_run)) or ctx.remote.flows.run(str(attempt.flow_run))
            follow_log(ctx, attempt, flow_run)
            flow_runs[attempt.attempt] = flow_run
    return flow_runs


def _poll_compute(ctx: Context, attempts: Sequence[Attempt], troubles: Troubles) -> bool:
    """Evidence of the compute tasks; False when Compute takes no request now."""
    for attempt, stage in _stages_to_ask(ctx, attempts):
        with troubles.of(attempt):
            _ask_for_task_ids(ctx, attempt, stage)
    return ask_compute(ctx, attempts) is not None


def _poll_outputs(
    ctx: Context, attempt: Attempt, flow_run: FlowRun, troubles: Troubles, tasks_asked: bool
) -> PolledAttempt:
    """Evidence of transfer tasks and outputs; when the flow run has ended, also of tasks without ids so far."""
    all_asked = tasks_asked
    with troubles.of(attempt):
        _ask_transfer_and_list(ctx, attempt)
        if tasks_asked and flow_run.status not in ACTIVE:
            all_asked = _ask_for_causes(ctx, attempt)
    return PolledAttempt(attempt, flow_run, troubles.by_attempt.get(attempt.attempt), all_asked)


def _put_troubles(ctx: Context, attempts: Sequence[Attempt], refused: Mapping[int, RemoteError]) -> None:
    for attempt in attempts:
        error = refused.get(attempt.attempt)
        logins.demand(ctx.ledger, error.demand if error is not None else None)
        run = runs.run(ctx.ledger, attempt.run) if error is not None else None
        if error is not None and run is not None and run.state is RunState.RUNNING:
            told = next((c for c in run.conditions if c.topic is Topic.POLL), None)
            blind = told is not None and (told.code == BLIND or ctx.now() - told.since >= ctx.patience)
            code = BLIND if blind else "poll.failed"
            why = reason(code, service=error.service, cause=error.cause, next_step=error.next_step)
            conditions.put(ctx.ledger, run.run, Topic.POLL, [why])


def poll_endpoints(ctx: Context) -> None:
    """The status of each compute endpoint; a change is an event."""
    for stage, endpoint in ctx.endpoints.items():
        status = ctx.remote.compute.endpoint_status(endpoint)
        known = endpoints.find(ctx.ledger, endpoint)
        changed = known is None or known.online != status.online
        since = ctx.now() if changed or known is None else known.since
        if known is None or changed:  # after a restart it may be of another version
            name, version = ctx.remote.compute.endpoint_name_and_version(endpoint)
        else:
            name, version = known.name, known.detail.get(VERSION, "")
        found = EndpointRow(endpoint, name, stage.value, status.online, since, {**status.details, VERSION: version})
        with ctx.ledger.change():
            if found != known:
                endpoints.record(ctx.ledger, found)
            if changed and (known is not None or not status.online):
                way = start_it(bool(restarts.here(ctx.ledger, endpoint)))
                how = "online" if status.online else f"OFFLINE: runs wait for it; {way}, and they go on"
                text = f"compute endpoint {name} is {how}"
                ctx.ledger.event("good" if status.online else "bad", text, actor="driver")
        sources.answered(ctx.ledger, "compute")


# ---- flow runs


def _ping(ctx: Context) -> None:
    """Flows is asked now and then even when nothing is under way: better to know before a run is ready. Whoever is in
    trouble is asked each time: nobody else may have anything to ask until that is over."""
    heard = sources.answered_at(ctx.ledger, "flows")
    lately = heard is not None and 0 <= ctx.now() - heard <= PING_SECONDS
    if not lately or sources.problem(ctx.ledger, "flows"):
        recently = datetime.fromtimestamp(ctx.now() - PING_SECONDS, timezone.utc)
        ctx.remote.flows.runs([ctx.flow_id], recently.isoformat())
        sources.answered(ctx.ledger, "flows")
    if sources.problem(ctx.ledger, "transfer"):
        ctx.remote.transfer.submission_id()
        sources.answered(ctx.ledger, "transfer")


def _list_flow_runs(ctx: Context, attempts: list[Attempt]) -> dict[str, FlowRun]:
    """The flow runs that were started since the oldest of these attempts, by id."""
    oldest = datetime.fromtimestamp(min(a.intended_at for a in attempts) - CLOCKS_DIFFER_SECONDS, timezone.utc)
    listed = ctx.remote.flows.runs({a.flow_id for a in attempts}, oldest.isoformat())
    sources.answered(ctx.ledger, "flows")
    return {flow_run.id: flow_run for flow_run in listed}


def follow_log(ctx: Context, attempt: Attempt, flow_run: FlowRun) -> list[LogEntry]:
    """Read the entries of the flow log since the last poll, and return them."""
    entries = ctx.remote.flows.log(flow_run.id, after=attempt.log_after)
    visits = flowlog.follow(attempt.visits, entries)
    visits = flowlog.with_actions(visits, flow_run.details)
    if not entries and visits == attempt.visits:
        return entries
    with ctx.ledger.change():
        for stage, visit in visits.items():
            evidence.record_evidence(ctx.ledger, attempt.run, of_log(attempt, stage, visit, ctx.now()), attempt.attempt)
        after = entries[-1].time if entries else attempt.log_after
        columns: dict[str, Any] = {"visits": flowlog.dump(visits), "log_after": after}
        if cause := flowlog.outcome_cause(entries):
            why = classify(cause)
            columns |= {"code": why.code, "parameters": why.dump()}
        attempt_rows.set_attempt(ctx.ledger, attempt.attempt, **columns)
    return entries


# ---- tasks and outputs


def ask_for_task_ids(ctx: Context, attempts: Sequence[Attempt]) -> None:
    """Ask for the task ids of as many stages as the request limit allows now; the others next time."""
    for attempt, stage in _stages_to_ask(ctx, attempts):
        _ask_for_task_ids(ctx, attempt, stage)


def _stages_to_ask(ctx: Context, attempts: Sequence[Attempt]) -> list[tuple[Attempt, Stage]]:
    """The stages without task ids, as many as Compute may be asked about now without waiting."""
    return _stages_without_task_ids(ctx, attempts)[: max(0, ctx.remote.compute.spare() - KEPT_REQUESTS)]


def _stages_without_task_ids(ctx: Context, attempts: Sequence[Attempt]) -> list[tuple[Attempt, Stage]]:
    """Stages of whose compute tasks only the task group is known yet: those under way come first."""
    found = [
        (attempt, stage)
        for attempt in attempts
        for stage, visit in attempt.visits.items()
        if (visit.action or "").startswith(TASK_GROUP) and not attempt_rows.tasks(ctx.ledger, attempt.attempt, stage)
    ]
    return sorted(found, key=lambda place: place[0].visits[place[1]].says is not Says.RUNNING)


def _ask_for_task_ids(ctx: Context, attempt: Attempt, stage: Stage) -> None:
    """Ask Compute for the task ids of a stage: one request, of which its limit allows few."""
    group = str(attempt.visits[stage].action).removeprefix(TASK_GROUP)
    tasks = ctx.remote.compute.task_group(group)
    sources.answered(ctx.ledger, "compute")
    attempt_rows.add_tasks(ctx.ledger, attempt.attempt, stage, tasks)


def _ask_for_causes(ctx: Context, attempt: Attempt) -> bool:
    """Its flow run has ended: its tasks are polled now at the latest, where outputs are missing or to be compared.

    False when Compute takes no request now.
    """
    matrix = evidence.matrix(ctx.ledger, _run(ctx, attempt))
    wanted = [
        stage
        for _, stage in _stages_without_task_ids(ctx, [attempt])
        if stage is Stage.ANALYZE  # it gave the digest of the result
        or any(cell.state is not CellState.DONE for (s, _), cell in matrix.items() if s is stage)
    ]
    if wanted and ctx.remote.compute.spare() <= len(wanted):
        return False
    for stage in wanted:
        _ask_for_task_ids(ctx, attempt, stage)
    return not wanted or ask_compute(ctx, [attempt]) is not None


def ask_compute(ctx: Context, attempts: Sequence[Attempt]) -> dict[str, TaskStatus] | None:
    """One batch call for every compute task that has not ended; the replies by task id.

    None when it takes no request now: nobody waits for that, there will be another poll.
    """
    batches = [
        (attempt, stage, attempt_rows.tasks(ctx.ledger, attempt.attempt, stage))
        for attempt in attempts
        for stage in attempt.visits
        if stage in _COMPUTE
    ]
    running = [task for _, _, tasks in batches for task, ended in tasks if not ended]
    if not running:
        return {}
    if not ctx.remote.compute.spare():
        return None
    replies = ctx.remote.compute.batch_status(running)
    sources.answered(ctx.ledger, "compute")
    with ctx.ledger.change():
        for attempt, stage, tasks in batches:
            found = of_compute(attempt, stage, [task for task, _ in tasks], replies, ctx.now())
            found = suspicion.with_reasons(ctx, attempt, stage, found)
            evidence.record_evidence(ctx.ledger, attempt.run, found, attempt.attempt)
        attempt_rows.end_tasks(ctx.ledger, [t for t, reply in replies.items() if reply.status in ("success", "failed")])
    return replies


def _ask_transfer_and_list(ctx: Context, attempt: Attempt) -> None:
    """The transfer tasks of an attempt, and the outputs of its stages that are not settled."""
    run = _run(ctx, attempt)
    known = evidence.evidence(ctx.ledger, run.run)
    matrix = fold(run.members, known, run.sizes)
    ended_unnoticed = unnoticed(ctx.ledger, attempt) is not None
    for stage, visit in attempt.visits.items():
        segments = planned(attempt.plan, stage)
        settled = all(matrix[(stage, s)].state in SETTLED for s in segments if (stage, s) in matrix)
        awaited = visit.says is Says.RUNNING and not ended_unnoticed
        if stage not in _COMPUTE and visit.action and (awaited or not settled):
            task = ctx.remote.transfer.task(visit.action)
            before = evidence.of_tasks(ctx.ledger, attempt, stage)
            said = of_transfer(attempt, stage, task, ctx.now(), _last_error(ctx, task), before, ctx.patience)
            evidence.record_evidence(ctx.ledger, attempt.run, said, attempt.attempt)
            sources.answered(ctx.ledger, "transfer")
        if not settled:
            files = check_awaited_outputs(ctx, run, stage, segments, known)
            evidence.record_evidence(ctx.ledger, attempt.run, files, attempt.attempt)
            sources.answered(ctx.ledger, "transfer")
    if progress.is_due(ctx):
        evidence.record_evidence(ctx.ledger, attempt.run, progress.of_jobs(ctx, attempt, known), attempt.attempt)


def _last_error(ctx: Context, task: TransferTask) -> str:
    """What the last error of a task in trouble was about, where the task itself does not name the path; else ''."""
    if not in_trouble(task) or names_a_path(f"{task.fatal_error}\n{task.nice_status_details}"):
        return ""
    events = ctx.remote.transfer.events(task.id)
    return next((event.details for event in events if event.is_error), "")


def _run(ctx: Context, attempt: Attempt) -> Run:
    run = runs.run(ctx.ledger, attempt.run)
    if run is None:
        raise LedgerError(f"attempt {attempt.attempt} belongs to run {attempt.run}, which the ledger does not have")
    return run
