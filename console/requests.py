"""What screens and commands ask of the driver. Each request and its answer are one transaction: it is carried out once.

A request changes the ledger and nothing else. What it takes of Globus is intended there and seen through by the rounds
that follow, so that a driver may die at any moment. What a request must know of Globus beforehand is asked before.
"""

from __future__ import annotations

from collections.abc import Callable

from console import records
from console.attempts import intend
from console.ledger import Request
from console.operations import Operations, Refused
from console.outputs import survey
from console.queueing import queue
from console.records import Run
from console.states import RunState
from flowspec.plan import plan_missing
from remote.globus.errors import RemoteError

Verb = Callable[[Operations, Request], str]


def answer(ops: Operations, request: Request) -> None:
    """Carry out a request and write what came of it; a request that is refused changes nothing."""
    try:
        verb = VERBS.get(request.verb)
        if verb is None:
            raise Refused(f"this driver does not know the request {request.verb!r}")
        if request.verb in LOOK_FIRST:
            survey(ops, run_of(ops, request))
        with ops.ledger.change():
            _answered(ops, request, "done", verb(ops, request))
    except (Refused, RemoteError) as refusal:
        with ops.ledger.change():
            _answered(ops, request, "refused", str(refusal))


def _answered(ops: Operations, request: Request, state: str, text: str) -> None:
    ops.ledger.answer(request.id, state, text)
    level = "info" if state == "done" else "warning"
    ops.ledger.event(level, f"{request.verb}: {text}", actor=request.actor, run=request.run)


def set_auto(ops: Operations, request: Request) -> str:
    on = bool(request.args.get("on"))
    ops.ledger.put("auto", "on" if on else "off")
    return f"auto-launch is {'on' if on else 'off'}"


def launch(ops: Operations, request: Request) -> str:
    """Queue a run; it is started as soon as policy and endpoints allow."""
    run = run_of(ops, request)
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


def retry(ops: Operations, request: Request) -> str:
    """A new attempt that does only what is missing, judged by what lies at the site and on the DTN now."""
    run = run_of(ops, request)
    if run.state not in (RunState.FAILED, RunState.CANCELLED):
        raise Refused(f"run {run.run} is {run.state.value}: only a failed or cancelled run is retried")
    plan = plan_missing(run.run, run.segments, records.refresh_progress(ops.ledger, run.run))
    if plan is None:
        raise Refused(f"run {run.run}: nothing is missing")
    number = intend(ops, run, plan, request.actor)
    return f"run {run.run} attempt {number}: {plan.describe()}"


def cancel(ops: Operations, request: Request) -> str:
    """Cancel the newest attempt of a run, or take the run from the queue."""
    run = run_of(ops, request)
    if run.state is RunState.QUEUED:
        why = f"taken from the queue by {request.actor}"
        records.set_run(ops.ledger, run.run, state=RunState.CANCELLED.value, why=why)
        return f"run {run.run} is no longer queued"
    attempt = records.newest_attempt(ops.ledger, run.run)
    if run.state not in (RunState.RUNNING, RunState.CANCELLING) or attempt is None:
        raise Refused(f"run {run.run} is {run.state.value}: there is nothing to cancel")
    why = f"{request.actor} asked to cancel; Globus is being told"
    records.set_run(ops.ledger, run.run, state=RunState.CANCELLING.value, why=why)
    records.set_attempt(ops.ledger, attempt.attempt, cancel_by=request.actor, cancel_at=ops.now())
    return f"run {run.run} attempt {attempt.number} is being cancelled"


def run_of(ops: Operations, request: Request) -> Run:
    run = records.run(ops.ledger, request.run) if request.run is not None else None
    if run is None:
        raise Refused(f"run {request.run} is not known: no such run directory was seen")
    return run


VERBS: dict[str, Verb] = {"launch": launch, "retry": retry, "cancel": cancel, "auto": set_auto}
LOOK_FIRST = ("retry",)  # these are judged by what lies at the site and on the DTN now
