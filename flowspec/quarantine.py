"""Where an attempt failed, and the segments that retries leave out because of it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from flowspec.catalogue import nested
from flowspec.causes import Kind, kind_of
from flowspec.cells import LOSSES, Cell
from flowspec.conditions import Reason, reason
from flowspec.plan import Plan, is_done
from flowspec.progress import Evidence, Matrix, Says, Witness
from flowspec.stages import SEGMENT_STAGES, STAGES, Place, Stage

# What a fit says of its input, or what its output looks like, when the input was damaged.
_OF_THE_INPUT = ("failed.empty", "failed.garbage", LOSSES, "failed.spoilt", "failed.short", "file.small")
QUARANTINED_AFTER = 2  # attempts in which a segment failed by itself


@dataclass(frozen=True)
class Failure:
    """A place at which an attempt failed. `segment` None: the stage as a whole, so that no segment is to blame."""

    attempt: int
    stage: Stage
    segment: int | None
    kind: Kind
    reason: Reason

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
        found.setdefault((at, where), Failure(attempt, at, where, kind_of(cell.reason.code), cell.reason))
    if not found:
        return [Failure(attempt, stage or plan.start, None, kind_of(otherwise.code), otherwise)]
    return list(found.values())


def quarantine(
    failures: Sequence[Failure], members: Collection[int], matrix: Mapping[Place, Cell], waived: Collection[int] = ()
) -> dict[int, Reason]:
    """The segments that retries leave out, each with the reason.

    A segment gets there by failing in two attempts for a cause that does not pass by itself, and leaves by being
    converted after all. When no segment of the run went well, none of them is to blame.
    """
    mine: dict[int, list[Failure]] = {}
    for failure in failures:
        if failure.segment is not None and failure.kind is not Kind.PASSES:
            mine.setdefault(failure.segment, []).append(failure)
    suspects = {
        segment: of_segment
        for segment, of_segment in mine.items()
        if len({failure.attempt for failure in of_segment}) >= QUARANTINED_AFTER
        and segment in members
        and segment not in waived
        and not _converted(segment, matrix)
    }
    if suspects.keys() >= set(members) - set(waived):
        return {}
    return {segment: _quarantined(segment, of_segment) for segment, of_segment in sorted(suspects.items())}


def _converted(segment: int, matrix: Mapping[Place, Cell]) -> bool:
    bad = any(cell.bad for stage in SEGMENT_STAGES[1:] if (cell := matrix.get((stage, segment))) is not None)
    return is_done(matrix, (Stage.CONVERT, segment)) and not bad


def _quarantined(segment: int, failures: Sequence[Failure]) -> Reason:
    return reason(
        "segment.quarantined",
        segment=segment,
        times=len({failure.attempt for failure in failures}),
        stages=[stage.value for stage in STAGES if stage in {failure.stage for failure in failures}],
        cause=nested(failures[-1].reason),
    )
