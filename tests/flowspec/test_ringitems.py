"""Ring items against files written by FRIB's own classes, and against whatever bytes may be found instead."""

import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowspec.itemwalk import LARGEST_STATE_CHANGE, Walk, walk, walk_on
from flowspec.ringframes import NULL_TIMESTAMP, BodyHeader, Frame, ItemType, RingItemError, read_frame
from flowspec.ringitems import (
    AbnormalEnd,
    EventCount,
    GlomInfo,
    Opaque,
    RingFormat,
    Scalers,
    StateChange,
    Text,
    decode_body,
    version_of,
)

DATA = Path(__file__).parent.parent / "data"
REFERENCE = {version: (DATA / f"ref-v{version}.evt").read_bytes() for version in (11, 12)}
TITLE = "e21062 reference run"
BEGAN, ENDED = 1_709_251_200, 1_709_254_800


def frames_of(data: bytes) -> list[Frame]:
    found, here = [], 0
    while here < len(data):
        found.append(read_frame(data, here))
        here += found[-1].size
    return found


@pytest.mark.parametrize("version", [11, 12])
def test_reference_files_decode_exactly(version: int) -> None:
    sid = 0 if version == 12 else None
    frames = frames_of(REFERENCE[version])
    bodies = [decode_body(frame, version) for frame in frames]
    garbage = bodies[7].title_rest if isinstance(bodies[7], StateChange) else b""
    text_time = 1_795_448_798 if version == 12 else 1_795_448_825
    expected = [
        RingFormat(version, 0),
        StateChange(1217, 0, BEGAN, 1, TITLE, sid),
        GlomInfo(500, 0xFFFF, 0),
        Text(0, text_time, 1, ("ddas 1.0 crate 3",), sid),
        Scalers(0, 2, BEGAN + 2, 1, (10, 20, 30), 1, 2 if version == 12 else None),
        Opaque(frames[5].body),
        EventCount(2, 1, BEGAN + 2, 1, sid),
        StateChange(1217, 3600, ENDED, 1, TITLE, sid, garbage),
        StateChange(1217, 3600, ENDED, 1, "no body header variant", sid),
    ]
    assert bodies == expected
    assert garbage == (b"\0" * 59 + b"\x90" if version == 12 else b"")  # FRIB's code leaves the last byte unset
    assert bodies[7].elapsed == 3600.0  # type: ignore[union-attr]

    null = BodyHeader(NULL_TIMESTAMP, 2, 0)
    assert [f.header for f in frames] == [
        None,
        BodyHeader(NULL_TIMESTAMP, 2, 1),
        None,
        None,
        null,
        BodyHeader(48_867_183_450, 2, 0),
        null,
        BodyHeader(NULL_TIMESTAMP, 2, 2),
        None,
    ]
    none = 4 if version == 12 else 0
    assert [f.no_header for f in frames if f.header is None] == [none, 0, none, none]  # glom writes 0 in both
    assert [f.type for f in frames] == [12, 1, 42, 10, 20, 30, 31, 2, 2]
    sizes = [16, 129, 24, 49, 68, 376, 52, 129, 113] if version == 12 else [16, 125, 24, 45, 64, 376, 48, 125, 109]
    assert [f.size for f in frames] == sizes


@pytest.mark.parametrize("version", [11, 12])
def test_reference_files_are_written_back_byte_for_byte(version: int) -> None:
    rewritten = b""
    for frame in frames_of(REFERENCE[version]):
        body = decode_body(frame, version).encode()
        rewritten += Frame(frame.type, body, frame.header, frame.no_header).encode()
    assert rewritten == REFERENCE[version]


@pytest.mark.parametrize("version", [11, 12])
def test_version_is_told_with_and_without_ring_format(version: int) -> None:
    assert version_of(REFERENCE[version]) == version
    assert version_of(REFERENCE[version][16:]) == version
    assert version_of(b"") is None
    assert version_of(Frame(30, b"data").encode() * 3) is None  # a later segment begins in the middle of a run


