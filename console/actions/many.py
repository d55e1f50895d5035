"""One request about many runs. Each is looked at again when it is carried out, and the answer is one sum.

A request carries the state in which the question showed each run: what has changed meanwhile is left as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from console.actions import cancel, early, queue, retry
from console.context import Context, Refused, dossier_of, run_of
from console.ledger import runs
from console.ledger.runs import Run
from console.ledger.store import Request
from flowspec import permits
from flowspec.numbers import ranges
from flowspec.states import RunState


@dataclass(frozen=True)
class _Act:
    """What is done to one run, and how the sum calls it. `act` tells of it where no move does, for the event log."""

    act: Callable[[Context, Run, Request], str]
    done: str


def _launch(ctx: Context, run: Run, request: Request) -> str:
    if permits.forced(run):
        raise Refused(f"run {run.run} is {run.state.value}: {run.why}. It is launched by itself only")
    queue.queue(ctx, run, request.actor, request.id)
    return ""


def _cancel(ctx: Context, run: Run, request: Request) -> str:
    return cancel.begin(ctx, dossier_of(ctx, request, run.run), request.actor)


def _hold(ctx: Context, run: Run, request: Request) -> str:
    queue.set_hold(ctx, run, request.actor)
    return f"run {run.run} is held"


def _release(ctx: Context, run: Run, request: Request) -> str:
    queue.set_hold(ctx, run, None)
    return f"run {run.run} is released"


def _stream(ctx: Context, run: Run, request: Request) -> str:
    return early.set_streaming(ctx, run, on=request.verb == "stream")


_ACTS = {
    "hold": _Act(_hold, "held"),
    "release": _Act(_release, "released"),
    "stream": _Act(_stream, "streamed"),
    "unstream": _Act(_stream, "not streamed"),
    "launch": _Act(_launch, "queued"),
    "cancel": _Act(_cancel, "cancelled"),
    "retry": _Act(retry.queue_retry, "queued to be retried"),
}
_LEFT = {
    RunState.QUEUED: "queued already",
    RunState.RUNNING: "had started: left running",
    RunState.CANCELLING: "being cancelled already",
    RunState.CANCELLED: "cancelled already",
    RunState.DONE: "done already",
    RunState.FAILED: "failed meanwhile",
}


def about_many(request: Request) -> bool:
    return request.verb in _ACTS and "each" in request.args


def refuse_changed(ctx: Context, request: Request) -> None:
    """Raises Refused when the one run is no longer in the `state` in which the question showed it."""
    shown = request.args.get("state")
    if shown is not None and (run := run_of(ctx, request)).state.value != shown:
        raise Refused(f"run {run.run} was {shown} when you were asked, and is {run.state.value} now: nothing was done")


def carry_out(ctx: Context, request: Request) -> str:
    """`each`: {run: the state in which it was shown}. Raises Refused when nothing is done to any of them."""
    how = _ACTS[request.verb]
    done: list[int] = []
    left: dict[str, list[int]] = {}
    for number, shown in _each(request):
        run = runs.run(ctx.ledger, number)
        if run is None:
            left.setdefault("not known", []).append(number)
        elif run.state.value != shown:
            left.setdefault(_LEFT.get(run.state, f"{run.state.value} now"), []).append(number)
        elif (refusal := permits.refusal(request.verb, run)) is not None:
            left.setdefault(f"refused: {refusal}", []).append(number)
        else:
            try:
                text = how.act(ctx, run, request)
            except Refused as refused:
                left.setdefault(f"refused: {refused}", []).append(number)
                continue
            if text:
                ctx.ledger.event("info", f"{request.verb}: {text}", actor=request.actor, run=number)
            done.append(number)
    told = summed([(how.done, done), *left.items()])
    if not done:
        raise Refused(told)
    return told


def summed(parts: Iterable[tuple[str, list[int]]]) -> str:
    """As "130 cancelled, 2 had started: left running (1213, 1215)": those are named with whom it is not as asked."""
    (first, done), *others = parts
    left = [f"{len(numbers)} {words} ({ranges(numbers, 1)})" for words, numbers in others if numbers]
    return ", ".join([f"{len(done)} {first}", *left])


def _each(request: Request) -> list[tuple[int, str]]:
    each = request.args["each"]
    if not isinstance(each, dict) or not all(str(number).isdecimal() for number in each):
        raise Refused("a request about many runs names each with its state")
    return [(int(number), str(state)) for number, state in each.items()]
