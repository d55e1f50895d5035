"""The header: who and where, who drives, how old the data are. Pure.

What does not fit is given up in the order of what an operator can do without; what is wrong comes before what is well.
"""

from __future__ import annotations

from collections.abc import Sequence

from console import VERSION
from console.disk.space import SHOWN_FROM, Space
from console.ledger.sources import ASKED_ALWAYS, Source
from console.reading.snapshot import Snapshot
from flowspec import text
from screens.data import ScreenData
from screens.options import ScreenOptions
from screens.rows.fitting import Item, fitting
from screens.widgets.piece import Piece

ALWAYS = 200  # worth: the time of day and the age of the data are in view at any width
AGE_STEP = 5  # seconds: ages that change every second would cost a slow line more than they are worth
TOKENS_SHORT = 86400.0  # seconds of life
SOON_FULL = 12 * 3600.0  # seconds: within this shift or the next


def _item(words: str, style: str, worth: int) -> Item:
    return Item(((worth, (f" {words} ", style)),))


def header(data: ScreenData, options: ScreenOptions, now: float, width: int) -> list[Piece]:
    """The items from left to right, the time at the right end."""
    clock = _item(text.clock(now), "plain", ALWAYS + 1)
    items = [*_who(data, options), *(_what(data.snapshot, data.driver_starts, now) if data.snapshot else ()), clock]
    shown = fitting(items, width)
    pieces = [item.piece for item in shown]
    gap = width - sum(text.cells(words) for words, _ in pieces)
    return [*pieces[:-1], (" " * gap, "plain"), pieces[-1]] if gap > 0 and shown[-1] is clock else pieces


def _who(data: ScreenData, options: ScreenOptions) -> list[Item]:
    items = [_item(text.clean(options.experiment), "title", 100), _item(text.clean(options.site), "plain", 10)]
    if options.sandbox:
        items.append(_item("SANDBOX", "warn", 30))
    if options.read_only:
        items.append(_item("READ-ONLY", "warn", 50))
    if data.problem:
        items.append(_item("LEDGER PROBLEM", "alarm", 90))
    return items


def _what(snapshot: Snapshot, driver_starts: bool, now: float) -> list[Item]:
    items = [_driver(snapshot, driver_starts)]
    if (paused := snapshot.paused) is not None:
        items.append(_item(f"PAUSED by {text.clean(paused.by, 16)}", "warn", 85))
    if new := snapshot.new_failures:
        items.append(_item(f"{new} (a)", "alarm", 75))
    items.append(_item("auto ON", "plain", 20) if snapshot.auto else _item("auto OFF", "warn", 50))
    items += _tokens(snapshot, now)
    if snapshot.hints_off:
        items.append(_item("Flows LATE", "warn", 22))
    if snapshot.kit_outdated:
        items.append(_item("site kit OLD", "warn", 24))
    if len(snapshot.consoles) > 1:
        many = f"{len(snapshot.consoles)} consoles"
        who = ", ".join(dict.fromkeys(text.clean(console.who, 24) for console in snapshot.consoles))
        items.append(Item(((3, (f" {many}: {who} ", "plain")), (4, (f" {many} ", "plain")))))
    items += _space(snapshot.space)
    return items + _sources(snapshot.sources, now)


def _driver(snapshot: Snapshot, starts: bool) -> Item:
    driver = snapshot.driver
    if driver is None and starts:
        return _item("driver starts", "plain", 40)
    if driver is None:
        return _item("driver NONE", "alarm", 80)
    if driver.hung:
        return _item(f"driver HANGS {text.span(driver.beat_age)}", "alarm", 80)
    if driver.problem:
        return _item("driver HOLDS", "alarm", 80)
    if driver.other_version:
        return _item(f"driver {text.clean(driver.other_version, 12)} (we: {VERSION})", "warn", 40)
    return _item("driver here" if driver.here else f"driver on {text.clean(driver.host, 16)}", "plain", 40)


def _tokens(snapshot: Snapshot, now: float) -> list[Item]:
    """Whose login it is, and how long it lasts when it is not renewed by itself; or that there is none any more."""
    left = None if snapshot.tokens_end is None else snapshot.tokens_end - now
    refused = any(source.login for source in snapshot.sources)
    if refused or (left is not None and left <= 0):
        return [_item("LOGIN needed", "alarm", 70)]
    who = [_item(f"as {text.clean(snapshot.login_who, 32)}", "plain", 3)] if snapshot.login_who else []
    if left is None:
        return who
    short = left < TOKENS_SHORT
    return [*who, _item(f"tokens {text.span(left)}", "warn" if short else "plain", 35 if short else 3)]


def _space(space: Space | None) -> list[Item]:
    """How full the disk of the results is."""
    if space is None:
        return []
    full = f"DTN {100 * space.used:.0f} %"
    if space.short:
        return [_item(f"{full} full", "alarm", 60)]
    if space.full_in is not None:
        words = f"{full} full in {text.span(space.full_in)}"
        return [_item(words, "warn", 26) if space.full_in < SOON_FULL else _item(words, "plain", 5)]
    return [_item(f"{full} full", "warn", 25)] if space.used >= SHOWN_FROM else [_item(full, "plain", 4)]


def _sources(sources: Sequence[Source], now: float) -> list[Item]:
    """The sources in trouble one by one, then those that are polled all the time together, then the others."""
    items: list[Item] = []
    old = [source for source in sources if source.stale(now)]
    oldest = max(old, key=lambda source: source.age(now) or now, default=None)
    for source in old:
        age = source.age(now)
        words = f" {text.clean(source.name, 12)} {f'OLD {text.span(age)}' if age is not None else 'never heard'}"
        problem = f": {text.clean(source.problem, 24)}" if source.problem else ""
        worth = ALWAYS if source is oldest else 55
        items.append(Item(((9, (f"{words}{problem} ", "bad")), (worth, (f"{words} ", "bad")))))
    well = {source.name: source.age(now) or 0.0 for source in sources if not source.stale(now)}
    always = [name for name in well if name in ASKED_ALWAYS]
    if always:
        names, within = f" {' '.join(always)} ok", _coarse(max(well[name] for name in always))
        shortest = (7, (f"{names} ", "plain")) if old else (ALWAYS, (f" data {within} ", "plain"))
        items.append(Item(((5, (f"{names} {within} ", "plain")), shortest)))
    items += [_item(f"transfer {_coarse(well['transfer'])}", "dim", 2)] if "transfer" in well else []
    return items


def _coarse(age: float) -> str:
    """An age that stands still: no older than this."""
    return text.span((age // AGE_STEP + 1) * AGE_STEP)
