"""Where an attempt failed, and the segments that retries leave out because of it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from flowspec.catalogue import nested
from flowspec.causes import LIKE_MEMORY, Kind, kind_of
from flowspec.cells import LOSSES, Cell
from flowspec.conditions import Reason, reason
from flowspec.plan import Plan, is_done
from flowspec.progress import Evidence, Matrix, Says, Witness
from flowspec.stages import SEGMENT_STAGES, STAGES, CellState, Place, Stage

# What a fit says of its input, or what its output looks like, when the input was damaged.
_OF_THE_INPUT = ("failed.empty", "failed.garbage", LOSSES, "failed.spoilt", "failed.short", "file.small")
QUARANTINED_AFTER = 2  # attempts in which a segment failed by itself, or lost its worker


@dataclass(frozen=True)
class Failure:
    """A place at which an attempt failed. `segment` None: the stage as a whole, so that no segment is to blame.

    `others_well`: how many other segments of the attempt went well at this stage; None when it had no other. `mended`:
    it went well at this place in a later attempt. `peak`: the bytes of memory that its job used, where they are known.
    """

    attempt: int
    stage: Stage
    segment: int | None
    kind: Kind
    reason: Reason
    others_well: int | None = None
    mended: bool = False
    peak: int | None = None

    @property
    def place(self) -> Place:
        return self.stage, self.segment

    @property
    def blames_input(self) -> bool:
        """Whether the data that a fit read may be damaged: those at the site are then compared with the DTN's again."""
        return self.stage is Stage.FIT and self.reason.code in _OF_THE_INPUT


def found_in(
    attempt: int, plan: Plan, stage: Stage | None, matrix: Matrix, evidence: Iterable[Evidence], otherwise: Reason
) -> list[Failure]:
    """Where an attempt that has ended failed. What could not go well because of an earlier failure does not count.

    `stage` is where the attempt stood; `otherwise` is the reason when no place of the matrix has one.
    """
    blamed = {
        (e.stage, e.segment) for e in evidence if e.witness is Witness.TASK and e.says in (Says.DONE, Says.FAILED)
    }
    found: dict[tuple[Stage, int | None], Failure] = {}
    failed_before: set[int | None] = set()
    for at, segment in plan.places():
        cell = matrix.get((at, segment))
        follows = segment in failed_before if segment is not None else bool(found)
        if cell is None or not cell.bad or follows:
            continue
        failed_before.add(segment)
        # A transfer task speaks of all its files at once, and so does the flow log of the stage.
        own = at.per_segment and at is not Stage.TRANSFER and (at, segment) in blamed
        where = segment if own else None
        others = [is_done(matrix, (at, s)) for s in plan.segments(at) if s != segment] if own else []
        well = sum(others) if others else None
        found.setdefault((at, where), Failure(attempt, at, where, kind_of(cell.reason.code), cell.reason, well))
    if not found:
        return [Failure(attempt, stage or plan.start, None, kind_of(otherwise.code), otherwise)]
    return list(found.values())


def quarantine(
    failures: Sequence[Failure], members: Collection[int], matrix: Mapping[Place, Cell], waived: Collection[int] = ()
) -> dict[int, Reason]:
    """The segments that retries leave out, each with the reason.

    A segment gets there by failing in two attempts for a cause that does not pass by itself, or by losing its worker
    in two (see `_lost_workers`), and leaves by being converted after all. When no segment of the run went well, none of
    them is to blame.
    """
    mine: dict[int, list[Failure]] = {}
    for failure in failures:
        if failure.segment is not None and failure.kind is not Kind.PASSES:
            mine.setdefault(failure.segment, []).append(failure)
    found = _lost_workers(failures, matrix) | {
        segment: _quarantined(segment, of_segment)
        for segment, of_segment in mine.items()
        if _attempts(of_segment) >= QUARANTINED_AFTER
    }
    left = set(members) - set(waived)
    suspects = {s: why for s, why in sorted(found.items()) if s in left and not _converted(s, matrix)}
    return {} if suspects.keys() >= left else suspects


def _lost_workers(failures: Iterable[Failure], matrix: Mapping[Place, Cell]) -> dict[int, Reason]:
    """The segments that lost their worker, or were killed, in two attempts at the same stage, while others went well.

    A lost worker passes by itself when its node or its block failed, and comes back when the segment needs more memory
    than there is. What tells them apart are the other segments of the attempt. When none of them went well, it was the
    block, or one segment took its neighbours on the node along: such an attempt accuses nobody, so that an innocent
    neighbour is not quarantined (the automatic retries are limited all the same). An attempt without others counts: the
    second one does only what is missing. But in one attempt at least others must have gone well.
    """
    lost: dict[Place, list[Failure]] = {}
    for failure in failures:
        accused = failure.reason.code in LIKE_MEMORY and failure.others_well != 0
        if accused and not is_mended(failure, matrix):
            lost.setdefault(failure.place, []).append(failure)
    return {
        segment: reason(
            "segment.worker-lost",
            segment=segment,
            times=_attempts(of_place),
            stage=stage.value,
            peak=max(filter(None, map(_peak, of_place)), default=None),
        )
        for (stage, segment), of_place in lost.items()
        if segment is not None
        and _attempts(of_place) >= QUARANTINED_AFTER
        and any(failure.others_well for failure in of_place)
    }


def _peak(failure: Failure) -> int | None:
    """What the reply of its job says; a job that was lost with its worker has sent none, and may have left a report."""
    told = failure.reason.parameters.get("peak")
    return told if isinstance(told, int) else failure.peak


def _attempts(failures: Iterable[Failure]) -> int:
    return len({failure.attempt for failure in failures})


def is_mended(failure: Failure, matrix: Mapping[Place, Cell]) -> bool:
    """Whether it went well at the place of a failure since; at a stage as a whole: for every segment of `matrix`."""
    whole = failure.segment is None
    cells = [cell for (stage, s), cell in matrix.items() if stage is failure.stage and (whole or s == failure.segment)]
    return failure.mended or (bool(cells) and all(cell.state is CellState.DONE for cell in cells))


def times_at(place: Place, failures: Iterable[Failure], matrix: Mapping[Place, Cell]) -> int:
    """How many attempts failed at a place since it last went well there, whoever asked for them."""
    return _attempts(f for f in failures if f.place == place and not is_mended(f, matrix))


def _converted(segment: int, matrix: Mapping[Place, Cell]) -> bool:
    bad = any(cell.bad for stage in SEGMENT_STAGES[1:] if (cell := matrix.get((stage, segment))) is not None)
    return is_done(matrix, (Stage.CONVERT, segment)) and not bad


def _quarantined(segment: int, failures: Sequence[Failure]) -> Reason:
    return reason(
        "segment.quarantined",
        segment=segment,
        times=_attempts(failures),
        stages=[stage.value for stage in STAGES if stage in {failure.stage for failure in failures}],
        cause=nested(failures[-1].reason),
    )
