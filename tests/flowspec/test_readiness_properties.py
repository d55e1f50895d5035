"""Readiness of whatever is there: ready only if the items prove it, and never without a reason."""

from collections.abc import Mapping

from hypothesis import given, settings
from hypothesis import strategies as st

from flowspec.readiness import Entry, SegmentFacts, Verdict, fingerprint, judge
from flowspec.ringframes import ItemType, RingItemError, read_frame
from tests.readiness_fixture import (
    ABNORMAL,
    BEGIN,
    CHANGED,
    END,
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
    state,
)


def proves_completeness(files: Mapping[str, bytes]) -> bool:
    """Slowly, item by item: is every segment whole, and are there as many END_RUNs at the end as BEGIN_RUNs?"""
    types: list[int] = []
    for name in sorted(files):
        data, here = files[name], 0
        while here < len(data):
            try:
                frame = read_frame(data, here)
            except RingItemError:
                return False
            types.append(frame.type)
            here += frame.size
    last_end = max((n for n, kind in enumerate(types) if kind == ItemType.END_RUN), default=-1)
    ended = types.count(ItemType.END_RUN) >= max(1, types.count(ItemType.BEGIN_RUN))
    return ended and ItemType.PHYSICS_EVENT not in types[last_end:]


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
