"""The computing itself, on one core."""

from __future__ import annotations

import numpy as np

from flowspec.itemwalk import walk
from flowspec.ringframes import BodyHeader, Frame, ItemType
from remote.sandbox.tools.pulses import Window, fit, model
from tests.benchmarks.result import Result, median_seconds, seconds_of

SAMPLES = 130  # as in FRIB's e23055
SERIAL_ENGINE = 2.5  # ms per trace: FRIB's own serial fit engine, both fits


def traces_to_fit(count: int) -> np.ndarray:
    """`count` traces of 130 samples of 16 bits, with noise; every other one with a second pulse."""
    random = np.random.default_rng(1)

    def pulses(earliest: float, latest: float) -> list[np.ndarray]:
        ranges = (500, 8000), (0.3, 1.2), (0.02, 0.08), (earliest, latest)
        return [random.uniform(low, high, count) for low, high in ranges]

    parameters = np.column_stack([*pulses(25, 40), *pulses(60, 90), random.uniform(400, 800, count)])
    parameters[::2, 4] = 0  # the second pulse's amplitude
    clean = model(parameters, np.arange(SAMPLES, dtype=np.float64))
    return np.clip(clean + random.normal(0, 5, clean.shape), 0, 65535).astype(np.uint16)


def fit_ms_per_trace() -> Result:
    """One and two pulses fitted to a trace of 130 samples; mean of 4000. Peer: FRIB's serial engine."""
    traces = traces_to_fit(4000)
    window = Window(low=0, high=SAMPLES - 1, saturation=65530)
    fit(traces[:100], window)  # the first call sets up what later ones find
    seconds = seconds_of(lambda: fit(traces, window))
    return Result("fit_ms_per_trace", 1000 * seconds / len(traces), "ms", aim=SERIAL_ENGINE, peer=SERIAL_ENGINE)


def walk_items_per_second() -> Result:
    """Items walked per second by the judge of readiness, median of 5. Peer: a bare header walk in pure Python."""
    items = 200_000
    event = Frame(ItemType.PHYSICS_EVENT, bytes(600), BodyHeader(timestamp=1)).encode()
    buffer = event * items
    assert walk(buffer).items == items
    rate = items / median_seconds(lambda: walk(buffer), 5)
    return Result("walk_items_per_second", rate, "items/s", aim=1e6, peer=2.5e6, more_is_better=True)


BENCHMARKS = (fit_ms_per_trace, walk_items_per_second)
