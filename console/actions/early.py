"""Early attempts: what is closed of a run that is still being recorded goes through transfer, fit and convert at once.

When the run has ended, what is left goes the same way beside them; the analysis and the return, the join, are an
attempt of their own as soon as all of these have ended. A segment is in one attempt at a time. That a segment is closed
is a guess: the version that was taken is kept, and one that differs when the run has ended is done again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from console.actions import launch
from console.actions.queue import TRANSFERS_AT_ONCE, Room, auto_launch, keeps_all, moving
from console.context import Context, Refused, permitted, run_of
from console.ledger import attempts, conditions, dossier, runs
from console.ledger.attempts import Attempt
from console.ledger.runs import Run
from console.ledger.store import Request
from flowspec import text
from flowspec.conditions import Reason, Topic, reason
from flowspec.plan import plan_early
from flowspec.states import RECORDED, RunState
from remote.globus.errors import RemoteError

WAIT_FOR_THEM = (*RECORDED, RunState.QUEUED)


@dataclass(frozen=True)
class Started:
    """What kept Globus from being asked, if anything did; a run with segments that are due and have no room yet."""

    trouble: RemoteError | None = None
    waiting: int | None = None


def start_early(ctx: Context, look: launch.Look, queued: Iterable[Run]) -> Started:
    """Start the early attempts that are due, as far as they leave room for runs that have ended.

    `queued`: the runs that have ended and wait; what is left of them goes beside what is under way. Before the first
    attempt is started, `look` takes over what another console has started.
    """
    streamed: list[Run] = []
    auto = auto_launch(ctx)
    for run in (*runs.runs(ctx.ledger, *RECORDED), *queued):
        if auto and run.streamed(ctx.policy.streaming):
            streamed.append(run)
        else:
            _put(ctx, run, None)  # what kept it when there was to be one
    trouble: RemoteError | None = None
    waiting: int | None = None
    under_way: Sequence[Attempt] = attempts.open_attempts(ctx.ledger) if streamed else ()
    for run in sorted(streamed, key=lambda run: (run.state in RECORDED, run.run)):
        segments = due(ctx, run, under_way)
        room = Room.now(ctx) if segments else None
        keeps = (keeps_all(ctx, room) or room.endpoint) if room is not None else None
        _put(ctx, run, keeps if run.run not in {attempt.run for attempt in under_way} else None)
        if room is None or keeps is not None:
            continue
        if not _has_room(ctx, run, room):
            waiting = waiting or run.run
            continue
        unseen = look()
        try:
            _write(ctx, run.run, segments)
        except Refused as refusal:
            why = reason("outcome.refused", words=str(refusal))
            conditions.put_early(ctx.ledger, run.run, None, segments[0], why)
            continue
        sent = launch.send_intents(ctx, unseen)
        trouble, under_way = sent.trouble or trouble, sent.under_way
    return Started(trouble, waiting)


def stream(ctx: Context, request: Request) -> str:
    """Work on a run while it is recorded."""
    return _choose(ctx, request, on=True)


def unstream(ctx: Context, request: Request) -> str:
    """Work on a run only after its end."""
    return _choose(ctx, request, on=False)


def set_streaming(ctx: Context, run: Run, *, on: bool) -> str:
    """What the profile says anyway is not kept as a choice. Returns what follows for the run."""
    runs.set_run(ctx.ledger, run.run, streaming=None if on is ctx.policy.streaming else on)
    if on:
        waits = "" if auto_launch(ctx) else ", once auto-launch is on"
        return f"run {run.run} is streamed: what is closed of it is worked on while it is recorded{waits}"
    under_way = len(attempts.open_of(ctx.ledger, run.run))
    goes_on = f"; {text.counted(under_way, 'flow run')} under way: what has started goes on" if under_way else ""
    return f"run {run.run} is not streamed: nothing more of it is begun before its end{goes_on}"


def _choose(ctx: Context, request: Request, *, on: bool) -> str:
    run = run_of(ctx, request)
    permitted(request.verb, run)
    return set_streaming(ctx, run, on=on)


def due(ctx: Context, run: Run, open_attempts: Sequence[Attempt]) -> list[int]:
    """The segments of a run for its next early attempt; none when it is not time for one."""
    own = [attempt for attempt in open_attempts if attempt.run == run.run]
    if run.held_by is not None or run.launched_sizes or (run.state is RunState.QUEUED and not own):
        return []  # launched before, or all that is left is done with the analysis in one
    busy = {segment for attempt in own for segment in attempt.plan.expected}
    new = {
        segment: closed
        for segment, closed in run.closed.items()
        if segment not in busy and run.early.get(segment) != closed.version
    }
    waited = ctx.now() - min((closed.at for closed in new.values()), default=ctx.now())
    many, long = len(new) >= ctx.policy.streaming_segments, waited >= ctx.policy.streaming_seconds
    return sorted(new) if new and (many or long or run.state is RunState.QUEUED) else []


def _has_room(ctx: Context, run: Run, room: Room) -> bool:
    """Early attempts leave a flow run and a transfer to runs that have ended."""
    spare = 1 if run.state in RECORDED else 0
    slots, transfers = ctx.policy.max_in_flight - spare, TRANSFERS_AT_ONCE - spare
    return len(room.under_way) < max(1, slots) and len(moving(room)) < transfers


def _put(ctx: Context, run: Run, keeps: Reason | None) -> None:
    """What keeps the next early attempt of a run, as it keeps runs that have ended. None: nothing does, or one that is
    under way tells."""
    if keeps is not None or any(c.topic is Topic.EARLY and c.segment is None for c in run.conditions):
        conditions.put_early(ctx.ledger, run.run, None, None, keeps)


def _write(ctx: Context, number: int, segments: Sequence[int]) -> None:
    with ctx.ledger.change():
        known = dossier.read(ctx.ledger, number)
        if known is None or known.run.state not in WAIT_FOR_THEM:  # a moment ago it was
            return
        launch.write_early_intent(ctx, known, plan_early(number, segments))
