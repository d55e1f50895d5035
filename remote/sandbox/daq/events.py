"""Built physics events with DDAS hits, as two crates of digitisers would give them.

Crate 0 slot 2 channel 0 (the one of the usual fit configuration, `0 2 0 130 0 129 65530`) writes traces of the pulse
model that DDASToys fits; the other channels write only energies. Pulses are made for many events at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flowspec.ddas import Hit, encode_event
from flowspec.ringframes import BodyHeader, Frame, ItemType

Array = NDArray[Any]

TRACE_LENGTH = 130  # samples
CRATES = (0, 1)  # each is a source of the event builder
BUILDER_SOURCE = 10  # source id of what the event builder itself makes
DOUBLE_FRACTION = 0.15  # events with a second pulse, e.g. of a decay after an implant
BARE_FRACTION = 0.03  # hits of the traced channel that lost their trace
LINES = (1173.2, 1332.5, 2505.7)  # energies of the peaks, on a falling continuum

_SATURATION = 65_530
_NS_PER_EVENT = 1_000_000  # on average


def physics_events(rng: np.random.Generator, count: int, first: int) -> Iterator[bytes]:
    """The `count` PHYSICS_EVENT items that follow the first `first` of a run, at random times, in order."""
    times = np.sort(rng.integers(first * _NS_PER_EVENT, (first + count) * _NS_PER_EVENT, count))
    energies = _energies(rng, count)
    traces = _traces(rng, energies)
    bare = rng.random(count) < BARE_FRACTION
    for i in range(count):
        ticks = int(times[i]) // 8
        trace = b"" if bare[i] else traces[i].tobytes()
        traced = Hit(0, 2, 0, int(energies[i]), ticks, int(rng.integers(1 << 14)), trace=trace)
        others = _other_hits(rng, ticks)
        hits = sorted([traced, *others], key=lambda hit: hit.coarse_ns)
        header = BodyHeader(hits[0].coarse_ns, BUILDER_SOURCE)
        yield Frame(ItemType.PHYSICS_EVENT, encode_event(hit.fragment() for hit in hits), header).encode()


def _energies(rng: np.random.Generator, count: int) -> NDArray[np.int64]:
    """A spectrum: lines of a few channels' width on a continuum."""
    continuum = rng.exponential(900.0, count) + 100
    lines = rng.normal(rng.choice(LINES, count), 4.0)
    return np.clip(np.where(rng.random(count) < 0.5, lines, continuum), 50, 30_000).astype(np.int64)


def _traces(rng: np.random.Generator, energies: NDArray[np.int64]) -> NDArray[np.uint16]:
    """Shape (events, TRACE_LENGTH): one or two pulses on a baseline with noise."""
    count = len(energies)
    x = np.arange(float(TRACE_LENGTH))[np.newaxis, :]

    def column(low: float, high: float) -> Array:
        return rng.uniform(low, high, (count, 1))

    steepness, decay, position = column(0.5, 1.2), column(0.02, 0.05), column(30, 42)
    y = column(380, 420) + _pulse(x, 4.0 * energies[:, np.newaxis], steepness, decay, position)
    double = rng.random((count, 1)) < DOUBLE_FRACTION
    second = _pulse(x, 4.0 * energies[:, np.newaxis] * column(0.2, 1.0), steepness, decay, position + column(12, 60))
    y += np.where(double, second, 0.0) + rng.normal(0, 3, (count, TRACE_LENGTH))
    samples: NDArray[np.uint16] = np.clip(np.rint(y), 0, _SATURATION).astype("<u2")
    return samples


def _pulse(x: Array, amplitude: Array, steepness: Array, decay: Array, position: Array) -> Array:
    pulse: Array = amplitude / (1 + np.exp(-steepness * (x - position))) * np.exp(-decay * (x - position))
    return pulse


def _other_hits(rng: np.random.Generator, ticks: int) -> list[Hit]:
    """One to three hits without traces within half a microsecond, of both crates."""
    count = int(rng.integers(1, 4))
    channels = rng.choice(16, count, replace=False)
    energies = _energies(rng, count)
    delays = rng.integers(0, 60, count)
    return [
        Hit(CRATES[int(c) % 2], 3, int(c), int(e), ticks + int(d), int(rng.integers(1 << 14)))
        for c, e, d in zip(channels, energies, delays, strict=True)
    ]
