"""How many clumps of ring items a file has, as far as somebody wants to know.

    clumps.py FILE SIZE MOST

prints the number of clumps of SIZE items, at most MOST and at least 1: EventEditor hangs with more threads than clumps.
Standard library only, Python 3.6 or newer.
"""

import struct
import sys
from pathlib import Path

HEADER = struct.Struct("<I")  # the size of an item, with itself
SMALLEST = 8


def clumps(path: Path, size: int, most: int) -> int:
    """Raises OSError."""
    items = 0
    with path.open("rb") as file:
        while items <= size * (most - 1):
            header = file.read(HEADER.size)
            if len(header) < HEADER.size:
                break
            (length,) = HEADER.unpack(header)
            if length < SMALLEST:  # no ring item: EventEditor gets no further either
                break
            items += 1
            file.seek(length - HEADER.size, 1)
    return max(1, min(most, -(-items // size)))


if __name__ == "__main__":
    print(clumps(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
