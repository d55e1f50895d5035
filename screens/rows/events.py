"""What is said of an event, in columns and in a sentence. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter

from console.ledger.events import Event
from flowspec import text
from screens.rows import styles
from screens.widgets.piece import Piece
from screens.widgets.table import Column

WORDS = {"info": "", "good": "good", "warning": "warn", "bad": "BAD"}
COLUMNS = (
    Column("TIME", 14, value=lambda event: text.moment(event.at)),
    Column("WHO", 12, value=attrgetter("actor")),
    Column("RUN", 5, True, value=attrgetter("run")),
    Column("LEVEL", 5, value=attrgetter("level")),
    Column("WHAT", 0, value=attrgetter("text")),
)


def pieces(event: Event) -> Sequence[Piece]:
    style = _style(event)
    return (
        (text.moment(event.at)[5:], "plain"),
        (event.actor, "plain"),
        ("" if event.run is None else str(event.run), "plain"),
        (WORDS.get(event.level, event.level), style),
        (event.text, style),
    )


def sentence(event: Event) -> Piece:
    of = f" run {event.run}" if event.run is not None else ""
    return f"{text.moment(event.at)}{of} {event.actor}: {event.text}", _style(event)


def is_problem(event: Event) -> bool:
    return event.level in ("bad", "warning")


def _style(event: Event) -> str:
    return styles.LEVEL_STYLES.get(event.level, "plain")
