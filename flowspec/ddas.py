"""DDAS hits inside built physics events, and the fit results that EventEditor appends to them.

    body of a PHYSICS_EVENT:  u32 bytes from this word to the end of the item, then fragments, back to back
    fragment:                 u64 timestamp (ns), u32 source id, u32 payload size, u32 barrier, payload
    payload:                  a whole PHYSICS_EVENT item whose body is one hit
    hit, u32 words:           length in 16-bit words, module, 4 header words, optional words, trace, extension

The extension lies behind the hit's own length and is found only by what is left of the body.
Source: NSCLDAQ DDASSorter.cpp, DDASFormat DDASHitUnpacker.cpp, DDASToys functions_analytic.h and fit_extensions.h.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass

from flowspec.ringframes import BodyHeader, Frame, ItemType, RingItemError, read_frame

_FRAGMENT = struct.Struct("<QIII")
_HIT = struct.Struct("<6I")
_SUMS = struct.Struct("<4f")
_QDC = struct.Struct("<8I")
_EXTERNAL_TIME = struct.Struct("<Q")
_WORD = struct.Struct("<I")
_FIT = struct.Struct("<6d2I10d2I2dI4x")

NULL_EXTENSION = _WORD.pack(4)  # of a hit whose channel is not configured for the fit
FIT_EXTENSION_SIZE = _FIT.size  # 168 bytes
LARGEST_TRACE = 2 * (0x3FFF - 18)  # samples: what 14 bits of channel length leave to it
_WIDTHS = {
    "crate": 4,
    "slot": 4,
    "channel": 4,
    "energy": 16,
    "ticks": 48,
    "cfd": 16,
    "msps": 16,
    "adc_bits": 5,
    "revision": 8,
}
_LEGACY_SIZE = 144  # the fits alone, without probabilities and size word: accepted by DDASToys 6 as well


@dataclass(frozen=True)
class Fragment:
    """One source's share of an event; the payload is a whole ring item."""

    timestamp: int  # ns
    source_id: int
    payload: bytes
    barrier: int = 0

    def encode(self) -> bytes:
        return _FRAGMENT.pack(self.timestamp, self.source_id, len(self.payload), self.barrier) + self.payload


def encode_event(fragments: Iterable[Fragment]) -> bytes:
    """The body of a built PHYSICS_EVENT."""
    joined = b"".join(fragment.encode() for fragment in fragments)
    return _WORD.pack(_WORD.size + len(joined)) + joined


def decode_event(body: bytes) -> tuple[Fragment, ...]:
    """The fragments of a built PHYSICS_EVENT's body. Raises RingItemError when the sizes do not fit together."""
    if len(body) < _WORD.size or _WORD.unpack_from(body)[0] != len(body):
        raise RingItemError(f"the event's own size disagrees with its body of {len(body)} bytes")
    fragments, here = [], _WORD.size
    while here < len(body):
        start = here + _FRAGMENT.size
        if start > len(body):
            raise RingItemError(f"fragment header cut at byte {here} of the event")
        timestamp, source_id, size, barrier = _FRAGMENT.unpack_from(body, here)
        if start + size > len(body):
            raise RingItemError(f"fragment of {size} bytes at byte {here} goes beyond the event")
        fragments.append(Fragment(timestamp, source_id, body[start : start + size], barrier))
        here = start + size
    return tuple(fragments)


@dataclass(frozen=True)
class Hit:
    """One channel's hit: numbers as the module wrote them; `trace` holds u16 samples, little endian."""

    crate: int
    slot: int
    channel: int
    energy: int
    ticks: int  # 48 bits, of 8 ns (250 MSPS) or 10 ns
    cfd: int = 0  # 16 bits
    msps: int = 250
    adc_bits: int = 16
    revision: int = 0x0F
    external_clock: bool = False
    finish_code: bool = False  # pile-up
    out_of_range: bool = False
    energy_sums: tuple[float, float, float, float] | None = None  # trailing, gap, leading, baseline
    qdc: tuple[int, ...] | None = None  # 8 sums
    external_time: int | None = None
    trace: bytes = b""
    extension: bytes = b""

    @property
    def samples(self) -> tuple[int, ...]:
        return struct.unpack(f"<{len(self.trace) // 2}H", self.trace)

    @property
    def coarse_ns(self) -> int:
        """The time stamp without the CFD; what fragments and body headers carry."""
        return self.ticks * (8 if self.msps == 250 else 10)

    @property
    def cfd_ns(self) -> float:
        """What the CFD adds to `coarse_ns`; the layout of its word depends on the sampling rate."""
        if self.msps == 100:
            return (self.cfd & 0x7FFF) / 32768 * 10
        if self.msps == 250:
            return ((self.cfd & 0x3FFF) / 16384 - (self.cfd >> 14 & 1)) * 4
        if self.msps == 500:
            return ((self.cfd & 0x1FFF) / 8192 + (self.cfd >> 13) - 1) * 2
        raise RingItemError(f"no CFD is defined for {self.msps} MSPS")

    @property
    def cfd_failed(self) -> bool:
        return self.cfd >> 13 == 7 if self.msps == 500 else bool(self.cfd >> 15)

    @property
    def time_ns(self) -> float:
        return self.coarse_ns + self.cfd_ns

    def encode(self) -> bytes:
        """Raises RingItemError for a number that does not fit its bits and for an odd number of samples."""
        for name, bits in _WIDTHS.items():
            if getattr(self, name) >> bits:
                raise RingItemError(f"{name} {getattr(self, name)} does not fit in {bits} bits")
        if len(self.trace) % 4 or len(self.trace) > 2 * LARGEST_TRACE:
            raise RingItemError(f"a trace has an even number of samples, {LARGEST_TRACE} at most")
        optional = b""
        if self.energy_sums is not None:
            optional += _SUMS.pack(*self.energy_sums)
        if self.qdc is not None:
            optional += _QDC.pack(*self.qdc)
        if self.external_time is not None:
            optional += _EXTERNAL_TIME.pack(self.external_time)
        header_length = 4 + len(optional) // 4
        channel_length = header_length + len(self.trace) // 4
        module = self.revision << 24 | self.external_clock << 21 | self.adc_bits << 16 | self.msps
        place = header_length << 12 | self.crate << 8 | self.slot << 4 | self.channel
        words = _HIT.pack(
            2 * (channel_length + 2),
            module,
            self.finish_code << 31 | channel_length << 17 | place,
            self.ticks & 0xFFFF_FFFF,
            self.cfd << 16 | self.ticks >> 32,
            self.out_of_range << 31 | len(self.trace) // 2 << 16 | self.energy,
        )
        return words + optional + self.trace + self.extension

    def fragment(self) -> Fragment:
        """The hit as a fragment of an event; there is one source per crate."""
        header = BodyHeader(self.coarse_ns, self.crate)
        item = Frame(ItemType.PHYSICS_EVENT, self.encode(), header)
        return Fragment(self.coarse_ns, self.crate, item.encode())


