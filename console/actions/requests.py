"""What screens and commands ask of the driver. Each request and its answer are one transaction: it is carried out once.

A request changes the ledger and nothing else. What it needs of Globus is an intent there, carried out by the rounds
that follow, so that a driver may die at any moment. What a request must know of Globus beforehand is asked before.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from console.actions import cancel as cancelling
from console.actions import decide, early, fetch_reports, many, pausing, remark, reprocess, take_back
from console.actions import restart as restarting
from console.actions import retry as retrying
from console.actions.queue import hold, queue, release, set_auto
from console.context import Context, Refused, dossier_of, permitted, run_of
from console.disk.mark import TAKE, TAKEN_SECONDS
from console.ledger import alerts, new_failures, runs
from console.ledger.moves import ImpossibleMove
from console.ledger.store import Request
from flowspec import permits
from remote.globus.errors import RemoteError

log = logging.getLogger("console.actions")

Verb = Callable[[Context, Request], str]


def answer(ctx: Context, request: Request) -> None:
    """Carry out a request and write its outcome; a request that is refused changes nothing."""
    try:
        verb = VERBS.get(request.verb)
        if verb is None:
            raise Refused(f"this driver does not know the request {request.verb!r}")
        if many.about_many(request):
            verb = many.carry_out
        elif request.verb in CHECK_FIRST:
            CHECK_FIRST[request.verb](ctx, request)
        with ctx.ledger.change():
            many.refuse_changed(ctx, request)
            _answered(ctx, request, "done", verb(ctx, request))
    except (Refused, RemoteError) as refusal:
        with ctx.ledger.change():
            _answered(ctx, request, "refused", str(refusal))
    except ImpossibleMove as bug:  # left unanswered it would stand before all that is asked after it
        log.error("request %s: %s", request.verb, bug)
        with ctx.ledger.change():
            _answered(ctx, request, "refused", f"a fault of the console, nothing was changed: {bug}")


def _answered(ctx: Context, request: Request, state: str, text: str) -> None:
    ctx.ledger.answer(request.id, state, text)
    if request.args.get("dry"):  # nothing happened
        return
    level = "info" if state == "done" else "warning"
    ctx.ledger.event(level, f"{request.verb}: {text}", actor=request.actor, run=request.run)


def acknowledge(ctx: Context, request: Request) -> str:
    """Acknowledge the failures up to the event `upto`: later ones are new."""
    alerts.acknowledge(ctx.ledger, request.actor)
    return new_failures.acknowledge(ctx.ledger, int(request.args["upto"]), request.actor)


def launch(ctx: Context, request: Request) -> str:
    """Queue a run; it is started as soon as policy and endpoints allow."""
    run = run_of(ctx, request)
    permitted("launch", run)
    if permits.forced(run) and not request.args.get("force"):
        raise Refused(f"run {run.run} {run.why}. It is launched only when told to anyway")
    queue(ctx, run, request.actor, request.id)
    return f"run {run.run} is queued"


def cancel(ctx: Context, request: Request) -> str:
    """Cancel the newest attempt of a run, take the run from the queue, or end its automatic retries."""
    known = dossier_of(ctx, request)
    permitted("cancel", known.run)
    if known.run.again_at is not None:
        return retrying.stop_automatic_retry(ctx, known.run, request.actor)
    return cancelling.begin(ctx, known, request.actor)


def retry(ctx: Context, request: Request) -> str:
    """Do what is missing; of a run whose work seems to hang or to be lost, after that was ended."""
    known = dossier_of(ctx, request)
    run = known.run
    if not run.suspected:
        return retrying.retry(ctx, request)
    if request.args.get("dry"):
        raise Refused(f"run {run.run} is under way: a retry ends it first, and only then is known what is missing")
    wish = retrying.wish_of(request)
    ended = cancelling.begin(ctx, known, request.actor)
    runs.set_run(ctx.ledger, run.run, again_at=ctx.now(), wish=wish.to_json())
    return f"{ended}; what is missing is done again when nothing of it runs any more"


def take_over(ctx: Context, request: Request) -> str:
    """Launch in place of another console's driver, whose mark is named: one that comes meanwhile is not meant."""
    ctx.ledger.put(TAKE, str(request.args["mark"]))
    return f"this console launches in {TAKEN_SECONDS:.0f} s; the other one sees that with its next beat, and holds"


VERBS: dict[str, Verb] = {
    "launch": launch,
    "retry": retry,
    "cancel": cancel,
    "waive": decide.waive,
    "accept": decide.accept,
    "reprocess": reprocess.reprocess,
    "auto": set_auto,
    "take-back": take_back.take_back,
    "hold": hold,
    "release": release,
    "stream": early.stream,
    "unstream": early.unstream,
    "pause": pausing.pause_launching,
    "resume": pausing.resume_launching,
    "acknowledge": acknowledge,
    "note": remark.note,
    "claim": remark.claim,
    "report": fetch_reports.request_report,
    "take-over": take_over,
    "restart-endpoint": restarting.restart_endpoint,
}
# What must be known of Globus beforehand, outside of the transaction.
CHECK_FIRST: dict[str, Callable[[Context, Request], None]] = {"retry": retrying.check_first}
