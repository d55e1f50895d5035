"""How far the jobs of an attempt are: by the names of the marks beside their logs, in one listing for a run."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from console.context import Context
from console.ledger.attempts import Attempt
from flowspec import flowlog, names
from flowspec.conditions import reason
from flowspec.progress import Evidence, Says, Witness
from flowspec.stages import Stage
from remote.globus.transfer import RemoteFile

EVERY_SECONDS = 30.0
CLOCKS_DIFFER = 60.0  # s, between the site's and ours
DEAD_SECONDS = 300.0  # a job touches its mark each second: an older one is of a job that was killed


def is_due(ctx: Context) -> bool:
    """In one of the polls of each half minute: a listing takes a second, and the site has better to do."""
    return ctx.now() % EVERY_SECONDS < ctx.policy.poll_interval


def of_jobs(ctx: Context, attempt: Attempt, known: Collection[Evidence]) -> list[Evidence]:
    """What the marks say of the places at which a task has not ended: today's engines never tell that one is begun."""
    open_tasks = [e for e in known if e.witness is Witness.TASK and e.says in (Says.PENDING, Says.RUNNING)]
    places = {(e.stage, e.segment) for e in open_tasks if e.stage not in (Stage.TRANSFER, Stage.RETURN)}
    if not places:
        return []
    listing = ctx.remote.transfer.ls(ctx.places.site_collection, ctx.places.logs(attempt.run)) or {}
    found = {(e.stage, e.segment): e for e in _of(listing, attempt, ctx.now()) if (e.stage, e.segment) in places}
    gone = {(e.stage, e.segment) for e in known if e.witness is Witness.JOB and e.says is Says.RUNNING} - found.keys()
    return [*found.values(), *(_gone(place, ctx.now()) for place in gone & places)]


def _gone(place: tuple[Stage, int | None], at: float) -> Evidence:
    return Evidence(*place, Witness.JOB, Says.ABSENT, at=at)


def _of(listing: Mapping[str, RemoteFile], attempt: Attempt, at: float) -> Iterable[Evidence]:
    for name, file in listing.items():
        mark = names.parse_mark(name)
        touched = _seconds(file.modified)
        if mark is None or touched < max((attempt.started_at or 0.0) - CLOCKS_DIFFER, at - DEAD_SECONDS):
            continue
        how = reason("job.progress", phase=mark.phase, percent=mark.percent, left=mark.left)
        yield Evidence(Stage(mark.stage), mark.segment, Witness.JOB, Says.RUNNING, how, at=at)


def _seconds(time: str) -> float:
    """0 when that cannot be read: then it is not known to be of this attempt."""
    try:
        return flowlog.seconds(time)
    except ValueError:
        return 0.0
