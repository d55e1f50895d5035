"""Bytes from a client into frames of AMQP 0-9-1, with pika's codec.

pika reads what a broker sends, and trusts it; what a client sends here may be anything, so that sizes are looked at
before anything is kept, and whatever the codec raises means rubbish.
"""

from __future__ import annotations

import struct

from pika import frame, spec

PREAMBLE = b"AMQP\x00\x00\x09\x01"
FRAME_BYTES = 131072
"""The largest frame, with its head and its end, that is sent or taken."""

_HEAD = struct.Struct(">BHI")  # type, channel, size of what follows without the end
_AROUND = spec.FRAME_HEADER_SIZE + spec.FRAME_END_SIZE


class Rubbish(Exception):
    """The client does not speak the protocol, or passes a bound; `code` is a reply code of AMQP."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class Frames:
    """Collects what arrives of one connection; no more is kept than one frame. `begun`: its preamble is there."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.begun = False

    def feed(self, data: bytes) -> list[frame.Frame]:
        """The frames that are whole now. Raises Rubbish."""
        self._buffer += data
        if not self.begun and not self._take_preamble():
            return []
        found, start = [], 0
        while (size := self._size_at(start)) and start + size <= len(self._buffer):
            found.append(_decode(bytes(self._buffer[start : start + size])))
            start += size
        del self._buffer[:start]
        return found

    def _take_preamble(self) -> bool:
        given = bytes(self._buffer[: len(PREAMBLE)])
        if not PREAMBLE.startswith(given):
            raise Rubbish(spec.FRAME_ERROR, "this is not AMQP 0-9-1")
        self.begun = given == PREAMBLE
        if self.begun:
            del self._buffer[: len(PREAMBLE)]
        return self.begun

    def _size_at(self, start: int) -> int:
        """Bytes of the frame that begins there; 0 while its head is not whole."""
        if len(self._buffer) - start < _HEAD.size:
            return 0
        size: int = _HEAD.unpack_from(self._buffer, start)[2] + _AROUND
        if size > FRAME_BYTES:
            raise Rubbish(spec.FRAME_ERROR, f"a frame of {size} bytes, {FRAME_BYTES} are the most")
        return size


def _decode(data: bytes) -> frame.Frame:
    try:
        consumed, found = frame.decode_frame(data)
    except Exception as error:  # whatever the codec makes of bytes that mean nothing
        raise Rubbish(spec.FRAME_ERROR, f"a frame that does not decode: {type(error).__name__}") from None
    if consumed != len(data) or not isinstance(found, frame.Frame):
        raise Rubbish(spec.FRAME_ERROR, "a frame that does not decode")
    return found