def test_abnormal_end_is_twelve_bytes() -> None:
    frame = Frame(ItemType.ABNORMAL_ENDRUN, AbnormalEnd().encode())
    assert frame.encode() == bytes.fromhex("0c000000 05000000 04000000")
    assert decode_body(frame, 12) == AbnormalEnd()


def test_longer_body_headers_of_format_12_are_kept() -> None:
    frame = Frame(30, b"abcd", BodyHeader(7, 8, 3, b"morewords..."))
    assert read_frame(frame.encode()) == frame
    assert frame.size == len(frame.encode()) == 8 + 32 + 4


u16, u32, u64 = st.integers(0, 0xFFFF), st.integers(0, 0xFFFF_FFFF), st.integers(0, 0xFFFF_FFFF_FFFF_FFFF)
sids = st.none() | u32
titles = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=19)
bodies = st.one_of(
    st.tuples(st.just(12), st.builds(RingFormat, u16, u16)),
    st.tuples(st.sampled_from([1, 2, 3, 4]), st.builds(StateChange, u32, u32, u32, u32, titles, sids)),
    st.tuples(st.sampled_from([10, 11]), st.builds(Text, u32, u32, u32, st.lists(titles).map(tuple), sids)),
    st.tuples(st.just(20), st.builds(Scalers, u32, u32, u32, u32, st.lists(u32).map(tuple), u32, sids)),
    st.tuples(st.just(31), st.builds(EventCount, u32, u32, u32, u64, sids)),
    st.tuples(st.just(42), st.builds(GlomInfo, u64, u16, u16)),
    st.tuples(st.sampled_from([30, 40, 41, 0x8000, 0xFFFF]), st.builds(Opaque, st.binary(max_size=50))),
)
headers = st.none() | st.builds(BodyHeader, u64, u32, u32, st.binary(max_size=9))


@given(item=bodies, header=headers)
def test_every_item_survives_the_way_to_bytes_and_back(item, header) -> None:
    kind, body = item
    frame = Frame(kind, body.encode(), header)
    data = b"before" + frame.encode() + b"behind"
    assert read_frame(data, 6) == frame
    version = 11 if getattr(body, "original_sid", 0) is None else 12
    assert decode_body(frame, version) == body


def test_a_long_title_is_cut_as_frib_cuts_it() -> None:
    body = StateChange(1, 0, 0, 1, "x" * 200, 0).encode()
    decoded = decode_body(Frame(1, body), 12)
    assert isinstance(decoded, StateChange)
    assert (len(body), decoded.title) == (101, "x" * 79)


@settings(max_examples=300)
@given(
    kind=st.sampled_from([1, 5, 10, 12, 20, 30, 31, 42]),
    body=st.binary(max_size=130),
    version=st.sampled_from([11, 12]),
)
def test_any_body_is_decoded_and_written_back_or_refused(kind: int, body: bytes, version: int) -> None:
    try:
        decoded = decode_body(Frame(kind, body), version)
    except RingItemError:
        return
    assert decoded.encode() == body


# ---- the walk


def test_walk_of_the_reference_files() -> None:
    for version, data in REFERENCE.items():
        found = walk(data)
        assert found.ends_at_eof
        assert found == Walk(
            size=len(data), offset=len(data), items=9, formats=1, begins=1, ends=2, begins_first=True, run=1217,
            title=TITLE, started=BEGAN, ended=ENDED, elapsed=3600.0, counted=BEGAN + 2,
        ), version  # fmt: skip


def test_walk_agrees_with_reading_every_item_of_every_truncation() -> None:
    data = REFERENCE[12]
    boundaries = {0}
    for frame in frames_of(data):
        boundaries.add(max(boundaries) + frame.size)
    for size in range(len(data)):
        found = walk(data[:size])
        assert found.ends_at_eof == (size in boundaries), size
        assert found.offset == max(b for b in boundaries if b <= size)
        assert (found.problem is None) == found.ends_at_eof
        if found.problem is not None:
            assert found.problem.code in ("cut", "cut-header")
            assert (found.problem.parameters["offset"], found.problem.parameters["there"]) == (
                found.offset, size - found.offset,
            )  # fmt: skip


