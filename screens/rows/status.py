"""What the status line says, and which data are stale. Pure."""

from __future__ import annotations

from console.ledger.events import Event
from console.ledger.presence import advice
from console.reading.snapshot import Snapshot
from flowspec import text
from screens.data import ScreenData
from screens.rows.styles import LEVEL_STYLES
from screens.widgets.piece import Piece

NOBODY = "no driver runs: nothing is launched or watched until one is started (console driver start)"

STARTING = "a driver is being started"

GOOD_NEWS_SECONDS = 120.0


def stale_mark(data: ScreenData, now: float, *names: str) -> str:
    """Marks the title of a pane whose sources are stale, ` (OLD 40 s: flows: no answer)`; '' while they answer."""
    snapshot = data.snapshot
    if snapshot is None:
        return ""
    driver = snapshot.driver
    if data.problem or (driver.hung if driver is not None else not data.driver_starts):
        return " (OLD)"
    stale = [source for source in snapshot.sources if source.name in names and source.stale(now)]
    if not stale:
        return ""
    named = ", ".join(f"{source.name}{': ' if source.problem else ''}{source.problem}" for source in stale)
    ages = [age for source in stale if (age := source.age(now)) is not None]
    since = f" {text.span(max(ages))}" if ages else ""
    return f" (OLD{since}: {text.clean(named, 60)})"


def unread(data: ScreenData) -> Piece:
    """What stands where nothing could be read yet."""
    return ("cannot be read: see below", "bad") if data.problem else ("reading the ledger", "dim")


def status_line(data: ScreenData, notice: Piece | None, now: float) -> Piece:
    """The most important sentence, not yet cleaned: `notice` goes before what has happened."""
    if data.process_problem:
        return data.process_problem, "alarm"
    if data.problem:
        return data.problem, "bad"
    if notice is not None:
        return notice
    if data.snapshot is None:
        return "reading the ledger", "dim"
    if data.snapshot.driver is None:
        return (STARTING, "plain") if data.driver_starts else (NOBODY, "bad")
    if data.snapshot.driver.hung and not data.snapshot.driver.here:
        return advice(data.snapshot.driver), "bad"
    if data.snapshot.driver.problem:
        return data.snapshot.driver.problem, "bad"
    event = newest_event(data.snapshot, now)
    if event is None:
        return "", "plain"
    return f"{text.clock(event.at)} {event.words}", LEVEL_STYLES.get(event.level, "plain")


def came_at_once(words: str) -> str:
    """Why characters did nothing although each of them is a key."""
    shown = text.clean(words, 30).strip()
    return f"nothing was done: {shown!r} came at once, as a paste does; press one key at a time"


def newest_event(snapshot: Snapshot, now: float) -> Event | None:
    """What needs somebody and was not acknowledged; else the newest important event, or the newest of all. Good news
    leaves by itself."""
    important = (event for event in snapshot.events if event.important)
    newest = snapshot.calls or next(important, snapshot.events[0] if snapshot.events else None)
    stays = newest is not None and (newest is snapshot.calls or newest.level == "warning")
    return newest if newest is not None and (stays or now - newest.at < GOOD_NEWS_SECONDS) else None
