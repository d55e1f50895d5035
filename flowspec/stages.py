"""The five stages of the pipeline, and the states of one segment (or the run) in one stage."""

from __future__ import annotations

from enum import Enum


class Stage(str, Enum):
    """A step that a run goes through. The first three are counted per segment, the last two per run."""

    TRANSFER = "transfer"
    FIT = "fit"
    CONVERT = "convert"
    ANALYZE = "analyze"
    RETURN = "return"

    @property
    def per_segment(self) -> bool:
        return self in SEGMENT_STAGES


SEGMENT_STAGES = (Stage.TRANSFER, Stage.FIT, Stage.CONVERT)
RUN_STAGES = (Stage.ANALYZE, Stage.RETURN)
STAGES = SEGMENT_STAGES + RUN_STAGES


class CellState(str, Enum):
    """How far one segment (or the run) is in one stage. DISAGREES: two witnesses contradict each other."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    DISAGREES = "disagrees"


# A place in the matrix: (stage, segment); the segment is None for the stages that belong to the whole run.
Place = tuple[Stage, int | None]
