"""The computing itself, on one core."""

from __future__ import annotations

import time

import numpy as np

from flowspec.itemwalk import walk
from flowspec.ringframes import BodyHeader, Frame, ItemType
from remote.sandbox.tools.pulses import Window, fit, model
from tests.benchmarks.result import Result, median_seconds

SAMPLES = 130  # as in FRIB's e23055
SERIAL_ENGINE = 2.5  # ms per trace: FRIB's own serial fit engine, both fits


def traces_to_fit(count: int) -> np.ndarray:
    """`count` traces of 130 samples of 16 bits, with noise; every other one with a second pulse."""
    random = np.random.default_rng(1)

    def pulses(earliest: float, latest: float) -> list[np.ndarray]:
        ranges = (500, 8000), (0.3, 1.2), (0.02, 0.08), (earliest, latest)
        return [random.uniform(low, high, count) for low, high in ranges]

    early, late = pulses(25, 40), pulses(60, 90)
    late[0][::2] = 0  # the second pulse's amplitude
    by_kind = [column for pair in zip(early, late, strict=True) for column in pair]
    parameters = np.column_stack([*by_kind, random.uniform(400, 800, count)])
    clean = model(parameters, np.arange(SAMPLES, dtype=np.float64))
    return np.clip(clean + random.normal(0, 5, clean.shape), 0, 65535).astype(np.uint16)


def fit_in_200s() -> Result:
    """Processor's ms per trace of 130 samples, one and two pulses, in batches of 200. Peer: FRIB's serial engine."""
    return _fit_ms_per_trace("fit_in_200s", 200)


def fit_in_4000s() -> Result:
    """The same in one batch of 4,000, as a large clump makes it."""
    return _fit_ms_per_trace("fit_in_4000s", 4000)


def _fit_ms_per_trace(name: str, batch: int) -> Result:
    """Mean of 4,000 traces, every other one with two pulses."""
    traces = traces_to_fit(4000)
    window = Window(low=0, high=SAMPLES - 1, saturation=65530)
    fit(traces[:100], window)  # the first call sets up what later ones find
    start = time.process_time()
    for first in range(0, len(traces), batch):
        fit(traces[first : first + batch], window)
    seconds = time.process_time() - start
    return Result(name, 1000 * seconds / len(traces), "ms", aim=0.25, peer=SERIAL_ENGINE)


def walk_items_per_second() -> Result:
    """Items walked per second by the judge of readiness, median of 5. Peer: a bare header walk in pure Python."""
    items = 200_000
    event = Frame(ItemType.PHYSICS_EVENT, bytes(600), BodyHeader(timestamp=1)).encode()
    buffer = event * items
    assert walk(buffer).items == items
    rate = items / median_seconds(lambda: walk(buffer), 5)
    return Result("walk_items_per_second", rate, "items/s", aim=1e6, peer=2.5e6, more_is_better=True)


BENCHMARKS = (fit_in_200s, fit_in_4000s, walk_items_per_second)
