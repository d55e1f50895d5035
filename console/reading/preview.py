"""What is previewed of a run: its result and the one of the run before it, and how many entries each run gave."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from console.disk import spectra
from console.disk.spectra import NoSpectra, Spectrum
from console.ledger import results
from console.ledger.results import Rate
from console.ledger.store import Ledger

RATES = 30  # runs of the trend


@dataclass(frozen=True)
class Compared:
    """The results of two runs; `before` None: there is none. `rates` are of runs that are done, the oldest first."""

    run: int
    path: Path
    before: int | None
    path_before: Path | None
    rates: tuple[Rate, ...]


@dataclass(frozen=True)
class Preview:
    """`before` are the spectra of the other run by name; `problem` says why there are none."""

    compared: Compared
    spectra: tuple[Spectrum, ...]
    before: dict[str, Spectrum]
    problem: str = ""


def compared(ledger: Ledger, run: int, before: int | None = None, *, alone: bool = False) -> Compared:
    """A run and the last done run before it, or the one that is named, or nothing. Raises NoSpectra."""
    path = _result(ledger, run)
    if before is None and not alone:
        before = results.done_before(ledger, run)
    path_before = _result(ledger, before) if before is not None else None
    return Compared(run, path, before, path_before, tuple(results.rates(ledger, run, RATES)))


def _result(ledger: Ledger, run: int) -> Path:
    path = results.path(ledger, run)
    if path is None:
        raise NoSpectra(f"run {run} has no result")
    return Path(path)


def read(found: Compared) -> Preview:
    """Reads both files, in seconds; raises NoSpectra when there is nothing of the run itself."""
    own = spectra.read(found.path)
    if found.path_before is None:
        return Preview(found, own, {}, "there is no result to compare with")
    try:
        return Preview(found, own, {spectrum.name: spectrum for spectrum in spectra.read(found.path_before)})
    except NoSpectra as error:
        return Preview(found, own, {}, f"nothing to compare with: {error}")
