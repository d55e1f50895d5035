# ruff: noqa: UP006, UP035, UP045
"""What a file of ring items holds, counted in one pass: physics events, the hits in them, other items.

Standard library only, Python 3.6 or newer, as job.py.
"""

import hashlib
import os
import struct
from pathlib import Path
from typing import List, NamedTuple, Optional, Tuple

BLOCK = 1 << 22
LARGEST_ITEM = 1 << 28  # bytes; theirs have a few MB at most
PHYSICS_EVENT, END_RUN = 30, 2

_PREFIX = struct.Struct("<III")  # size of the whole item, type, body header size (0 or 4: there is none)
_WORD = struct.Struct("<I")
_FRAGMENT_HEADER = 20


class Items(NamedTuple):
    """The items of a file as far as they are whole. A hit is a fragment of a physics event."""

    events: int  # physics events
    hits: int
    event_bytes: int  # of the physics events, headers included
    ends: int  # END_RUN items
    others: int  # all other items
    tail: int  # bytes of a last item that is cut
    garbage: Optional[int]  # offset at which the walk ended, as no ring item begins there
    size: int  # bytes of the file
    mtime: int  # ns since the epoch
    sha256: Optional[str]  # None if it was not asked for, or the walk did not come to the end

    @property
    def whole(self) -> bool:
        """Every byte belongs to a whole item."""
        return not self.tail and self.garbage is None

    @property
    def none(self) -> bool:
        return not (self.events or self.ends or self.others)


def read_items(path: Path, digested: bool = False) -> Items:
    """Walk the item and fragment headers of a file, and digest it in the same pass. Raises OSError."""
    digest = hashlib.sha256()
    counts = [0] * 5
    rest, base, wanted, garbage = b"", 0, BLOCK, False
    with path.open("rb") as file:
        state = os.fstat(file.fileno())
        while not garbage:
            block = file.read(wanted)
            if not block:
                break
            if digested:
                digest.update(block)
            buffer = rest + block
            used, lacking, garbage = count_items(buffer, counts)
            rest, base, wanted = buffer[used:], base + used, max(BLOCK, lacking)
    events, hits, event_bytes, ends, others = counts
    return Items(
        events,
        hits,
        event_bytes,
        ends,
        others,
        tail=0 if garbage else len(rest),
        garbage=base if garbage else None,
        size=state.st_size,
        mtime=state.st_mtime_ns,
        sha256=digest.hexdigest() if digested and not garbage else None,
    )


def count_items(buffer: bytes, counts: List[int]) -> Tuple[int, int, bool]:
    """Add the whole items of `buffer` to `counts`: how many bytes they are, how many the next one lacks, and whether
    what follows is no ring item."""
    unpack, size_at = _PREFIX.unpack_from, _WORD.unpack_from
    events, hits, event_bytes, ends, others = counts
    here, there, lacking, garbage = 0, len(buffer), 0, False
    last = there - _PREFIX.size
    while here <= last:
        length, kind, header = unpack(buffer, here)
        if kind > 0xFFFF or not _PREFIX.size <= length <= LARGEST_ITEM:
            garbage = True
            break
        end = here + length
        if end > there:
            lacking = end - there
            break
        if kind == PHYSICS_EVENT:
            events += 1
            event_bytes += length
            # Behind the body header stands the event's own size, then the fragments. One that does not fit, or could
            # hold no ring item, is the last that is looked at.
            first = at = here + (header + 12 if header > 4 else 16)
            last_fragment, found = end - _FRAGMENT_HEADER, 0
            while at <= last_fragment:
                payload = size_at(buffer, at + 12)[0]  # behind time (8 bytes) and source (4)
                at += _FRAGMENT_HEADER + payload
                if at > end or payload < _PREFIX.size:
                    break
                found += 1
            # With neither its fragments nor its own size right it is no built event, and what was found in it no hits.
            if at == end or (first <= end and size_at(buffer, first - 4)[0] == end - first + 4):
                hits += found
        elif kind == END_RUN:
            ends += 1
        else:
            others += 1
        here = end
    counts[:] = events, hits, event_bytes, ends, others
    return here, lacking, garbage


def is_fitted(path: Path) -> bool:
    """Whether the first hit of a file has something behind it, as a fit leaves behind each; also when none is near."""
    with path.open("rb") as file:
        buffer = file.read(BLOCK)
    here = 0
    while here + _PREFIX.size <= len(buffer):
        length, kind, header = _PREFIX.unpack_from(buffer, here)
        fragment = here + (header + 12 if header > 4 else 16)
        item = fragment + _FRAGMENT_HEADER
        if length < _PREFIX.size:
            break
        if kind == PHYSICS_EVENT and item + _PREFIX.size <= here + length:
            size, _, its_header = _PREFIX.unpack_from(buffer, item)
            hit = item + 8 + max(its_header, 4)  # which begins with its length in words of 16 bits
            if hit + 4 <= min(here + length, len(buffer)):
                return bool(item + size > hit + 2 * _WORD.unpack_from(buffer, hit)[0])
        here += length
    return True


def state_of(path: Path) -> Tuple[int, int]:
    """Size in bytes and time in ns by which a file is known again. Raises OSError."""
    state = path.stat()
    return state.st_size, state.st_mtime_ns
