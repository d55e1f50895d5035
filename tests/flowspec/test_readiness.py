"""Readiness: only whole runs are ready, whatever is cut, missing, damaged or named in a hostile way."""

import stat
from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowspec.itemwalk import Walk, walk_on
from flowspec.readiness import Entry, Judgement, SegmentFacts, Verdict, fingerprint, judge
from flowspec.ringframes import BodyHeader, Frame, ItemType, RingItemError, read_frame
from flowspec.ringitems import RingFormat, StateChange

RUN = 1217
SETTLE, STALLED = 1.0, 900.0
CHANGED = 5000.0
LONG_AGO, MOMENT = CHANGED + STALLED + 1, CHANGED + SETTLE / 2
QUIET = CHANGED + 60


def state(kind: int, run: int = RUN) -> bytes:
    offset = 0 if kind == ItemType.BEGIN_RUN else 3_600_000
    change = StateChange(run, offset, 1_700_000_000 + offset // 1000, 1000, "decay of ¹⁵⁶Eu\x1b[2J", 0)
    return Frame(kind, change.encode(), BodyHeader()).encode()


FORMAT = Frame(ItemType.RING_FORMAT, RingFormat(12).encode()).encode()
BEGIN, END = state(ItemType.BEGIN_RUN), state(ItemType.END_RUN)
EVENT = Frame(ItemType.PHYSICS_EVENT, b"x" * 40, BodyHeader(5)).encode()
SCALER = Frame(ItemType.PERIODIC_SCALERS, bytes(28), BodyHeader()).encode()
ABNORMAL = Frame(ItemType.ABNORMAL_ENDRUN, b"").encode()

WHOLE = {
    "run-1217-00.evt": FORMAT + BEGIN + FORMAT + BEGIN + EVENT * 3,
    "run-1217-01.evt": EVENT * 4 + SCALER,
    "run-1217-02.evt": EVENT * 2 + END + END,
}
MARKERS = {".started": b"", ".exited": b"", "run-1217.sha512": b"ab\n"}


def entry(name: str, size: int = 0, mode: int = stat.S_IFREG | 0o640, inode: int = 7) -> Entry:
    return Entry(name, size, 1, inode, mode, stat.S_ISDIR(mode))


def facts_of(files: Mapping[str, bytes]) -> dict[str, SegmentFacts]:
    start = SegmentFacts(inode=7, mtime_ns=1)
    return {name: walk_on(start, data, base=0, size=len(data)) for name, data in files.items() if name.endswith(".evt")}


def judged(
    files: Mapping[str, bytes], *extra: Entry, now: float = QUIET, mode: int = 0o640, sources: int | None = None
) -> Judgement:
    entries = [entry(name, len(data), stat.S_IFREG | mode) for name, data in files.items()]
    judgement = judge(
        "run1217", [*entries, *extra], facts_of(files),
        changed_at=CHANGED, now=now, settle=SETTLE, stalled_after=STALLED, sources=sources,
    )  # fmt: skip
    assert judgement.reason.isprintable()
    assert judgement.reason.startswith("run 1217 ")
    return judgement


def test_a_whole_run_is_ready_and_described() -> None:
    found = judged(WHOLE)
    assert (found.run, found.verdict, found.segments) == (RUN, Verdict.READY, (0, 1, 2))
    assert found.reason == "run 1217 is complete: 3 segments of whole items, END_RUN in run-1217-02.evt"
    assert found.bytes == sum(map(len, WHOLE.values()))
    assert (found.started, found.ended, found.elapsed) == (1_700_000_000, 1_700_003_600, 3600.0)
    assert found.title == "decay of ¹⁵⁶Eu\\x1b[2J"


def test_nothing_is_ready_before_it_has_settled() -> None:
    assert judged(WHOLE, now=MOMENT).verdict == Verdict.ARRIVING
    assert judged(WHOLE, now=CHANGED + SETTLE).verdict == Verdict.READY


def without(name: str) -> dict[str, bytes]:
    return {key: data for key, data in WHOLE.items() if key != name}


def changed(name: str, data: bytes) -> dict[str, bytes]:
    return {**WHOLE, name: data}


LACKING = [
    ({}, "no segment is there"),
    ({"notes.txt": b"x"}, "no segment is there"),
    (without("run-1217-00.evt"), "run-1217-00.evt is missing"),
    (without("run-1217-01.evt"), "run-1217-01.evt is missing"),
    (without("run-1217-02.evt"), "no END_RUN at the end of run-1217-01.evt"),
    (changed("run-1217-01.evt", b""), "run-1217-01.evt is empty"),
    ({"run-1217-00.evt": b""}, "run-1217-00.evt is empty"),
    (changed("run-1217-01.evt", WHOLE["run-1217-01.evt"][:-5]), "run-1217-01.evt (323 bytes) cut inside an item"),
    (changed("run-1217-02.evt", WHOLE["run-1217-02.evt"][:-5]), "cut inside an item at offset 265"),
    (changed("run-1217-01.evt", EVENT + bytes(100)), "no ring item at offset 68"),
    (changed("run-1217-02.evt", EVENT + END), "1 END_RUN for 2 sources at the end of run-1217-02.evt"),
    (changed("run-1217-02.evt", END + END + EVENT), "events follow the last END_RUN in run-1217-02.evt (1)"),
    ({**WHOLE, "run-1217-03.evt": EVENT}, "no END_RUN at the end of run-1217-03.evt"),
]


@pytest.mark.parametrize(("files", "reason"), LACKING)
def test_what_lacks_something_is_arriving_and_then_incomplete(files: dict[str, bytes], reason: str) -> None:
    for now, verdict in [(MOMENT, "arriving"), (QUIET, "arriving"), (LONG_AGO, "incomplete")]:
        found = judged(files, now=now)
        assert found.verdict == verdict
        assert reason in found.reason
    assert "nothing new for 15 min" in judged(files, now=LONG_AGO).reason


def test_the_reason_does_not_change_while_nothing_changes() -> None:
    files = without("run-1217-01.evt")
    assert judged(files, now=LONG_AGO) == judged(files, now=LONG_AGO + 3600)


def test_items_after_the_end_are_tolerated_if_they_are_no_events() -> None:
    assert judged(changed("run-1217-02.evt", END + END + SCALER)).verdict == Verdict.READY


def test_an_empty_last_segment_is_left_out() -> None:
    found = judged({**WHOLE, "run-1217-03.evt": b""})
    assert (found.verdict, found.segments) == (Verdict.READY, (0, 1, 2))


def test_sources_that_began_without_barriers_must_end_as_well() -> None:
    assert judged(WHOLE, sources=2).verdict == Verdict.READY
    assert judged(WHOLE, sources=3).verdict == Verdict.ARRIVING


@pytest.mark.parametrize("name", [".run-1217-02.evt.qbRli9", ".~tmp~"])
def test_what_rsync_is_writing_is_waited_for(name: str) -> None:
    mode = stat.S_IFDIR | 0o755 if name == ".~tmp~" else stat.S_IFREG | 0o700
    for now, verdict in [(QUIET, "arriving"), (LONG_AGO, "incomplete")]:
        found = judged(WHOLE, entry(name, 5, mode), now=now)
        assert found.verdict == verdict
        assert name in found.reason


def test_a_run_is_being_taken_until_its_end_is_there() -> None:
    started = {".started": b""}
    for files in (without("run-1217-02.evt"), {}, changed("run-1217-02.evt", EVENT)):
        for now in (MOMENT, QUIET, LONG_AGO):
            assert judged({**files, **started}, now=now).verdict == Verdict.TAKING
        assert judged({**files, **started, ".exited": b""}, now=QUIET).verdict == Verdict.ARRIVING


def test_a_stale_started_delays_a_whole_run_but_does_not_hold_it() -> None:
    """Passes of rsync without --delete leave `.started` at the DTN for ever."""
    files = {**WHOLE, ".started": b""}
    assert judged(files, now=CHANGED + 5 * SETTLE).verdict == Verdict.ARRIVING
    assert judged(files, now=CHANGED + 10 * SETTLE).verdict == Verdict.READY
    assert judged({**files, ".exited": b""}, now=CHANGED + SETTLE).verdict == Verdict.READY
    assert judged(files, now=CHANGED + SETTLE, mode=0o550).verdict == Verdict.READY  # finalised by the DAQ


def test_an_abnormal_end_is_the_operators_decision() -> None:
    files = changed("run-1217-02.evt", EVENT + ABNORMAL)
    found = judged(files)
    assert (found.verdict, found.reason) == (
        Verdict.ABNORMAL,
        "run 1217 ended abnormally: ABNORMAL_ENDRUN in run-1217-02.evt",
    )
    assert judged({**files, ".started": b""}, now=QUIET).verdict == Verdict.TAKING
    assert judged({**files, ".started": b""}, now=LONG_AGO).verdict == Verdict.ABNORMAL
    assert judged(changed("run-1217-02.evt", EVENT + END + ABNORMAL + END)).verdict == Verdict.ABNORMAL
    del files["run-1217-01.evt"]
    assert judged(files, now=LONG_AGO).verdict == Verdict.INCOMPLETE


DOUBTFUL = [
    (entry("run-1218-00.evt", 5), "run-1218-00.evt belongs to run 1218"),
    (entry("run-01217-00.evt", 5), "run-01217-00.evt looks like a segment"),
    (entry("run-1217-3.evt", 5), "run-1217-3.evt looks like a segment"),
    (entry("run-1217-00.evt\n\x1b[31m.evt", 5), "run-1217-00.evt\\n\\x1b[31m.evt looks like"),
    (entry("run-1217-\udcff.evt", 5), "run-1217-\\udcff.evt looks like"),
    (entry("run-1217-" + "9" * 230 + ".evt", 5), "999… looks like"),
    (entry("run-1217-03.evt", 4096, stat.S_IFDIR | 0o755), "run-1217-03.evt is a directory"),
    (entry("run-1217-03.evt", 0, stat.S_IFIFO | 0o644), "run-1217-03.evt is no regular file"),
    (replace(entry("run-1217-03.evt"), problem="cannot be looked at: Input/output error"), "Input/output error"),
    (replace(entry("."), problem="cannot be listed: Permission denied"), "directory cannot be listed: Permission"),
]


@pytest.mark.parametrize(("stranger", "reason"), DOUBTFUL)
def test_what_leaves_doubt_about_the_run_is_named_and_not_launched(stranger: Entry, reason: str) -> None:
    found = judged(WHOLE, stranger)
    assert found.verdict == Verdict.INCOMPLETE
    assert reason in found.reason


CONTENTS = [
    ("run-1217-00.evt", EVENT + BEGIN + BEGIN, "run-1217-00.evt does not begin with BEGIN_RUN"),
    ("run-1217-00.evt", state(1, 1218) * 2, "run-1217-00.evt holds data of run 1218"),
    ("run-1217-02.evt", END + state(2, 1218), "run-1217-02.evt holds data of run 1218"),
]


@pytest.mark.parametrize(("name", "data", "reason"), CONTENTS)
def test_contents_of_something_else_are_named_and_not_launched(name: str, data: bytes, reason: str) -> None:
    found = judged(changed(name, data))
    assert found.verdict == Verdict.INCOMPLETE
    assert reason in found.reason


def test_foreign_files_that_nobody_confuses_are_tolerated() -> None:
    others = [
        entry(n, 5) for n in ("notes.txt", "\x1b]0;x\x07", "\udcff", "a" * 255, ".run-1217.sha512.qbRli9", "2024.evt")
    ]
    assert judged({**WHOLE, **MARKERS}, *others).verdict == Verdict.READY


def test_facts_of_another_version_of_a_file_prove_nothing() -> None:
    entries = [entry(name, len(data)) for name, data in WHOLE.items()]
    times = {"changed_at": CHANGED, "now": QUIET, "settle": SETTLE, "stalled_after": STALLED}
    fresh = facts_of(WHOLE)
    assert judge("run1217", entries, fresh, **times).verdict == Verdict.READY
    for other in (replace(entries[2], inode=8), replace(entries[2], mtime_ns=2), replace(entries[2], size=99)):
        found = judge("run1217", [*entries[:2], other], fresh, **times)
        assert (found.verdict, "run-1217-02.evt has changed" in found.reason) == (Verdict.ARRIVING, True)
    found = judge("run1217", entries, {}, **times)
    assert "has not been examined yet" in found.reason
    unfinished = {**fresh, "run-1217-01.evt": replace(fresh["run-1217-01.evt"], offset=68)}
    assert "only up to offset 68" in judge("run1217", entries, unfinished, **times).reason


def test_a_directory_that_is_no_run_is_refused() -> None:
    with pytest.raises(ValueError, match="no run directory"):
        fingerprint("current\n", [])


def test_the_fingerprint_follows_the_data_and_not_what_lies_beside_it() -> None:
    entries = [entry(name, len(data)) for name, data in WHOLE.items()]
    original = fingerprint("run1217", entries)
    assert original == fingerprint("run1217", reversed(entries)) == judged(WHOLE).fingerprint
    assert original == fingerprint("run1217", [*entries, entry("notes.txt"), entry(".started")])
    assert original == fingerprint("run1217", [replace(e, mode=stat.S_IFREG | 0o550) for e in entries])
    others = [
        entries[:-1],
        [*entries, entry(".run-1217-03.evt.abcdef", 1)],
        [*entries, entry("run-1218-00.evt", 1)],
        *([*entries[:-1], replace(entries[-1], **{key: 99})] for key in ("size", "mtime_ns", "inode")),
    ]
    assert len({original, *(fingerprint("run1217", e) for e in others)}) == len(others) + 1


# ---- whatever is there


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
    mode=st.integers(0, 0xFFFF), is_dir=st.booleans(), problem=st.none() | st.text(max_size=5),
)  # fmt: skip
walks = st.builds(
    SegmentFacts, size=st.integers(0, 9), offset=st.integers(0, 9), begins=st.integers(0, 2), ends=st.integers(0, 2),
    problem=st.none() | st.text(max_size=5), title=st.none() | st.text(max_size=5),
)  # fmt: skip


@settings(max_examples=300)
@given(listing=st.lists(entries, max_size=6), found=walks, now=st.floats(0, 1e6))
def test_no_listing_makes_the_judge_stumble(listing: list[Entry], found: SegmentFacts, now: float) -> None:
    facts = {e.name: found for e in listing}
    times = {"changed_at": CHANGED, "now": now, "settle": SETTLE, "stalled_after": STALLED}
    judgement = judge("run1217", listing, facts, **times)
    assert judgement.reason.isprintable()
    assert judgement.fingerprint == fingerprint("run1217", listing)


def test_facts_are_a_walk_of_a_version_of_a_file() -> None:
    assert isinstance(facts_of(WHOLE)["run-1217-00.evt"], Walk)
