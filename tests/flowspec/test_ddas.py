"""DDAS hits against the bytes of FRIB's classes, and the fit extension against its C++ layout."""

import contextlib
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowspec.ddas import (
    FIT_EXTENSION_SIZE,
    NULL_EXTENSION,
    Fit,
    FitInfo,
    Fragment,
    Hit,
    Pulse,
    decode_event,
    decode_extension,
    decode_fragment_hit,
    decode_hit,
    encode_event,
)
from flowspec.ringframes import BodyHeader, ItemType, RingItemError, read_frame

DATA = Path(__file__).parent.parent / "data"
EVENT_OFFSETS = {12: 286, 11: 274}


@pytest.fixture(params=[11, 12])
def event(request) -> bytes:
    frame = read_frame((DATA / f"ref-v{request.param}.evt").read_bytes(), EVENT_OFFSETS[request.param])
    assert frame.type == ItemType.PHYSICS_EVENT
    return frame.body


def test_the_reference_event_decodes_exactly(event: bytes) -> None:
    first, second = decode_event(event)
    assert (first.timestamp, first.source_id, first.barrier, len(first.payload)) == (48_867_183_450, 2, 0, 252)
    assert (second.timestamp, second.source_id, second.barrier, len(second.payload)) == (48_867_183_460, 2, 0, 52)
    assert read_frame(first.payload).header == BodyHeader(48_867_183_450, 2, 0)
    assert read_frame(second.payload).header == BodyHeader(48_867_183_460, 2, 0)

    traced = decode_fragment_hit(first)
    common = {"msps": 500, "adc_bits": 14, "revision": 15, "cfd": 0x6AAA}
    assert traced == Hit(3, 2, 1, 4321, 0x123456789, trace=traced.trace, **common)
    assert len(traced.samples) == 100
    assert traced.samples[:2] == (400, 400)
    assert (traced.samples.index(max(traced.samples)), max(traced.samples), traced.samples[-1]) == (35, 0x0BFA, 0x0483)
    assert traced.coarse_ns == 0x123456789 * 10 == 48_867_183_450
    assert traced.cfd_ns == (2730 / 8192 + 3 - 1) * 2 == pytest.approx(4.666504, abs=1e-6)
    assert traced.time_ns == pytest.approx(48_867_183_454.666504, abs=1e-5)
    assert not traced.cfd_failed

    assert decode_fragment_hit(second) == Hit(3, 3, 5, 777, 0x12345678A, **common)


def test_the_reference_event_is_written_back_byte_for_byte(event: bytes) -> None:
    rebuilt = []
    for fragment in decode_event(event):
        frame = read_frame(fragment.payload)
        payload = type(frame)(frame.type, decode_hit(frame.body).encode(), frame.header).encode()
        rebuilt.append(Fragment(fragment.timestamp, fragment.source_id, payload, fragment.barrier))
    assert encode_event(rebuilt) == event


@pytest.mark.parametrize(
    ("msps", "cfd", "correction", "failed"),
    [
        (100, 0x4000, 5.0, False),
        (100, 0xC000, 5.0, True),
        (250, 0x2000, 2.0, False),
        (250, 0x6000, -2.0, False),
        (250, 0x8000, 0.0, True),
        (500, 0x3000, 1.0, False),
        (500, 0xF000, 13.0, True),
    ],
)
def test_cfd_corrections(msps: int, cfd: int, correction: float, failed: bool) -> None:
    hit = Hit(0, 2, 0, 1, 1000, cfd, msps)
    assert (hit.cfd_ns, hit.cfd_failed) == (correction, failed)
    assert hit.coarse_ns == (8000 if msps == 250 else 10_000)
    assert hit.time_ns == hit.coarse_ns + correction


def bits(n: int) -> st.SearchStrategy[int]:
    return st.integers(0, (1 << n) - 1)


