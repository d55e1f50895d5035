"""ROOT files: those of which only the header is true, as the console judges them, and results that can be drawn."""

from __future__ import annotations

import struct
from pathlib import Path

import uproot

from remote.sandbox.tools.betasort import Histogram

_HEADER = struct.Struct(">4siiiiiiiBiii")


def root_file(size: int = 1000, fill: bytes = b"\0") -> bytes:
    """A whole file of `size` bytes; those after its header are `fill`."""
    head = _HEADER.pack(b"root", 62406, 100, size, size - 10, 50, 1, 60, 4, 1, size - 20, 400)
    return head.ljust(64, b"\0").ljust(size, fill)


def write_sorted(path: Path, shift: float = 0.0, counts: int = 100, title: str = "Energy") -> None:
    """A result as the sandbox's betasort writes them: two peaks at 1000 and 3000, moved by `shift`."""
    with uproot.recreate(path) as file:
        for name in ("energy", "time_difference"):
            histogram = Histogram(title, "", 4096, 0, 65_536)
            histogram.fill([1000 + shift] * 3 * counts + [3000 + shift] * counts)
            file[name] = histogram.to_root(name)
