"""What an attempt is to do: a set of segments and stages, planned from what is there and what is missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from flowspec.stages import Cell, CellState, Place, Stage

# Globus Flows limits the whole state of a flow run. A segment's reply stands twice in it, each time at most as long as
# a bad reply may be, with its task id and keys; the input names the segment up to four times. When an action fails its
# results are kept as text instead, in which every quote is escaped: a fifth more.
STATE_LIMIT = 200_000
STATE_RESERVE = 20_000  # transfer task document, analysis, input document without its segments
BAD_REPLY = 400
BYTES_PER_SEGMENT = (2 * BAD_REPLY + 100) * 6 // 5 + 4 * 6
SEGMENTS_PER_ATTEMPT = (STATE_LIMIT - STATE_RESERVE) // BYTES_PER_SEGMENT


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

    @property
    def start(self) -> Stage:
        """The stage at which the flow run starts."""
        for stage, segments in (
            (Stage.TRANSFER, self.transfer),
            (Stage.FIT, self.fit),
            (Stage.CONVERT, self.convert),
        ):
            if segments:
                return stage
        return Stage.ANALYZE if self.analyze else Stage.RETURN

    def describe(self) -> str:
        """One sentence: what will be done, and what is left out because it is there."""
        parts = [
            f"{name} {len(segments)}"
            for name, segments in (("transfer", self.transfer), ("fit", self.fit), ("convert", self.convert))
            if segments
        ]
        if self.analyze:
            parts.append("analyze")
        if self.left == 0:
            parts.append("return")
        skipped = len(self.expected) - len(self.convert) - self.left
        note = f"; {skipped} of {len(self.expected)} segments are converted already" if skipped > 0 else ""
        more = f"; {self.left} segments in a further attempt" if self.left else ""
        return ", ".join(parts) + note + more


def plan_all(run: int, segments: Iterable[int]) -> Plan:
    """The plan of a run of which nothing is done yet."""
    return plan_missing(run, segments, {})  # type: ignore[return-value]  # nothing done, so there is something to do


def plan_missing(run: int, segments: Iterable[int], matrix: Mapping[Place, Cell]) -> Plan | None:
    """The plan that does what is missing and nothing else; None when everything is there.

    A segment starts at its first stage whose output is not there; what comes after a repeated stage is repeated too.
    """
    expected = tuple(sorted(segments))

    def done(stage: Stage, segment: int | None) -> bool:
        cell = matrix.get((stage, segment))
        return cell is not None and cell.state is CellState.DONE

    def doubtful(segment: int) -> bool:
        """What was converted from a fit that failed or left no output is worth nothing."""
        cell = matrix.get((Stage.FIT, segment))
        return cell is not None and cell.bad

    todo = [s for s in expected if not done(Stage.CONVERT, s) or doubtful(s)]
    chosen, left = todo[:SEGMENTS_PER_ATTEMPT], len(todo[SEGMENTS_PER_ATTEMPT:])
    fit = [s for s in chosen if not done(Stage.FIT, s)]
    transfer = [s for s in fit if not done(Stage.TRANSFER, s)]
    analyze = not left and (bool(chosen) or not done(Stage.ANALYZE, None))
    if not chosen and not analyze and done(Stage.RETURN, None):
        return None
    return Plan(run, tuple(transfer), tuple(fit), tuple(chosen), expected, analyze, left)