floats = st.floats(width=32, allow_nan=False)
hits = st.builds(
    Hit,
    crate=bits(4), slot=bits(4), channel=bits(4), energy=bits(16), ticks=bits(48), cfd=bits(16),
    msps=st.sampled_from([100, 250, 500]), adc_bits=st.sampled_from([12, 14, 16]), revision=bits(8),
    external_clock=st.booleans(), finish_code=st.booleans(), out_of_range=st.booleans(),
    energy_sums=st.none() | st.tuples(floats, floats, floats, floats),
    qdc=st.none() | st.tuples(*[bits(32)] * 8),
    external_time=st.none() | bits(64),
    trace=st.lists(bits(32), max_size=20).map(lambda words: struct.pack(f"<{len(words)}I", *words)),
    extension=st.binary(max_size=12),
)  # fmt: skip


@given(hit=hits)
def test_every_hit_survives_the_way_to_bytes_and_back(hit: Hit) -> None:
    assert decode_hit(hit.encode()) == hit
    event = encode_event([hit.fragment(), hit.fragment()])
    assert [decode_fragment_hit(f) for f in decode_event(event)] == [hit, hit]
    hit.time_ns  # noqa: B018 - defined for every rate that is written


@settings(max_examples=200)
@given(data=st.binary(max_size=80), hit=hits, where=st.integers(0, 39), value=bits(8))
def test_any_bytes_are_decoded_or_refused(data: bytes, hit: Hit, where: int, value: int) -> None:
    damaged = bytearray(encode_event([hit.fragment()]))
    damaged[where] = value
    for body in (data, bytes(damaged)):
        for decode in (decode_event, decode_hit):
            with contextlib.suppress(RingItemError):
                decode(body)


@pytest.mark.parametrize(
    "wrong", [{"channel": 16}, {"energy": 65_536}, {"ticks": 1 << 48}, {"crate": -1}, {"trace": b"ab"}]
)
def test_a_hit_that_does_not_fit_its_words_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(RingItemError):
        Hit(**{"crate": 0, "slot": 2, "channel": 0, "energy": 1, "ticks": 1, **wrong}).encode()


FIT = FitInfo(
    single=Fit((Pulse(40.5, 1000.0, 0.8, 0.03),), 120.5, 400.25, 12, 0),
    double=Fit((Pulse(40.0, 900.0, 0.7, 0.02), Pulse(60.0, 300.0, 0.6, 0.01)), 99.0, 401.0, 200, 27),
    single_probability=0.25,
    double_probability=0.75,
)


def test_the_fit_extension_has_the_layout_of_the_structs() -> None:
    data = FIT.encode()
    assert len(data) == FIT_EXTENSION_SIZE == 168
    assert struct.unpack_from("<4d", data, 0) == (40.5, 1000.0, 0.8, 0.03)
    assert struct.unpack_from("<ddII", data, 32) == (120.5, 400.25, 12, 0)
    assert struct.unpack_from("<8d", data, 56) == (40.0, 900.0, 0.7, 0.02, 60.0, 300.0, 0.6, 0.01)
    assert struct.unpack_from("<ddII", data, 120) == (99.0, 401.0, 200, 27)
    assert struct.unpack_from("<ddI", data, 144) == (0.25, 0.75, 168)
    assert decode_extension(data) == FIT


def test_extensions_are_told_by_their_length() -> None:
    assert bytes.fromhex("04000000") == NULL_EXTENSION
    assert decode_extension(b"") is None
    assert decode_extension(NULL_EXTENSION) is None
    assert FitInfo().encode() == bytes(160) + bytes.fromhex("a8000000 00000000")
    without_probabilities = decode_extension(FIT.encode()[:144])
    assert without_probabilities == FitInfo(FIT.single, FIT.double)
    for size in (152, 8, 167, 336):  # 152 is what EventEditor wrote before DDASToys 6; the unpacker refuses it, too
        with pytest.raises(RingItemError, match=f"{size} bytes"):
            decode_extension(bytes(size))
