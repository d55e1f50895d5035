"""What the driver does on request or by policy: launch, retry, cancel. Intent first, effect second, outcome third.

An attempt is written to the ledger before Globus is asked for anything. Its tag travels with the flow run, so that
after a lost reply or a crash the flow run is looked up by its tag before a second one could be started.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

from console import records
from console.ledger import Request
from console.operations import Operations, Refused
from console.outputs import survey
from console.records import Attempt, Run
from console.states import AttemptState, RunState
from flowspec import definition, inputs
from flowspec.plan import Plan, plan_all, plan_missing
from flowspec.progress import Says, Witness
from flowspec.readiness import Verdict
from remote.globus.errors import RemoteError

# How long a flow run that was asked for may take to appear in the list of flow runs.
LOOKUP_SECONDS = 5.0


def answer(ops: Operations, request: Request) -> None:
    """Carry out a request, once, and write what came of it."""
    verbs: dict[str, Callable[[Operations, Request], str]] = {
        "launch": launch,
        "retry": retry,
        "cancel": cancel,
        "auto": set_auto,
    }
    state = "done"
    try:
        verb = verbs.get(request.verb)
        if verb is None:
            raise Refused(f"this driver does not know the request {request.verb!r}")
        text = verb(ops, request)
    except (Refused, RemoteError) as refusal:
        state, text = "refused", str(refusal)
    with ops.ledger.change():
        ops.ledger.answer(request.id, state, text)
        level = "info" if state == "done" else "warning"
        ops.ledger.event(level, f"{request.verb}: {text}", actor=request.actor, run=request.run)


def set_auto(ops: Operations, request: Request) -> str:
    on = bool(request.args.get("on"))
    ops.ledger.put("auto", "on" if on else "off")
    return f"auto-launch is {'on' if on else 'off'}"


def auto_launch(ops: Operations) -> bool:
    return ops.ledger.get("auto", "on") == "on"


def launch(ops: Operations, request: Request) -> str:
    """Queue a run; it is started as soon as policy and endpoints allow."""
    run = _run(ops, request)
    if run.state in (RunState.FAILED, RunState.CANCELLED):
        raise Refused(f"run {run.run} was launched before and is {run.state.value}: retry it (r) to do what is missing")
    if run.state in (RunState.TAKING, RunState.ARRIVING, RunState.GONE):
        raise Refused(f"run {run.run} is {run.state.value}: {run.reason}")
    if run.state in (RunState.INCOMPLETE, RunState.ABNORMAL) and not request.args.get("force"):
        raise Refused(f"run {run.run} is {run.state.value}: {run.reason}. It is launched only when told to anyway")
    if run.state not in (RunState.READY, RunState.INCOMPLETE, RunState.ABNORMAL):
        raise Refused(f"run {run.run} is {run.state.value}: nothing to launch")
    if not run.segments:
        raise Refused(f"run {run.run} has no segment to analyze")
    queue(ops, run, request.actor)
    return f"run {run.run} is queued"


def queue(ops: Operations, run: Run, actor: str) -> None:
    with ops.ledger.change():
        records.set_run(ops.ledger, run.run, state=RunState.QUEUED.value, why="is next", ready_at=ops.now())
        ops.ledger.event("info", f"run {run.run} queued: {len(run.segments)} segments", actor=actor, run=run.run)


def retry(ops: Operations, request: Request) -> str:
    """A new attempt that does only what is missing, judged by what lies at the site and on the DTN now."""
    run = _run(ops, request)
    if run.state not in (RunState.FAILED, RunState.CANCELLED):
        raise Refused(f"run {run.run} is {run.state.value}: only a failed or cancelled run is retried")
    survey(ops, run)
    plan = plan_missing(run.run, run.segments, records.refresh_progress(ops.ledger, run.run))
    if plan is None:
        raise Refused(f"run {run.run}: nothing is missing")
    attempt = intend(ops, run, plan, request.actor)
    return f"run {run.run} attempt {attempt}: {plan.describe()}"


def cancel(ops: Operations, request: Request) -> str:
    """Cancel the flow run of a run, or take it from the queue. Work that runs at the site ends by itself."""
    run = _run(ops, request)
    if run.state is RunState.QUEUED:
        with ops.ledger.change():
            why = f"taken from the queue by {request.actor}"
            records.set_run(ops.ledger, run.run, state=RunState.CANCELLED.value, why=why)
        return f"run {run.run} is no longer queued"
    attempt = records.newest_attempt(ops.ledger, run.run)
    if run.state not in (RunState.RUNNING, RunState.CANCELLING) or attempt is None:
        raise Refused(f"run {run.run} is {run.state.value}: there is nothing to cancel")
    if attempt.flow_run is None:
        raise Refused(f"run {run.run} attempt {attempt.number} {attempt.why}: cancel it when that is settled")
    with ops.ledger.change():
        why = f"{request.actor} asked to cancel; Globus is being told"
        records.set_run(ops.ledger, run.run, state=RunState.CANCELLING.value, why=why)
    try:
        ops.remote.flows.cancel(attempt.flow_run)
    except RemoteError as error:
        if not error.ambiguous:
            records.set_run(ops.ledger, run.run, state=RunState.RUNNING.value, why=attempt.why)
        raise
    return f"run {run.run} attempt {attempt.number} is being cancelled (flow run {attempt.flow_run})"


# ---- attempts


def launch_what_is_due(ops: Operations) -> None:
    """Answer the requests, settle what was started before, go on with what is half done, start what may start."""
    for request in ops.ledger.asked():
        answer(ops, request)
    if auto_launch(ops):
        for run in records.runs(ops.ledger, RunState.READY):
            queue(ops, run, "driver")
    go_on(ops)
    send_intents(ops)
    start_queued(ops)


def go_on(ops: Operations) -> None:
    """A run under way without an open attempt is between two: its segments did not fit in one."""
    busy = {attempt.run for attempt in records.open_attempts(ops.ledger)}
    for run in records.runs(ops.ledger, RunState.RUNNING):
        if run.run not in busy:
            plan = plan_missing(run.run, run.segments, records.matrix(ops.ledger, run))
            if plan is not None:
                intend(ops, run, plan, "driver")


def start_queued(ops: Operations) -> None:
    """Start the queued runs in the order in which they became ready, as far as policy and endpoints allow."""
    queued = sorted(records.runs(ops.ledger, RunState.QUEUED), key=lambda run: (run.ready_at or 0, run.run))
    for run in queued:
        hold = _reason_to_hold(ops, run)
        if hold is None:
            try:
                intend(ops, run, plan_all(run.run, run.segments), "driver")
            except Refused as refusal:
                records.set_run(ops.ledger, run.run, state=RunState.FAILED.value, why=str(refusal))
                ops.ledger.event("bad", str(refusal), actor="driver", run=run.run)
            send_intents(ops)
        elif hold != run.why:
            records.set_run(ops.ledger, run.run, why=hold)


def _reason_to_hold(ops: Operations, run: Run) -> str | None:
    if run.verdict in (Verdict.TAKING.value, Verdict.ARRIVING.value):
        return f"held: {run.reason}"
    in_flight = len(records.open_attempts(ops.ledger))
    if in_flight >= ops.max_in_flight:
        return f"held: {in_flight} runs are in flight, the limit is {ops.max_in_flight}"
    offline = ops.ledger.rows("SELECT name, since FROM endpoints WHERE online = 0 ORDER BY name")
    if offline:
        since = datetime.fromtimestamp(offline[0]["since"]).strftime("%H:%M")
        return f"held: compute endpoint {offline[0]['name']} is offline since {since}"
    return None


def intend(ops: Operations, run: Run, plan: Plan, actor: str) -> int:
    """Write the intent of the run's next attempt; returns its number."""
    before = records.newest_attempt(ops.ledger, run.run)
    number = before.number + 1 if before else 1
    label = f"{ops.experiment} run {run.run} attempt {number}"
    body = inputs.input_document(plan, ops.places, Path(run.path).name, label)
    faults = inputs.problems(body, definition.analysis().schema)
    if faults:
        raise Refused(f"run {run.run}: the input document is not valid: {'; '.join(faults[:3])}")
    tag = f"frib-{run.run}-{number}-{secrets.token_hex(8)}"
    with ops.ledger.change():
        records.forget_evidence(ops.ledger, run.run, Witness.LOG)
        records.forget_evidence(ops.ledger, run.run, Witness.TASK, Says.FAILED, Says.RUNNING, Says.PENDING)
        records.forget_evidence(ops.ledger, run.run, Witness.FILE, Says.ABSENT)
        attempt = records.add_intent(ops.ledger, plan, number, tag, body, label, ops.flow_id, actor)
        records.set_run(
            ops.ledger, run.run, state=RunState.RUNNING.value, why=f"attempt {number} is being started",
            launched_fingerprint=run.fingerprint, finished_at=None,
        )  # fmt: skip
        text = f"run {run.run} attempt {number}: {plan.describe()}"
        ops.ledger.event("info", text, actor=actor, run=run.run, attempt=attempt)
    return number


