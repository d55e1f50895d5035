"""The spectra of a result. A process of its own reads them: a broken file may hang, fill the memory or kill it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from console.disk import resultfile
from console.settings.errors import SettingsError
from flowspec import catalogue

SECONDS = 30.0  # for one file


class NoSpectra(Exception):
    """There is nothing to show; says why, in one line."""


@dataclass(frozen=True)
class Spectrum:
    """Counts in equal bins from `low` to `high`: the part of the axis that has nearly all of them.

    `entries`, `mean` (None without counts) and `outside`, the counts beyond the axis, are those of the whole axis.
    """

    name: str
    title: str
    low: float
    high: float
    counts: Sequence[float]
    entries: float
    mean: float | None
    outside: float


def read(path: Path, seconds: float = SECONDS) -> tuple[Spectrum, ...]:
    """The spectra of a ROOT file: its histograms, or where it has none the numeric branches of its tree.

    Takes a second or more: not for a thread that anybody waits for. Raises NoSpectra.
    """
    try:
        looked = resultfile.look(path)
    except SettingsError as error:
        raise NoSpectra(str(error)) from None
    if looked is None:
        raise NoSpectra(f"{path} is not there")
    if looked[1] is not None:
        raise NoSpectra(f"{path}: {catalogue.sentence(looked[1])}")
    command = [sys.executable, "-m", "console.disk.read_spectra", str(path)]
    try:
        done = subprocess.run(
            command, cwd="/", env={**os.environ, "OPENBLAS_NUM_THREADS": "1"}, timeout=seconds,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        found = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        raise NoSpectra(f"{path} was not read within {seconds:.0f} s") from None
    except ValueError:
        raise NoSpectra(f"{path} cannot be read: what reads it died (return code {done.returncode})") from None
    if "problem" in found:
        raise NoSpectra(found["problem"])
    return tuple(Spectrum(**spectrum) for spectrum in found["spectra"])
