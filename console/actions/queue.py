"""The queue: which runs are launched next, in which order, and what the others wait for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from console.actions import retry
from console.actions.launch import Look, send_intents
from console.context import Context, Refused, permitted, run_of
from console.disk import space as disk_space
from console.ledger import attempts as attempt_rows
from console.ledger import conditions, endpoints, evidence, pause, restarts, runs, stuck
from console.ledger.attempts import Attempt
from console.ledger.moves import move
from console.ledger.runs import Run
from console.ledger.store import Request
from flowspec import catalogue
from flowspec.conditions import Reason, Topic, reason
from flowspec.readiness import Verdict
from flowspec.stages import Stage
from flowspec.states import QUEUED, REFUSED, RunState
from remote.globus.errors import RemoteError

# Globus Transfer runs three tasks of a user at a time; further ones wait there, where nobody sees them.
TRANSFERS_AT_ONCE = 3
# Segments in flight that wait for a worker of an endpoint, per worker: with more nothing would end sooner.
WAITING_PER_WORKER = 4
NEXT = Reason("queue.next")
LIVE, BEHIND_LIVE_DATA = 0, 1  # runs.priority
_AUTO, _AUTO_BY = "auto", "auto_by"  # in meta: the switch, and the request that switched it on


def auto_launch(ctx: Context) -> bool:
    return ctx.ledger.get(_AUTO, "on") == "on"


def switched_on_by(ctx: Context) -> int | None:
    """The request with which auto-launch was switched on; None when it is off, or on since the first start."""
    by = ctx.ledger.get(_AUTO_BY)
    return int(by) if by and auto_launch(ctx) else None


def set_auto(ctx: Context, request: Request) -> str:
    """Switch auto-launch (`on`). Switched on, it queues what is ready, which `take-back` of this request takes back."""
    on = bool(request.args.get("on"))
    if on is auto_launch(ctx):
        return f"auto-launch is {'on' if on else 'off'} already"
    switch(ctx, request.id if on else None)
    queued = queue_what_is_ready(ctx)
    return f"auto-launch is on: {queued} queued" if queued else f"auto-launch is {'on' if on else 'off'}"


def switch(ctx: Context, on_by: int | None) -> None:
    """Switch auto-launch on, by this request, or off."""
    with ctx.ledger.change():
        ctx.ledger.put(_AUTO, "off" if on_by is None else "on")
        ctx.ledger.put(_AUTO_BY, "" if on_by is None else str(on_by))


def queue(ctx: Context, run: Run, actor: str, by: int | None = None) -> None:
    """Put a run that was not launched into the queue; `by` is the request that can be taken back."""
    move(
        ctx.ledger, run.run, QUEUED, actor=actor, about=Topic.QUEUE, reasons=[NEXT],
        event={"segments": len(run.segments)}, queued_by=by,
    )  # fmt: skip


def hold(ctx: Context, request: Request) -> str:
    """Keep a queued run in the queue until somebody releases it."""
    run = run_of(ctx, request)
    permitted("hold", run)
    set_hold(ctx, run, request.actor)
    return f"run {run.run} is held: it is not launched until it is released"


def release(ctx: Context, request: Request) -> str:
    run = run_of(ctx, request)
    permitted("release", run)
    set_hold(ctx, run, None)
    return f"run {run.run} is released: {run.held_by} had held it"


def set_hold(ctx: Context, run: Run, who: str | None) -> None:
    with ctx.ledger.change():
        runs.set_run(ctx.ledger, run.run, held_by=who)
        conditions.put(ctx.ledger, run.run, Topic.QUEUE, [reason("queue.held", who=who) if who else NEXT])


def queue_what_is_ready(ctx: Context) -> int:
    """With auto-launch; returns how many were."""
    if not auto_launch(ctx) or not runs.runs(ctx.ledger, RunState.READY):
        return 0
    with ctx.ledger.change():  # the thread that watches the disk may find at any moment that one changes again
        ready, by = runs.runs(ctx.ledger, RunState.READY), switched_on_by(ctx)
        for run in ready:
            queue(ctx, run, "driver", by)
    return len(ready)


def continue_runs(ctx: Context) -> None:
    """A run under way without an open attempt is between two: its segments did not fit in one."""
    running = runs.runs(ctx.ledger, RunState.RUNNING)
    busy = {attempt.run for attempt in attempt_rows.open_attempts(ctx.ledger)} if running else set()
    for run in running:
        if run.run not in busy:
            retry.start_next_attempt(ctx, run)


def in_order(queued: Iterable[Run], *, newest_first: bool) -> list[Run]:
    """The runs in the order of their launch: live data first, then by when they were taken.

    That is the END_RUN of the DAQ; of a run that has none, and is launched all the same, its BEGIN_RUN; without that,
    when it was queued. Runs that ended in the same second go by number.
    """
    sign = -1 if newest_first else 1
    return sorted(
        queued,
        key=lambda run: (run.priority, sign * (run.ended or run.started or run.ready_at or 0), sign * run.run),
    )


def start_live(ctx: Context, look: Look, queued: Iterable[Run]) -> RemoteError | None:
    """Start those of the queued runs that are live data, as far as policy, endpoints and transfers allow.

    Before the first of them is, `look` takes over what another console has started.
    Returns what kept Globus from being asked, if anything did; the runs behind it wait with that reason.
    """
    return _start(ctx, look, [run for run in queued if run.priority == LIVE])


def start_reprocessing(ctx: Context, look: Look, queued: Iterable[Run], recorded: int | None) -> RemoteError | None:
    """The same for those that are reprocessed: none while segments of the run `recorded` wait for room."""
    behind = [run for run in queued if run.priority != LIVE]
    return _start(ctx, look, behind, None if recorded is None else reason("queue.recorded-first", run=recorded))


def _start(ctx: Context, look: Look, queued: Sequence[Run], held: Reason | None = None) -> RemoteError | None:
    trouble: RemoteError | None = None
    if not queued:
        return None
    room = Room.now(ctx)
    room = replace(room, held=room.held or held)
    for run in in_order(queued, newest_first=ctx.policy.order == "newest"):
        if any(a.run == run.run and not a.plan.early for a in room.under_way):  # taken over a moment ago
            continue
        waits = waits_for(ctx, run, room)
        if waits is not None:
            conditions.put(ctx.ledger, run.run, Topic.QUEUE, [waits])
            continue
        unseen = look()  # keeps the intent from being sent
        try:
            retry.start_queued_run(ctx, run)
        except Refused as refusal:
            _refuse(ctx, run, {"words": str(refusal)})
        except RemoteError as error:  # its outputs could not be checked
            why = reason("queue.globus", cause=error.cause, next_step=error.next_step)
            conditions.put(ctx.ledger, run.run, Topic.QUEUE, [why])
            if error.kind == "later":
                return error
            trouble = error
            continue
        sent = send_intents(ctx, unseen)
        trouble = sent.trouble or trouble
        room = replace(room, held=_paused(ctx) or room.held, under_way=sent.under_way)
    return trouble


def _refuse(ctx: Context, run: Run, words: dict[str, str]) -> None:
    with ctx.ledger.change():
        now = runs.run(ctx.ledger, run.run)
        if now is not None and now.state is RunState.QUEUED:
            reasons = [Reason("outcome.refused", words)]
            move(ctx.ledger, run.run, REFUSED, level="bad", about=Topic.OUTCOME, reasons=reasons, event=words)


@dataclass(frozen=True)
class Room:
    """What there is room for just now: the same for every run of the queue."""

    held: Reason | None  # what keeps everything: a pause, the runs cannot be seen, or another console drives
    space: disk_space.Space | None
    under_way: Sequence[Attempt]
    endpoint: Reason | None  # what keeps an endpoint from taking more
    stuck: Mapping[int, float]  # the runs under way that are stuck, by how many seconds

    @classmethod
    def now(cls, ctx: Context) -> Room:
        space, now = disk_space.read(ctx.ledger), ctx.now()
        stuck_for = {run: now - since for run, since in stuck.since(ctx.ledger).items()}
        return cls(
            _paused(ctx) or ctx.holds(), space, attempt_rows.open_attempts(ctx.ledger), _full_endpoint(ctx), stuck_for
        )


def _paused(ctx: Context) -> Reason | None:
    pausing = pause.read(ctx.ledger)
    return pausing.reason if pausing is not None else None


def waits_for(ctx: Context, run: Run, room: Room) -> Reason | None:
    """What a queued run waits for; None when it may be started now."""
    if run.held_by is not None:
        return reason("queue.held", who=run.held_by)
    if (held := keeps_all(ctx, room)) is not None:
        return held
    if run.verdict in (Verdict.TAKING.value, Verdict.ARRIVING.value) or run.disk.code == runs.UNLISTED:
        return reason("queue.changing", cause=catalogue.nested(run.disk))
    if early := [a for a in room.under_way if a.run == run.run]:
        return reason("queue.early", segments=sum(len(a.plan.expected) for a in early))
    return _full_slots(ctx, room) or _full_transfers(room) or room.endpoint


def keeps_all(ctx: Context, room: Room) -> Reason | None:
    """What keeps every run from being started now, and every early attempt."""
    if room.held is not None:
        return room.held
    if room.space is not None and room.space.short:
        return reason("queue.disk", space=str(room.space), path=str(ctx.results))
    unsent = next((attempt for attempt in room.under_way if attempt.flow_run is None), None)
    if unsent is not None:  # the service does not take what was asked before: asking for more would not help
        return reason("queue.behind", run=unsent.run, cause=catalogue.nested(unsent.reason))
    return None


def _full_slots(ctx: Context, room: Room) -> Reason | None:
    """A run that is stuck gives its slot back after a while: its flow run stays, and others go past it."""
    patience, limit = ctx.policy.stuck_gives_slot_back, ctx.policy.max_in_flight
    using = [attempt.run for attempt in room.under_way if room.stuck.get(attempt.run, 0.0) < patience]
    if len(using) < limit:
        return None
    if all(run in room.stuck for run in using):
        return reason("queue.slots-stuck", stuck=len(using), limit=limit)
    return reason("queue.slots", under_way=len(using), limit=limit)


def _full_transfers(room: Room) -> Reason | None:
    """A transfer that is stuck has one of the places at Globus as long as it is not given up."""
    using = moving(room)
    if len(using) < TRANSFERS_AT_ONCE:
        return None
    if all(run in room.stuck for run in using):
        return reason("queue.transfers-stuck", stuck=len(using))
    return reason("queue.transfers", under_way=len(using))


def moving(room: Room) -> list[int]:
    """The runs with files under way."""
    return [a.run for a in room.under_way if a.stage in (Stage.TRANSFER.value, Stage.RETURN.value)]


def _full_endpoint(ctx: Context) -> Reason | None:
    for endpoint in endpoints.all_of(ctx.ledger):
        if not endpoint.online:
            here = restarts.here(ctx.ledger, endpoint.endpoint)
            return reason("queue.endpoint", endpoint=endpoint.name, since=endpoint.since, here=here)
        tasks = attempt_rows.unended_tasks(ctx.ledger, endpoint.stage)
        workers = endpoint.total
        if workers:  # none while no node is allocated
            if (waiting := tasks - workers) >= WAITING_PER_WORKER * workers:
                return reason("queue.workers", waiting=waiting, workers=workers, endpoint=endpoint.name)
        elif workers is None and tasks > WAITING_PER_WORKER:  # not told: there are at least as many as tasks run
            running = evidence.running_tasks(ctx.ledger, endpoint.stage)
            if running and (waiting := tasks - running) >= WAITING_PER_WORKER * running:
                return reason("queue.tasks", waiting=waiting, running=running, endpoint=endpoint.name)
    return None
