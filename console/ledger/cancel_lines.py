"""What a cancel must see gone, line by line, and how that is told. A line is ticked only when it was observed gone."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from console.ledger.store import Ledger
from flowspec.stages import STAGES, Stage

IDS_TOLD = 2  # in the sentence; the list has all
NOT_LOOKED_AT = "not looked at yet"
_SEGMENT = " of segment "
_STAGES = [stage.value for stage in STAGES]


class LineKind(str, Enum):
    """In the order in which they are told to end."""

    MARKER = "marker"
    FLOW_RUN = "flow run"
    TRANSFER_TASK = "transfer task"
    COMPUTE_TASK = "compute task"


_KINDS = list(LineKind)


@dataclass(frozen=True)
class CancelLine:
    """`id` as the service knows it (of the marker: its path). `what` for people: "fit of segment 07"."""

    kind: LineKind
    id: str
    what: str
    seen: str = ""  # what was seen of it last
    gone_at: float | None = None

    @property
    def gone(self) -> bool:
        return self.gone_at is not None

    @property
    def stage(self) -> str:
        return self.what.partition(_SEGMENT)[0]

    @property
    def segment(self) -> str:
        return self.what.partition(_SEGMENT)[2]


def work(stage: Stage, segment: int | None) -> str:
    """How a line names the work of one place of the matrix."""
    return stage.value if segment is None else f"{stage.value}{_SEGMENT}{segment:02d}"


def read(ledger: Ledger, attempt: int) -> list[CancelLine]:
    """The lines of an attempt, in the order of their kinds."""
    lines = map(_line, ledger.rows("SELECT * FROM cancel_lines WHERE attempt = ?", attempt))
    return sorted(lines, key=lambda line: (_KINDS.index(line.kind), _place(line), line.id))


def find(ledger: Ledger, attempt: int, kind: LineKind, id: str) -> CancelLine | None:
    row = ledger.row("SELECT * FROM cancel_lines WHERE attempt = ? AND kind = ? AND id = ?", attempt, kind.value, id)
    return _line(row) if row else None


def write(ledger: Ledger, attempt: int, line: CancelLine) -> None:
    """Write what was seen of a line; what is gone stays gone."""
    if find(ledger, attempt, line.kind, line.id) == line:
        return
    with ledger.change() as db:
        db.execute(
            "INSERT INTO cancel_lines (attempt, kind, id, what, seen, gone_at) VALUES (?,?,?,?,?,?) "
            "ON CONFLICT (attempt, kind, id) DO UPDATE SET what = excluded.what, seen = excluded.seen, "
            "gone_at = COALESCE(gone_at, excluded.gone_at)",
            (attempt, line.kind.value, line.id, line.what, line.seen, line.gone_at),
        )


def forget(ledger: Ledger, attempt: int, id: str | None = None) -> None:
    """Drop the lines of an attempt, or the one with this id."""
    with ledger.change() as db:
        db.execute("DELETE FROM cancel_lines WHERE attempt = ? AND id = COALESCE(?, id)", (attempt, id))


def offline_endpoints(ledger: Ledger) -> dict[str, str]:
    """{stage: name} of the compute endpoints that are offline."""
    return {row["stage"]: row["name"] for row in ledger.rows("SELECT stage, name FROM endpoints WHERE online = 0")}


def left(lines: Sequence[CancelLine], offline: Mapping[str, str]) -> str:
    """What is still there, with its ids: "fit of segments 03, 07 (task ids ...), endpoint frib-fit-mpi offline"."""
    still = [line for line in lines if not line.gone]
    told = [f"{line.what} {line.id} ({line.seen or NOT_LOOKED_AT})" for line in still if not _computes(line)]
    for stage, tasks in _by_stage(still).items():
        of = " of " if tasks[0].segment else " "
        told.append(f"{stage}{of}{_which(tasks)}{_where(stage, offline)}")
    return "; ".join(told)


def ticks(lines: Sequence[CancelLine], offline: Mapping[str, str]) -> list[tuple[bool, str]]:
    """(gone, what) in a few lines: the compute tasks of a stage together."""
    told = [
        (line.gone, f"{line.what} {line.seen}" if line.gone else f"{line.what} {line.id}: {line.seen or NOT_LOOKED_AT}")
        for line in lines
        if not _computes(line)
    ]
    for stage, tasks in _by_stage(lines).items():
        still = [line for line in tasks if not line.gone]
        count = f"{stage} {len(tasks) - len(still)} of {len(tasks)} ended"
        told.append((not still, count + (f"; left: {_which(still)}{_where(stage, offline)}" if still else "")))
    return told


def _by_stage(lines: Iterable[CancelLine]) -> dict[str, list[CancelLine]]:
    """The compute tasks among the lines."""
    found: dict[str, list[CancelLine]] = {}
    for line in filter(_computes, lines):
        found.setdefault(line.stage, []).append(line)
    return found


def _which(tasks: Sequence[CancelLine]) -> str:
    """As "segments 03, 07 (task ids ...)"; without segments for a stage of the whole run."""
    segments = [line.segment for line in tasks if line.segment]
    ids = ", ".join(line.id for line in tasks[:IDS_TOLD])
    more = f" and {len(tasks) - IDS_TOLD} more" if len(tasks) > IDS_TOLD else ""
    named = f"segment{'s' if len(segments) > 1 else ''} {', '.join(segments)} " if segments else ""
    return f"{named}(task ids {ids}{more})"


def _where(stage: str, offline: Mapping[str, str]) -> str:
    return f", endpoint {offline[stage]} offline" if stage in offline else ""


def _place(line: CancelLine) -> tuple[int, int]:
    return _STAGES.index(line.stage) if line.stage in _STAGES else -1, int(line.segment or -1)


def _computes(line: CancelLine) -> bool:
    return line.kind is LineKind.COMPUTE_TASK


def _line(row: sqlite3.Row) -> CancelLine:
    return CancelLine(LineKind(row["kind"]), row["id"], row["what"], row["seen"], row["gone_at"])
