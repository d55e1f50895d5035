"""Counting what a file of ring items holds: at any size of the blocks, and whatever the bytes are."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path

import pytest
import ringfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowspec.ddas import decode_event
from flowspec.itemwalk import walk
from flowspec.ringframes import BodyHeader, Frame, ItemType, read_frame
from tests.synthetic_run import event, hit, ordinary_events, segment

ITEMS = ("events", "hits", "ends", "others")
RUN = segment([*ordinary_events(3), event([]), event([hit(channel=c) for c in range(5)])])


def counted(directory: Path, data: bytes) -> ringfile.Items:
    path = directory / "run-0007-03.evt"
    path.write_bytes(data)
    return ringfile.read_items(path, digested=True)


def only(items: ringfile.Items) -> tuple[int, ...]:
    return items[: ringfile.Items._fields.index("tail")]


def test_events_hits_and_other_items_are_counted_and_the_file_is_known_again(tmp_path: Path) -> None:
    items = counted(tmp_path, RUN)
    assert {name: getattr(items, name) for name in ITEMS} == {"events": 5, "hits": 11, "ends": 1, "others": 2}
    assert items.event_bytes == len(RUN) - 16 - 129 - 129
    assert (items.whole, items.size, items.sha256) == (True, len(RUN), hashlib.sha256(RUN).hexdigest())
    assert ringfile.state_of(tmp_path / "run-0007-03.evt") == (items.size, items.mtime)


@pytest.mark.parametrize("block", [1, 7, 12, 100, 1000])
def test_what_is_counted_does_not_depend_on_the_blocks(tmp_path: Path, block: int, monkeypatch) -> None:
    known = counted(tmp_path, RUN)
    monkeypatch.setattr(ringfile, "BLOCK", block)
    assert only(counted(tmp_path, RUN)) == only(known)
    assert counted(tmp_path, RUN[:-1]).tail == 128


@pytest.mark.parametrize(("cut", "tail"), [(1, 128), (117, 12), (118, 11), (128, 1), (129, 0)])
def test_a_last_item_that_is_cut_does_not_count_and_its_bytes_are_told(tmp_path: Path, cut: int, tail: int) -> None:
    items = counted(tmp_path, RUN[:-cut])
    assert (items.ends, items.events, items.tail, items.garbage, items.whole) == (0, 5, tail, None, not tail)


@pytest.mark.parametrize(
    "garbage",
    [
        bytes(5000),
        b"\xff" * 5000,
        b"no ring item " * 400,
        struct.pack("<III", 11, 30, 4) + bytes(99),  # smaller than any item
        struct.pack("<III", 1 << 29, 30, 4) + bytes(99),  # larger than any
        struct.pack("<III", 100, 30 << 24, 20) + bytes(99),  # of a type that there is not
    ],
    ids=["zeros", "ones", "text", "too small", "too large", "no type"],
)
def test_where_no_ring_item_begins_the_walk_ends_and_says_where(tmp_path: Path, garbage: bytes) -> None:
    items = counted(tmp_path, RUN + garbage)
    assert (items.garbage, items.tail, items.whole, items.sha256) == (len(RUN), 0, False, None)
    assert only(items) == only(counted(tmp_path, RUN))


HEADER = BodyHeader(1, 10)


def built(body: bytes, header: BodyHeader | None = HEADER) -> bytes:
    return Frame(ItemType.PHYSICS_EVENT, body, header).encode()


FRAGMENT = hit().fragment().encode()


@pytest.mark.parametrize(
    ("data", "hits"),
    [
        (built(struct.pack("<I", 4 + 2 * len(FRAGMENT)) + 2 * FRAGMENT), 2),
        (built(struct.pack("<I", 4 + len(FRAGMENT)) + FRAGMENT, None), 1),
        (built(struct.pack("<I", 4 + len(FRAGMENT)) + FRAGMENT, BodyHeader(1, 10, 0, bytes(8))), 1),
        (built(struct.pack("<I", 9) + 2 * FRAGMENT), 2),
        (built(struct.pack("<I", 3 + 2 * len(FRAGMENT)) + FRAGMENT + FRAGMENT[:-1]), 1),  # the second is cut
        (built(struct.pack("<I", 4 + len(FRAGMENT) + 5000) + FRAGMENT + bytes(5000)), 1),  # zeros are no hits
        (built(struct.pack("<I", 9) + FRAGMENT + FRAGMENT[:-1]), 0),  # nothing of it says that it was built
        (built(hit().encode()), 0),  # never built
        (built(b""), 0),
        (struct.pack("<III", 12, 30, 4), 0),
        (struct.pack("<III", 12, 30, 1 << 31), 0),  # a body header beyond the event
    ],
)
def test_an_event_counts_with_as_many_hits_as_can_be_read(tmp_path: Path, data: bytes, hits: int) -> None:
    items = counted(tmp_path, data + RUN)
    assert (items.events, items.hits, items.whole) == (6, 11 + hits, True)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None)
@given(st.data())
def test_no_bytes_make_the_walk_fail_or_count_what_is_not_there(tmp_path: Path, data: st.DataObject) -> None:
    damaged = bytearray(RUN)
    for _ in range(data.draw(st.integers(0, 4))):
        here = data.draw(st.integers(0, len(damaged) - 4))
        damaged[here : here + 4] = data.draw(
            st.sampled_from([bytes(4), b"\xff" * 4]) | st.binary(min_size=4, max_size=4)
        )
    items = counted(tmp_path, bytes(damaged[: data.draw(st.integers(0, len(damaged)))]))
    assert items.event_bytes >= 12 * items.events + 32 * items.hits
    assert items.event_bytes + 12 * (items.ends + items.others) <= items.size


@given(st.lists(st.lists(st.integers(0, 15), max_size=5), max_size=8))
def test_whole_files_are_counted_as_the_console_decodes_them(channels: list[list[int]]) -> None:
    data = segment([event([hit(channel=c) for c in event_channels]) for event_channels in channels])
    counts = [0] * 5
    assert ringfile.count_items(data, counts) == (len(data), 0, False)
    events, hits, event_bytes, ends, others = counts
    here, fragments, sizes = 0, 0, 0
    while here < len(data):
        frame = read_frame(data, here)
        here += frame.size
        if frame.type == ItemType.PHYSICS_EVENT:
            fragments, sizes = fragments + len(decode_event(frame.body)), sizes + frame.size
    known = walk(data)
    assert (hits, event_bytes, ends) == (fragments, sizes, known.ends)
    assert events + ends + others == known.items
