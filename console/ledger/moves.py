"""The only place that writes a state: a run or an attempt moves by the table of `flowspec.states`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from console.ledger import conditions
from console.ledger.store import Ledger
from flowspec import catalogue
from flowspec.conditions import Reason, Topic
from flowspec.states import AttemptState, Move, RunState

_DEFAULTS: dict[str, Any] = {
    "held_by": None,
    "queued_by": None,
    "again_at": None,
    "finished_at": None,
    "result": None,
    "wish": "{}",
    "priority": 0,
}


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
    alert: str = "",
    about: Topic | None = None,
    reasons: Iterable[Reason] = (),
    attempt: int | None = None,
    event: dict[str, Any] | None = None,
    **columns: Any,
) -> None:
    """Move a run, in one transaction with its columns, its conditions `about` a topic, and the event of the move.

    `event` are further parameters of the move's event, `level` and `alert` are its own. Raises ImpossibleMove.
    """
    target = to if to is not None else how.targets[0]
    with ledger.change():
        columns |= {name: _DEFAULTS[name] for name in how.clears} | dict.fromkeys(how.stamps, ledger.now())
        _write(ledger, "runs", "run", run, how, target, columns | {"updated": ledger.now()})
        if about is not None or how.ends:
            topic = about or how.ends[0]
            conditions.put(ledger, run, topic, reasons, attempt, ended=how.ends)
        if how.event:
            text = catalogue.sentence(Reason(how.event, {"run": run, "state": target.value, **(event or {})}))
            ledger.event(level, text, actor=actor, run=run, attempt=attempt, alert=alert)


def move_attempt(ledger: Ledger, attempt: int, how: Move, reason: Reason | None = None, **columns: Any) -> None:
    """Move an attempt; `reason` is how it ended, or what keeps it. Raises ImpossibleMove."""
    stored = {"code": reason.code, "parameters": reason.dump()} if reason else {"code": "", "parameters": "{}"}
    with ledger.change():
        columns |= stored | dict.fromkeys(how.stamps, ledger.now())
        _write(ledger, "attempts", "attempt", attempt, how, how.targets[0], columns)


def _write(
    ledger: Ledger,
    table: str,
    key: str,
    value: int,
    how: Move,
    target: RunState | AttemptState,
    columns: dict[str, Any],
) -> None:
    """One statement that changes nothing unless the state is one from which the move may begin."""
    who = f"{key} {value}"
    if target not in how.targets:
        raise ImpossibleMove(f"{who}: there is no way to {target.value} by {how.name!r}")
    if not columns.keys() >= {*how.sets}:
        raise ImpossibleMove(f"{who}: {how.name!r} needs {', '.join(how.sets)}, got {', '.join(sorted(columns))}")
    sources = [state.value for state in how.sources]
    if not ledger.update(table, key, value, among=("state", sources), state=target.value, **columns):
        row = ledger.row(f"SELECT state FROM {table} WHERE {key} = ?", value)
        was = row["state"] if row else "not known"
        raise ImpossibleMove(f"{who} is {was}: there is no way to {target.value} by {how.name!r}")
