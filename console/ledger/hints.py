"""Hints to Flows that an action has ended: when each was given, and when Flows moved."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from console.ledger.store import Ledger
from flowspec import flowlog
from flowspec.conditions import NO_REASON, Reason, reason
from flowspec.flowlog import Visits
from flowspec.stages import Stage
from flowspec.states import AttemptState

_OFF = "hints_off"  # in meta: the parameters of the reason why none are given; empty as long as they are


@dataclass(frozen=True)
class Hint:
    """A hint to Flows that the action of a stage had ended at `ended`; Flows moved on at `moved` (None: not yet).

    `kind` and `problem` say why Flows did not take it, as remote.globus.errors.RemoteError does; else they are empty.
    """

    hint: int
    attempt: int
    stage: Stage
    at: float
    ended: float
    moved: float | None
    kind: str
    problem: str


def of_run(ledger: Ledger, run: int) -> list[Hint]:
    rows = ledger.rows("SELECT hints.* FROM hints JOIN attempts USING (attempt) WHERE run = ? ORDER BY hint", run)
    return [_hint(row) for row in rows]


def of_stage(ledger: Ledger, attempt: int, stage: Stage) -> list[Hint]:
    rows = ledger.rows("SELECT * FROM hints WHERE attempt = ? AND stage = ? ORDER BY hint", attempt, stage.value)
    return [_hint(row) for row in rows]


def add(ledger: Ledger, attempt: int, stage: Stage, ended: float) -> int:
    """Write down that a hint is given now; returns its number."""
    with ledger.change() as db:
        hint = db.execute(
            "INSERT INTO hints (attempt, stage, at, ended_at) VALUES (?,?,?,?)",
            (attempt, stage.value, ledger.now(), ended),
        ).lastrowid
    return int(hint or 0)


def set_refused(ledger: Ledger, hint: int, kind: str, problem: str) -> None:
    with ledger.change() as db:
        db.execute("UPDATE hints SET kind = ?, problem = ? WHERE hint = ?", (kind, problem, hint))


def without_effect(ledger: Ledger) -> Iterator[tuple[int, Stage, AttemptState, Visits]]:
    """The stages in which Flows was given hints and was not found to move, with state and visits of the attempt."""
    rows = ledger.rows(
        "SELECT DISTINCT attempt, hints.stage, state, visits FROM hints JOIN attempts USING (attempt) "
        "WHERE moved_at IS NULL"
    )
    for row in rows:
        yield row["attempt"], Stage(row["stage"]), AttemptState(row["state"]), flowlog.load(row["visits"])


def set_moved(ledger: Ledger, attempt: int, stage: Stage) -> None:
    with ledger.change() as db:
        db.execute(
            "UPDATE hints SET moved_at = ? WHERE attempt = ? AND stage = ? AND moved_at IS NULL",
            (ledger.now(), attempt, stage.value),
        )


def newest_judged(ledger: Ledger, before: float, count: int) -> list[Hint]:
    """The newest hints that had an effect or were given before that time, but for those refused for the moment."""
    rows = ledger.rows(
        "SELECT * FROM hints WHERE (moved_at IS NOT NULL OR at < ?) AND kind != 'later' ORDER BY hint DESC LIMIT ?",
        before, count,
    )  # fmt: skip
    return [_hint(row) for row in rows]


def newest_problem(ledger: Ledger) -> str:
    row = ledger.row("SELECT problem FROM hints WHERE problem != '' ORDER BY hint DESC LIMIT 1")
    return row["problem"] if row else ""


def switch_off(ledger: Ledger, count: int, answer: str) -> Reason:
    """So many hints had no effect: none are given any more. `answer`: what Flows answered last, '' when nothing."""
    why = reason("hints.off", hints=count, answer=answer)
    ledger.put(_OFF, why.dump())
    return why


def why_off(ledger: Ledger) -> Reason:
    """Why no hints are given any more; NO_REASON as long as they are."""
    parameters = ledger.get(_OFF)
    return Reason("hints.off", json.loads(parameters)) if parameters else NO_REASON


def _hint(row: sqlite3.Row) -> Hint:
    return Hint(
        row["hint"], row["attempt"], Stage(row["stage"]), row["at"], row["ended_at"] or row["at"], row["moved_at"],
        row["kind"], row["problem"],
    )  # fmt: skip
