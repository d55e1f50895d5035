"""Where the hits of an event file lie, and their numbers as arrays, one entry per hit.

`flowspec.ddas` decodes one hit at a time into objects; fitting and converting handle millions.
"""

import mmap
import os
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from flowspec.ringframes import PREFIX, Buffer, RingItemError

SCHEME = "file://"  # of the programs' arguments
FRAGMENT_HEADER = struct.Struct("<QIII")
_WORD = struct.Struct("<I")
HIT = struct.Struct("<6I")
# Sampling rate in MSPS: (ns per tick, bits of the CFD's time, bits and weight of its source, ns per sample).
_CLOCKS = {100: (10, 15, 0, 0, 10), 250: (8, 14, 1, -1, 4), 500: (10, 13, 3, 1, 2)}


class Item(NamedTuple):
    """A whole ring item: where it begins, how long it is, its type, and where its body begins."""

    start: int
    size: int
    type: int
    body: int


class Place(NamedTuple):
    """One fragment of an event: offsets of its header, its item, the hit in that, the hit's end and its own end."""

    fragment: int
    item: int
    hit: int
    hit_end: int
    end: int


def map_file(path: str) -> Buffer:
    """The bytes of the file, read as they are used. Raises OSError."""
    with open(path, "rb") as file:
        if os.fstat(file.fileno()).st_size == 0:  # which cannot be mapped
            return b""
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def walk(buffer: Buffer) -> Iterator[Item]:
    """The whole items of the buffer. Ends without a word at a cut tail, as FRIB's programs do."""
    start, length = 0, len(buffer)
    while start + PREFIX.size <= length:
        size, kind, header = PREFIX.unpack_from(buffer, start)
        if size < PREFIX.size or start + size > length:
            return
        yield Item(start, size, kind, start + 8 + max(header, 4))
        start += size


def places(buffer: Buffer, event: Item) -> list[Place]:
    """The hits of a built physics event. Raises RingItemError when its sizes contradict each other."""
    end = event.start + event.size
    if event.body + 4 > end or _WORD.unpack_from(buffer, event.body)[0] != end - event.body:
        raise RingItemError(f"event at offset {event.start}: the size of its fragments disagrees with its own")
    found, fragment = [], event.body + 4
    while fragment < end:
        item = fragment + FRAGMENT_HEADER.size
        if item + PREFIX.size > end:
            raise RingItemError(f"event at offset {event.start}: fragment cut at offset {fragment}")
        payload = FRAGMENT_HEADER.unpack_from(buffer, fragment)[2]
        size, kind, header = PREFIX.unpack_from(buffer, item)
        if size != payload or item + size > end or kind != event.type:
            raise RingItemError(f"event at offset {event.start}: no physics item in the fragment at offset {fragment}")
        hit = item + 8 + max(header, 4)
        hit_end = hit + _hit_bytes(buffer, hit, item + size)
        found.append(Place(fragment, item, hit, hit_end, item + size))
        fragment = item + size
    return found


def _hit_bytes(buffer: Buffer, hit: int, limit: int) -> int:
    """Length of the hit at offset `hit`, of which nothing may lie at or behind `limit`."""
    if hit + HIT.size > limit:
        raise RingItemError(f"hit at offset {hit} is cut")
    numbers: tuple[int, ...] = HIT.unpack_from(buffer, hit)
    length, _, place, _, _, last = numbers
    channel_words, header_words, samples = place >> 17 & 0x3FFF, place >> 12 & 0x1F, last >> 16 & 0x7FFF
    if length != 2 * (channel_words + 2) or 2 * (channel_words - header_words) != samples or header_words < 4:
        raise RingItemError(f"hit at offset {hit}: its lengths contradict each other")
    if hit + 2 * length > limit:
        raise RingItemError(f"hit at offset {hit} is longer than its fragment")
    return 2 * length


@dataclass(frozen=True)
class Hits:
    """Numbers of n hits, each an array (n,). `samples` is the length of the trace, which begins at offset `trace`."""

    crate: NDArray[np.uint8]
    slot: NDArray[np.uint8]
    channel: NDArray[np.uint8]
    energy: NDArray[np.uint16]
    msps: NDArray[np.uint16]
    coarse_time: NDArray[np.uint64]  # ns, of the clock alone
    time: NDArray[np.float64]  # ns, with the CFD
    samples: NDArray[np.intp]
    trace: NDArray[np.intp]


def decode(buffer: Buffer, found: Sequence[Place]) -> Hits:
    start = np.array([place.hit for place in found], np.intp)
    _, module, place, low, high, last = gather(buffer, start, HIT.size).view("<u4").T
    msps = (module & 0xFFFF).astype(np.uint16)
    ticks = (high & 0xFFFF).astype(np.uint64) << np.uint64(32) | low
    coarse = ticks * np.where(msps == 250, 8, 10).astype(np.uint64)
    return Hits(
        crate=(place >> 8 & 0xF).astype(np.uint8),
        slot=(place >> 4 & 0xF).astype(np.uint8),
        channel=(place & 0xF).astype(np.uint8),
        energy=(last & 0xFFFF).astype(np.uint16),
        msps=msps,
        coarse_time=coarse,
        time=coarse + _cfd_ns(msps, high >> 16),
        samples=(last >> 16 & 0x7FFF).astype(np.intp),
        trace=start + 4 * (2 + (place >> 12 & 0x1F).astype(np.intp)),
    )


def gather(buffer: Buffer, starts: NDArray[np.intp], length: int) -> NDArray[np.uint8]:
    """`length` bytes from each offset in `starts`: (n, length)."""
    pieces: NDArray[np.uint8] = np.frombuffer(buffer, np.uint8)[starts[:, None] + np.arange(length)]
    return pieces


def _cfd_ns(msps: NDArray[np.uint16], word: NDArray[np.uint32]) -> NDArray[np.float64]:
    """What the CFD adds to the clock; its word is laid out differently for each sampling rate."""
    result = np.zeros(len(msps))
    for rate in np.unique(msps):
        if int(rate) not in _CLOCKS:
            continue  # FRIB's decoder leaves these undefined
        of_rate = msps == rate
        _, bits, source_bits, weight, sample = _CLOCKS[int(rate)]
        fraction = (word[of_rate] & (1 << bits) - 1) / (1 << bits)
        source = (word[of_rate] >> bits & (1 << source_bits) - 1).astype(np.float64)
        result[of_rate] = (fraction + weight * source - (rate == 500)) * sample
    return result