@given(cuts=st.lists(st.integers(0, len(REFERENCE[12])), max_size=4))
def test_a_growing_file_gives_the_same_facts_as_one_walk(cuts: list[int]) -> None:
    data, found = REFERENCE[12], Walk()
    for size in [*sorted(cuts), len(data)]:
        found = walk_on(found, data[found.offset : size], base=found.offset, size=size)
    assert found == walk(data)


@given(piece=st.integers(129, 500))
def test_a_file_is_walked_in_pieces(piece: int) -> None:
    """The physics event (376 bytes) is larger than a piece and skipped without being read."""
    data, found = REFERENCE[12], Walk()
    while found.offset < len(data):
        here = found.offset
        found = walk_on(found, data[here : here + piece], base=here, size=len(data))
        assert found.offset > here
    assert found == walk(data)


def test_events_after_the_last_end_are_counted() -> None:
    end = Frame(2, StateChange(5, 0, 0, 1, "", 0).encode()).encode()
    event = Frame(30, b"", BodyHeader()).encode()
    assert walk(event * 3).events_after_end == 3
    assert walk(event * 3 + end).events_after_end == 0
    assert walk(event * 3 + end + event * 2).events_after_end == 2


def test_a_state_change_of_another_run_is_noticed() -> None:
    first, second = (Frame(1, StateChange(run, 0, 0, 1, "", 0).encode()).encode() for run in (5, 6))
    assert (walk(first + first).run, walk(first + first).other_run) == (5, None)
    assert (walk(first + second).run, walk(first + second).other_run) == (5, 6)


def test_begin_run_is_the_first_item_after_ring_formats() -> None:
    begin = Frame(1, StateChange(5, 0, 0, 1, "", 0).encode()).encode()
    ring_format = Frame(12, RingFormat(12).encode()).encode()
    event = Frame(30, b"", BodyHeader()).encode()
    assert walk(begin).begins_first
    assert walk(ring_format * 2 + begin + event + begin).begins_first
    assert not walk(event + begin).begins_first
    assert not walk(ring_format).begins_first


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ((0, 0, 0), "type 0 is unknown"),
        ((0, 30, 0), "size 0"),
        ((11, 30, 0), "size 11"),
        ((28, 30, 21), "body header of 21 bytes"),
        ((28, 30, 19), "body header of 19 bytes"),
        ((28, 13, 20), "type 13 is unknown"),
        ((0x1C000000, 0x1E000000, 0x14000000), "other byte order"),
        ((LARGEST_STATE_CHANGE + 1, 1, 20), "BEGIN_RUN of 4097 bytes"),
    ],
)
def test_what_is_no_item_is_named_with_its_offset(words: tuple[int, int, int], reason: str) -> None:
    good = Frame(30, b"data", BodyHeader()).encode()
    found = walk(good + struct.pack("<III", *words) + bytes(5000))
    assert found.problem is not None
    assert (found.problem.code, found.problem.parameters["offset"]) == ("no-item", len(good))
    assert reason in found.problem.parameters["words"]
    assert (found.items, found.offset, found.ends_at_eof) == (1, len(good), False)


@settings(max_examples=300)
@given(data=st.binary(max_size=200) | st.binary(max_size=64).map(lambda noise: REFERENCE[12] + noise))
def test_any_bytes_are_walked(data: bytes) -> None:
    found = walk(data)
    assert 0 <= found.offset <= len(data)
    assert found.ends_at_eof == (found.offset == len(data))


@settings(max_examples=300)
@given(where=st.integers(0, len(REFERENCE[12]) - 1), value=st.integers(0, 255))
def test_a_damaged_byte_never_breaks_the_walk(where: int, value: int) -> None:
    data = bytearray(REFERENCE[12])
    data[where] = value
    found = walk(bytes(data))
    assert found.problem is not None or found.ends_at_eof
    version_of(data)
