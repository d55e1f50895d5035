"""What happened since somebody had a console open last, in one sentence."""

from __future__ import annotations

from console.ledger import overview, runs
from console.ledger.store import Ledger
from flowspec import standing, text
from flowspec.states import RunState

LEAST_SECONDS = 600.0  # who was away for less has missed nothing


def since_left(ledger: Ledger, left: float) -> str:
    """'' when it is not worth a word."""
    away = ledger.now() - left
    if away < LEAST_SECONDS:
        return ""
    ended = overview.ended_since(ledger, left)
    under_way = runs.runs(ledger, RunState.QUEUED, RunState.RUNNING, RunState.CANCELLING)
    stuck = sum(standing.stuck(run.state, run.conditions) for run in under_way)
    counts = f"{_count(ended.get(RunState.DONE, 0), 'result')}, {ended.get(RunState.FAILED, 0)} failed, {stuck} stuck"
    return f"since you left {text.span(away)} ago: {counts}; R is the report"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
