"""What screens and commands ask of the driver. Each request and its answer are one transaction: it is carried out once.

A request changes the ledger and nothing else. What it takes of Globus is intended there and seen through by the rounds
that follow, so that a driver may die at any moment. What a request must know of Globus beforehand is asked before.
"""

from __future__ import annotations

from collections.abc import Callable

from console import cancelling, jobreports, newfailures, records, reprocessing, retrying, waiving
from console.ledger import Request
from console.operations import Operations, Refused, run_of
from console.queueing import hold, queue, release
from console.states import RunState, suspected
from remote.globus.errors import RemoteError

Verb = Callable[[Operations, Request], str]


def answer(ops: Operations, request: Request) -> None:
    """Carry out a request and write what came of it; a request that is refused changes nothing."""
    try:
        verb = VERBS.get(request.verb)
        if verb is None:
            raise Refused(f"this driver does not know the request {request.verb!r}")
        if request.verb in LOOK_FIRST:
            LOOK_FIRST[request.verb](ops, request)
        with ops.ledger.change():
            _answered(ops, request, "done", verb(ops, request))
    except (Refused, RemoteError) as refusal:
        with ops.ledger.change():
            _answered(ops, request, "refused", str(refusal))


def _answered(ops: Operations, request: Request, state: str, text: str) -> None:
    ops.ledger.answer(request.id, state, text)
    if request.args.get("dry"):  # nothing happened
        return
    level = "info" if state == "done" else "warning"
    ops.ledger.event(level, f"{request.verb}: {text}", actor=request.actor, run=request.run)


def set_auto(ops: Operations, request: Request) -> str:
    on = bool(request.args.get("on"))
    ops.ledger.put("auto", "on" if on else "off")
    return f"auto-launch is {'on' if on else 'off'}"


def acknowledge(ops: Operations, request: Request) -> str:
    """Somebody has seen the failures up to the event `upto`: later ones are new."""
    return newfailures.acknowledge(ops.ledger, int(request.args["upto"]), request.actor)


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


def cancel(ops: Operations, request: Request) -> str:
    """Cancel the newest attempt of a run, take the run from the queue, or end its automatic retries."""
    run = run_of(ops, request)
    if run.again_at is not None:
        return retrying.stop_repeating(ops, run, request.actor)
    return cancelling.begin(ops, run, request.actor)


def retry(ops: Operations, request: Request) -> str:
    """Do what is missing; of a run whose work seems to hang or to be lost, after that was ended."""
    run = run_of(ops, request)
    if not suspected(run.state, run.why):
        return retrying.retry(ops, request)
    if request.args.get("dry"):
        raise Refused(f"run {run.run} is under way: a retry ends it first, and only then is known what is missing")
    wish = retrying.wish_of(request)
    ended = cancelling.begin(ops, run, request.actor)
    records.set_run(ops.ledger, run.run, again_at=ops.now(), wish=wish.to_json())
    return f"{ended}; what is missing is done again when nothing of it runs any more"


VERBS: dict[str, Verb] = {
    "launch": launch,
    "retry": retry,
    "cancel": cancel,
    "waive": waiving.waive,
    "reprocess": reprocessing.reprocess,
    "auto": set_auto,
    "hold": hold,
    "release": release,
    "acknowledge": acknowledge,
    "report": jobreports.want,
}
# What must be known of Globus beforehand, outside of the transaction.
LOOK_FIRST: dict[str, Callable[[Operations, Request], None]] = {"retry": retrying.look_first}
