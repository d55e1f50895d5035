"""Bytes into frames, in whatever pieces they come."""

from __future__ import annotations

import itertools
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pika import frame, spec

from remote.sandbox.amqp.frames import FRAME_BYTES, PREAMBLE, Frames, Rubbish

SENT = [
    frame.Method(0, spec.Connection.Open("vhost")),
    frame.Method(1, spec.Basic.Publish(0, "tasks", "key", True)),
    frame.Header(1, 5, spec.BasicProperties(headers={"a": 1, "b": ["c"]}, delivery_mode=2, timestamp=7)),
    frame.Body(1, b"hello"),
    frame.Heartbeat(),
]
STREAM = PREAMBLE + b"".join(one.marshal() for one in SENT)


@given(st.lists(st.integers(0, len(STREAM))))
def test_frames_are_the_same_however_they_are_cut(cuts: list[int]) -> None:
    frames = Frames()
    edges = [0, *sorted(cuts), len(STREAM)]
    found = [one for start, end in itertools.pairwise(edges) for one in frames.feed(STREAM[start:end])]
    assert [one.marshal() for one in found] == [one.marshal() for one in SENT]


def assert_frames_or_rubbish(data: bytes) -> None:
    with suppress(Rubbish):
        assert all(isinstance(one, frame.Frame) for one in Frames().feed(data))


@given(st.binary(max_size=200))
def test_bytes_that_mean_nothing_are_rubbish_and_nothing_else(data: bytes) -> None:
    assert_frames_or_rubbish(PREAMBLE + data)


@given(st.integers(0, len(STREAM) - 1), st.integers(1, 255))
def test_a_stream_with_a_wrong_byte_gives_frames_or_rubbish(position: int, difference: int) -> None:
    damaged = bytearray(STREAM)
    damaged[position] ^= difference
    assert_frames_or_rubbish(bytes(damaged))


def test_a_frame_above_the_bound_is_refused_before_it_has_come() -> None:
    frames = Frames()
    frames.feed(PREAMBLE + frame.Body(1, bytes(FRAME_BYTES - 8)).marshal())
    with pytest.raises(Rubbish, match="a frame of 131073 bytes"):
        frames.feed(frame.Body(1, bytes(FRAME_BYTES - 7)).marshal()[:7])
