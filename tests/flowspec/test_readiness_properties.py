"""Readiness of whatever is there: ready only if the items prove it, and never without a reason."""

import itertools
from collections.abc import Iterable, Mapping

from hypothesis import given, settings
from hypothesis import strategies as st

from flowspec.readiness import Entry, SegmentFacts, Verdict, fingerprint, judge
from flowspec.ringframes import ItemType, RingItemError, read_frame
from tests.readiness_fixture import (
    ABNORMAL,
    BEGIN,
    BEGIN_OTHER,
    CHANGED,
    END,
    END_OLD,
    END_OTHER,
    EVENT,
    FORMAT,
    LONG_AGO,
    MOMENT,
    PROBLEMS,
    QUIET,
    SCALER,
    SETTLE,
    STALLED,
    WHOLE,
    assert_is_told,
    changed,
    judged,
    segments,
    state,
)


def proves_completeness(files: Mapping[str, bytes]) -> bool:
    """Slowly, item by item: is every segment whole, are all BEGIN_RUNs in the first one and before any END_RUN, are
    there as many END_RUNs, and does no event follow the last?"""
    types: list[int] = []
    firsts = 0  # items in the first segment
    for name in sorted(files):
        data, here = files[name], 0
        while here < len(data):
            try:
                frame = read_frame(data, here)
            except RingItemError:
                return False
            types.append(frame.type)
            here += frame.size
        firsts = firsts or len(types)
    begins = [n for n, kind in enumerate(types) if kind == ItemType.BEGIN_RUN]
    ends = [n for n, kind in enumerate(types) if kind == ItemType.END_RUN]
    if not begins or len(ends) != len(begins) or begins[-1] > min(ends[0], firsts - 1):
        return False
    return ItemType.PHYSICS_EVENT not in types[ends[-1] :]


segment_names = st.sampled_from(sorted(WHOLE))


@settings(max_examples=200)
@given(name=segment_names, size=st.integers(0, 400), now=st.sampled_from([MOMENT, QUIET, LONG_AGO]))
def test_a_cut_segment_is_ready_only_if_nothing_that_matters_was_cut(name: str, size: int, now: float) -> None:
    files = changed(name, WHOLE[name][:size])
    if judged(files, now=now).verdict == Verdict.READY:
        assert proves_completeness(files)
        assert files["run-1217-02.evt"] == WHOLE["run-1217-02.evt"]


