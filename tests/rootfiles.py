"""ROOT files of which only the header is true: what the console judges."""

from __future__ import annotations

import struct

_HEADER = struct.Struct(">4siiiiiiiBiii")


def root_file(size: int = 1000, fill: bytes = b"\0") -> bytes:
    """A whole file of `size` bytes; those after its header are `fill`."""
    head = _HEADER.pack(b"root", 62406, 100, size, size - 10, 50, 1, 60, 4, 1, size - 20, 400)
    return head.ljust(64, b"\0").ljust(size, fill)
