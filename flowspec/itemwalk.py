"""A fast walk over the item headers of an event file: what is in it, and does it end where an item ends?

The walk takes a buffer that begins anywhere in the file and goes on from an earlier walk, so a file can be
walked piece by piece, and one that has grown needs only its new part read.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import TypeVar

from flowspec.conditions import Reason, reason
from flowspec.names import shown
from flowspec.ringframes import PREFIX, Buffer, ItemType, RingItemError, implausible, read_frame
from flowspec.ringitems import decode_state_change

LARGEST_STATE_CHANGE = 4096  # bytes; theirs have 129, body headers may grow
ONE_START = 60  # seconds within which all sources of a run begin, by their clocks
_COUNTS = (ItemType.PERIODIC_SCALERS, ItemType.PHYSICS_EVENT_COUNT)
_UNIX_TIME = struct.Struct("<8xI")  # how their bodies begin: two words, and when they were counted


@dataclass(frozen=True)
class Walk:
    """What the items of a file say, as far as they were walked.

    `offset` is where the last whole item ends. `problem` says why the walk cannot go on from there: the file
    is cut inside an item or holds something else than items. Its code is of `catalogue.readiness.LACKS`.
    """

    size: int = 0  # bytes of the file when it was walked
    offset: int = 0
    items: int = 0
    formats: int = 0  # RING_FORMAT items
    begins: int = 0
    ends: int = 0
    abnormal: int = 0  # ABNORMAL_ENDRUN items
    begins_first: bool = False  # only RING_FORMATs stand before the first BEGIN_RUN
    begins_again: int = 0  # BEGIN_RUNs of another take: after an END_RUN, or after events and at another time
    events_after_end: int = 0  # physics events since the last END_RUN; all of them if there is none
    run: int | None = None  # of the first state change
    other_run: int | None = None  # of a state change that disagrees with it
    title: str | None = None  # of BEGIN_RUN, made printable
    started: int | None = None  # unix time of the first BEGIN_RUN
    ended: int | None = None  # unix time of the last END_RUN
    elapsed: float | None = None  # seconds of data taking, from the last END_RUN
    counted: int | None = None  # earliest unix time of scalers and event counts
    problem: Reason | None = None

    @property
    def ends_at_eof(self) -> bool:
        """Every byte of the file belongs to a whole item."""
        return self.problem is None and self.offset == self.size


W = TypeVar("W", bound=Walk)


def walk(buffer: Buffer) -> Walk:
    """Walk a whole file."""
    return walk_on(Walk(), buffer, base=0, size=len(buffer))


def walk_on(known: W, buffer: Buffer, *, base: int, size: int) -> W:
    """Go on at `known.offset` in `buffer`, which begins at offset `base` of a file of `size` bytes.

    When the buffer ends before the file does, the walk stops in front of the first item of which it does not have what
    is read: call again with a buffer from the new offset on (of at least LARGEST_STATE_CHANGE bytes, or up to the
    end of the file).
    """
    facts = known
    here, last_header, limit = facts.offset - base, len(buffer) - PREFIX.size, size - base
    items, events = facts.items, facts.events_after_end
    problem: Reason | None = None
    unpack, physics = PREFIX.unpack_from, int(ItemType.PHYSICS_EVENT)

    while here <= last_header:
        item_size, kind, header_size = unpack(buffer, here)
        # Nearly all items are physics events with the usual body header: they take the short way.
        usual = kind == physics and header_size == 20 and item_size >= 28
        fault = None if usual else implausible(item_size, kind, header_size)
        if fault:
            problem = reason("no-item", offset=base + here, words=fault)
            break
        if here + item_size > limit:
            problem = reason("cut", offset=base + here, item=item_size, there=limit - here)
            break
        if kind == physics:
            events += 1
        elif kind <= ItemType.ABNORMAL_ENDRUN:
            if item_size > LARGEST_STATE_CHANGE:
                words = f"{ItemType(kind).name} of {item_size} bytes"
                problem = reason("no-item", offset=base + here, words=words)
                break
            if here + item_size > len(buffer):
                break
            try:
                facts = _with_state_change(replace(facts, items=items, events_after_end=events), buffer, here)
            except RingItemError as error:
                problem = reason("bad-item", offset=base + here, item=ItemType(kind).name, words=shown(str(error)))
                break
            events = facts.events_after_end
        elif kind == ItemType.RING_FORMAT:
            facts = replace(facts, formats=facts.formats + 1)
        elif kind in _COUNTS:
            time_ends = here + max(PREFIX.size, 8 + header_size) + _UNIX_TIME.size
            if len(buffer) < time_ends <= here + min(item_size, LARGEST_STATE_CHANGE):
                break  # the next buffer has it
            if time_ends <= min(here + item_size, len(buffer)):
                (counted,) = _UNIX_TIME.unpack_from(buffer, time_ends - _UNIX_TIME.size)
                if 0 < counted < (facts.counted or counted + 1):
                    facts = replace(facts, counted=counted)
        items += 1
        here += item_size
    else:
        if here < limit <= len(buffer):
            problem = reason("cut-header", offset=base + here, there=limit - here)
    return replace(facts, size=size, offset=base + here, items=items, events_after_end=events, problem=problem)


def _with_state_change(facts: W, buffer: Buffer, here: int) -> W:
    frame = read_frame(buffer, here)
    if frame.type == ItemType.ABNORMAL_ENDRUN:
        return replace(facts, abnormal=facts.abnormal + 1)
    change = decode_state_change(frame.body)
    if facts.run is None:
        facts = replace(facts, run=change.run)
    elif change.run != facts.run:
        facts = replace(facts, other_run=change.run)
    if frame.type == ItemType.BEGIN_RUN:
        facts = replace(facts, begins=facts.begins + 1)
        if facts.begins == 1:
            first = facts.items == facts.formats
            facts = replace(facts, begins_first=first, title=shown(change.title), started=change.unixtime)
        elif facts.ends or (facts.events_after_end and abs(change.unixtime - (facts.started or 0)) > ONE_START):
            # Without barriers a source may begin when events of another one are there already, but not much later.
            facts = replace(facts, begins_again=facts.begins_again + 1)
    elif frame.type == ItemType.END_RUN:
        ends = facts.ends + 1
        facts = replace(facts, ends=ends, events_after_end=0, ended=change.unixtime, elapsed=change.elapsed)
    return facts
