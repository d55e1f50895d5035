"""How EventEditor's stand-in ends, what it loses and where it hangs: as was seen of the real program, row by row."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowspec.ddas import Fragment
from flowspec.ringframes import BodyHeader, Frame, ItemType
from flowspec.ringitems import GlomInfo
from remote.sandbox.tools.eventeditor import Endless, NoBodyHeader, edit
from remote.sandbox.tools.fragments import Crash
from remote.sandbox.tools.pulses import TooFewPoints, Window
from tests.editor_fixture import Program, contents, kill, wait_until_still
from tests.odd_events import (
    BAD_HEADER,
    FIRST,
    HIT,
    NOT_DDAS,
    NOT_DDAS_BUT_CONSISTENT,
    PHYSICS,
    SCALERS,
    SECOND,
    THIRD,
    TOO_LONG,
    UNDECODABLE,
    WITHOUT_SIZE,
    built,
    fragment,
    traced,
)
from tests.synthetic_run import event, hit, ordinary_events, segment, state_change
from tests.waiting import HANGS_AFTER

REMOVED = "This fragment will be removed from the output"
NEXT_EVENT = "Going on to the next event"
SKIPPED = "Skipping this event"


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path)


@pytest.mark.parametrize(
    ("items", "events", "hits"),
    [
        pytest.param([event([hit(None, channel=c)]) for c in range(1, 6)], 5, 5, id="no channel is configured"),
        pytest.param([SCALERS] * 5, 0, 0, id="scalers only"),
        pytest.param([FIRST, Frame(ItemType.ABNORMAL_ENDRUN, b"").encode()], 1, 2, id="abnormal end"),
        pytest.param([Frame(42, GlomInfo(1000, 1, 0).encode(), no_header=0).encode(), FIRST], 1, 2, id="glom"),
        pytest.param([built(HIT.fragment(), header=BodyHeader(5, 10, 0, bytes(8)))], 1, 1, id="28-byte body header"),
        *(
            pytest.param([FIRST, Frame(kind, b"12345678", header).encode(), SECOND], 2, 4, id=f"item of type {kind}")
            for kind in (21, 40, 41, 99, 0x8001)
            for header in (None, BodyHeader(7, 1))
        ),
        pytest.param([event([])], 1, 0, id="an event without fragments"),
        pytest.param([built(*[hit(np.full(16_000, 500.0), 3).fragment()] * 100), FIRST], 2, 102, id="an event of 3 MB"),
        pytest.param([traced([400] * 60)], 1, 1, id="a short trace"),
        pytest.param([traced([400] * 130)], 1, 1, id="a flat trace"),
        pytest.param([traced([0] * 130)], 1, 1, id="a trace of zeros"),
        pytest.param([FIRST, SECOND, THIRD[:-20]], 2, 4, id="cut inside an item"),
        pytest.param([FIRST, SECOND[:8]], 1, 2, id="cut inside a header"),
    ],
)
def test_these_items_pass_and_not_a_word_is_said(program: Program, items: list[bytes], events: int, hits: int) -> None:
    program.source.write_bytes(b"".join(items))
    done = program.run()
    assert (done.returncode, done.stderr) == (0, "")
    assert contents(program.sink.read_bytes()) == (events, hits)


@pytest.mark.parametrize(
    ("items", "message", "times", "events", "hits"),
    [
        pytest.param([built(UNDECODABLE, HIT.fragment()), FIRST], REMOVED, 1, 2, 3, id="a hit does not decode"),
        pytest.param([built(NOT_DDAS, HIT.fragment())] * 3, REMOVED, 3, 3, 3, id="fragments that are not DDAS"),
        pytest.param(
            [built(HIT.fragment(), Fragment(5, 0, SCALERS), HIT.fragment()), FIRST],
            *(NEXT_EVENT, 1, 2, 3), id="a scaler item among the fragments",
        ),
        pytest.param(
            [built(Fragment(5, 0, SCALERS), HIT.fragment()), FIRST], NEXT_EVENT, 1, 2, 2, id="a scaler item before them"
        ),
        pytest.param(
            [built(HIT.fragment(), TOO_LONG, HIT.fragment())], NEXT_EVENT, 1, 1, 1, id="an item beyond the event"
        ),
        pytest.param([WITHOUT_SIZE, FIRST], NEXT_EVENT, 1, 2, 4, id="an event that says 0 bytes and has two fragments"),
        pytest.param([built(HIT.fragment(), BAD_HEADER), FIRST], SKIPPED, 1, 1, 2, id="a bad body header inside"),
        pytest.param(
            [Frame(PHYSICS, HIT.encode(), BodyHeader(5, 0)).encode()] * 4, NEXT_EVENT, 4, 4, 0, id="unbuilt hits"
        ),
    ],
)  # fmt: skip
def test_these_lose_data_and_end_with_0(
    program: Program, items: list[bytes], message: str, times: int, events: int, hits: int
) -> None:
    program.source.write_bytes(b"".join(items))
    done = program.run()
    assert (done.returncode, done.stderr.count(message)) == (0, times)
    assert sum(done.stderr.count(words) for words in (REMOVED, NEXT_EVENT, SKIPPED)) == times
    assert contents(program.sink.read_bytes()) == (events, hits)
    if hits == 0:
        assert program.sink.stat().st_size < program.source.stat().st_size


@pytest.mark.parametrize(
    ("items", "rc", "words"),
    [
        pytest.param([FIRST, built(HIT.fragment(), header=None)], 134, "missing a body header", id="no body header"),
        pytest.param(
            [FIRST, traced([400] * 5 + [65535] * 125)], 134, "insufficient data points, n < p", id="saturated"
        ),
        pytest.param([FIRST, built(fragment(HIT.encode(), None))], 139, "", id="no body header in a fragment"),
        pytest.param([FIRST, built(NOT_DDAS_BUT_CONSISTENT)], 139, "", id="not DDAS, and consistent as a hit"),
    ],
)
def test_these_end_it_by_a_signal(program: Program, items: list[bytes], rc: int, words: str) -> None:
    program.source.write_bytes(b"".join(items))
    done = program.run()
    assert done.returncode == rc
    assert words in done.stderr


# ---- does not end


def test_zeros_from_the_middle_on_are_no_end_of_the_file(program: Program) -> None:
    data = segment(ordinary_events(20))
    program.source.write_bytes(data[: len(data) // 2] + bytes(len(data) - len(data) // 2))
    process = program.start()
    try:
        wait_until_still(process)
        assert 5 < contents(program.sink.read_bytes())[0] < 15
        process.terminate()
        assert process.wait(HANGS_AFTER) == -15
    finally:
        kill(process)


@pytest.mark.parametrize("strategy", ["threaded", "mpi"])
def test_an_empty_segment_is_ended_and_waited_for(program: Program, strategy: str) -> None:
    program.source.write_bytes(b"")
    process = program.start("-n", "1", "-p", strategy)
    try:
        wait_until_still(process)
        assert program.told.read_text() == " all ended\n"
        assert program.sink.read_bytes() == b""
    finally:
        kill(process)


@pytest.mark.parametrize("full", ["in earnest", "by a fault"])
def test_a_full_disk_is_told_and_sigterm_ignored(program: Program, full: str) -> None:
    if full == "in earnest":
        program.sink = Path("/dev/full")
    else:
        program.environment["FRIB_SANDBOX_FAULT"] = "full"
    process = program.start()
    try:
        wait_until_still(process)
        assert program.told.read_text() == "Output thread write failed: No space left on device\n"
        process.terminate()
        wait_until_still(process)
    finally:
        kill(process)


def test_more_threads_than_clumps_wait_for_ever(program: Program) -> None:
    assert program.run("-n", "3", "-p", "threaded", "-c", "2").returncode == 0  # 6 items
    process = program.start("-n", "3", "-p", "threaded", "-c", "3")
    try:
        wait_until_still(process)
    finally:
        kill(process)
    program.environment["OMPI_COMM_WORLD_SIZE"] = "12"
    assert program.run("-n", "9", "-p", "mpi").returncode == 0


# ---- threads need endpoints


@pytest.mark.parametrize(
    ("services", "rc", "words"),
    [
        (None, 134, "Failed to find endpoint: 1 in ZMQ endpoint lookup table"),
        ("1 tcp://*:4001\n2 tcp://*:4002\n", 134, "Failed to find endpoint: 3 in ZMQ endpoint lookup table"),
        ("1 tcp://*:1\n2 tcp://*:2\n3 ipc:///tmp/" + 120 * "x" + "\n", 134, "File name too long"),
        ("1 tcp://*:1\n2 tcp://*:2\n3 ipc:///nowhere/at/all\n", 134, "No such file or directory"),
        ("one tcp://*:4001\n", 1, "Failed to parse line zmq service file"),
    ],
)
def test_threads_that_cannot_be_connected_are_not_begun(
    program: Program, services: str | None, rc: int, words: str
) -> None:
    if services is None:
        del program.environment["ZMQ_SERVICES"]
    else:
        program.services.write_text(services)
    done = program.run()
    assert done.returncode == rc
    assert words in done.stderr
    assert program.run("-n", "1", "-p", "mpi").returncode == 0


@pytest.mark.parametrize("name", [".zmqservices", "zmqservices"])
def test_endpoints_are_found_at_home_and_where_it_runs(program: Program, name: str) -> None:
    program.services.rename(program.sink.with_name(name))
    assert program.run().returncode == 0


# ---- whatever comes


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_whatever_bytes_come_what_stays_has_sizes_that_agree(data: st.DataObject) -> None:
    items = [state_change(ItemType.BEGIN_RUN), built(NOT_DDAS, HIT.fragment()), FIRST, built(UNDECODABLE), SECOND]
    spoilt = bytearray(b"".join(items))
    for at in data.draw(st.lists(st.integers(0, len(spoilt) - 1), max_size=4)):
        spoilt[at] = data.draw(st.integers(0, 255))
    try:
        fitted = b"".join(edit(bytes(spoilt), {(0, 2, 0): Window(0, 129, 65530)}, 2))
    except (Crash, Endless, NoBodyHeader, TooFewPoints):
        return
    contents(fitted)
