"""Small event files with known pulses, for the tests of the tools and of the job scripts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from flowspec.ddas import Hit, encode_event
from flowspec.ringframes import BodyHeader, Frame, ItemType
from flowspec.ringitems import RingFormat, StateChange

SAMPLES = 130
FIT_CONFIG = '# synthetic\n\n0 2 0 130 0 129 65530 "none" "none"\n'


def pulse(amplitude: float, steepness: float, decay: float, position: float) -> NDArray[np.float64]:
    """The model as facts give it, written down once more: the tools' own is what is tested."""
    x = np.arange(SAMPLES) - position
    return amplitude / (1 + np.exp(-steepness * x)) * np.exp(-decay * x)


def hit(trace: NDArray[np.float64] | None = None, channel: int = 0, ticks: int = 1000) -> Hit:
    samples = b"" if trace is None else np.rint(trace).astype("<u2").tobytes()
    return Hit(crate=0, slot=2, channel=channel, energy=1000 + channel, ticks=ticks, trace=samples)


def event(hits: Sequence[Hit]) -> bytes:
    header = BodyHeader(hits[0].coarse_ns if hits else 0, 10)
    return Frame(ItemType.PHYSICS_EVENT, encode_event(h.fragment() for h in hits), header).encode()


def state_change(kind: ItemType, run: int = 1217, title: str = "synthetic") -> bytes:
    change = StateChange(run, 0, 1_709_000_000, 1000, title, original_sid=1)
    return Frame(kind, change.encode(), BodyHeader(source_id=1)).encode()


def segment(events: Sequence[bytes], run: int = 1217) -> bytes:
    """A whole run in one segment."""
    head = Frame(ItemType.RING_FORMAT, RingFormat(12).encode()).encode() + state_change(ItemType.BEGIN_RUN, run)
    return head + b"".join(events) + state_change(ItemType.END_RUN, run)


def ordinary_events(count: int) -> list[bytes]:
    """Each with one hit with a trace of one pulse, and one of another channel without."""
    traces = [400 + pulse(1000 + 10 * i, 0.6, 0.03, 35) for i in range(count)]
    return [event([hit(t, 0, 1000 * i), hit(None, 5, 1000 * i + 10)]) for i, t in enumerate(traces)]
