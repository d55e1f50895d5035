"""Which hits of a built event EventEditor edits, and what it drops: told on stderr, and its return code stays 0.

As NSCLDAQ's CBuiltRingItemEditor and DDASFormat's DDASHitUnpacker, which trust the sizes that they find: of a hit only
the lengths of channel, header and trace are compared with each other. Guesses: where the real program reads beyond the
file it crashes, where it reads on behind the event it finds no fragment.
"""

import struct
import sys

from flowspec.ringframes import PREFIX, Buffer, ItemType
from remote.sandbox.tools.hits import FRAGMENT_HEADER, HIT, Item, Place

_WORD = struct.Struct("<I")
_SIZE_T = 1 << 64  # sizes are unsigned: what goes below 0 gets very large


class Crash(Exception):
    """The real program reads where nothing is, and ends by SIGSEGV."""


def fragments_to_edit(buffer: Buffer, event: Item) -> list[Place] | None:
    """The fragments that stay, in order; None when the whole event is dropped. Raises Crash."""
    if event.body + _WORD.size > len(buffer):
        raise Crash
    kept = []
    here, end = event.body + _WORD.size, event.start + event.size
    left = (_WORD.unpack_from(buffer, event.body)[0] - _WORD.size) % _SIZE_T
    while left:
        item = here + FRAGMENT_HEADER.size
        size, kind, header = PREFIX.unpack_from(buffer, item) if item + PREFIX.size <= end else (0, 0, 0)
        if FRAGMENT_HEADER.size + size > left or kind != ItemType.PHYSICS_EVENT:
            _tell(
                "The ring item header of a fragment either goes out of",
                "event bounds or the type is no PHYSICS_EVENT",
                "Going on to the next event, the fragments so far will be output",
                "The remainder of the event will not be output",
                f"Item size: {FRAGMENT_HEADER.size + size}  bytes left: {left}",
                f"Item type: {kind} Should be: {int(ItemType.PHYSICS_EVENT)}",
            )
            break
        if header <= _WORD.size:  # no body header, which it takes for granted
            raise Crash
        if FRAGMENT_HEADER.size + 8 + header > left:
            _tell(
                f" I got a body header size of {header} which, with the ring item and frag headers would push "
                f" me off the end of the data {left}",
                " Skipping this event",
            )
            return None
        if (hit_end := _end_of_hit(buffer, item + 8 + header)) is not None:
            kept.append(Place(here, item, item + 8 + header, hit_end, item + size))
        step = FRAGMENT_HEADER.size + FRAGMENT_HEADER.unpack_from(buffer, here)[2]
        here, left = here + step, (left - step) % _SIZE_T
    return kept


def _end_of_hit(buffer: Buffer, hit: int) -> int | None:
    """Where the hit ends by its first word; None when it does not decode, and its fragment is dropped."""
    if hit + HIT.size > len(buffer):
        raise Crash
    length, _, place, _, _, last = HIT.unpack_from(buffer, hit)
    channel_words, header_words, samples = place >> 17 & 0x3FFF, place >> 12 & 0x1F, last >> 16 & 0x7FFF
    if channel_words != header_words + samples // 2:
        _tell(
            " User's fragment editing code threw an exception: ",
            "ERROR: Data corruption: Inconsistent data lengths found in header ",
            f"Channel length = {channel_words:8}",
            f"Header length  = {header_words:8}",
            f"Trace length   = {samples:8}",
            "",
            "This fragment will be removed from the output",
        )
        return None
    if hit + max(2 * length, 4 * (2 + header_words) + 2 * samples) > len(buffer):
        raise Crash
    return int(hit + 2 * length)


def _tell(*lines: str) -> None:
    print(*lines, sep="\n", file=sys.stderr)
