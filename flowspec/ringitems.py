"""What the bodies of ring items hold, format 11 and 12: encode and decode. Their frames are in `ringframes`.

Format 12 has one more word than 11 in most bodies, the original source id; it is None for format 11.
Everything is packed and little endian. Source: NSCLDAQ and UnifiedFormat, v11/DataFormat.h and v12/DataFormat.h.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from flowspec.ringframes import Buffer, Frame, ItemType, RingItemError, read_frame

TITLE_FIELD = 81  # bytes, of which FRIB's code uses 79 and a NUL

_STATE_11 = struct.Struct("<IIII81s")
_STATE_12 = struct.Struct("<IIIII81s")
_TEXT = struct.Struct("<IIII")
_SCALERS = struct.Struct("<IIIIII")
_COUNT_11 = struct.Struct("<IIIQ")
_COUNT_12 = struct.Struct("<IIIIQ")
_GLOM = struct.Struct("<QHH")
_FORMAT = struct.Struct("<HH")
_WORD = struct.Struct("<I")

STATE_CHANGES = frozenset({ItemType.BEGIN_RUN, ItemType.END_RUN, ItemType.PAUSE_RUN, ItemType.RESUME_RUN})
TEXTS = frozenset({ItemType.PACKET_TYPES, ItemType.MONITORED_VARIABLES})


@dataclass(frozen=True)
class RingFormat:
    major: int
    minor: int = 0

    def encode(self) -> bytes:
        return _FORMAT.pack(self.major, self.minor)


@dataclass(frozen=True)
class StateChange:
    """Begin, end, pause or resume of a run.

    `title_rest` is what follows the title's NUL when it is not all zero: FRIB's code leaves a byte of it
    uninitialised, and a file is to be written back as it was.
    """

    run: int
    time_offset: int
    unixtime: int  # seconds since 1970
    divisor: int
    title: str
    original_sid: int | None = None
    title_rest: bytes = b""

    @property
    def elapsed(self) -> float:
        """Seconds since the run began."""
        return self.time_offset / (self.divisor or 1)

    def encode(self) -> bytes:
        title = self.title.encode("utf-8", "surrogateescape")
        if len(title) > TITLE_FIELD:
            title = title[: TITLE_FIELD - 2]
        field = (title + b"\0" + self.title_rest).ljust(TITLE_FIELD, b"\0")
        times = (self.run, self.time_offset, self.unixtime, self.divisor)
        if self.original_sid is None:
            return _STATE_11.pack(*times, field)
        return _STATE_12.pack(*times, self.original_sid, field)


@dataclass(frozen=True)
class Text:
    """Packet types or monitored variables."""

    time_offset: int
    unixtime: int
    divisor: int
    strings: tuple[str, ...]
    original_sid: int | None = None

    def encode(self) -> bytes:
        words = _TEXT.pack(self.time_offset, self.unixtime, len(self.strings), self.divisor)
        sid = b"" if self.original_sid is None else _WORD.pack(self.original_sid)
        return words + sid + b"".join(s.encode("utf-8", "surrogateescape") + b"\0" for s in self.strings)


@dataclass(frozen=True)
class Scalers:
    """Counts of the interval start to end (both in ticks of 1/divisor s)."""

    start: int
    end: int
    unixtime: int
    divisor: int
    values: tuple[int, ...]
    incremental: int = 1  # 0: the counters run on, else they restart with each interval
    original_sid: int | None = None

    def encode(self) -> bytes:
        words = _SCALERS.pack(self.start, self.end, self.unixtime, self.divisor, len(self.values), self.incremental)
        sid = b"" if self.original_sid is None else _WORD.pack(self.original_sid)
        return words + sid + struct.pack(f"<{len(self.values)}I", *self.values)


@dataclass(frozen=True)
class EventCount:
    """Physics events since the run began."""

    time_offset: int
    divisor: int
    unixtime: int
    count: int
    original_sid: int | None = None

    def encode(self) -> bytes:
        times = (self.time_offset, self.divisor, self.unixtime)
        if self.original_sid is None:
            return _COUNT_11.pack(*times, self.count)
        return _COUNT_12.pack(*times, self.original_sid, self.count)


@dataclass(frozen=True)
class GlomInfo:
    coincidence_ticks: int
    building: int  # 0: passes fragments through unbuilt; FRIB's code writes 0xffff for true
    timestamp_policy: int  # 0 first, 1 last, 2 average

    def encode(self) -> bytes:
        return _GLOM.pack(self.coincidence_ticks, self.building, self.timestamp_policy)


@dataclass(frozen=True)
class AbnormalEnd:
    def encode(self) -> bytes:
        return b""


@dataclass(frozen=True)
class Opaque:
    """A body that this module does not look into: physics events (see `ddas`), fragments, user items."""

    data: bytes

    def encode(self) -> bytes:
        return self.data


Body = RingFormat | StateChange | Text | Scalers | EventCount | GlomInfo | AbnormalEnd | Opaque


def decode_body(frame: Frame, version: int) -> Body:
    """The fields of the item's body. `version` is 11 or 12, see `version_of`. Raises RingItemError."""
    try:
        return _decode_body(frame, version)
    except struct.error as error:
        kind = frame.type
        raise RingItemError(f"body of {len(frame.body)} bytes in an item of type {kind}: {error}") from None


