"""Folding what the witnesses say into the segment x stage matrix that the screens show.

A witness is an independent source: the file at the site or on the DTN, a transfer task, a compute task, the flow log.
A return code is not proof: a place is DONE only when its output is there, with the size reported or a plausible one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from flowspec.stages import RUN_STAGES, SEGMENT_STAGES, Cell, CellState, Place, Stage


class Witness(str, Enum):
    FILE = "file"  # the stage's output, where it belongs
    TASK = "task"  # the transfer or compute task
    LOG = "log"  # the flow log
    OLD = "old"  # the output that lay there when it was planned to make it again: it does not count any more


class Says(str, Enum):
    """What one witness can say of one place."""

    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    ABSENT = "absent"  # the file was looked for, after the task had reported, and is not there


@dataclass(frozen=True)
class Evidence:
    """What one witness says of one place, with a sentence.

    `size` is in bytes, `at` in seconds since the epoch; `seconds` is how long the work took, as a job tells it.
    """

    stage: Stage
    segment: int | None
    witness: Witness
    says: Says
    note: str = ""
    size: int | None = None
    at: float = 0.0
    seconds: float | None = None


Matrix = dict[Place, Cell]


def places(segments: Iterable[int]) -> list[Place]:
    """Every place of the matrix of a run with these segments, in the order of the work."""
    numbers = list(segments)
    return [(stage, segment) for stage in SEGMENT_STAGES for segment in numbers] + [(s, None) for s in RUN_STAGES]


def fold(segments: Iterable[int], evidence: Iterable[Evidence], raw_sizes: Mapping[int, int]) -> Matrix:
    """The matrix of a run. `raw_sizes` gives the bytes of each segment on the DTN, the measure of a whole transfer."""
    heard: dict[Place, dict[Witness, Evidence]] = {}
    for item in evidence:
        heard.setdefault((item.stage, item.segment), {})[item.witness] = item
    matrix: Matrix = {}
    for place in places(segments):
        stage, segment = place
        raw = raw_sizes.get(segment) if segment is not None else None
        matrix[place] = fold_place(stage, heard.get(place, {}), raw)
    return _with_reasons_for_waiting(matrix)


def fold_place(stage: Stage, heard: Mapping[Witness, Evidence], raw_size: int | None) -> Cell:
    """One cell from what its witnesses say."""
    file, task, log = heard.get(Witness.FILE), heard.get(Witness.TASK), heard.get(Witness.LOG)
    present = file is not None and file.says is Says.DONE
    doubt = _doubt(stage, file, task, raw_size) if present else ""
    if task is not None and task.says is Says.FAILED:
        return Cell(CellState.FAILED, task.note or f"{stage.value} failed")
    if task is not None and task.says in (Says.PENDING, Says.RUNNING):
        if present and not doubt and stage is Stage.TRANSFER:  # one task moves all files; this one has arrived
            return Cell(CellState.DONE, _there(file))
        state = CellState.RUNNING if task.says is Says.RUNNING else CellState.WAITING
        return Cell(state, doubt or task.note or f"{stage.value} {task.says.value}")
    if present and not doubt:
        return Cell(CellState.DONE, _there(file))
    if task is not None and task.says is Says.DONE:
        if file is None:
            return Cell(CellState.RUNNING, "reported done; its output is being looked for")
        return Cell(CellState.DISAGREES, doubt or "reported done, but its output is not there")
    if log is not None and log.says is Says.FAILED:
        return Cell(CellState.FAILED, log.note or f"{stage.value} failed")
    if log is not None and log.says is Says.RUNNING:
        return Cell(CellState.RUNNING, log.note or f"{stage.value} is under way")
    if doubt:
        return Cell(CellState.DISAGREES, doubt)
    return Cell(CellState.WAITING, log.note if log is not None else "")


def _doubt(stage: Stage, file: Evidence | None, task: Evidence | None, raw_size: int | None) -> str:
    """Why the file that is there is not the whole output, or '' when it is plausible."""
    size = file.size if file is not None else None
    if size is None:
        return ""
    if task is not None and task.says is Says.DONE and task.size is not None and task.size != size:
        return f"{size:,} bytes there, but {task.size:,} were reported"
    if size == 0 and raw_size != 0:
        return "the output is empty"
    if stage is Stage.TRANSFER and raw_size is not None and size != raw_size:
        return f"{size:,} of {raw_size:,} bytes there"
    if stage is Stage.FIT and raw_size is not None and size < raw_size:
        return f"{size:,} bytes, less than the {raw_size:,} of the segment it was made from"
    return ""


def _there(file: Evidence | None) -> str:
    return f"{file.size:,} bytes there" if file is not None and file.size is not None else "there"


def _with_reasons_for_waiting(matrix: Matrix) -> Matrix:
    """Give each waiting cell without a sentence the stage it waits for."""
    before = {Stage.FIT: Stage.TRANSFER, Stage.CONVERT: Stage.FIT}
    for (stage, segment), cell in matrix.items():
        if cell.state is not CellState.WAITING or cell.why:
            continue
        if stage is Stage.TRANSFER:
            why = "not started"
        elif stage in before:
            earlier = matrix[(before[stage], segment)]
            why = "next" if earlier.state is CellState.DONE else f"waits for {before[stage].value}"
        elif stage is Stage.ANALYZE:
            left = sum(1 for (s, _), c in matrix.items() if s is Stage.CONVERT and c.state is not CellState.DONE)
            why = f"waits for {left} segments to be converted" if left else "next"
        else:
            why = "waits for analyze" if matrix[(Stage.ANALYZE, None)].state is not CellState.DONE else "next"
        matrix[(stage, segment)] = Cell(CellState.WAITING, why)
    return matrix


def counts(matrix: Mapping[Place, Cell]) -> dict[str, dict[str, int]]:
    """How many places are in which state, per stage: {"fit": {"done": 38, "running": 4}, ...}."""
    found: dict[str, Counter[str]] = {}
    for (stage, _), cell in matrix.items():
        found.setdefault(stage.value, Counter())[cell.state.value] += 1
    return {stage: dict(counter) for stage, counter in found.items()}


def current_stage(matrix: Mapping[Place, Cell]) -> Stage | None:
    """The first stage that is not done everywhere; None when all are."""
    for (stage, _), cell in matrix.items():
        if cell.state is not CellState.DONE:
            return stage
    return None


OLDER_THAN_ITS_SOURCE = "what lies there is older than what it was copied from"


def replaced_at_source(evidence: Iterable[Evidence]) -> set[int]:
    """The segments of which a survey saw that they changed on the DTN after they were transferred."""
    return {
        e.segment
        for e in evidence
        if e.stage is Stage.TRANSFER
        and e.segment is not None
        and e.witness is Witness.FILE
        and e.note == OLDER_THAN_ITS_SOURCE
    }
