"""Events and items that FRIB's programs drop, refuse or do not end with, as was seen of the real ones."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np

from flowspec.ddas import Fragment, Hit, encode_event
from flowspec.ringframes import BodyHeader, Frame, ItemType
from flowspec.ringitems import Scalers
from tests.synthetic_run import hit, ordinary_events

PHYSICS = ItemType.PHYSICS_EVENT
HIT = hit(None, channel=5)
OUTER, INNER = BodyHeader(1000, 10), BodyHeader(5, 5)
FIRST, SECOND, THIRD = ordinary_events(3)  # two hits each
SCALERS = Frame(20, Scalers(0, 1, 1, 1000, tuple(range(32)), original_sid=0).encode(), BodyHeader(source_id=0)).encode()


def built(*fragments: Fragment, header: BodyHeader | None = OUTER) -> bytes:
    return Frame(PHYSICS, encode_event(fragments), header, no_header=0).encode()


def traced(samples: Sequence[int]) -> bytes:
    return built(Hit(0, 2, 0, 5, 1, trace=np.array(samples, "<u2").tobytes()).fragment())


def fragment(body: bytes, header: BodyHeader | None = INNER) -> Fragment:
    return Fragment(5, 5, Frame(PHYSICS, body, header).encode())


def changed(part: Fragment, at: int, by: int) -> Fragment:
    """With another number in the u32 word at byte `at` of its payload."""
    payload = bytearray(part.payload)
    struct.pack_into("<I", payload, at, struct.unpack_from("<I", payload, at)[0] + by)
    return Fragment(part.timestamp, part.source_id, bytes(payload))


UNDECODABLE = changed(HIT.fragment(), 28 + 8, 1 << 17)  # its channel is one word longer than header and trace
TOO_LONG = changed(HIT.fragment(), 0, 1000)  # its item goes beyond the event
BAD_HEADER = changed(HIT.fragment(), 8, 0x01900190)  # a bit of trace where the size of the body header was
WITHOUT_SIZE = Frame(PHYSICS, bytes(4) + encode_event([HIT.fragment()] * 2)[4:], OUTER).encode()
NOT_DDAS = fragment(struct.pack("<82H", 40, *[0x1234] * 81))
NOT_DDAS_BUT_CONSISTENT = fragment(struct.pack("<20I", *range(0x41000000, 0x41000014)))  # as a hit, of 2 GB
