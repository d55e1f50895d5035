"""What the status line and the footer say, and what is old. Pure: they are told all they need."""

from __future__ import annotations

from collections.abc import Sequence

from console.ledger.events import Event
from console.ledger.presence import advice
from console.reading.snapshot import RunRow, Snapshot
from flowspec import text
from screens.keys.actions import ACTIONS, why_not
from screens.reader import Look
from screens.rows.styles import LEVEL_STYLES, Piece

NOBODY = "nobody drives: nothing is launched or watched until a driver is started (console driver start)"


def old(look: Look, now: float, *names: str) -> str:
    """The mark of what is not to be believed any more, ` (OLD 40 s: flows: no answer)`; '' while these are heard."""
    seen = look.snapshot
    if seen is None:
        return ""
    if look.problem or seen.driver is None or seen.driver.hung:
        return " (OLD)"
    stale = [source for source in seen.sources if source.name in names and source.stale(now)]
    if not stale:
        return ""
    named = ", ".join(f"{source.name}{': ' if source.problem else ''}{source.problem}" for source in stale)
    ages = [age for source in stale if (age := source.age(now)) is not None]
    since = f" {text.span(max(ages))}" if ages else ""
    return f" (OLD{since}: {text.clean(named, 60)})"


def unread(look: Look) -> Piece:
    """What stands where nothing could be read yet."""
    return ("cannot be read: see below", "bad") if look.problem else ("reading the ledger", "dim")


def status(look: Look, notice: Piece | None) -> Piece:
    """The most important sentence, not yet cleaned: what the operator was just told goes before what has happened."""
    if look.kept:
        return look.kept, "alarm"
    if look.problem:
        return look.problem, "bad"
    if notice is not None:
        return notice
    if look.snapshot is None:
        return "reading the ledger", "dim"
    if look.snapshot.driver is None:
        return NOBODY, "bad"
    if look.snapshot.driver.hung and not look.snapshot.driver.here:
        return advice(look.snapshot.driver), "bad"
    if look.snapshot.driver.problem:
        return look.snapshot.driver.problem, "bad"
    event = newest_event(look.snapshot)
    if event is None:
        return "", "plain"
    return f"{text.clock(event.at)} {event.text}", LEVEL_STYLES.get(event.level, "plain")


def newest_event(snapshot: Snapshot) -> Event | None:
    """The newest important event; the newest of all when none is."""
    important = (event for event in snapshot.events if event.important)
    return next(important, snapshot.events[0] if snapshot.events else None)


def footer(run: RunRow | None, read_only: bool, shown: Sequence[str], width: int) -> list[Piece]:
    """The keys of this screen; dim when they cannot be used now (pressed all the same, they say why).

    Where there is no room for all, those before the way to the help and the way out are left out.
    """
    keys: list[list[Piece]] = []
    for action in ACTIONS:
        if not action.label or action.name not in shown or (action.acts and read_only):
            continue
        usable = why_not(action, run, read_only) is None
        label = f" {action.label}  "
        keys.append([(action.shown, "title" if usable else "dim"), (label, "plain" if usable else "dim")])
    while len(keys) > 2 and sum(text.cells(words) for key in keys for words, _ in key) > width:
        del keys[-3]
    return [(" ", "plain"), *(piece for key in keys for piece in key)]
