"""Taking back what a request has put into the queue: what has not started is as it was before it."""

from __future__ import annotations

from console.actions import queue
from console.actions.many import summed
from console.context import Context, Refused
from console.ledger import runs
from console.ledger.moves import move
from console.ledger.store import Request
from flowspec.states import TAKEN_BACK, RunState


def take_back(ctx: Context, request: Request) -> str:
    """Take back the launch, or the switch of auto-launch, that an earlier `request` was; what has started goes on."""
    earlier = ctx.ledger.request(int(request.args["request"]))
    if earlier is None or earlier.state != "done" or earlier.verb not in ("launch", "auto"):
        raise Refused("there is nothing to take back")
    switched = earlier.verb == "auto" and _switch_off(ctx, earlier.id, request)
    back: list[int] = []
    started: list[int] = []
    for run in runs.queued_by(ctx.ledger, earlier.id):
        if run.state is RunState.QUEUED:
            move(ctx.ledger, run.run, TAKEN_BACK, RunState(run.verdict), actor=request.actor)
            back.append(run.run)
        else:
            started.append(run.run)
    told = summed([("taken back", back), ("had started: left running, c cancels", started)])
    if not back and not switched:
        raise Refused(told)
    return f"auto-launch is off; {told}" if switched else told


def _switch_off(ctx: Context, earlier: int, request: Request) -> bool:
    """Whether auto-launch was on by that request and is off now. Raises Refused when another one switched it on."""
    by = queue.switched_on_by(ctx)
    if by != earlier and queue.auto_launch(ctx):
        raise Refused("auto-launch was switched off and on again since: o switches it off")
    if by == earlier:
        queue.switch(ctx, None)
    return by == earlier
