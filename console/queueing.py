"""The queue: which runs are launched next, in which order, and why the others wait."""

from __future__ import annotations

import json
from datetime import datetime

from console import diskspace, records, retrying
from console.attempts import send_intents
from console.ledger import Request
from console.operations import Operations, Refused, run_of
from console.records import Run
from console.states import RunState
from flowspec.readiness import Verdict
from flowspec.stages import Stage
from remote.globus.errors import RemoteError

# Globus Transfer runs three tasks of a user at a time; further ones wait there, where nobody sees them.
TRANSFERS_AT_ONCE = 3
# Segments in flight that wait for a worker of an endpoint, per worker: with more nothing would end sooner.
WAITING_PER_WORKER = 4


def auto_launch(ops: Operations) -> bool:
    return ops.ledger.get("auto", "on") == "on"


def queue(ops: Operations, run: Run, actor: str) -> None:
    with ops.ledger.change():
        records.set_run(ops.ledger, run.run, state=RunState.QUEUED.value, why="is next", ready_at=ops.now())
        ops.ledger.event("info", f"run {run.run} queued: {len(run.segments)} segments", actor=actor, run=run.run)


def held_by(actor: str) -> str:
    return f"held by {actor}: h releases it"


def hold(ops: Operations, request: Request) -> str:
    """Keep a queued run in the queue until somebody releases it."""
    run = _queued(ops, request)
    if run.held_by is not None:
        raise Refused(f"run {run.run} is held already, by {run.held_by}")
    records.set_run(ops.ledger, run.run, held_by=request.actor, why=held_by(request.actor))
    return f"run {run.run} is held: it is not launched until it is released"


def release(ops: Operations, request: Request) -> str:
    run = _queued(ops, request)
    if run.held_by is None:
        raise Refused(f"run {run.run} is not held")
    records.set_run(ops.ledger, run.run, held_by=None, why="is next")
    return f"run {run.run} is released: {run.held_by} had held it"


def _queued(ops: Operations, request: Request) -> Run:
    run = run_of(ops, request)
    if run.state is not RunState.QUEUED:
        raise Refused(f"run {run.run} is {run.state.value}: only a queued run can be held or released")
    return run


def queue_what_is_ready(ops: Operations) -> None:
    if auto_launch(ops):
        for run in records.runs(ops.ledger, RunState.READY):
            queue(ops, run, "driver")


def go_on(ops: Operations) -> None:
    """A run under way without an open attempt is between two: its segments did not fit in one."""
    busy = {attempt.run for attempt in records.open_attempts(ops.ledger)}
    for run in records.runs(ops.ledger, RunState.RUNNING):
        if run.run not in busy:
            retrying.go_on(ops, run)


def start_queued(ops: Operations) -> RemoteError | None:
    """Start the queued runs, live data before reprocessing, as far as policy, endpoints and transfers allow.

    Returns what kept Globus from being asked, if anything did; the runs behind it wait with that reason.
    """
    trouble: RemoteError | None = None
    newest_first = ops.policy.order == "newest"
    queued = sorted(
        records.runs(ops.ledger, RunState.QUEUED),
        key=lambda run: (run.priority, -run.run if newest_first else run.ready_at or 0, run.run),
    )
    for run in queued:
        hold = reason_to_hold(ops, run)
        if hold is None:
            try:
                retrying.begin(ops, run)
            except Refused as refusal:
                _not_started(ops, run, str(refusal))
            except RemoteError as error:  # what a further attempt has to do could not be seen
                records.set_run(ops.ledger, run.run, why=f"held: {error.cause}; {error.next_step}")
                if error.kind == "later":
                    return error
                trouble = error
                continue
            trouble = send_intents(ops) or trouble
        elif hold != run.why:
            records.set_run(ops.ledger, run.run, why=hold)
    return trouble


def _not_started(ops: Operations, run: Run, why: str) -> None:
    with ops.ledger.change():
        records.set_run(ops.ledger, run.run, state=RunState.FAILED.value, why=why)
        ops.ledger.event("bad", why, actor="driver", run=run.run)


def reason_to_hold(ops: Operations, run: Run) -> str | None:
    """One sentence why this run is not started now; None when it may be."""
    if run.held_by is not None:
        return held_by(run.held_by)
    if run.verdict in (Verdict.TAKING.value, Verdict.ARRIVING.value):
        return f"held: {run.reason}"
    space = diskspace.read(ops.ledger)
    if space is not None and space.short:
        return f"held: the results' disk is {space}; starts when there is room in {ops.results}"
    under_way = records.open_attempts(ops.ledger)
    unsent = next((attempt for attempt in under_way if attempt.flow_run is None), None)
    if unsent is not None:  # the service does not take what was asked before: asking for more would not help
        return f"held: run {unsent.run} is before it and {unsent.why}"
    limit = ops.policy.max_in_flight
    if len(under_way) >= limit:
        return f"held: {len(under_way)} runs are in flight, the limit is {limit}"
    moving = sum(attempt.stage in (Stage.TRANSFER.value, Stage.RETURN.value) for attempt in under_way)
    if moving >= TRANSFERS_AT_ONCE:
        return f"held: {moving} transfers are under way, Globus runs no more at a time"
    return _reason_of_an_endpoint(ops)


def _reason_of_an_endpoint(ops: Operations) -> str | None:
    for row in ops.ledger.rows("SELECT name, stage, online, since, detail FROM endpoints ORDER BY online, name"):
        if not row["online"]:
            since = datetime.fromtimestamp(row["since"]).strftime("%H:%M")
            return f"held: compute endpoint {row['name']} is offline since {since}"
        workers = json.loads(row["detail"]).get("total_workers") or 0  # none while no node is allocated
        waiting = ops.ledger.rows(
            "SELECT COUNT(*) AS n FROM tasks JOIN attempts USING (attempt) "
            "WHERE tasks.stage = ? AND ended = 0 AND state = 'started'",
            row["stage"],
        )[0]["n"] - workers  # fmt: skip
        if workers and waiting >= WAITING_PER_WORKER * workers:
            return f"held: {waiting} segments wait for the {workers} workers of {row['name']}"
    return None
