"""The rows that the main screen shows: of runs, flow runs and requests only what it needs of them."""

from __future__ import annotations

import sqlite3

from console.ledger import conditions
from console.ledger.store import Ledger
from flowspec.states import OPEN

_RUNS = f"""
    SELECT run, state, json_array_length(segments), bytes, title, started, ended, {conditions.AS_JSON}, progress,
           (SELECT count(*) FROM attempts WHERE attempts.run = runs.run), result, again_at, held_by,
           CASE WHEN launched_sizes NOT IN ('{{}}', sizes) THEN json_array(json(launched_sizes), json(sizes)) END,
           updated
    FROM runs WHERE updated >= ?"""

_OPEN = ",".join(f"'{state.value}'" for state in OPEN)
_ATTEMPTS = """
    SELECT attempt, run, number, flow_run, state, stage, intended_at, started_at, ended_at, code, parameters
    FROM attempts"""
_FLOW_RUNS = f"""
    SELECT * FROM ({_ATTEMPTS} WHERE state IN ({_OPEN}) ORDER BY attempt)
    UNION ALL SELECT * FROM ({_ATTEMPTS} WHERE state NOT IN ({_OPEN}) ORDER BY attempt DESC LIMIT ?)"""


def runs_since(ledger: Ledger, since: float) -> list[sqlite3.Row]:
    """The runs that were written since then."""
    return ledger.rows(_RUNS, since)


def newest_runs(ledger: Ledger, at_most: int) -> list[sqlite3.Row]:
    return ledger.rows(f"{_RUNS} ORDER BY run DESC LIMIT ?", 0.0, at_most)


def flow_runs(ledger: Ledger, ended: int) -> list[sqlite3.Row]:
    """The open attempts, oldest first, then the newest of those that ended, so many."""
    return ledger.rows(_FLOW_RUNS, ended)


def answers(ledger: Ledger, at_most: int) -> list[sqlite3.Row]:
    """Requests and what came of them, the newest first."""
    return ledger.rows("SELECT request, verb, run, state, answer FROM requests ORDER BY request DESC LIMIT ?", at_most)