@settings(max_examples=400)
@given(damage=st.lists(st.tuples(segment_names, st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=4))
def test_a_damaged_run_is_ready_only_if_its_items_prove_it(damage: list[tuple[str, int, int]]) -> None:
    files = {name: bytearray(data) for name, data in WHOLE.items()}
    for name, where, value in damage:
        files[name][where % len(files[name])] = value
    damaged = {name: bytes(data) for name, data in files.items()}
    if judged(damaged).verdict == Verdict.READY:
        assert proves_completeness(damaged)


item = st.sampled_from([FORMAT, BEGIN, END, EVENT, SCALER, ABNORMAL, state(1, 9), b"", bytes(12), b"\xff" * 30])
contents = st.lists(item, max_size=6).map(b"".join)


@settings(max_examples=300)
@given(
    files=st.dictionaries(st.sampled_from([*WHOLE, "run-1217-03.evt", "run-1217-100.evt"]), contents, max_size=4),
    markers=st.sets(st.sampled_from([".started", ".exited"])),
    now=st.sampled_from([MOMENT, QUIET, LONG_AGO]),
    mode=st.sampled_from([0o640, 0o550]),
)
def test_any_sequence_of_items_is_ready_only_if_it_proves_it(files, markers, now: float, mode: int) -> None:
    found = judged({**files, **dict.fromkeys(markers, b"")}, now=now, mode=mode)
    if found.verdict == Verdict.READY:
        assert proves_completeness(files)
        assert set(found.segments) == set(range(len(found.segments)))


inner = st.lists(st.sampled_from([EVENT, SCALER, state(3), state(4)]), max_size=6)


@st.composite
def one_take(draw: st.DrawFn) -> tuple[list[bytes], list[bytes]]:
    """What is in the first segment at least, and the rest of the items of a run of some sources."""
    sources = draw(st.integers(1, 3))
    head = [BEGIN]
    for _ in range(sources - 1):
        head += [*draw(inner), FORMAT, BEGIN]
    rest = draw(inner)
    for source in range(sources):
        rest += [*(draw(inner) if source else []), END]
    return head, [*rest, *[SCALER] * draw(st.integers(0, 2))]


def in_segments(head: list[bytes], rest: list[bytes], cuts: Iterable[int]) -> dict[str, bytes]:
    """The logger begins a new segment between any two items, but not behind the last END_RUN."""
    last_end = max(n for n, item in enumerate(rest) if item == END)
    bounds = [0, *sorted({cut % (last_end + 1) for cut in cuts}), len(rest)]
    parts = [b"".join(rest[a:b]) for a, b in itertools.pairwise(bounds)]
    return segments(b"".join(head) + parts[0], *parts[1:])


cuts = st.sets(st.integers(0, 99), max_size=4)


@settings(max_examples=300)
@given(take=one_take(), cuts=cuts)
def test_one_take_is_ready_wherever_its_segments_begin(take: tuple[list[bytes], list[bytes]], cuts: set[int]) -> None:
    assert judged(in_segments(*take, cuts)).verdict == Verdict.READY


STRANGE = st.sampled_from([BEGIN, END, BEGIN_OTHER, END_OTHER, END_OLD])


@settings(max_examples=500)
@given(take=one_take(), cuts=cuts, strange=STRANGE, where=st.integers(0, 99))
def test_one_state_change_too_many_is_never_ready(take, cuts: set[int], strange: bytes, where: int) -> None:
    head, rest = take
    rest = [*rest[: where % (len(rest) + 1)], strange, *rest[where % (len(rest) + 1) :]]
    assert judged(in_segments(head, rest, cuts)).verdict != Verdict.READY


file_names = st.text(st.characters(), min_size=1, max_size=30) | st.from_regex(
    r"\.?run-?1217-[0-9]{0,3}\.?e?v?t?\.?.{0,6}", fullmatch=True
)
entries = st.builds(
    Entry, name=file_names, size=st.integers(0, 1 << 40), mtime_ns=st.integers(), inode=st.integers(0, 9),
    mode=st.integers(0, 0xFFFF), is_dir=st.booleans(), problem=st.none() | st.text(max_size=5) | st.text(min_size=200),
)  # fmt: skip
walks = st.builds(
    SegmentFacts, size=st.integers(0, 9), offset=st.integers(0, 9), begins=st.integers(0, 2), ends=st.integers(0, 2),
    problem=st.none() | st.sampled_from(PROBLEMS), title=st.none() | st.text(max_size=5),
)  # fmt: skip


@settings(max_examples=300)
@given(listing=st.lists(entries, max_size=6), found=walks, now=st.floats(0, 1e6))
def test_no_listing_makes_the_judge_stumble(listing: list[Entry], found: SegmentFacts, now: float) -> None:
    facts = {e.name: found for e in listing}
    times = {"changed_at": CHANGED, "now": now, "settle": SETTLE, "stalled_after": STALLED}
    judgement = judge("run1217", listing, facts, **times)
    assert_is_told(judgement)
    assert judgement.fingerprint == fingerprint("run1217", listing)


def test_a_first_segment_of_a_format_alone_does_not_begin_a_run() -> None:
    for rest in (END, BEGIN + END):
        found = judged({"run-1217-00.evt": FORMAT, "run-1217-01.evt": rest}, now=LONG_AGO)
        assert found.reason.code == "run.incomplete.no-begin"
