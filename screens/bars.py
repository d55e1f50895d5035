"""What the header, the status line and the footer say. Pure: they are told what there is, the time and the room."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from console import text
from console.diskspace import SHOWN_FROM, Space
from console.presence import advice
from console.report import ASKED_ALWAYS, Event, RunRow, Snapshot, Source
from screens.keys import ACTIONS, why_not
from screens.lines import Piece
from screens.look import LEVEL_STYLES
from screens.reader import Look

NOBODY = "nobody drives: nothing is launched or watched until a driver is started (console driver start)"


@dataclass(frozen=True)
class ScreenOptions:
    """What the console was started with. `watching` is the directory in which the runs appear."""

    experiment: str
    site: str
    ledger: Path
    watching: str
    read_only: bool = False
    ascii_only: bool = False
    sandbox: bool = False


def header(look: Look, options: ScreenOptions, now: float, width: int) -> list[Piece]:
    """Who and where, who drives, and how old the data are; what is wrong comes before what is well."""
    left: list[Piece] = [(f" {text.clean(options.experiment)} ", "title"), (f" {text.clean(options.site)} ", "plain")]
    if options.sandbox:
        left.append((" SANDBOX ", "warn"))
    if options.read_only:
        left.append((" READ-ONLY ", "warn"))
    right = (f" {text.clock(now)} ", "plain")
    if look.problem:
        left.append((" LEDGER PROBLEM ", "alarm"))
    if look.snapshot is not None:
        left += _driver(look.snapshot)
        left.append((" auto ON ", "plain") if look.snapshot.auto else (" auto OFF ", "warn"))
        if look.snapshot.hints_off:
            left.append((" Flows hints OFF ", "warn"))
        left += _space(look.snapshot.space)
        left += _sources(look.snapshot.sources, now)
    words = "".join(piece for piece, _ in left)
    room = width - text.cells(words) - text.cells(right[0])
    return [*left, (" " * room, "plain"), right] if room >= 0 else left


def _driver(snapshot: Snapshot) -> list[Piece]:
    driver = snapshot.driver
    if driver is None:
        return [(" driver NONE ", "alarm")]
    if driver.hung:
        return [(f" driver HANGS {text.span(driver.beat_age)} ", "alarm")]
    if driver.problem:
        return [(" driver HOLDS ", "alarm")]
    return [(" driver here " if driver.here else f" driver on {text.clean(driver.host, 16)} ", "plain")]


def _space(space: Space | None) -> list[Piece]:
    """How full the disk of the results is, from when on it matters."""
    if space is None or space.used < SHOWN_FROM:
        return []
    return [(f" DTN {100 * space.used:.0f} % full ", "alarm" if space.short else "warn")]


def _sources(sources: Sequence[Source], now: float) -> list[Piece]:
    """The sources in trouble one by one, then those that are heard all the time together."""
    pieces: list[Piece] = []
    for source in sources:
        if source.stale(now):
            age = source.age(now)
            old = f"OLD {text.span(age)}" if age is not None else "never heard"
            problem = f": {text.clean(source.problem, 24)}" if source.problem else ""
            pieces.append((f" {text.clean(source.name, 12)} {old}{problem} ", "bad"))
    well = [source.name for source in sources if source.name in ASKED_ALWAYS and not source.stale(now)]
    return [*pieces, (f" {' '.join(well)} ok ", "plain")] if well else pieces


def old(look: Look, now: float, *names: str) -> str:
    """The mark of what is not to be believed any more, ` (OLD: flows)`; '' while these sources are heard."""
    seen = look.snapshot
    if seen is None:
        return ""
    if look.problem or seen.driver is None or seen.driver.hung:
        return " (OLD)"
    stale = [source.name for source in seen.sources if source.name in names and source.stale(now)]
    return f" (OLD: {', '.join(stale)})" if stale else ""


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
