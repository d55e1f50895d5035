"""The frame that every ring item has: its sizes, type and body header.

A `Frame` keeps its body as bytes, so that any item, known or not, is written back byte for byte. What the bodies
hold is in `ringitems`.

    u32 size of the whole item, u32 type, then
        u32 0 or 4                     no body header (format 11 writes 0, format 12 writes 4, glom always 0), or
        u32 size (20 or more), u64 timestamp, u32 source id, u32 barrier, further words in format 12
    body

Everything is packed and little endian. Source: NSCLDAQ and UnifiedFormat, v11/DataFormat.h and v12/DataFormat.h.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

Buffer = bytes | bytearray | memoryview

NULL_TIMESTAMP = 0xFFFF_FFFF_FFFF_FFFF
FIRST_USER_TYPE = 0x8000

PREFIX = struct.Struct("<III")  # size of the whole item, type, body header size
_BODY_HEADER = struct.Struct("<IQII")
_WORD = struct.Struct("<I")


class ItemType(IntEnum):
    BEGIN_RUN = 1
    END_RUN = 2
    PAUSE_RUN = 3
    RESUME_RUN = 4
    ABNORMAL_ENDRUN = 5
    PACKET_TYPES = 10
    MONITORED_VARIABLES = 11
    RING_FORMAT = 12
    PERIODIC_SCALERS = 20
    TIMESTAMPED_NONINCR_SCALERS = 21
    PHYSICS_EVENT = 30
    PHYSICS_EVENT_COUNT = 31
    EVB_FRAGMENT = 40
    EVB_UNKNOWN_PAYLOAD = 41
    EVB_GLOM_INFO = 42


class RingItemError(ValueError):
    """The bytes are no ring item, or not the one they claim to be; says where and why."""


@dataclass(frozen=True)
class BodyHeader:
    timestamp: int = NULL_TIMESTAMP  # ns
    source_id: int = 0
    barrier: int = 0  # 0 none, 1 begin or resume, 2 end or pause, 3 sync
    extra: bytes = b""  # format 12 allows more words after the fields above

    def encode(self) -> bytes:
        size = _BODY_HEADER.size + len(self.extra)
        return _BODY_HEADER.pack(size, self.timestamp, self.source_id, self.barrier) + self.extra


@dataclass(frozen=True)
class Frame:
    """One whole item. `no_header` is the word that stands for a missing body header: 0 or 4."""

    type: int
    body: bytes
    header: BodyHeader | None = None
    no_header: int = 4

    @property
    def size(self) -> int:
        header = 4 if self.header is None else _BODY_HEADER.size + len(self.header.extra)
        return 8 + header + len(self.body)

    def encode(self) -> bytes:
        header = _WORD.pack(self.no_header) if self.header is None else self.header.encode()
        return struct.pack("<II", self.size, self.type) + header + self.body


def read_frame(buffer: Buffer, offset: int = 0) -> Frame:
    """The item at `offset`; the next one is at `offset + frame.size`. Raises RingItemError."""
    there = len(buffer) - offset
    if there < PREFIX.size:
        raise RingItemError(f"cut inside an item header at offset {offset}")
    size, kind, header_size = PREFIX.unpack_from(buffer, offset)
    fault = implausible(size, kind, header_size)
    if fault:
        raise RingItemError(f"no ring item at offset {offset}: {fault}")
    if size > there:
        raise RingItemError(f"cut inside an item at offset {offset}: it has {size} bytes, {there} are there")
    item = bytes(buffer[offset : offset + size])
    if header_size <= 4:
        return Frame(kind, item[PREFIX.size :], None, header_size)
    _, timestamp, source_id, barrier = _BODY_HEADER.unpack_from(item, 8)
    header = BodyHeader(timestamp, source_id, barrier, item[8 + _BODY_HEADER.size : 8 + header_size])
    return Frame(kind, item[8 + header_size :], header)


_KNOWN_TYPES = frozenset(int(kind) for kind in ItemType)


def implausible(size: int, kind: int, header_size: int) -> str | None:
    """Why these first three words cannot begin a ring item, or None."""
    if kind & 0xFFFF_0000:
        return f"type {kind:#x} (other byte order, or no event file)"
    if kind not in _KNOWN_TYPES and kind < FIRST_USER_TYPE:
        return f"type {kind} is unknown"
    if size < PREFIX.size:
        return f"size {size} is less than the smallest item"
    if header_size not in (0, 4) and not _BODY_HEADER.size <= header_size <= size - 8:
        return f"body header of {header_size} bytes in an item of {size}"
    return None
