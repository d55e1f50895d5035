"""The rows that the main screen shows: of runs, flow runs and requests only what it needs of them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable

from console.ledger import conditions
from console.ledger.store import Ledger
from flowspec.states import OPEN, RunState

_RUNS = f"""
    SELECT run, state, json_array_length(segments), bytes, title, started, ended, {conditions.AS_JSON}, progress,
           (SELECT count(*) FROM attempts WHERE attempts.run = runs.run), result, again_at, held_by,
           CASE WHEN launched_sizes NOT IN ('{{}}', sizes)
               AND NOT EXISTS (SELECT 1 FROM conditions WHERE conditions.run = runs.run AND topic = 'take')
               THEN json_array(json(launched_sizes), json(sizes)) END,
           coalesce(streaming, (SELECT value = 'on' FROM meta WHERE key = 'streaming'), 0),
           updated
    FROM runs"""

_OPEN = ",".join(f"'{state.value}'" for state in OPEN)
_ATTEMPTS = """
    SELECT attempt, run, number, flow_run, state, stage, intended_at, started_at, ended_at, code, parameters,
           CASE WHEN json_extract(plan, '$.early') THEN json_extract(plan, '$.expected') END AS early,
           CASE WHEN json_extract(plan, '$.early') THEN (
               SELECT count(DISTINCT segment) FROM evidence
               WHERE evidence.run = attempts.run AND evidence.stage = attempts.stage AND says = 'done'
               AND witness != 'old' AND segment IN (SELECT value FROM json_each(plan, '$.expected'))) END AS early_done
    FROM attempts"""
_FLOW_RUNS = f"""
    SELECT * FROM ({_ATTEMPTS} WHERE state IN ({_OPEN}) ORDER BY attempt)
    UNION ALL SELECT * FROM ({_ATTEMPTS} WHERE state NOT IN ({_OPEN}) ORDER BY attempt DESC LIMIT ?)"""


def last_written(ledger: Ledger) -> float:
    """When a run was last written; 0 when there is none."""
    row = ledger.row("SELECT max(updated) AS at FROM runs")
    return (row["at"] if row else None) or 0.0


def runs_since(ledger: Ledger, since: float, lowest: int) -> list[sqlite3.Row]:
    """The runs from the number `lowest` on that were written since then."""
    return ledger.rows(f"{_RUNS} INDEXED BY runs_by_updated WHERE updated >= ? AND run >= ?", since, lowest)


def runs_below(ledger: Ledger, number: int, at_most: int) -> list[sqlite3.Row]:
    """The runs below a number, the newest first; -1: all of them."""
    return ledger.rows(f"{_RUNS} WHERE run < ? ORDER BY run DESC LIMIT ?", number, at_most)


def runs_of(ledger: Ledger, numbers: Iterable[int]) -> list[sqlite3.Row]:
    return ledger.rows(f"{_RUNS} WHERE run IN (SELECT value FROM json_each(?))", json.dumps(list(numbers)))


def states_below(ledger: Ledger, number: int) -> dict[RunState, int]:
    """How many runs below a number are in each state."""
    rows = ledger.rows("SELECT state, count(*) FROM runs INDEXED BY runs_by_state WHERE run < ? GROUP BY state", number)
    return {RunState(state): count for state, count in rows}


def ended_since(ledger: Ledger, at: float) -> dict[RunState, int]:
    """How many runs have come to which end since then."""
    rows = ledger.rows("SELECT state, count(*) FROM runs WHERE finished_at >= ? GROUP BY state", at)
    return {RunState(state): count for state, count in rows}


def flow_runs(ledger: Ledger, ended: int) -> list[sqlite3.Row]:
    """The open attempts, oldest first, then the newest of those that ended, so many."""
    return ledger.rows(_FLOW_RUNS, ended)


def answers(ledger: Ledger, at_most: int) -> list[sqlite3.Row]:
    """Requests and their answers, the newest first."""
    return ledger.rows("SELECT request, verb, run, state, answer FROM requests ORDER BY request DESC LIMIT ?", at_most)
