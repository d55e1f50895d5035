"""The reason of a compute task that has not ended: since when it waits or runs, and whether it may be lost or hang.

Compute has no status for a task that it has lost, nor for a program that hangs: it reports "pending" or "running" for
ever. Today's engines do not even tell that a task was begun: then its job's mark at the site does (`progress`).
So the console compares with the workers that are idle meanwhile; where an endpoint tells nothing of workers, with
what was begun and answered there meanwhile; and with how long the same work took before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache, partial

from console.context import Context
from console.evidence.witnesses import planned
from console.ledger import attempts, endpoints, evidence, restarts, site
from console.ledger.attempts import Attempt
from console.ledger.endpoints import EndpointRow
from flowspec import catalogue
from flowspec.cells import Cell
from flowspec.conditions import Reason, reason
from flowspec.progress import Evidence, Says
from flowspec.stages import Stage

# In polls (`policy.poll_interval`): how long a task may wait beside idle workers, which are told twice a minute only;
# how long while others were served; how long while nothing is begun there, as queues of Slurm are long; how much
# longer than so many times the usual one may take that runs.
WAITING_POLLS, SERVED_POLLS, UNSERVED_POLLS, RUNNING_POLLS = 8.0, 24.0, 120.0, 4.0
TIMES_USUAL = 3.0
PENDING_SECONDS = 600.0  # for which it is news why Slurm lets jobs wait
LATELY = 30  # attempts, from which is known what is usual


def notable(cell: Cell) -> bool:
    """Whether this cell is suspect or its endpoint offline: more than a task that just takes its time."""
    return cell.suspect or cell.reason.code == "task.offline"


def with_reasons(ctx: Context, attempt: Attempt, stage: Stage, found: Sequence[Evidence]) -> list[Evidence]:
    """The same evidence, with the reasons of tasks that have not ended."""
    before = evidence.of_tasks(ctx.ledger, attempt, stage)
    since = {(item.segment, item.says): item.at for item in before}
    waiting, running = cache(partial(_waiting, ctx, stage)), cache(partial(_running, ctx, stage))  # asked once for many
    at_work = evidence.at_work(ctx.ledger, attempt, stage)
    explained = []
    for item in found:
        if item.reason.code == "task.pending" and item.segment in at_work:
            item = replace(item, says=Says.RUNNING, reason=reason("task.running"))
        at = since.get((item.segment, item.says), item.at)
        if item.reason.code == "task.pending":
            explained.append(replace(item, reason=waiting(at), at=at))
        elif item.reason.code == "task.running":
            explained.append(replace(item, reason=running(at), at=at))
        else:
            explained.append(item)
    return explained


def lost_tasks(ctx: Context, attempt: Attempt) -> set[str]:
    """The compute tasks that wait for so long that nobody seems to know of them any more."""
    places = evidence.lost_places(ctx.ledger, attempt)
    return {
        task
        for stage in {stage for stage, _ in places}
        for segment, (task, _) in zip(
            planned(attempt.plan, stage), attempts.tasks(ctx.ledger, attempt.attempt, stage), strict=False
        )
        if (stage, segment) in places
    }


def _waiting(ctx: Context, stage: Stage, since: float) -> Reason:
    endpoint = endpoints.find(ctx.ledger, ctx.endpoints[stage])
    if endpoint is not None and not endpoint.online:
        return _offline(ctx, endpoint, since, started=False)
    if endpoint is not None and (why := _overdue(ctx, stage, since, endpoint)):
        return why
    return reason("task.pending", since=since)


def _offline(ctx: Context, endpoint: EndpointRow, since: float, *, started: bool) -> Reason:
    here = restarts.here(ctx.ledger, endpoint.endpoint)
    return reason(
        "task.offline", started=started, since=since, endpoint=endpoint.name, offline=endpoint.since, here=here
    )


def _overdue(ctx: Context, stage: Stage, since: float, endpoint: EndpointRow) -> Reason | None:
    """That a task should have been begun by now; None while it may just wait its turn."""
    waits = (ctx.now() - since) / ctx.policy.poll_interval
    if endpoint.idle and waits > WAITING_POLLS:
        return reason("task.lost", since=since, endpoint=endpoint.name, idle=endpoint.idle)
    if endpoint.busy or waits <= SERVED_POLLS:
        return None
    usual = evidence.usual_seconds(ctx.ledger, stage, LATELY) or 0.0
    if ctx.now() - since <= TIMES_USUAL * usual:  # it may have been begun: nobody promises that this is told
        return None
    others = evidence.others_since(ctx.ledger, stage, since, LATELY)
    quiet = 0.0 if others.running else (ctx.now() - others.last) / ctx.policy.poll_interval
    if others.overtook or (others.answered and quiet > SERVED_POLLS):
        served = others.overtook or others.answered
        return reason("task.overtaken", since=since, endpoint=endpoint.name, served=served)
    if quiet > UNSERVED_POLLS:
        pending = site.pending(ctx.ledger)
        lately = ctx.now() - float(pending.parameters.get("at", 0.0)) < PENDING_SECONDS
        return reason(
            "task.unserved", since=since, endpoint=endpoint.name, words=endpoint.error,
            pending=catalogue.nested(pending) if lately else None,
        )  # fmt: skip
    return None


def _running(ctx: Context, stage: Stage, since: float) -> Reason:
    endpoint = endpoints.find(ctx.ledger, ctx.endpoints[stage])
    if endpoint is not None and not endpoint.online:
        return _offline(ctx, endpoint, since, started=True)
    longer = ctx.now() - since - RUNNING_POLLS * ctx.policy.poll_interval
    usual = evidence.usual_seconds(ctx.ledger, stage, LATELY) if longer > 0 else None
    if usual is not None and longer > TIMES_USUAL * usual:
        return reason("task.hang", since=since, stage=stage.value, usual=usual)
    return reason("task.running", since=since)
