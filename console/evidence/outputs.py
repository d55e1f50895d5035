"""Checking the outputs themselves: the file witness. At the site through Transfer listings; on the DTN `returned`
looks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from console.context import Context
from console.evidence.returned import returned
from console.evidence.witnesses import planned
from console.ledger import evidence as evidence_rows
from console.ledger.runs import Run
from flowspec import flowlog, names
from flowspec.plan import plan_all
from flowspec.progress import OLDER_THAN_ITS_SOURCE, Evidence, Says, Witness
from flowspec.stages import STAGES, Stage
from remote.globus.transfer import RemoteFile

# A file may appear in a listing a little after its task has reported it.
LISTING_SECONDS = 5.0
# Listings give whole seconds, so a copy with the time of its source may seem to be that much older.
WHOLE_SECOND = 1.0


def check_all_outputs(ctx: Context, run: Run) -> None:
    """Check every output of a run and record the evidence, before a retry is planned. A missing output is ABSENT."""
    everything, known = plan_all(run.run, run.members), evidence_rows.evidence(ctx.ledger, run.run)
    found: list[Evidence] = []
    for stage in STAGES:
        found += check_outputs(ctx, run, stage, planned(everything, stage), [*known, *found])
    evidence_rows.record_evidence(ctx.ledger, run.run, _without_old_copies(run, found))


def check_outputs(
    ctx: Context, run: Run, stage: Stage, segments: Iterable[int | None], known: Sequence[Evidence]
) -> list[Evidence]:
    """Evidence of the outputs of a stage: DONE with size and modification time, or ABSENT.

    `known` is the evidence of the run: an output that is marked there as old does not count.
    """
    if stage is Stage.RETURN:
        return [returned(ctx.ledger, ctx.results, run.run, known=known)[0] for _ in segments]
    wanted, at = list(segments), ctx.now()
    old = {(e.segment, e.size, e.modified) for e in known if e.witness is Witness.OLD and e.stage is stage}
    files = _files(ctx, run.run, stage, wanted)
    return [
        Evidence(stage, s, Witness.FILE, Says.DONE, size=file.size, at=at, modified=file.modified)
        if (file := files.get(s)) is not None and (s, file.size, file.modified) not in old
        else Evidence(stage, s, Witness.FILE, Says.ABSENT, at=at)
        for s in wanted
    ]


def check_awaited_outputs(
    ctx: Context, run: Run, stage: Stage, segments: Sequence[int | None], known: Sequence[Evidence]
) -> list[Evidence]:
    """`check_outputs` during an attempt: a file is ABSENT only some time after its task has reported it."""
    reported = {
        e.segment: e.at for e in known if e.stage is stage and e.witness is Witness.TASK and e.says is Says.DONE
    }
    late = ctx.now() - LISTING_SECONDS
    found = check_outputs(ctx, run, stage, segments, known)
    return [e for e in found if e.says is Says.DONE or reported.get(e.segment, ctx.now()) < late]


def _files(ctx: Context, run: int, stage: Stage, wanted: Sequence[int | None]) -> dict[int | None, RemoteFile]:
    """The existing outputs, by segment (None for the run)."""
    collection = ctx.places.site_collection
    if stage is Stage.ANALYZE:
        file = ctx.remote.transfer.stat(collection, f"{ctx.places.analyzed()}/{names.sorted_file(run)}")
        return {} if file is None else {None: file}
    folder, name = {
        Stage.TRANSFER: (ctx.places.rawdata(run), names.segment_file),
        Stage.FIT: (ctx.places.fitted(run), names.fitted_file),
        Stage.CONVERT: (ctx.places.converted(run), names.converted_file),
    }[stage]
    listing = ctx.remote.transfer.ls(collection, folder) or {}
    there = {segment: listing.get(name(run, segment)) for segment in wanted if segment is not None}
    return {segment: file for segment, file in there.items() if file is not None}


def copies_of_what_is_there(run: Run, known: Iterable[Evidence]) -> set[int]:
    """The segments of which the copy at the site has the time of the file that is on the DTN now."""
    copies = {e.segment: _seconds(e.modified) for e in known if e.stage is Stage.TRANSFER and e.witness is Witness.FILE}
    there = {s: _modified_on_dtn(Path(run.path) / names.segment_file(run.run, s)) for s in run.segments}
    return {s for s, at in there.items() if at is not None and copies.get(s) == int(at)}


def _without_old_copies(run: Run, found: Sequence[Evidence]) -> list[Evidence]:
    """A copy that is older than its source was made of something that is no longer there: it counts as absent.

    Transfers keep the time of what they copy. A change within the same second, or to an older time, cannot be detected.
    """
    made = {(e.stage, e.segment): e for e in found if e.says is Says.DONE}
    analyzed = made.get((Stage.ANALYZE, None))
    checked = []
    for item in found:
        source = None
        if item.stage is Stage.TRANSFER and item.segment is not None:
            source = _modified_on_dtn(Path(run.path) / names.segment_file(run.run, item.segment))
        elif item.stage is Stage.RETURN and analyzed is not None:
            source = _seconds(analyzed.modified)
        copied = _seconds(item.modified) if item.says is Says.DONE else None
        old = source is not None and copied is not None and copied < source - WHOLE_SECOND
        absent = Evidence(item.stage, item.segment, Witness.FILE, Says.ABSENT, OLDER_THAN_ITS_SOURCE, at=item.at)
        checked.append(absent if old else item)
    return checked


def _modified_on_dtn(path: Path) -> float | None:
    try:
        return path.stat().st_mtime
    except OSError:
        return None


def _seconds(time: str) -> float | None:
    """Seconds since the epoch of a time in a listing; None when it has none, or not in ISO 8601."""
    try:
        return flowlog.seconds(time)
    except ValueError:
        return None
