"""How far the jobs of an attempt are: by the names of the marks beside their logs, in one listing for a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from console.context import Context
from console.ledger.attempts import Attempt
from flowspec import flowlog, names
from flowspec.conditions import reason
from flowspec.progress import Evidence, Says, Witness
from flowspec.stages import Stage
from remote.globus.transfer import RemoteFile

EVERY_SECONDS = 30.0
CLOCKS_DIFFER = 60.0  # s, between the site's and ours


def is_due(ctx: Context) -> bool:
    """In one of the polls of each half minute: a listing takes a second, and the site has better to do."""
    return ctx.now() % EVERY_SECONDS < ctx.policy.poll_interval


def of_jobs(ctx: Context, attempt: Attempt, known: Iterable[Evidence]) -> list[Evidence]:
    """What the marks say of the places at which a task runs."""
    running = {(e.stage, e.segment) for e in known if e.witness is Witness.TASK and e.says is Says.RUNNING}
    running = {place for place in running if place[0] is not Stage.TRANSFER and place[0] is not Stage.RETURN}
    if not running:
        return []
    listing = ctx.remote.transfer.ls(ctx.places.site_collection, ctx.places.logs(attempt.run)) or {}
    return [found for found in _of(listing, attempt, ctx.now()) if (found.stage, found.segment) in running]


def _of(listing: Mapping[str, RemoteFile], attempt: Attempt, at: float) -> Iterable[Evidence]:
    for name, file in listing.items():
        mark = names.parse_mark(name)
        if mark is None or _seconds(file.modified) < (attempt.started_at or 0.0) - CLOCKS_DIFFER:
            continue
        how = reason("job.progress", phase=mark.phase, percent=mark.percent, left=mark.left)
        yield Evidence(Stage(mark.stage), mark.segment, Witness.JOB, Says.RUNNING, how, at=at)


def _seconds(time: str) -> float:
    """0 when that cannot be read: then it is not known to be of this attempt."""
    try:
        return flowlog.seconds(time)
    except ValueError:
        return 0.0
