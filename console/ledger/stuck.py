"""A run that has got stuck is told: an event, once, and a mark until somebody has seen it (`new_failures`).

Told is what the driver has found of runs under way, not what a queued run waits for: that is the same for many, and has
an event of its own. What comes and goes is not told again for a while.
"""

from __future__ import annotations

import json

from console.ledger.store import Ledger
from flowspec import catalogue, standing
from flowspec.conditions import Owner, Reason, Severity
from flowspec.states import RunState

QUIET_SECONDS = 600.0  # in which the same of a run is told once
_TOLD = (RunState.TAKING, RunState.RUNNING, RunState.CANCELLING)
_ABOUT = ", ".join(f"('{state.value}', '{topic.value}')" for state in _TOLD for topic in standing.topics(state))
_STUCK = f"""runs.state IN ({", ".join(f"'{state.value}'" for state in _TOLD)})
        AND (runs.state, c.topic) IN (VALUES {_ABOUT}) AND c.severity = '{Severity.STUCK.value}'"""
_NEW = f"""
    SELECT c.run, c.code, c.attempt, c.parameters FROM runs JOIN conditions c USING (run)
    WHERE {_STUCK} AND (c.owner = '{Owner.OPERATOR.value}' OR c.since <= ?)
        AND NOT EXISTS (
            SELECT 1 FROM events e WHERE e.run = c.run AND e.alert = c.code AND (e.at >= c.since OR e.at > ?)
        )"""


_SINCE = f"""
    SELECT c.run, min(c.since) AS since FROM runs JOIN conditions c USING (run)
    WHERE {_STUCK} AND runs.state != '{RunState.TAKING.value}' GROUP BY c.run"""


def since(ledger: Ledger) -> dict[int, float]:
    """The runs under way that are stuck, and since when."""
    return {row["run"]: row["since"] for row in ledger.rows(_SINCE)}


def tell(ledger: Ledger, lasting: float) -> None:
    """Write an event for each run that has got stuck since. What the site may end by itself is told when it has lasted
    for so many seconds."""
    now = ledger.now()
    for row in ledger.rows(_NEW, now - lasting, now - QUIET_SECONDS):
        cause = catalogue.nested(Reason(row["code"], json.loads(row["parameters"])))
        text = catalogue.sentence(Reason("event.stuck", {"run": row["run"], "cause": cause}))
        ledger.event("warning", text, actor="driver", run=row["run"], attempt=row["attempt"], alert=row["code"])


def news(ledger: Ledger, run: int, code: str) -> str:
    """The code, for an event that is written anyway; '' when the same was told of the run a moment ago."""
    since = ledger.now() - QUIET_SECONDS
    told = ledger.row("SELECT 1 FROM events WHERE run = ? AND alert = ? AND at > ?", run, code, since)
    return "" if told else code
