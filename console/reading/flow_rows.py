"""The rows of the attempts that the main screen shows: those that are open, and those that have ended lately."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from flowspec import catalogue
from flowspec.conditions import Reason
from flowspec.numbers import ranges
from flowspec.stages import STAGES, CellState, Stage
from flowspec.states import OPEN, AttemptState


class _Run(Protocol):
    """The row of its run."""

    @property
    def progress(self) -> Mapping[str, Mapping[str, int]]: ...
    @property
    def why(self) -> str: ...
    @property
    def stuck(self) -> bool: ...


@dataclass(frozen=True)
class FlowRow:
    """An attempt that is open, or ended lately. `done` of `total` counts the segments of its stage, as they are now."""

    attempt: int
    run: int
    number: int
    flow_run: str | None
    state: AttemptState
    stage: Stage | None
    done: int
    total: int
    since: float
    ended: float | None
    reason: Reason  # how it ended, or what keeps it; code '' for nothing
    run_why: str = ""  # while it is open: why its run stands where it stands
    stuck: bool = False  # while it is open: its run goes on only when a person does something
    early: tuple[int, ...] = ()  # the segments of an attempt that began while the run was recorded

    @property
    def why(self) -> str:
        if self.early and self.state in OPEN and not self.stuck:
            return f"segment {ranges(self.early)}, as far as convert"
        return catalogue.sentence(self.reason) if self.reason.code else self.run_why


def flow_row(row: sqlite3.Row, run: _Run) -> FlowRow:
    stage = Stage(row["stage"]) if row["stage"] in {s.value for s in STAGES} else None
    counted = run.progress.get(stage.value, {}) if stage else {}
    done, total = counted.get(CellState.DONE.value, 0), sum(counted.values())
    early = tuple(json.loads(row["early"] or "[]"))
    if early:  # one of several of its run
        done, total = row["early_done"], len(early)
    state = AttemptState(row["state"])
    return FlowRow(
        attempt=row["attempt"],
        run=row["run"],
        number=row["number"],
        flow_run=row["flow_run"],
        state=state,
        stage=stage,
        done=done,
        total=total,
        since=row["started_at"] or row["intended_at"],
        ended=row["ended_at"],
        reason=Reason(row["code"], json.loads(row["parameters"])),
        run_why=run.why if state in OPEN else "",
        stuck=run.stuck and state in OPEN,
        early=early,
    )
