"""What is free on the disk that the results come back to. Nothing is launched whose result would find no room."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from console.ledger.store import Ledger
from console.settings.errors import SettingsError
from flowspec import text

KEY, SAMPLES = "disk_space", "disk_samples"  # in the ledger's meta
LEAST_FREE = 0.03  # of the disk; below it nothing is launched
SHOWN_FROM, TIGHT_FROM = 0.8, 0.95  # full: before that it is not worth a word; from then on each gigabyte counts
CHECK_SECONDS = 8.0
SAMPLE_SECONDS, LATELY = 600.0, 2 * 3600.0  # how fast it fills is told by the last two hours
SOON = 48 * 3600.0  # seconds: what is full later than that is not worth a word


@dataclass(frozen=True)
class Space:
    """Bytes of a file system, as a user may have them; `rate` is by how many each second it fills (0: not known)."""

    free: int
    total: int
    rate: float = 0.0

    @property
    def used(self) -> float:
        """The share that is taken, 0 to 1."""
        return 1 - self.free / self.total if self.total else 0.0

    @property
    def short(self) -> bool:
        return self.total > 0 and self.free < LEAST_FREE * self.total

    @property
    def full_in(self) -> float | None:
        """Seconds until it is full if it goes on like this; None when that is far off."""
        seconds = self.free / self.rate if self.rate > 0 else SOON
        return seconds if seconds < SOON else None

    def __str__(self) -> str:
        return f"{100 * self.used:.0f} % full, {text.size(self.free)} free"


def measure(directory: Path) -> Space:
    """Raises OSError; waits for as long as the file system does."""
    found = shutil.disk_usage(directory)
    return Space(found.free, found.used + found.free)


def check(ledger: Ledger, directory: Path) -> None:
    """Write down what is free; that it has become too little, or no longer is, is an event."""
    try:
        found, before = measure(directory), read(ledger)
    except OSError as error:
        raise SettingsError(
            f"{directory} (dtn.results) cannot be looked at: {error.strerror}; is it mounted?"
        ) from None
    samples = _sampled(ledger, found.free)
    if samples is None and before is not None and _alike(found, before):
        return
    rate = _rate(samples) if samples is not None else before.rate if before is not None else 0.0
    was_short = before is not None and before.short
    with ledger.change():
        ledger.put(KEY, json.dumps(asdict(replace(found, rate=rate))))
        if samples is not None:
            ledger.put(SAMPLES, json.dumps(samples))
        if found.short and not was_short:
            words = f"the DTN disk is {found}: nothing is launched until there is room in {directory}"
            ledger.event("bad", words, actor="driver")
        elif was_short and not found.short:
            ledger.event("good", f"the DTN disk has room again: {found}", actor="driver")


def _sampled(ledger: Ledger, free: int) -> list[tuple[float, int]] | None:
    """Times, and what was free; with this one, when it is time for another, else None."""
    samples, now = [tuple(sample) for sample in json.loads(ledger.get(SAMPLES) or "[]")], ledger.now()
    if samples and 0 <= now - samples[-1][0] < SAMPLE_SECONDS:
        return None
    return [*(sample for sample in samples if now - LATELY <= sample[0] < now), (now, free)]


def _rate(samples: list[tuple[float, int]]) -> float:
    (began, free_then), (now, free) = samples[0], samples[-1]
    return max(0.0, (free_then - free) / (now - began)) if now > began else 0.0


def _alike(one: Space, other: Space) -> bool:
    """Each difference that is written wakes every screen: only what is seen counts, more closely as it gets tight."""
    tight = max(one.used, other.used) > TIGHT_FROM
    return one.short == other.short and round(100 * one.used) == round(100 * other.used) and not (
        tight and text.size(one.free) != text.size(other.free)
    )  # fmt: skip


def read(ledger: Ledger) -> Space | None:
    """What was last seen; None when nothing was yet."""
    known = ledger.get(KEY)
    return Space(**json.loads(known)) if known else None
