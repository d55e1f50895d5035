"""Damage to a raw segment as `corrupt-segment`, `hits-lost` and `events-lost` do it: its size, mode and time stay."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from flowspec.ringframes import PREFIX, ItemType

_WORD = struct.Struct("<I")
_FRAGMENT_HEADER = 20  # bytes; the size of what follows stands 12 bytes into it
_CHANNEL_LENGTH = 1 << 17  # one word more, in the third word of a hit
_A_BIT_OF_TRACE = 0x0190_0190  # where the size of a body header was: two samples of 400


def damage(path: Path, fault: str, args: dict[str, Any]) -> None:
    status = path.stat()
    data = bytearray(path.read_bytes())
    if fault == "corrupt-segment":
        half = len(data) // 2
        data[half:] = bytes(len(data) - half)
    elif fault == "hits-lost":
        for _, item in islice(_fragments(data), args["hits"]):
            hit = item + 8 + _word(data, item + 8)
            _WORD.pack_into(data, hit + 8, _word(data, hit + 8) + _CHANNEL_LENGTH)
    else:
        for item in islice(dict(_fragments(data)).values(), args["events"]):
            _WORD.pack_into(data, item + 8, _A_BIT_OF_TRACE)
    path.chmod(0o600)
    with path.open("r+b") as file:  # at no time shorter, and hardly a moment newer: nobody notices
        os.pwrite(file.fileno(), data, 0)
        os.utime(file.fileno(), ns=(status.st_atime_ns, status.st_mtime_ns))
    path.chmod(status.st_mode & 0o777)


def _fragments(data: bytes | bytearray) -> Iterator[tuple[int, int]]:
    """(offset of an event, offset of the item in one of its fragments), in order."""
    event = 0
    while event + PREFIX.size <= len(data):
        size, kind, header = PREFIX.unpack_from(data, event)
        if not PREFIX.size <= size <= len(data) - event:
            return
        fragment, end = event + 8 + header + 4, event + size
        while kind == ItemType.PHYSICS_EVENT and fragment + _FRAGMENT_HEADER < end:
            yield event, fragment + _FRAGMENT_HEADER
            fragment += _FRAGMENT_HEADER + _word(data, fragment + 12)
        event = end


def _word(data: bytes | bytearray, offset: int) -> int:
    return int(_WORD.unpack_from(data, offset)[0])