def send_intents(ops: Operations) -> None:
    """Start the flow run of every intent; one that may have been started before is looked up by its tag first."""
    for attempt in records.open_attempts(ops.ledger):
        if attempt.state is not AttemptState.INTENT:
            continue
        try:
            if attempt.started_at is None:
                _send(ops, attempt)
            else:
                _settle(ops, attempt)
        except RemoteError as error:
            _not_started(ops, attempt, error)


def _send(ops: Operations, attempt: Attempt) -> None:
    # `started_at` without a flow run id says: Globus was or is being asked, the answer is not known.
    records.set_attempt(ops.ledger, attempt.attempt, started_at=ops.now())
    flow_run = ops.remote.flows.start(
        attempt.flow_id, dict(attempt.body), attempt.label, [attempt.tag, "FRIB"], ops.run_managers, ops.run_monitors
    )
    _started(ops, attempt, flow_run.id)


def _settle(ops: Operations, attempt: Attempt) -> None:
    """Find out whether the flow run that was asked for exists; ask again only when it does not."""
    if ops.now() - (attempt.started_at or 0) < LOOKUP_SECONDS:
        return
    since = datetime.fromtimestamp(attempt.intended_at, timezone.utc).isoformat()
    found = ops.remote.flows.find_by_tag(attempt.flow_id, attempt.tag, since)
    if found:
        _started(ops, attempt, found[0].id)
    else:
        _send(ops, attempt)