def _decode_body(frame: Frame, version: int) -> Body:
    body = frame.body
    if frame.type in STATE_CHANGES:
        return decode_state_change(body)
    if frame.type in TEXTS:
        offset, unixtime, count, divisor = _TEXT.unpack_from(body)
        sid, rest = _original_sid(body, _TEXT.size, version)
        strings = rest.split(b"\0")
        if len(strings) != count + 1 or strings[-1]:
            raise RingItemError(f"{count} strings announced, {len(strings) - 1} found")
        return Text(offset, unixtime, divisor, tuple(_text(s) for s in strings[:-1]), sid)
    if frame.type == ItemType.PERIODIC_SCALERS:
        start, end, unixtime, divisor, count, incremental = _SCALERS.unpack_from(body)
        sid, rest = _original_sid(body, _SCALERS.size, version)
        if len(rest) != 4 * count:
            raise RingItemError(f"{count} scalers announced, {len(rest)} bytes found")
        values = struct.unpack(f"<{count}I", rest)
        return Scalers(start, end, unixtime, divisor, values, incremental, sid)
    if frame.type == ItemType.PHYSICS_EVENT_COUNT:
        if len(body) == _COUNT_11.size:
            return EventCount(*_COUNT_11.unpack(body))
        offset, divisor, unixtime, original_sid, count = _COUNT_12.unpack(body)
        return EventCount(offset, divisor, unixtime, count, original_sid)
    if frame.type == ItemType.EVB_GLOM_INFO:
        return GlomInfo(*_GLOM.unpack(body))
    if frame.type == ItemType.RING_FORMAT:
        return RingFormat(*_FORMAT.unpack(body))
    if frame.type == ItemType.ABNORMAL_ENDRUN and not body:
        return AbnormalEnd()
    return Opaque(body)


def decode_state_change(body: bytes) -> StateChange:
    """Formats 11 and 12, told apart by the length of the body. Raises RingItemError."""
    sid: int | None = None
    if len(body) == _STATE_11.size:
        run, offset, unixtime, divisor, field = _STATE_11.unpack(body)
    elif len(body) == _STATE_12.size:
        run, offset, unixtime, divisor, sid, field = _STATE_12.unpack(body)
    else:
        raise RingItemError(f"state change of {len(body)} bytes")
    title, _, rest = field.partition(b"\0")
    return StateChange(run, offset, unixtime, divisor, _text(title), sid, rest.rstrip(b"\0"))


def version_of(buffer: Buffer) -> int | None:
    """Format of an event file from its first items: 11, 12, or None when nothing tells.

    A leading RING_FORMAT is not guaranteed, then the size of the first state change tells.
    """
    offset = 0
    for _ in range(20):  # beyond these a run that has a BEGIN_RUN would have shown it
        try:
            frame = read_frame(buffer, offset)
            if frame.type == ItemType.RING_FORMAT:
                return int(_FORMAT.unpack_from(frame.body)[0])
            if frame.type in STATE_CHANGES:
                return 11 if decode_state_change(frame.body).original_sid is None else 12
        except (RingItemError, struct.error):
            return None
        offset += frame.size
    return None


def _original_sid(body: bytes, offset: int, version: int) -> tuple[int | None, bytes]:
    if version < 12:
        return None, body[offset:]
    return _WORD.unpack_from(body, offset)[0], body[offset + 4 :]


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
