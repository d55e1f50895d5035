"""Reconciling ledger and Globus before a driver acts: which flow runs are there? Differences are settled, with events.

A ledger may lag behind: it was restored from a backup, it was lost, or a driver died between asking and writing. Or
another console with another ledger has launched. A flow run of this experiment that is not in the ledger is taken over,
so that its run is not launched again; also one of another flow, as each account may have deployed its own.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import Any

from console.actions import launch
from console.context import Context
from console.ledger import attempts, runs, sources
from console.ledger.attempts import Attempt
from console.ledger.moves import move, move_attempt
from flowspec import catalogue
from flowspec.conditions import Reason, Topic, reason
from flowspec.plan import Plan
from flowspec.states import GIVEN_UP, OPEN, STARTED, TAKEN_OVER
from remote.globus.errors import RemoteError
from remote.globus.flows import FlowRun, LogEntry

TAG = re.compile(r"frib-([0-9]{1,10})-([0-9]{1,6})-[0-9a-f]{16}")
RECORDS_KEPT = 90 * 86400.0  # for how long Globus keeps the records of flow runs, seconds
CLOCKS_DIFFER = 86400.0
ACTIVE = ("ACTIVE", "INACTIVE")
RECONCILED = "reconciled"  # in the ledger's meta: up to when ledger and Globus are known to agree
TOLD, MOST_TOLD = "not_in_the_ledger", 500  # in the ledger's meta: the flow runs of which an event says so


def settle(ctx: Context) -> bool:
    """One listing of the flow runs since the last time; its length is that of what happened since then. True: done."""
    now = ctx.now()
    since = float(ctx.ledger.get(RECONCILED, "0")) or now - RECORDS_KEPT
    oldest = min((a.intended_at for a in attempts.open_attempts(ctx.ledger)), default=now)
    begin = datetime.fromtimestamp(min(since, oldest) - CLOCKS_DIFFER, timezone.utc).isoformat()
    listed = ctx.remote.flows.runs(None, begin)
    sources.answered(ctx.ledger, "flows")
    _settle_all(ctx, listed)
    ctx.ledger.put(RECONCILED, str(now))
    return True


def look_once(ctx: Context) -> launch.Look:
    """For one round: the first call settles what has not ended at Globus, in one listing; the others ask nothing."""

    @functools.cache
    def look() -> RemoteError | None:
        try:
            listed = ctx.remote.flows.open_runs()
            sources.answered(ctx.ledger, "flows")
            _settle_all(ctx, listed)
        except RemoteError as error:
            return error
        return None

    return look


def _settle_all(ctx: Context, newest_first: Iterable[FlowRun]) -> None:
    ours = [r for r in newest_first if r.label.startswith(f"{ctx.experiment} run ")]
    for flow_run in reversed(ours):
        tag = next((tag for tag in flow_run.tags if TAG.fullmatch(tag)), None)
        if tag is not None:
            _settle_one(ctx, flow_run, tag)


def _settle_one(ctx: Context, flow_run: FlowRun, tag: str) -> None:
    number = int(tag.split("-")[1])
    known = next((a for a in attempts.attempts(ctx.ledger, number) if a.tag == tag), None)
    active = flow_run.status in ACTIVE
    if known is None:
        _take_over(ctx, flow_run, tag)
    elif known.flow_run is None and known.state in OPEN:
        launch.started(ctx, known, flow_run.id)
    elif known.flow_run is None:  # given up before it was found at Globus after all
        attempts.set_attempt(ctx.ledger, known.attempt, flow_run=flow_run.id)
        if active:
            _cancel(ctx, flow_run, known, f"belongs to attempt {known.number}, which is {known.state.value}")
    elif known.flow_run != flow_run.id and active:
        _cancel(ctx, flow_run, known, f"is a second one of attempt {known.number}")


def _cancel(ctx: Context, flow_run: FlowRun, attempt: Attempt, what: str) -> None:
    text = f"run {attempt.run}: flow run {flow_run.id} {what}: it is cancelled"
    ctx.ledger.event("bad", text, actor="driver", run=attempt.run, attempt=attempt.attempt)
    ctx.remote.flows.cancel(flow_run.id)


def _take_over(ctx: Context, flow_run: FlowRun, tag: str) -> None:
    """Write the attempt that the ledger lacks; the pollers follow it like any other. An unsent intent is given up."""
    number = int(tag.split("-")[1])
    newest = attempts.newest_attempt(ctx.ledger, number)
    in_its_way = newest if newest is not None and launch.unsent(ctx, newest) else None
    beside = newest is not None and newest.state in OPEN and in_its_way is None and not newest.plan.early
    if newest is not None and (flow_run.status not in ACTIVE or beside):
        _tell_once(ctx, number, flow_run)
        return
    body = _input(ctx.remote.flows.log(flow_run.id))
    plan = _plan(number, body)
    with ctx.ledger.change():
        if in_its_way is not None:
            move_attempt(ctx.ledger, in_its_way.attempt, GIVEN_UP, reason("attempt.elsewhere", flow_run=flow_run.id))
        runs.add_without_directory(ctx.ledger, number)
        attempt = attempts.add_intent(
            ctx.ledger, plan, newest.number + 1 if newest else 1, tag, body, flow_run.label, flow_run.flow_id, "driver"
        )
        move_attempt(ctx.ledger, attempt, STARTED, flow_run=flow_run.id)
        if plan.early:  # of which version of its segments is not known: they are done again when the run has ended
            known = runs.run(ctx.ledger, number)
            taken = {**(known.early if known else {}), **dict.fromkeys(plan.expected, "")}
            runs.set_run(ctx.ledger, number, early=taken)
            found = reason("event.taken-over", run=number, flow_run=flow_run.id)
            ctx.ledger.event("warning", catalogue.sentence(found), actor="driver", run=number, attempt=attempt)
            return
        move(
            ctx.ledger, number, TAKEN_OVER, level="warning", about=Topic.PROGRESS, reasons=[Reason("attempt.found")],
            attempt=attempt, event={"flow_run": flow_run.id},
        )  # fmt: skip


def _tell_once(ctx: Context, number: int, flow_run: FlowRun) -> None:
    told: list[str] = json.loads(ctx.ledger.get(TOLD, "[]"))
    if flow_run.id in told:
        return
    with ctx.ledger.change():
        text = f"run {number}: flow run {flow_run.id} ({flow_run.status}) is not in the ledger, which has others"
        ctx.ledger.event("warning", text, actor="driver", run=number)
        ctx.ledger.put(TOLD, json.dumps([*told, flow_run.id][-MOST_TOLD:]))


def _input(log: list[LogEntry]) -> dict[str, Any]:
    """The input document of a flow run, from the first entry of its log."""
    found = log[0].details.get("input") if log else None
    return dict(found) if isinstance(found, Mapping) else {}


def _plan(run: int, body: Mapping[str, Any]) -> Plan:
    """What the flow run does, from its input document."""

    def segments(value: Any) -> tuple[int, ...]:
        return tuple(int(segment) for segment in value or ())

    files, analyze = body.get("files") or {}, bool(body.get("analyze", True))
    convert, expected = segments(body.get("convert")), segments(body.get("expected"))
    early = not analyze and bool(convert) and convert == expected
    return Plan(
        run, segments(files.get("segments")), segments(body.get("fit")), convert, expected, analyze, 0, early=early
    )