def _started(ops: Operations, attempt: Attempt, flow_run: str) -> None:
    with ops.ledger.change():
        records.set_attempt(
            ops.ledger,
            attempt.attempt,
            state=AttemptState.STARTED.value,
            flow_run=flow_run,
            started_at=ops.now(),
            why="",
        )
        records.set_run(ops.ledger, attempt.run, why=f"attempt {attempt.number} started")
        text = f"run {attempt.run} attempt {attempt.number} started: flow run {flow_run}"
        ops.ledger.event("info", text, actor="driver", run=attempt.run, attempt=attempt.attempt)


def _not_started(ops: Operations, attempt: Attempt, error: RemoteError) -> None:
    """A start that failed: for good, for now, or in a way that leaves open whether it happened."""
    final = error.kind != "later" and not error.ambiguous
    why = f"could not be started: {error.cause}" + (f"; {error.next_step}" if final else "; tried again soon")
    with ops.ledger.change():
        changed = why != attempt.why
        if final:
            records.set_attempt(
                ops.ledger, attempt.attempt, state=AttemptState.FAILED.value, why=why, ended_at=ops.now()
            )
            records.set_run(ops.ledger, attempt.run, state=RunState.FAILED.value, why=why, finished_at=ops.now())
        elif changed:
            records.set_attempt(ops.ledger, attempt.attempt, why=why)
            records.set_run(ops.ledger, attempt.run, why=f"attempt {attempt.number} {why}")
        if changed:
            text = f"run {attempt.run} attempt {attempt.number} {why}"
            ops.ledger.event("bad" if final else "warning", text, actor="driver", run=attempt.run)


def _run(ops: Operations, request: Request) -> Run:
    run = records.run(ops.ledger, request.run) if request.run is not None else None
    if run is None:
        raise Refused(f"run {request.run} is not known: no such run directory was seen")
    return run
