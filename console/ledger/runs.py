"""The rows of runs: what the disk says of a run, and where it stands."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from console.ledger.store import Ledger
from flowspec.readiness import Judgement
from flowspec.states import ON_DISK, RunState


@dataclass(frozen=True)
class Run:
    """A run as the ledger has it. `sizes` are bytes per segment on the DTN; times are seconds since the epoch."""

    run: int
    path: str
    verdict: str
    reason: str
    segments: tuple[int, ...]
    sizes: Mapping[int, int]
    bytes: int
    title: str
    started: float | None
    ended: float | None
    fingerprint: str
    launched_fingerprint: str | None
    state: RunState
    why: str
    progress: Mapping[str, Mapping[str, int]]
    result: str | None
    ready_at: float | None
    finished_at: float | None
    priority: int
    wish: Mapping[str, Any]
    again_at: float | None
    launched_sizes: Mapping[int, int]
    held_by: str | None

    @property
    def members(self) -> tuple[int, ...]:
        """The segments that belong to the run: those on disk, and those that were there when it was launched."""
        return tuple(sorted({*self.segments, *self.launched_sizes}))


def runs(ledger: Ledger, *states: RunState) -> list[Run]:
    """The runs in these states (all, when none is given), newest first."""
    where = f"WHERE state IN ({','.join('?' * len(states))})" if states else ""
    return [
        _run(row) for row in ledger.rows(f"SELECT * FROM runs {where} ORDER BY run DESC", *(s.value for s in states))
    ]


def run(ledger: Ledger, number: int) -> Run | None:
    row = ledger.row("SELECT * FROM runs WHERE run = ?", number)
    return _run(row) if row else None


def record_judgement(ledger: Ledger, path: str, judged: Judgement, sizes: Mapping[int, int]) -> Run:
    """Write what the disk says of a run. The state follows the verdict until the console has begun to work on it."""
    now = ledger.now()
    with ledger.change() as db:
        before = run(ledger, judged.run)
        on_disk = before is None or before.state in ON_DISK
        state = RunState(judged.verdict.value) if on_disk else before.state if before else RunState.TAKING
        ready_at = before.ready_at if before else None
        if state is RunState.READY and (before is None or before.state is not RunState.READY):
            ready_at = now
        db.execute(
            "INSERT INTO runs (run, path, verdict, reason, segments, sizes, bytes, title, started, ended, fingerprint, "
            "state, why, ready_at, updated) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (run) DO UPDATE SET "
            "path=excluded.path, verdict=excluded.verdict, reason=excluded.reason, segments=excluded.segments, "
            "sizes=excluded.sizes, bytes=excluded.bytes, title=excluded.title, started=excluded.started, "
            "ended=excluded.ended, fingerprint=excluded.fingerprint, state=excluded.state, why=excluded.why, "
            "ready_at=excluded.ready_at, updated=excluded.updated",
            (
                judged.run, path, judged.verdict.value, judged.reason, json.dumps(list(judged.segments)),
                json.dumps(dict(sizes)), judged.bytes, judged.title, judged.started, judged.ended, judged.fingerprint,
                state.value, judged.reason if on_disk else (before.why if before else ""), ready_at, now,
            ),
        )  # fmt: skip
        if before is None or (on_disk and before.state is not state):
            level = "warning" if state in (RunState.INCOMPLETE, RunState.ABNORMAL) else "info"
            told = judged.reason.startswith(f"run {judged.run} ")
            text = judged.reason if told else f"run {judged.run} {state.value}: {judged.reason}"
            ledger.event(level, text, actor="driver", run=judged.run)
        elif judged.fingerprint not in (before.fingerprint, before.launched_fingerprint) and not on_disk:
            text = f"run {judged.run} changed on disk after it was launched: {judged.reason}"
            ledger.event("warning", text, actor="driver", run=judged.run)
        after = run(ledger, judged.run)
    assert after is not None
    return after


def record_gone(ledger: Ledger, number: int) -> None:
    """The run's directory is no longer there; what was launched goes on, what was not is GONE."""
    with ledger.change():
        before = run(ledger, number)
        if before is None or before.verdict == RunState.GONE.value:
            return
        reason = "the run directory is no longer there"
        ledger.event("warning", f"run {number}: {reason}", actor="driver", run=number)
        if before.state in ON_DISK or before.state is RunState.QUEUED:
            set_run(ledger, number, verdict=RunState.GONE.value, reason=reason, state=RunState.GONE, why=reason)
        else:
            set_run(ledger, number, verdict=RunState.GONE.value, reason=reason)


def set_run(ledger: Ledger, number: int, **columns: Any) -> None:
    """Update columns of a run. A hold is of the queue: it ends with any change of state."""
    if "state" in columns:
        columns = {"held_by": None, **columns}
    ledger.update("runs", "run", number, **columns, updated=ledger.now())


def _run(row: sqlite3.Row) -> Run:
    values = {name: row[name] for name in Run.__dataclass_fields__}
    values["segments"] = tuple(json.loads(row["segments"]))
    for sizes in ("sizes", "launched_sizes"):
        values[sizes] = {int(segment): size for segment, size in json.loads(row[sizes]).items()}
    values["wish"] = json.loads(row["wish"])
    values["state"] = RunState(row["state"])
    values["progress"] = json.loads(row["progress"])
    return Run(**values)
