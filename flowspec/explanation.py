"""A plan explained to people before they agree to it: what is done, what is not and why, which files are made again."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from flowspec import names
from flowspec.cells import Cell
from flowspec.numbers import ranges
from flowspec.plan import Plan
from flowspec.stages import SEGMENT_STAGES, Place, Stage

NAMED = 4  # files and reasons that are named one by one; of more only the number


def explain(
    plan: Plan,
    matrix: Mapping[Place, Cell],
    there: Collection[Place] = (),
    left_out: Sequence[str] = (),
) -> list[str]:
    """The plan in several lines. `there`: places at which a file lies now, good or not; `left_out`: a sentence for
    each segment that is in quarantine or waived."""
    lines = [f"starts at {plan.start.value}"]
    for stage in SEGMENT_STAGES:
        if segments := plan.segments(stage):
            lines.append(f"{stage.value} {len(segments)}: segment {ranges(segments)}{_why(stage, segments, matrix)}")
    lines += _of_the_run(plan)
    skipped = sorted(set(plan.expected) - set(plan.convert) - set(plan.held))
    if skipped and not plan.left:
        lines.append(f"skipped: segment {ranges(skipped)}, converted already")
    lines += left_out
    lines += _overwritten(plan, there)
    return lines


def output_name(run: int, place: Place) -> str:
    """The file that a place of the matrix leaves behind."""
    stage, segment = place
    if segment is None:
        where = "the result " if stage is Stage.RETURN else ""
        return where + names.sorted_file(run)
    makers = {
        Stage.TRANSFER: names.segment_file,
        Stage.FIT: names.fitted_file,
        Stage.CONVERT: names.converted_file,
    }
    return makers[stage](run, segment)


def _why(stage: Stage, segments: Sequence[int], matrix: Mapping[Place, Cell]) -> str:
    """What is wrong with the outputs of a stage that are there or failed, for a few segments one by one."""
    bad = [(s, cell.why) for s in segments if (cell := matrix.get((stage, s))) is not None and cell.bad]
    reasons = list(dict.fromkeys(f"{s:02d} {why}" for s, why in bad))
    if len(reasons) > NAMED:
        reasons = [*reasons[:NAMED], f"{len(reasons) - NAMED} more"]
    return f" ({'; '.join(reasons)})" if reasons else ""


def _of_the_run(plan: Plan) -> list[str]:
    total = len(plan.expected) + len(plan.waived)
    made_of = f"{len(plan.expected)}/{total}" if plan.waived else f"all {total}"
    if plan.analyze and plan.joins:
        return [f"analyze {made_of} segments, return the result"]
    if plan.joins:
        return ["return the result; the analysis is there"]
    lines = []
    if plan.left:
        lines.append(f"{plan.left} more segments in a further attempt: the state of one flow run would grow too large")
    if plan.held:
        lines.append(f"no analysis: segment {ranges(plan.held)} would be missing in it")
    return lines


def _overwritten(plan: Plan, there: Collection[Place]) -> list[str]:
    again = [place for place in plan.places() if place in there]
    if not again:
        return ["no file that is there is made again"]
    named = [output_name(plan.run, place) for place in again]
    more = [f"{len(named) - NAMED} more"] if len(named) > NAMED else []
    return [f"made again, though there: {', '.join([*named[:NAMED], *more])}"]
