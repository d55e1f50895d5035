"""The lines of a cancel: what must be observed to have ended. A line is ticked only when that was observed."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from console.ledger.conditions import WHOLE_RUN
from console.ledger.store import Ledger
from flowspec import catalogue
from flowspec.catalogue.outcomes import tasks as tasks_shown
from flowspec.conditions import Reason
from flowspec.stages import STAGES, Stage

NOT_OBSERVED = Reason("seen.not-yet")


class LineKind(str, Enum):
    """In the order in which they are cancelled."""

    MARKER = "marker"
    TAG = "tag"  # a flow run of which is not known whether it was started
    FLOW_RUN = "flow run"
    TRANSFER_TASK = "transfer task"
    COMPUTE_TASK = "compute task"
    UNNAMED = "unnamed tasks"  # the compute tasks of a stage, whose ids are not known


_KINDS: list[LineKind] = [*(kind for kind in LineKind if kind is not LineKind.UNNAMED), LineKind.COMPUTE_TASK]
_WORDS: dict[LineKind, str] = {
    LineKind.MARKER: "marker at the site",
    LineKind.TAG: "flow run with the tag",
    LineKind.FLOW_RUN: "flow run",
}


@dataclass(frozen=True)
class CancelLine:
    """`id` as the service knows it (of the marker: its path). `observed` is what was last observed of it."""

    kind: LineKind
    id: str
    stage: Stage | None = None
    segment: int | None = None
    observed: Reason = NOT_OBSERVED
    gone_at: float | None = None

    @property
    def gone(self) -> bool:
        return self.gone_at is not None

    @property
    def computes(self) -> bool:
        return self.kind in (LineKind.COMPUTE_TASK, LineKind.UNNAMED)

    @property
    def what(self) -> str:
        """For people: `fit of segment 07`."""
        if self.kind is LineKind.TRANSFER_TASK:
            return f"{self.stage.value} task" if self.stage else "transfer task"
        if self.stage is None:
            return _WORDS.get(self.kind) or self.kind.value
        return self.stage.value if self.segment is None else f"{self.stage.value} of segment {self.segment:02d}"

    @property
    def words(self) -> str:
        """What was observed of it, as a sentence."""
        return catalogue.sentence(self.observed)


def read(ledger: Ledger, attempt: int) -> list[CancelLine]:
    """The lines of an attempt, in the order of their kinds."""
    lines = map(_line, ledger.rows("SELECT * FROM cancel_lines WHERE attempt = ?", attempt))
    return sorted(lines, key=_order)


def find(ledger: Ledger, attempt: int, kind: LineKind, id: str) -> CancelLine | None:
    row = ledger.row("SELECT * FROM cancel_lines WHERE attempt = ? AND kind = ? AND id = ?", attempt, kind.value, id)
    return _line(row) if row else None


def write(ledger: Ledger, attempt: int, line: CancelLine) -> None:
    """Write what was observed of a line; what was observed to have ended stays so."""
    if find(ledger, attempt, line.kind, line.id) == line:
        return
    with ledger.change() as db:
        db.execute(
            "INSERT INTO cancel_lines (attempt, kind, id, stage, segment, code, parameters, gone_at) "
            "VALUES (?,?,?,?,?,?,?,?) ON CONFLICT (attempt, kind, id) DO UPDATE SET stage = excluded.stage, "
            "segment = excluded.segment, code = excluded.code, parameters = excluded.parameters, "
            "gone_at = COALESCE(gone_at, excluded.gone_at)",
            (
                attempt, line.kind.value, line.id, line.stage.value if line.stage else "",
                WHOLE_RUN if line.segment is None else line.segment,
                line.observed.code, line.observed.dump(), line.gone_at,
            ),
        )  # fmt: skip


def forget(ledger: Ledger, attempt: int, id: str | None = None) -> None:
    """Drop the lines of an attempt, or the one with this id."""
    with ledger.change() as db:
        db.execute("DELETE FROM cancel_lines WHERE attempt = ? AND id = COALESCE(?, id)", (attempt, id))


def offline_endpoints(ledger: Ledger) -> dict[str, str]:
    """{stage: name} of the compute endpoints that are offline."""
    return {row["stage"]: row["name"] for row in ledger.rows("SELECT stage, name FROM endpoints WHERE online = 0")}


def left(lines: Sequence[CancelLine], offline: Mapping[str, str]) -> dict[str, Any]:
    """What is still there, with its ids: the parameters of cancel.left."""
    still = [line for line in lines if not line.gone]
    return {
        "lines": [[line.what, line.id, line.words] for line in still if not line.computes],
        "stages": [
            {"stage": stage.value, **_tasks(tasks), "endpoint": offline.get(stage.value, "")}
            for stage, tasks in _by_stage(still).items()
        ],
    }


def ticks(lines: Sequence[CancelLine], offline: Mapping[str, str]) -> list[tuple[bool, str]]:
    """(ended, what) in a few lines: the compute tasks of a stage together."""
    found = [
        (line.gone, f"{line.what} {line.words}" if line.gone else f"{line.what} {line.id}: {line.words}")
        for line in lines
        if not line.computes
    ]
    for stage, tasks in _by_stage(lines).items():
        still = [line for line in tasks if not line.gone]
        count = f"{stage.value} {len(tasks) - len(still)} of {len(tasks)} ended"
        where = f", endpoint {offline[stage.value]} offline" if stage.value in offline else ""
        found.append((not still, count + (f"; left: {tasks_shown(*_tasks(still).values())}{where}" if still else "")))
    return found


def _by_stage(lines: Iterable[CancelLine]) -> dict[Stage, list[CancelLine]]:
    """The compute tasks among the lines."""
    found: dict[Stage, list[CancelLine]] = {}
    for line in lines:
        if line.computes and line.stage is not None:
            found.setdefault(line.stage, []).append(line)
    return found


def _tasks(lines: Sequence[CancelLine]) -> dict[str, Any]:
    return {
        "segments": [line.segment for line in lines if line.segment is not None],
        "tasks": [line.id for line in lines],
    }


def _order(line: CancelLine) -> tuple[int, int, int, str]:
    kind = LineKind.COMPUTE_TASK if line.computes else line.kind
    stage = STAGES.index(line.stage) if line.stage else -1
    return _KINDS.index(kind), stage, -1 if line.segment is None else line.segment, line.id


def _line(row: sqlite3.Row) -> CancelLine:
    return CancelLine(
        LineKind(row["kind"]), row["id"], Stage(row["stage"]) if row["stage"] else None,
        None if row["segment"] == WHOLE_RUN else row["segment"],
        Reason(row["code"], json.loads(row["parameters"])), row["gone_at"],
    )  # fmt: skip
