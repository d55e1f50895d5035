"""What an attempt is to do: a set of segments and stages, planned from what is there and what is missing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from flowspec.cells import Cell
from flowspec.numbers import ranges
from flowspec.stages import SEGMENT_STAGES, STAGES, CellState, Place, Stage

# Globus Flows limits the whole state of a flow run. A segment's reply stands twice in it, each time at most as long as
# a bad reply may be, with its task id and keys; the input names the segment up to five times. When an action fails its
# results are kept as text instead, in which every quote is escaped: a fifth more.
STATE_LIMIT = 200_000
STATE_RESERVE = 20_000  # transfer task document, analysis, input document without its segments
BAD_REPLY = 400
BYTES_PER_SEGMENT = (2 * BAD_REPLY + 100) * 6 // 5 + 5 * 6
SEGMENTS_PER_ATTEMPT = (STATE_LIMIT - STATE_RESERVE) // BYTES_PER_SEGMENT


@dataclass(frozen=True)
class Wish:
    """Everything that is left out means: only what is missing, of every segment.

    `from_stage`: do this stage and those after it again although their outputs are there. `segments`: touch no other
    segment, and these even in quarantine. `everything`: all stages again.
    """

    from_stage: Stage | None = None
    segments: tuple[int, ...] | None = None
    everything: bool = False

    @property
    def again(self) -> Stage | None:
        """The first stage that is done again though its output is there; None: no stage is."""
        return Stage.TRANSFER if self.everything else self.from_stage

    def to_json(self) -> dict[str, Any]:
        """Only what was wished for: {} for what is missing."""
        document: dict[str, Any] = {}
        if self.from_stage is not None:
            document["from"] = self.from_stage.value
        if self.segments is not None:
            document["segments"] = list(self.segments)
        if self.everything:
            document["everything"] = True
        return document

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Wish:
        """Raises ValueError, with one sentence, for what is no wish."""
        unknown = set(document) - {"from", "segments", "everything"}
        if unknown:
            raise ValueError(f"a wish has no {', '.join(sorted(map(repr, unknown)))}")
        stage, segments, everything = (document.get(key) for key in ("from", "segments", "everything"))
        if stage is not None and stage not in [s.value for s in STAGES]:
            raise ValueError(f"{stage!r} is no stage: expected {', '.join(s.value for s in STAGES)}")
        if segments is not None and (
            not isinstance(segments, list) or not segments or not all(type(s) is int and s >= 0 for s in segments)
        ):
            raise ValueError(f"{segments!r} is no list of segment numbers")
        if everything not in (None, True, False):
            raise ValueError(f"everything is true or false, not {everything!r}")
        return cls(
            Stage(stage) if stage is not None else None,
            tuple(sorted(set(segments))) if segments is not None else None,
            bool(everything),
        )


WHAT_IS_MISSING = Wish()


@dataclass(frozen=True)
class Plan:
    """The work of one attempt. Segments in ascending order; `expected` is what the analysis must find converted."""

    run: int
    transfer: tuple[int, ...]
    fit: tuple[int, ...]
    convert: tuple[int, ...]
    expected: tuple[int, ...]
    analyze: bool
    left: int  # segments left for a further attempt, because this one would outgrow the state of a flow run
    held: tuple[int, ...] = ()  # not converted and not to be touched: in quarantine, or not wished for
    waived: tuple[int, ...] = ()  # the result is made without these
    early: bool = False  # while the run is recorded: segments that are closed, as far as convert

    @property
    def joins(self) -> bool:
        """Whether the run comes to its analysis and return: every expected segment will be converted then."""
        return not self.left and not self.held and not self.early

    @property
    def start(self) -> Stage:
        """The stage at which the flow run starts."""
        for stage in SEGMENT_STAGES:
            if self.segments(stage):
                return stage
        return Stage.ANALYZE if self.analyze else Stage.RETURN

    def segments(self, stage: Stage) -> tuple[int, ...]:
        """The segments that go through a stage; none for the stages of the whole run."""
        return {Stage.TRANSFER: self.transfer, Stage.FIT: self.fit, Stage.CONVERT: self.convert}.get(stage, ())

    def places(self) -> list[Place]:
        """Every place of the matrix that is to be done, in the order of the work."""
        run_stages = [(Stage.ANALYZE, self.analyze and self.joins), (Stage.RETURN, self.joins)]
        return [(stage, s) for stage in SEGMENT_STAGES for s in self.segments(stage)] + [
            (stage, None) for stage, wanted in run_stages if wanted
        ]

    def describe(self) -> str:
        """One sentence: what will be done, and what is left out because it is there."""
        parts = [f"{stage.value} {len(self.segments(stage))}" for stage in SEGMENT_STAGES if self.segments(stage)]
        if self.analyze:
            parts.append("analyze")
        if self.joins:
            parts.append("return")
        skipped = len(self.expected) - len(self.convert) - self.left - len(self.held)
        notes = [
            (skipped, f"{skipped} of {len(self.expected)} segments are converted already"),
            (self.left, f"{self.left} segments in a further attempt"),
            (self.held, f"segment {ranges(self.held)} left as it is, so no analysis yet"),
            (self.waived, f"segment {ranges(self.waived)} waived"),
        ]
        return "; ".join([", ".join(parts), *(note for some, note in notes if some)])


def plan_all(run: int, segments: Iterable[int]) -> Plan:
    """The plan of a run of which nothing is done yet."""
    return plan_missing(run, segments, {})  # type: ignore[return-value]  # nothing done, so there is something to do


def plan_early(run: int, segments: Iterable[int]) -> Plan:
    """The plan for segments that are closed while their run is still being recorded."""
    chosen = tuple(sorted(segments)[:SEGMENTS_PER_ATTEMPT])
    return Plan(run, chosen, chosen, chosen, chosen, analyze=False, left=0, early=True)


def plan_return(run: int, segments: Iterable[int], waived: Collection[int] = ()) -> Plan:
    """The plan that brings the result of an analysis back once more."""
    everything = set(segments)
    expected, without = sorted(everything - set(waived)), sorted(everything & set(waived))
    return Plan(run, (), (), (), tuple(expected), analyze=False, left=0, waived=tuple(without))


def plan_missing(
    run: int,
    segments: Iterable[int],
    matrix: Mapping[Place, Cell],
    *,
    wish: Wish = WHAT_IS_MISSING,
    quarantined: Collection[int] = (),
    waived: Collection[int] = (),
    changed: Collection[int] = (),
    analyzed: Collection[int] | None = None,
) -> Plan | None:
    """The plan that does what is missing or wished for and nothing else; None when there is nothing to do.

    A segment starts at its first stage whose output is not there; what comes after a repeated stage is repeated too.
    `changed`: segments that changed on the DTN after they were transferred. `analyzed`: the segments of which the
    analysis that is there was made, when that is known.
    """
    everything = set(segments)
    expected = tuple(sorted(everything - set(waived)))
    waived = tuple(sorted(everything & set(waived)))
    if waived and not expected:
        return None
    asked = set(expected) - set(quarantined) if wish.segments is None else set(wish.segments)
    starts = {s: _start(s, matrix, wish.again if s in asked else None, s in changed) for s in expected}
    todo = [s for s in expected if s in asked and starts[s] is not None]
    held = tuple(s for s in expected if s not in asked and starts[s] is not None)
    chosen, left = todo[:SEGMENTS_PER_ATTEMPT], len(todo[SEGMENTS_PER_ATTEMPT:])
    done = [stage for stage in STAGES if not stage.per_segment and is_done(matrix, (stage, None))]
    outdated = analyzed is not None and set(analyzed) != set(expected)
    again = wish.again not in (None, Stage.RETURN)
    joins = not left and not held
    analyze = joins and (bool(chosen) or again or outdated or Stage.ANALYZE not in done)
    returns = joins and (analyze or wish.again is not None or Stage.RETURN not in done)
    if not chosen and not returns:
        return None

    def from_stage(stage: Stage) -> tuple[int, ...]:
        return tuple(s for s in chosen if _before_or_at(starts[s], stage))

    transfer, fit, convert = (from_stage(stage) for stage in SEGMENT_STAGES)
    return Plan(run, transfer, fit, convert, expected, analyze, left, held, waived)


def repeated_later(plan: Plan, wish: Wish, changed: Collection[int] = ()) -> list[Place]:
    """What is repeated, for the wish or because it changed, of the segments that this plan leaves for a further
    attempt."""
    if not plan.left:
        return []
    again: set[tuple[Stage, int]] = {(stage, s) for stage in SEGMENT_STAGES for s in set(changed) - set(plan.held)}
    if wish.again is not None and wish.again.per_segment:
        asked = wish.segments if wish.segments is not None else set(plan.expected) - set(plan.held)
        again |= {(stage, s) for stage in SEGMENT_STAGES[SEGMENT_STAGES.index(wish.again) :] for s in asked}
    return [(stage, s) for stage, s in again if s > plan.convert[-1]]


def is_done(matrix: Mapping[Place, Cell], place: Place) -> bool:
    cell = matrix.get(place)
    return cell is not None and cell.state is CellState.DONE


def _start(segment: int, matrix: Mapping[Place, Cell], again: Stage | None, changed: bool) -> Stage | None:
    """The stage at which a segment has to start; None when it is converted and nobody wants it again.

    A stage can start only where its input is: raw data that were removed at the site after a good fit are not missed,
    but they are when the fit has to be done again. What was converted from a fit that failed is worth nothing.
    """
    if changed:
        return Stage.TRANSFER
    fit = matrix.get((Stage.FIT, segment))
    start = None if is_done(matrix, (Stage.CONVERT, segment)) and not (fit and fit.bad) else Stage.CONVERT
    if again is not None and again.per_segment and _before_or_at(again, start or Stage.ANALYZE):
        start = again
    while start in (Stage.FIT, Stage.CONVERT):
        before = SEGMENT_STAGES[SEGMENT_STAGES.index(start) - 1]
        if is_done(matrix, (before, segment)):
            break
        start = before
    return start


def _before_or_at(stage: Stage | None, other: Stage) -> bool:
    return stage is not None and STAGES.index(stage) <= STAGES.index(other)
