"""The five stages of the pipeline, and what one cell of the segment x stage matrix can say."""

from __future__ import annotations

from dataclasses import dataclass
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


@dataclass(frozen=True)
class Cell:
    """A state with the sentence why; every state has a reason."""

    state: CellState
    why: str

    @property
    def bad(self) -> bool:
        return self.state in (CellState.FAILED, CellState.DISAGREES)


# A place in the matrix: (stage, segment); the segment is None for the stages that belong to the whole run.
Place = tuple[Stage, int | None]
