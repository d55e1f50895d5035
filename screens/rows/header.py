"""The header: who and where, who drives, how old the data are. Pure.

What does not fit is given up in the order of what an operator can do without; what is wrong comes before what is well.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from console.disk.space import SHOWN_FROM, Space
from console.ledger.sources import ASKED_ALWAYS, Source
from console.reading.snapshot import Snapshot
from flowspec import text
from screens.options import ScreenOptions
from screens.reader import Look
from screens.rows.styles import Piece

AGE_STEP = 5  # seconds: ages that change every second would cost a slow line more than they tell
TOKENS_SHORT = 86400.0  # seconds of life
SOON_FULL = 12 * 3600.0  # seconds: within this shift or the next


@dataclass(frozen=True)
class Fact:
    """Ways to say it, from the longest to the shortest, each with what it is worth: the least is given up first."""

    ways: tuple[tuple[int, Piece], ...]

    @property
    def worth(self) -> int:
        return self.ways[0][0]

    @property
    def piece(self) -> Piece:
        return self.ways[0][1]


def _fact(words: str, style: str, worth: int) -> Fact:
    return Fact(((worth, (f" {words} ", style)),))


def header(look: Look, options: ScreenOptions, now: float, width: int) -> list[Piece]:
    """The facts from left to right, the time at the right end."""
    clock = _fact(text.clock(now), "plain", 6)
    facts = [*_who(look, options), *(_what(look.snapshot, now) if look.snapshot else ()), clock]
    shown = _fitting(facts, width)
    pieces = [fact.piece for fact in shown]
    gap = width - sum(text.cells(words) for words, _ in pieces)
    return [*pieces[:-1], (" " * gap, "plain"), pieces[-1]] if gap > 0 and shown[-1] is clock else pieces


def _fitting(facts: Sequence[Fact], width: int) -> Sequence[Fact]:
    """What is given up for a long one may be short enough to come back when that had to go as well."""
    shown, given_up = dict(enumerate(facts)), []
    while len(shown) > 1 and _cells(shown.values()) > width:
        place = min(shown, key=lambda place: shown[place].worth)
        least = shown.pop(place)
        if least.ways[1:]:
            shown[place] = Fact(least.ways[1:])
        else:
            given_up.append((place, least))
    for place, fact in sorted(given_up, key=lambda one: -one[1].worth):
        if _cells([*shown.values(), fact]) <= width:
            shown[place] = fact
    return [shown[place] for place in sorted(shown)]


def _cells(facts: Iterable[Fact]) -> int:
    return sum(text.cells(fact.piece[0]) for fact in facts)


def _who(look: Look, options: ScreenOptions) -> list[Fact]:
    facts = [_fact(text.clean(options.experiment), "title", 100), _fact(text.clean(options.site), "plain", 10)]
    if options.sandbox:
        facts.append(_fact("SANDBOX", "warn", 30))
    if options.read_only:
        facts.append(_fact("READ-ONLY", "warn", 50))
    if look.problem:
        facts.append(_fact("LEDGER PROBLEM", "alarm", 90))
    return facts


def _what(snapshot: Snapshot, now: float) -> list[Fact]:
    facts = [_driver(snapshot)]
    if (new := snapshot.new_failures).count:
        facts.append(Fact(((7, (f" {new} (a) ", "alarm")), (75, (f" {new.count} failed (a) ", "alarm")))))
    facts.append(_fact("auto ON", "plain", 20) if snapshot.auto else _fact("auto OFF", "warn", 50))
    facts += _tokens(snapshot, now)
    if snapshot.hints_off:
        facts.append(_fact("Flows hints OFF", "warn", 8))
    facts += _space(snapshot.space)
    return facts + _sources(snapshot.sources, now)


def _driver(snapshot: Snapshot) -> Fact:
    driver = snapshot.driver
    if driver is None:
        return _fact("driver NONE", "alarm", 80)
    if driver.hung:
        return _fact(f"driver HANGS {text.span(driver.beat_age)}", "alarm", 80)
    if driver.problem:
        return _fact("driver HOLDS", "alarm", 80)
    return _fact("driver here" if driver.here else f"driver on {text.clean(driver.host, 16)}", "plain", 40)


def _tokens(snapshot: Snapshot, now: float) -> list[Fact]:
    """How long the login lasts, when it is not renewed by itself; or that there is none any more."""
    left = None if snapshot.tokens_end is None else snapshot.tokens_end - now
    refused = any(source.login for source in snapshot.sources)
    if refused or (left is not None and left <= 0):
        return [_fact("LOGIN needed", "alarm", 70)]
    if left is None:
        return []
    short = left < TOKENS_SHORT
    return [_fact(f"tokens {text.span(left)}", "warn" if short else "plain", 35 if short else 3)]


def _space(space: Space | None) -> list[Fact]:
    """How full the disk of the results is."""
    if space is None:
        return []
    full = f"DTN {100 * space.used:.0f} %"
    if space.short:
        return [_fact(f"{full} full", "alarm", 60)]
    if space.full_in is not None:
        words = f"{full} full in {text.span(space.full_in)}"
        return [_fact(words, "warn", 26) if space.full_in < SOON_FULL else _fact(words, "plain", 5)]
    return [_fact(f"{full} full", "warn", 25)] if space.used >= SHOWN_FROM else [_fact(full, "plain", 4)]


def _sources(sources: Sequence[Source], now: float) -> list[Fact]:
    """The sources in trouble one by one, then those that are heard all the time together, then the others."""
    facts: list[Fact] = []
    for source in sources:
        if source.stale(now):
            age = source.age(now)
            old = f"OLD {text.span(age)}" if age is not None else "never heard"
            words = f" {text.clean(source.name, 12)} {old}"
            problem = f": {text.clean(source.problem, 24)}" if source.problem else ""
            facts.append(Fact(((9, (f"{words}{problem} ", "bad")), (55, (f"{words} ", "bad")))))
    well = {source.name: source.age(now) or 0.0 for source in sources if not source.stale(now)}
    always = [name for name in well if name in ASKED_ALWAYS]
    if always:
        words = f" {' '.join(always)} ok"
        oldest = max(well[name] for name in always)
        facts.append(Fact(((5, (f"{words} {_coarse(oldest)} ", "plain")), (7, (f"{words} ", "plain")))))
    facts += [_fact(f"transfer {_coarse(well['transfer'])}", "dim", 2)] if "transfer" in well else []
    return facts


def _coarse(age: float) -> str:
    """An age that stands still: no older than this."""
    return text.span((age // AGE_STEP + 1) * AGE_STEP)
