"""Looking at the outputs themselves: the file witness. At the site through Transfer, on the DTN directly."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from console import records
from console.operations import Operations
from console.records import Run
from console.witnesses import planned
from flowspec import names
from flowspec.plan import plan_all
from flowspec.progress import Evidence, Says, Witness
from flowspec.stages import STAGES, Stage

# A file may show up in a listing a little after its maker has reported it.
LISTING_SECONDS = 5.0
ROOT_MAGIC = b"root"


def survey(ops: Operations, run: Run) -> None:
    """Look at every output of a run; what is not there is recorded as absent. For planning a retry."""
    everything = plan_all(run.run, run.segments)
    for stage in STAGES:
        records.record_evidence(ops.ledger, run.run, look(ops, run, stage, planned(everything, stage)))


def look(ops: Operations, run: Run, stage: Stage, segments: Iterable[int | None]) -> list[Evidence]:
    """What lies at these places of a stage: DONE with its size, or ABSENT."""
    wanted, at = list(segments), ops.now()
    sizes = _sizes(ops, run.run, stage, wanted)
    return [
        Evidence(stage, s, Witness.FILE, Says.DONE if s in sizes else Says.ABSENT, "", sizes.get(s), at) for s in wanted
    ]


def news(ops: Operations, run: Run, stage: Stage, segments: Sequence[int | None]) -> list[Evidence]:
    """As `look` while an attempt is under way: a file counts as absent only some time after its task reported."""
    reported = {
        e.segment: e.at
        for e in records.evidence(ops.ledger, run.run)
        if e.stage is stage and e.witness is Witness.TASK and e.says is Says.DONE
    }
    late = ops.now() - LISTING_SECONDS
    found = look(ops, run, stage, segments)
    return [e for e in found if e.says is Says.DONE or reported.get(e.segment, ops.now()) < late]


def _sizes(ops: Operations, run: int, stage: Stage, wanted: Sequence[int | None]) -> dict[int | None, int]:
    """Bytes of the outputs that are there, by segment (None for the run)."""
    if stage is Stage.RETURN:
        size = _result_size(ops, run)
        return {} if size is None else {None: size}
    collection = ops.places.site_collection
    if stage is Stage.ANALYZE:
        file = ops.remote.transfer.stat(collection, f"{ops.places.analyzed()}/{names.sorted_file(run)}")
        return {} if file is None else {None: file.size}
    folder, name = {
        Stage.TRANSFER: (ops.places.rawdata(run), names.segment_file),
        Stage.FIT: (ops.places.fitted(run), names.fitted_file),
        Stage.CONVERT: (ops.places.converted(run), names.converted_file),
    }[stage]
    listing = ops.remote.transfer.ls(collection, folder) or {}
    there = {segment: listing.get(name(run, segment)) for segment in wanted if segment is not None}
    return {segment: file.size for segment, file in there.items() if file is not None}


def _result_size(ops: Operations, run: int) -> int | None:
    """Bytes of the returned file; a file that does not begin as ROOT files do counts as empty."""
    try:
        with (ops.results / names.sorted_file(run)).open("rb") as file:
            magic = file.read(len(ROOT_MAGIC))
            return file.seek(0, 2) if magic == ROOT_MAGIC else 0
    except FileNotFoundError:
        return None
