"""Folding the evidence of the witnesses into the segment x stage matrix that the screens show.

A witness is an independent source: the file at the site or on the DTN, a transfer task, a compute task, the flow log.
A return code is not proof: a place is DONE only when its output is there, with the size reported or a plausible one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from flowspec import catalogue
from flowspec.cells import LOSSY, Cell
from flowspec.conditions import NO_REASON, Reason, reason
from flowspec.stages import RUN_STAGES, SEGMENT_STAGES, STAGES, CellState, Place, Stage


class Witness(str, Enum):
    FILE = "file"  # the stage's output, where it belongs
    TASK = "task"  # the transfer or compute task
    LOG = "log"  # the flow log
    JOB = "job"  # the mark of a job that runs: how far it is. It decides nothing
    OLD = "old"  # the output that lay there when it was planned to make it again: it does not count any more


class Says(str, Enum):
    """What one witness can say of one place."""

    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    ABSENT = "absent"  # the file was not in a listing made after the task had reported


@dataclass(frozen=True)
class Evidence:
    """What one witness says of one place, and why.

    Of a file that is there the reason is what is wrong with it, if anything is. `size` is in bytes, `at` in seconds
    since the epoch; `seconds` is how long the work took, as a job reports it.
    `modified` is when an output was written, as its listing has it.
    """

    stage: Stage
    segment: int | None
    witness: Witness
    says: Says
    reason: Reason = NO_REASON
    size: int | None = None
    at: float = 0.0
    seconds: float | None = None
    modified: str = ""

    @property
    def words(self) -> str:
        """The reason as a sentence."""
        return catalogue.sentence(self.reason)


REFUSED_INPUT = "failed.input"
COMPARING = "file.comparing"  # a result that was not read yet, of which the site gave a digest

Matrix = dict[Place, Cell]


def places(segments: Iterable[int]) -> list[Place]:
    """Every place of the matrix of a run with these segments, in the order of the work."""
    numbers = list(segments)
    return [(stage, segment) for stage in SEGMENT_STAGES for segment in numbers] + [(s, None) for s in RUN_STAGES]


def fold(segments: Iterable[int], evidence: Iterable[Evidence], raw_sizes: Mapping[int, int]) -> Matrix:
    """The matrix of a run. `raw_sizes` gives the bytes of each segment on the DTN, the measure of a whole transfer."""
    by_place: dict[Place, dict[Witness, Evidence]] = {}
    for item in evidence:
        by_place.setdefault((item.stage, item.segment), {})[item.witness] = item
    matrix: Matrix = {}
    for place in places(segments):
        stage, segment = place
        raw = raw_sizes.get(segment) if segment is not None else None
        matrix[place] = fold_place(stage, by_place.get(place, {}), raw)
    return _with_reasons_for_waiting(_without_what_had_no_input(_with_what_was_refused(matrix, by_place)))


def fold_place(stage: Stage, said: Mapping[Witness, Evidence], raw_size: int | None) -> Cell:
    """One cell from the evidence of its place."""
    file, task, log = said.get(Witness.FILE), said.get(Witness.TASK), said.get(Witness.LOG)
    present = file is not None and file.says is Says.DONE
    doubt = _doubt(stage, file, task, raw_size) if present else None
    if task is not None and task.says is Says.FAILED:
        return Cell(CellState.FAILED, _why(task))
    if task is not None and task.says in (Says.PENDING, Says.RUNNING):
        if present and doubt is None and stage is Stage.TRANSFER:  # one task moves all files; this one has arrived
            return Cell(CellState.DONE, _there(file))
        state = CellState.RUNNING if task.says is Says.RUNNING else CellState.WAITING
        return Cell(state, doubt or _why(task))
    if file is not None and file.reason.code == COMPARING:
        return Cell(CellState.RUNNING, file.reason)
    if present and doubt is None:
        lossy = task is not None and task.reason.code == LOSSY
        return Cell(CellState.DONE, task.reason if task is not None and lossy else _there(file))
    if task is not None and task.says is Says.DONE:
        if file is None:
            return Cell(CellState.RUNNING, reason("file.awaited"))
        return Cell(CellState.DISAGREES, doubt or (file.reason if file.reason.code else reason("file.missing")))
    if log is not None and log.says is Says.FAILED:
        return Cell(CellState.FAILED, _why(log))
    if log is not None and log.says is Says.RUNNING:
        return Cell(CellState.RUNNING, _why(log))
    if doubt is not None:
        return Cell(CellState.DISAGREES, doubt)
    return Cell(CellState.WAITING, log.reason if log is not None else NO_REASON)


def _why(item: Evidence) -> Reason:
    return item.reason if item.reason.code else reason("stage.says", stage=item.stage.value, says=item.says.value)


def _doubt(stage: Stage, file: Evidence | None, task: Evidence | None, raw_size: int | None) -> Reason | None:
    """Why the file that is there is not the whole output; None when it is plausible."""
    size = file.size if file is not None else None
    if file is None or size is None:
        return None
    if file.reason.code not in ("", COMPARING):  # whoever looked into it has found why
        return file.reason
    if task is not None and task.says is Says.DONE and task.size is not None and task.size != size:
        return reason("file.differs", size=size, reported=task.size)
    if size == 0 and raw_size != 0:
        return reason("file.empty")
    if stage is Stage.TRANSFER and raw_size is not None and size != raw_size:
        return reason("file.partial", size=size, raw=raw_size)
    told = task is not None and task.size is not None  # then the job has compared the contents
    if stage is Stage.FIT and raw_size is not None and size < raw_size and not told:
        return reason("file.small", size=size, raw=raw_size)
    return None


def _there(file: Evidence | None) -> Reason:
    return reason("file.there", size=file.size if file is not None else None)


def _with_what_was_refused(matrix: Matrix, said: Mapping[Place, Mapping[Witness, Evidence]]) -> Matrix:
    """What a job could not use as its input is no good output of the stage before, unless that was made anew since."""
    for (stage, segment), witnesses in said.items():
        job = witnesses.get(Witness.TASK)
        if job is None or job.reason.code != REFUSED_INPUT or stage is Stage.TRANSFER:
            continue
        segments = job.reason.parameters.get("missing", ()) if segment is None else (segment,)
        for source in [(STAGES[STAGES.index(stage) - 1], s) for s in segments]:
            made, cell = said.get(source, {}).get(Witness.TASK), matrix.get(source)
            if cell is not None and cell.state is CellState.DONE and (made is None or made.at <= job.at):
                matrix[source] = Cell(CellState.DISAGREES, reason("file.refused", stage=stage.value, words=job.words))
    return matrix


def _without_what_had_no_input(matrix: Matrix) -> Matrix:
    """A convert whose fit has failed did not fail itself: it found nothing to work on."""
    for (stage, segment), cell in matrix.items():
        refused = stage is Stage.CONVERT and cell.state is CellState.FAILED and cell.reason.code == REFUSED_INPUT
        if refused and matrix[(Stage.FIT, segment)].state is CellState.FAILED:
            matrix[(stage, segment)] = Cell(CellState.WAITING, NO_REASON)
    return matrix


def _with_reasons_for_waiting(matrix: Matrix) -> Matrix:
    """Give each waiting cell without a reason the stage it waits for."""
    for place, cell in matrix.items():
        if cell.state is CellState.WAITING and not cell.reason.code:
            matrix[place] = Cell(CellState.WAITING, _waits_for(place, matrix))
    return matrix


def _waits_for(place: Place, matrix: Matrix) -> Reason:
    stage, segment = place
    if stage is Stage.TRANSFER:
        return reason("wait.start")
    if stage is Stage.ANALYZE:
        left = sum(1 for (s, _), c in matrix.items() if s is Stage.CONVERT and c.state is not CellState.DONE)
        return reason("wait.segments", segments=left) if left else reason("wait.next")
    before = STAGES[STAGES.index(stage) - 1]
    done = matrix[(before, segment)].state is CellState.DONE
    return reason("wait.next") if done else reason("wait.stage", stage=before.value)


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


OLDER_THAN_ITS_SOURCE = reason("file.older")


def replaced_at_source(evidence: Iterable[Evidence]) -> set[int]:
    """The segments that were found to have changed on the DTN after they were transferred."""
    return {
        e.segment
        for e in evidence
        if e.stage is Stage.TRANSFER
        and e.segment is not None
        and e.witness is Witness.FILE
        and e.reason.code == OLDER_THAN_ITS_SOURCE.code
    }
