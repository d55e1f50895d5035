"""The queue: which runs are launched next, in which order, and why the others wait."""

from __future__ import annotations

import json
from datetime import datetime

from console.actions import retry
from console.actions.launch import send_intents
from console.context import Context, Refused, run_of
from console.disk import space as disk_space
from console.ledger import attempts, runs
from console.ledger.runs import Run
from console.ledger.store import Request
from flowspec.readiness import Verdict
from flowspec.stages import Stage
from flowspec.states import RunState
from remote.globus.errors import RemoteError

# Globus Transfer runs three tasks of a user at a time; further ones wait there, where nobody sees them.
TRANSFERS_AT_ONCE = 3
# Segments in flight that wait for a worker of an endpoint, per worker: with more nothing would end sooner.
WAITING_PER_WORKER = 4


def auto_launch(ctx: Context) -> bool:
    return ctx.ledger.get("auto", "on") == "on"


def queue(ctx: Context, run: Run, actor: str) -> None:
    with ctx.ledger.change():
        runs.set_run(ctx.ledger, run.run, state=RunState.QUEUED.value, why="is next", ready_at=ctx.now())
        ctx.ledger.event("info", f"run {run.run} queued: {len(run.segments)} segments", actor=actor, run=run.run)


def held_by(actor: str) -> str:
    return f"held by {actor}: h releases it"


def hold(ctx: Context, request: Request) -> str:
    """Keep a queued run in the queue until somebody releases it."""
    run = _queued(ctx, request)
    if run.held_by is not None:
        raise Refused(f"run {run.run} is held already, by {run.held_by}")
    runs.set_run(ctx.ledger, run.run, held_by=request.actor, why=held_by(request.actor))
    return f"run {run.run} is held: it is not launched until it is released"


def release(ctx: Context, request: Request) -> str:
    run = _queued(ctx, request)
    if run.held_by is None:
        raise Refused(f"run {run.run} is not held")
    runs.set_run(ctx.ledger, run.run, held_by=None, why="is next")
    return f"run {run.run} is released: {run.held_by} had held it"


def _queued(ctx: Context, request: Request) -> Run:
    run = run_of(ctx, request)
    if run.state is not RunState.QUEUED:
        raise Refused(f"run {run.run} is {run.state.value}: only a queued run can be held or released")
    return run


def queue_what_is_ready(ctx: Context) -> None:
    if auto_launch(ctx):
        for run in runs.runs(ctx.ledger, RunState.READY):
            queue(ctx, run, "driver")


def go_on(ctx: Context) -> None:
    """A run under way without an open attempt is between two: its segments did not fit in one."""
    busy = {attempt.run for attempt in attempts.open_attempts(ctx.ledger)}
    for run in runs.runs(ctx.ledger, RunState.RUNNING):
        if run.run not in busy:
            retry.go_on(ctx, run)


def start_queued(ctx: Context) -> RemoteError | None:
    """Start the queued runs, live data before reprocessing, as far as policy, endpoints and transfers allow.

    Returns what kept Globus from being asked, if anything did; the runs behind it wait with that reason.
    """
    trouble: RemoteError | None = None
    newest_first = ctx.policy.order == "newest"
    queued = sorted(
        runs.runs(ctx.ledger, RunState.QUEUED),
        key=lambda run: (run.priority, -run.run if newest_first else run.ready_at or 0, run.run),
    )
    for run in queued:
        hold = reason_to_hold(ctx, run)
        if hold is None:
            try:
                retry.begin(ctx, run)
            except Refused as refusal:
                _not_started(ctx, run, str(refusal))
            except RemoteError as error:  # what a further attempt has to do could not be seen
                runs.set_run(ctx.ledger, run.run, why=f"held: {error.cause}; {error.next_step}")
                if error.kind == "later":
                    return error
                trouble = error
                continue
            trouble = send_intents(ctx) or trouble
        elif hold != run.why:
            runs.set_run(ctx.ledger, run.run, why=hold)
    return trouble


def _not_started(ctx: Context, run: Run, why: str) -> None:
    with ctx.ledger.change():
        runs.set_run(ctx.ledger, run.run, state=RunState.FAILED.value, why=why)
        ctx.ledger.event("bad", why, actor="driver", run=run.run)


def reason_to_hold(ctx: Context, run: Run) -> str | None:
    """One sentence why this run is not started now; None when it may be."""
    if run.held_by is not None:
        return held_by(run.held_by)
    if run.verdict in (Verdict.TAKING.value, Verdict.ARRIVING.value):
        return f"held: {run.reason}"
    space = disk_space.read(ctx.ledger)
    if space is not None and space.short:
        return f"held: the results' disk is {space}; starts when there is room in {ctx.results}"
    under_way = attempts.open_attempts(ctx.ledger)
    unsent = next((attempt for attempt in under_way if attempt.flow_run is None), None)
    if unsent is not None:  # the service does not take what was asked before: asking for more would not help
        return f"held: run {unsent.run} is before it and {unsent.why}"
    limit = ctx.policy.max_in_flight
    if len(under_way) >= limit:
        return f"held: {len(under_way)} runs are in flight, the limit is {limit}"
    moving = sum(attempt.stage in (Stage.TRANSFER.value, Stage.RETURN.value) for attempt in under_way)
    if moving >= TRANSFERS_AT_ONCE:
        return f"held: {moving} transfers are under way, Globus runs no more at a time"
    return _reason_of_an_endpoint(ctx)


def _reason_of_an_endpoint(ctx: Context) -> str | None:
    for row in ctx.ledger.rows("SELECT name, stage, online, since, detail FROM endpoints ORDER BY online, name"):
        if not row["online"]:
            since = datetime.fromtimestamp(row["since"]).strftime("%H:%M")
            return f"held: compute endpoint {row['name']} is offline since {since}"
        workers = json.loads(row["detail"]).get("total_workers") or 0  # none while no node is allocated
        waiting = ctx.ledger.rows(
            "SELECT COUNT(*) AS n FROM tasks JOIN attempts USING (attempt) "
            "WHERE tasks.stage = ? AND ended = 0 AND state = 'started'",
            row["stage"],
        )[0]["n"] - workers  # fmt: skip
        if workers and waiting >= WAITING_PER_WORKER * workers:
            return f"held: {waiting} segments wait for the {workers} workers of {row['name']}"
    return None
