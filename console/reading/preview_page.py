"""A preview as text: a plot for each spectrum, and how many entries the runs gave. Pure; characters are ASCII."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from statistics import median

from console.disk.spectra import Spectrum
from console.ledger.results import Rate
from console.reading.preview import Preview
from flowspec import text

THIS, BEFORE = "#", "o"  # told apart without colour: filled, and the outline
MARGIN = 10  # cells left of the bars
LEAST_ROWS = 3


@dataclass(frozen=True)
class Plot:
    """`words` say in what the runs differ, `marks` what the characters mean; `axis` is written below."""

    title: str
    words: str
    marks: str
    curve: Spectrum
    before: Spectrum | None
    axis: tuple[str, str]


def plots(preview: Preview) -> list[Plot]:
    """The spectra, then entries per second and entries of the newest runs up to this one."""
    found = [_of_spectrum(preview, spectrum) for spectrum in preview.spectra]
    rates = preview.compared.rates
    if rates:
        found.append(_trend(rates, "entries per second", [rate.per_second for rate in rates]))
        found.append(_trend(rates, "entries", [rate.entries for rate in rates]))
    return found


def _of_spectrum(preview: Preview, spectrum: Spectrum) -> Plot:
    run, other = preview.compared.run, preview.compared.before
    before = preview.before.get(spectrum.name)
    title = f"{spectrum.name}: {spectrum.title}" if spectrum.title else spectrum.name
    was = (before.entries, before.mean, before.outside) if before else (None, None, None)
    words = [_told("entries", spectrum.entries, other, was[0]), _told("mean", spectrum.mean, other, was[1])]
    if spectrum.outside or was[2]:
        words.append(_told("beyond the axis", spectrum.outside, other, was[2]))
    if before is None:
        words.append(preview.problem or f"run {other} has no {spectrum.name}")
    marks = f"{THIS} run {run}" + (f"   {BEFORE} run {other}, drawn with as many counts" if before else "")
    low, high = _range(spectrum, before)
    return Plot(title, "; ".join(words), marks, spectrum, before, (number(low), number(high)))


def _trend(rates: Sequence[Rate], what: str, values: Sequence[float | None]) -> Plot:
    last, earlier = rates[-1].run, [value for value in values[:-1] if value is not None]
    words = f"run {last}: {number(values[-1])} {what}"
    if earlier:
        usual = median(earlier)
        words += f"; median of the {len(earlier)} before it: {number(usual)}{_difference(values[-1], usual)}"
    curve = Spectrum(what, "", 0, len(rates), [value or 0 for value in values], 0, None, 0)
    title = f"{what} of the newest {text.counted(len(rates), 'done run')}"
    return Plot(title, words, f"{THIS} a run each", curve, None, (str(rates[0].run), str(last)))


def _told(what: str, value: float | None, run: int | None, before: float | None) -> str:
    words = f"{what} {number(value)}"
    return words if before is None else f"{words}, run {run}: {number(before)}{_difference(value, before)}"


def _difference(value: float | None, before: float | None) -> str:
    if value is None or not before:
        return ""
    part = 100 * (value - before) / abs(before)
    return " (the same)" if abs(part) < 0.05 else f" ({abs(part):.3g} % {'more' if part > 0 else 'less'})"


def number(value: float | None) -> str:
    """As short as it is still exact enough to be compared."""
    if value is None:
        return "not known"
    if value == int(value) and abs(value) < 1e9:
        return f"{value:,.0f}"
    return f"{value:,.1f}" if 100 <= abs(value) < 1e9 else f"{value:.4g}"


def _range(curve: Spectrum, before: Spectrum | None) -> tuple[float, float]:
    both = [one for one in (curve, before) if one is not None]
    return min(one.low for one in both), max(one.high for one in both)


def draw(plot: Plot, width: int, height: int) -> list[str]:
    """At most `height` lines of at most `width` cells: counts in a bin of this run, filled, the other as an outline."""
    curve, rows = plot.curve, max(LEAST_ROWS, height - 2)
    columns = max(1, width - MARGIN - 1)
    if len(curve.counts) <= columns:
        columns -= columns % len(curve.counts)  # bars of the same width
    low, high = _range(curve, plot.before)
    # As many as there would be in one bin of this run's.
    scale = columns * (curve.high - curve.low) / (len(curve.counts) * (high - low))
    this = [scale * count for count in _columns(curve, low, high, columns)]
    other = [scale * count for count in _columns(plot.before, low, high, columns)] if plot.before else [0.0] * columns
    together = sum(other)
    other = [count * sum(this) / together for count in other] if together and sum(this) else other
    top = max(*this, *other) or 1.0
    filled, outline = ([math.ceil(rows * count / top - 1e-9) for count in counts] for counts in (this, other))
    lines = []
    for row in range(rows, 0, -1):
        label = number(float(f"{top:.3g}")) if row == rows else ""
        cells = "".join(
            BEFORE if row == at or beside < row < at else THIS if row <= fill else " "
            for fill, at, beside in zip(filled, outline, _lower_neighbours(outline), strict=True)
        )
        lines.append(f"{label:>{MARGIN - 1}} |{cells}".rstrip())
    left, right = plot.axis
    below = left + right.rjust(max(len(right) + 1, columns - len(left)))
    return [*lines, f"{'0':>{MARGIN - 1}} +{'-' * columns}", f"{'':{MARGIN + 1}}{below}"]


def _lower_neighbours(levels: Sequence[int]) -> list[int]:
    """For each column the level of the lower one of those beside it: from there on its edge is seen."""
    return [min(levels[max(0, n - 1)], levels[min(len(levels) - 1, n + 1)]) for n in range(len(levels))]


def _columns(curve: Spectrum, low: float, high: float, columns: int) -> list[float]:
    """Its counts in equal columns from low to high; a bin that lies in several columns is divided."""
    sums = [0.0, *accumulate(curve.counts)]
    edges = [curve.low + (curve.high - curve.low) * n / len(curve.counts) for n in range(len(sums))]

    def below(x: float) -> float:
        place = bisect_left(edges, x)
        if place == 0 or place == len(edges):
            return sums[min(place, len(edges) - 1)]
        part = (x - edges[place - 1]) / (edges[place] - edges[place - 1])
        return sums[place - 1] + part * (sums[place] - sums[place - 1])

    at = [below(low + (high - low) * n / columns) for n in range(columns + 1)]
    return [after - before for before, after in pairwise(at)]