def decode_hit(body: bytes) -> Hit:
    """The hit in the body of a fragment's item. Raises RingItemError when its lengths contradict each other."""
    if len(body) < _HIT.size:
        raise RingItemError(f"a hit of {len(body)} bytes")
    length16, module, place, low, high, last = _HIT.unpack_from(body)
    channel_length, header_length = place >> 17 & 0x3FFF, place >> 12 & 0x1F
    samples, end = last >> 16 & 0x7FFF, 2 * length16
    if length16 != 2 * (channel_length + 2) or end > len(body):
        raise RingItemError(f"hit length {length16} does not fit channel length {channel_length} and {len(body)} bytes")
    if header_length not in range(4, 19, 2) or 2 * (channel_length - header_length) != samples:
        raise RingItemError(f"header length {header_length} does not fit {samples} samples")
    optional, here = header_length - 4, _HIT.size
    sums = qdc = external_time = None
    if optional & 4:
        sums, here = _SUMS.unpack_from(body, here), here + _SUMS.size
    if optional & 8:
        qdc, here = _QDC.unpack_from(body, here), here + _QDC.size
    if optional & 2:
        external_time, here = _EXTERNAL_TIME.unpack_from(body, here)[0], here + _EXTERNAL_TIME.size
    return Hit(
        crate=place >> 8 & 0xF,
        slot=place >> 4 & 0xF,
        channel=place & 0xF,
        energy=last & 0xFFFF,
        ticks=(high & 0xFFFF) << 32 | low,
        cfd=high >> 16,
        msps=module & 0xFFFF,
        adc_bits=module >> 16 & 0x1F,
        revision=module >> 24,
        external_clock=bool(module >> 21 & 1),
        finish_code=bool(place >> 31),
        out_of_range=bool(last >> 31),
        energy_sums=sums,
        qdc=qdc,
        external_time=external_time,
        trace=body[here:end],
        extension=body[end:],
    )


def decode_fragment_hit(fragment: Fragment) -> Hit:
    return decode_hit(read_frame(fragment.payload).body)


@dataclass(frozen=True)
class Pulse:
    """A / (1 + exp(-steepness (x - position))) * exp(-decay (x - position)), x in samples."""

    position: float = 0.0
    amplitude: float = 0.0
    steepness: float = 0.0
    decay: float = 0.0


@dataclass(frozen=True)
class Fit:
    """One or two pulses on one offset. `status` is GSL's code, 0 for success."""

    pulses: tuple[Pulse, ...]
    chi_square: float = 0.0
    offset: float = 0.0
    iterations: int = 0
    status: int = 0


@dataclass(frozen=True)
class FitInfo:
    """The extension of a fitted hit, 168 bytes; all zero but its size if the hit has no trace."""

    single: Fit = Fit((Pulse(),))
    double: Fit = Fit((Pulse(), Pulse()))
    single_probability: float = 0.0
    double_probability: float = 0.0

    def encode(self) -> bytes:
        return _FIT.pack(
            *_fit_values(self.single),
            *_fit_values(self.double),
            self.single_probability,
            self.double_probability,
            FIT_EXTENSION_SIZE,
        )


def decode_extension(extension: bytes) -> FitInfo | None:
    """The fit of a hit; None if it has none (no extension, or the null one). Raises RingItemError."""
    if len(extension) in (0, len(NULL_EXTENSION)):
        return None
    if len(extension) == _LEGACY_SIZE:
        extension = extension.ljust(FIT_EXTENSION_SIZE, b"\0")
    if len(extension) != FIT_EXTENSION_SIZE:
        raise RingItemError(f"a fit extension of {len(extension)} bytes; it should have {FIT_EXTENSION_SIZE}")
    values = _FIT.unpack(extension)
    single = Fit((Pulse(*values[0:4]),), *values[4:8])
    double = Fit((Pulse(*values[8:12]), Pulse(*values[12:16])), *values[16:20])
    return FitInfo(single, double, values[20], values[21])


def _fit_values(fit: Fit) -> list[float]:
    pulses = [v for p in fit.pulses for v in (p.position, p.amplitude, p.steepness, p.decay)]
    return [*pulses, fit.chi_square, fit.offset, fit.iterations, fit.status]
