"""What a benchmark returns."""

from __future__ import annotations

import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Result:
    """A measured value, what we want it to be, and what another program is known to reach (None: no such thing)."""

    name: str
    value: float
    unit: str
    aim: float | None = None
    peer: float | None = None
    more_is_better: bool = False

    @property
    def ratio(self) -> float | None:
        """How many times better than the peer; below 1 is worse. None also when there is nothing to divide by."""
        if self.peer is None:
            return None
        better, worse = (self.value, self.peer) if self.more_is_better else (self.peer, self.value)
        return better / worse if worse else None

    @property
    def reached(self) -> bool | None:
        """Whether the aim is reached; None without an aim."""
        if self.aim is None:
            return None
        return self.value >= self.aim if self.more_is_better else self.value <= self.aim

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "value": self.value,
            "unit": self.unit,
            "aim": self.aim,
            "peer": self.peer,
            "ratio": self.ratio,
        }


def seconds_of(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def median_seconds(action: Callable[[], object], times: int) -> float:
    return statistics.median(seconds_of(action) for _ in range(times))


def median_seconds_of_command(command: Sequence[object], times: int) -> float:
    """Raises RuntimeError when the command fails: what does not work has no speed."""

    def run() -> None:
        ran = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if ran.returncode:
            raise RuntimeError(f"{command[0]} ended with exit code {ran.returncode}: {ran.stderr[-300:]}")

    return median_seconds(run, times)
