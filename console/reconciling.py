"""Before a driver acts: do ledger and Globus agree on which flow runs there are? What differs is settled and told.

A ledger may lag behind: it was restored from a backup, it was lost, or a driver died between asking and writing. A
flow run of this experiment that is not in the ledger is taken over, so that its run is not launched again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from console import attempts, records
from console.operations import Operations
from console.records import Attempt
from console.states import OPEN, AttemptState, RunState
from flowspec.plan import Plan
from remote.globus.flows import FlowRun, LogEntry

TAG = re.compile(r"frib-(\d{1,9})-(\d{1,6})-[0-9a-f]{16}")
RECORDS_KEPT = 90 * 86400.0  # for how long Globus keeps the records of flow runs, seconds
CLOCKS_DIFFER = 86400.0
ACTIVE = ("ACTIVE", "INACTIVE")
RECONCILED = "reconciled"  # in the ledger's meta: up to when ledger and Globus are known to agree


def settle(ops: Operations) -> bool:
    """One listing of the flow runs since the last time; its length is that of what happened since then. True: done."""
    now = ops.now()
    since = float(ops.ledger.get(RECONCILED, "0")) or now - RECORDS_KEPT
    oldest = min((a.intended_at for a in records.open_attempts(ops.ledger)), default=now)
    begin = datetime.fromtimestamp(min(since, oldest) - CLOCKS_DIFFER, timezone.utc).isoformat()
    ours = [r for r in ops.remote.flows.runs([ops.flow_id], begin) if r.label.startswith(f"{ops.experiment} run ")]
    for flow_run in reversed(ours):  # oldest first
        tag = next((tag for tag in flow_run.tags if TAG.fullmatch(tag)), None)
        if tag is not None:
            _settle_one(ops, flow_run, tag)
    ops.ledger.put(RECONCILED, str(now))
    return True


def _settle_one(ops: Operations, flow_run: FlowRun, tag: str) -> None:
    number = int(tag.split("-")[1])
    known = next((a for a in records.attempts(ops.ledger, number) if a.tag == tag), None)
    active = flow_run.status in ACTIVE
    if known is None:
        _take_over(ops, flow_run, tag)
    elif known.flow_run is None and known.state in OPEN:
        attempts.started(ops, known, flow_run.id)
    elif known.flow_run is None:  # given up before Globus told that it had been started after all
        records.set_attempt(ops.ledger, known.attempt, flow_run=flow_run.id)
        if active:
            _cancel(ops, flow_run, known, f"belongs to attempt {known.number}, which is {known.state.value}")
    elif known.flow_run != flow_run.id and active:
        _cancel(ops, flow_run, known, f"is a second one of attempt {known.number}")


def _cancel(ops: Operations, flow_run: FlowRun, attempt: Attempt, what: str) -> None:
    text = f"run {attempt.run}: flow run {flow_run.id} {what}: it is cancelled"
    ops.ledger.event("bad", text, actor="driver", run=attempt.run, attempt=attempt.attempt)
    ops.remote.flows.cancel(flow_run.id)


def _take_over(ops: Operations, flow_run: FlowRun, tag: str) -> None:
    """Write the attempt that the ledger lacks; the pollers follow it like any other."""
    number = int(tag.split("-")[1])
    newest = records.newest_attempt(ops.ledger, number)
    if newest is not None and (flow_run.status not in ACTIVE or newest.state in OPEN):
        text = f"run {number}: flow run {flow_run.id} ({flow_run.status}) is not in the ledger, which has others"
        ops.ledger.event("warning", text, actor="driver", run=number)
        return
    body = _input(ops.remote.flows.log(flow_run.id))
    plan = _plan(number, body)
    with ops.ledger.change() as db:
        db.execute(
            "INSERT OR IGNORE INTO runs (run, path, verdict, reason, state, updated) VALUES (?,?,?,?,?,?)",
            (number, "", RunState.GONE.value, "not seen on disk yet", RunState.GONE.value, ops.now()),
        )
        attempt = records.add_intent(
            ops.ledger, plan, newest.number + 1 if newest else 1, tag, body, flow_run.label, ops.flow_id, "driver"
        )
        records.set_attempt(
            ops.ledger, attempt, state=AttemptState.STARTED.value, flow_run=flow_run.id, started_at=ops.now(), why=""
        )
        why = "its flow run was found at Globus, not in the ledger"
        records.set_run(ops.ledger, number, state=RunState.RUNNING.value, why=why)
        text = f"run {number}: flow run {flow_run.id} was not in the ledger; it is followed from now on"
        ops.ledger.event("warning", text, actor="driver", run=number, attempt=attempt)


def _input(log: list[LogEntry]) -> dict[str, Any]:
    """The input document of a flow run, which the first entry of its log tells."""
    found = log[0].details.get("input") if log else None
    return dict(found) if isinstance(found, Mapping) else {}


def _plan(run: int, body: Mapping[str, Any]) -> Plan:
    """What the flow run does, from its input document."""

    def segments(value: Any) -> tuple[int, ...]:
        return tuple(int(segment) for segment in value or ())

    files = body.get("files") or {}
    return Plan(
        run,
        segments(files.get("segments")),
        segments(body.get("fit")),
        segments(body.get("convert")),
        segments(body.get("expected")),
        bool(body.get("analyze", True)),
        0,
    )
