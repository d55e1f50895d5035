"""The only place that writes a state: a run or an attempt moves by the table of `flowspec.states`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from console.ledger import conditions
from console.ledger.store import Ledger
from flowspec import catalogue
from flowspec.conditions import Reason, Topic
from flowspec.states import AttemptState, Move, RunState

_DEFAULTS: dict[str, Any] = {"held_by": None, "again_at": None, "finished_at": None, "wish": "{}", "priority": 0}


class ImpossibleMove(Exception):
    """A transition that the table does not have: a bug, and the transaction in which it was tried is undone."""


def move(
    ledger: Ledger,
    run: int,
    how: Move,
    to: RunState | None = None,
    *,
    actor: str = "driver",
    level: str = "info",
    about: Topic | None = None,
    reasons: Iterable[Reason] = (),
    attempt: int | None = None,
    event: dict[str, Any] | None = None,
    **columns: Any,
) -> None:
    """Move a run, in one transaction with its columns, its conditions `about` a topic, and the event of the move.

    `event` are further parameters of the move's event. Raises ImpossibleMove.
    """
    with ledger.change() as db:
        row = db.execute("SELECT state FROM runs WHERE run = ?", (run,)).fetchone()
        target = _allowed(f"run {run}", how, RunState(row["state"]) if row else None, to, columns)
        columns |= {name: _DEFAULTS[name] for name in how.clears} | dict.fromkeys(how.stamps, ledger.now())
        ledger.update("runs", "run", run, state=target.value, updated=ledger.now(), **columns)
        conditions.end(ledger, run, [topic for topic in how.ends if topic is not about])
        if about is not None:
            conditions.put(ledger, run, about, reasons, attempt)
        if how.event:
            text = catalogue.sentence(Reason(how.event, {"run": run, "state": target.value, **(event or {})}))
            ledger.event(level, text, actor=actor, run=run, attempt=attempt)


def move_attempt(ledger: Ledger, attempt: int, how: Move, reason: Reason | None = None, **columns: Any) -> None:
    """Move an attempt; `reason` is how it ended, or what keeps it. Raises ImpossibleMove."""
    with ledger.change() as db:
        row = db.execute("SELECT state, run, number FROM attempts WHERE attempt = ?", (attempt,)).fetchone()
        target = _allowed(f"attempt {attempt}", how, AttemptState(row["state"]) if row else None, None, columns)
        told = {"code": reason.code, "parameters": reason.dump()} if reason else {"code": "", "parameters": "{}"}
        columns |= told | dict.fromkeys(how.stamps, ledger.now())
        ledger.update("attempts", "attempt", attempt, state=target.value, **columns)
        if how.event:
            told = {"run": row["run"], "number": row["number"], **columns}
            ledger.event(
                "info", catalogue.sentence(Reason(how.event, told)), actor="driver", run=row["run"], attempt=attempt
            )


def _allowed(who: str, how: Move, state: Any, to: Any, columns: dict[str, Any]) -> Any:
    """The state to which this leads."""
    target = to if to is not None else how.targets[0]
    if state not in how.sources or target not in how.targets:
        was = state.value if state is not None else "not known"
        raise ImpossibleMove(f"{who} is {was}: there is no way to {target.value} by {how.name!r}")
    if columns.keys() & {"state"} or not columns.keys() >= set(how.sets):
        raise ImpossibleMove(f"{who}: {how.name!r} needs {', '.join(how.sets)}, got {json.dumps(sorted(columns))}")
    return target
