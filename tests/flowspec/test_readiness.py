"""Readiness: only whole runs are ready, whatever is cut, missing, damaged or named in a hostile way."""

import stat
from dataclasses import replace

import pytest

from flowspec.conditions import reason
from flowspec.itemwalk import Walk
from flowspec.readiness import Entry, SegmentFacts, Verdict, fingerprint, judge
from flowspec.ringframes import BodyHeader, Frame
from tests.readiness_fixture import (
    ABNORMAL,
    BEGIN,
    CHANGED,
    CONTENTS,
    DOUBTED,
    DOUBTFUL,
    END,
    EVENT,
    FORMAT,
    LACKING,
    LONG_AGO,
    MARKERS,
    MOMENT,
    PROBLEMS,
    QUIET,
    RUN,
    SCALER,
    SETTLE,
    STALLED,
    STARTED,
    TAKES,
    WHOLE,
    changed,
    entry,
    facts_of,
    judged,
    scaler,
    segments,
    state,
    without,
)


def test_a_whole_run_is_ready_and_described() -> None:
    found = judged(WHOLE)
    assert (found.run, found.verdict, found.segments) == (RUN, Verdict.READY, (0, 1, 2))
    assert found.sentence == "is complete: 3 segments of whole items, END_RUN in run-1217-02.evt"
    assert found.bytes == sum(map(len, WHOLE.values()))
    assert (found.started, found.ended, found.elapsed) == (1_700_000_000, 1_700_003_600, 3600.0)
    assert found.title == "decay of ¹⁵⁶Eu\\x1b[2J"


def test_nothing_is_ready_before_it_has_settled() -> None:
    assert judged(WHOLE, now=MOMENT).verdict == Verdict.ARRIVING
    assert judged(WHOLE, now=CHANGED + SETTLE).verdict == Verdict.READY


@pytest.mark.parametrize(
    ("mode", "extra", "verdict"),
    [
        (0o550, [], "ready"),
        (0o440, [], "ready"),
        (0o550, [entry(".run-1217-03.evt.Xa1b2c", 5, stat.S_IFREG | 0o440)], "arriving"),
        (0o550, [entry("run-1217-03.evt", 0, stat.S_IFREG | 0o640)], "arriving"),
        (0o640, [], "arriving"),
    ],
)
def test_what_the_daq_has_finalised_need_not_settle(mode: int, extra: list[Entry], verdict: str) -> None:
    assert judged(WHOLE, *extra, mode=mode, now=CHANGED).verdict == verdict


@pytest.mark.parametrize(("files", "words"), LACKING)
def test_what_lacks_something_does_not_become_ready_by_its_permissions(files: dict[str, bytes], words: str) -> None:
    found = judged(files, mode=0o550, now=CHANGED)
    assert found.verdict == "arriving"
    assert words in found.sentence


# ---- segments that are closed while the run is recorded


RECORDED = {".started": b"", **without("run-1217-02.evt"), "run-1217-02.evt": EVENT}


def test_a_segment_is_closed_when_the_next_one_has_bytes_and_it_has_not_changed_for_a_while() -> None:
    found = judged(RECORDED, now=CHANGED, still=RECORDED)
    assert (found.verdict, [*found.closed]) == (Verdict.TAKING, [0, 1])
    assert [*judged(RECORDED, now=CHANGED, still=["run-1217-01.evt"]).closed] == [1]
    assert [*judged({**RECORDED, "run-1217-02.evt": b""}, now=CHANGED, still=RECORDED).closed] == [0]


def test_of_a_run_that_is_whole_all_segments_are_closed_and_each_version_is_told_apart() -> None:
    closed = judged(WHOLE).closed
    assert [*closed] == [0, 1, 2]
    assert judged(changed("run-1217-01.evt", EVENT)).closed.keys() == closed.keys()
    assert [s for s, found in judged(changed("run-1217-01.evt", EVENT)).closed.items() if found != closed[s]] == [1]


@pytest.mark.parametrize("cut", ["run-1217-00.evt", "run-1217-01.evt"])
def test_a_segment_that_is_cut_is_not_closed(cut: str) -> None:
    files = {**RECORDED, cut: RECORDED[cut][:-5]}
    assert [names for names in (0, 1) if names in judged(files, now=CHANGED, still=files).closed] == [1 - int(cut[10])]


def test_nothing_is_closed_where_there_is_doubt() -> None:
    doubtful = entry("run-1218-00.evt", 10)
    assert judged(RECORDED, doubtful, now=CHANGED, still=RECORDED).closed == {}


@pytest.mark.parametrize(("files", "words"), LACKING)
def test_what_lacks_something_is_arriving_and_then_incomplete(files: dict[str, bytes], words: str) -> None:
    for now, verdict in [(MOMENT, "arriving"), (QUIET, "arriving"), (LONG_AGO, "incomplete")]:
        found = judged(files, now=now)
        assert found.verdict == verdict
        assert words in found.sentence
    assert "nothing new for 15 min" in judged(files, now=LONG_AGO).sentence


def test_trouble_with_reading_a_segment_is_named() -> None:
    told = ("cannot be read: Input", "was cut near offset 9", "is no regular file")
    for problem, words in zip(PROBLEMS, told, strict=True):
        facts = {**facts_of(WHOLE), "run-1217-01.evt": SegmentFacts(inode=7, problem=problem)}
        found = judged(WHOLE, facts=facts)
        assert (found.verdict, found.reason.code) == (Verdict.ARRIVING, f"run.arriving.{problem.code}")
        assert (found.reason.parameters["file"], found.reason.parameters["segment"]) == ("run-1217-01.evt", 1)
        assert f"is arriving: run-1217-01.evt (328 bytes) {words}" in found.sentence


def test_the_reason_does_not_change_while_nothing_changes() -> None:
    files = without("run-1217-01.evt")
    assert judged(files, now=LONG_AGO) == judged(files, now=LONG_AGO + 3600)


def test_items_after_the_end_are_tolerated_if_they_are_no_events() -> None:
    assert judged(changed("run-1217-02.evt", END + END + SCALER)).verdict == Verdict.READY


def test_an_empty_last_segment_is_left_out() -> None:
    found = judged({**WHOLE, "run-1217-03.evt": b""})
    assert (found.verdict, found.segments) == (Verdict.READY, (0, 1, 2))


@pytest.mark.parametrize(("contents", "words"), TAKES)
def test_what_another_take_of_the_run_left_is_named_and_not_launched(contents: tuple[bytes, ...], words: str) -> None:
    files = segments(*contents)
    assert judged(files, now=MOMENT).verdict == Verdict.ARRIVING
    for now in (QUIET, LONG_AGO):
        found = judged(files, now=now)
        assert (found.verdict, found.reason.code in DOUBTED) == (Verdict.INCOMPLETE, True)
        assert words in found.sentence
        assert found.segments == (0, 1, 2), "it can be launched all the same"


HEAD = FORMAT + BEGIN
ONE_TAKE = {
    "one source": (HEAD + EVENT, EVENT, EVENT + END),
    "one segment": (HEAD + EVENT + END,),
    "no event": (HEAD + END,),
    "two sources": (HEAD + HEAD + EVENT, EVENT, EVENT + END + END),
    "two sources, each with its title": (HEAD + state(1, title="crate 1") + EVENT, EVENT + END + END),
    "a source begins when events of another are there": (HEAD + EVENT * 9 + HEAD + EVENT, EVENT + END + END),
    "and a little later": (HEAD + EVENT + state(1, started=STARTED + 30) + EVENT, EVENT + END + END),
    "a source ends while events of another follow": (HEAD + HEAD + EVENT, EVENT + END + EVENT + END),
    "and ends in an earlier segment": (HEAD + HEAD + EVENT, EVENT + END, EVENT * 2, EVENT + END),
    "the last segment has nothing but the end": (HEAD + EVENT, EVENT, END),
    "the ends are in two segments": (HEAD + HEAD + EVENT, EVENT + END, END),
    "pauses": (HEAD + EVENT + state(3) + SCALER, state(4) + EVENT, EVENT + state(3) + END),
    "a late scaler": (HEAD + EVENT, EVENT + END + SCALER),
    "scalers of the run": (HEAD + scaler(STARTED) + EVENT, scaler(STARTED + 2, BodyHeader()) + EVENT + END),
    "scalers by a clock that is a little behind": (HEAD + EVENT, scaler(STARTED - 30) + EVENT + END),
    "scalers without a time": (HEAD + EVENT, scaler(0) + Frame(20, bytes(9)).encode() + Frame(31, b"").encode() + END),
    "an empty last segment": (HEAD + EVENT, EVENT + END, b""),
    "an empty last segment behind a late scaler": (HEAD + EVENT, EVENT + END + SCALER, b""),
    "120 segments": (HEAD + EVENT, *[EVENT] * 118, END),
}


@pytest.mark.parametrize("contents", ONE_TAKE.values(), ids=ONE_TAKE)
def test_one_take_is_ready(contents: tuple[bytes, ...]) -> None:
    found = judged(segments(*contents))
    assert (found.verdict, found.reason.code) == (Verdict.READY, "run.complete")
    assert found.segments == tuple(index for index, data in enumerate(contents) if data)


def test_what_may_still_mend_is_waited_for_before_another_take_is_suspected() -> None:
    """A segment that is missing may be the one with the BEGIN_RUN; one that is cut is being copied."""
    ends = segments(WHOLE["run-1217-00.evt"], WHOLE["run-1217-01.evt"], END * 4)
    del ends["run-1217-00.evt"]
    assert judged(ends).reason.code == "run.arriving.missing"
    cut = segments(WHOLE["run-1217-00.evt"][:-9], END + END, END + END)
    assert judged(cut).reason.code == "run.arriving.cut"


def test_more_sources_than_begin_in_the_data_may_end() -> None:
    contents = segments(HEAD + EVENT, EVENT + END + EVENT + END)
    assert judged(contents).reason.code == "run.incomplete.many-ends"
    assert judged(contents, sources=2).verdict == Verdict.READY


def test_sources_that_began_without_barriers_must_end_as_well() -> None:
    assert judged(WHOLE, sources=2).verdict == Verdict.READY
    assert judged(WHOLE, sources=3).verdict == Verdict.ARRIVING


@pytest.mark.parametrize("name", [".run-1217-02.evt.qbRli9", ".~tmp~"])
def test_what_rsync_is_writing_is_waited_for(name: str) -> None:
    mode = stat.S_IFDIR | 0o755 if name == ".~tmp~" else stat.S_IFREG | 0o700
    for now, verdict in [(QUIET, "arriving"), (LONG_AGO, "incomplete")]:
        found = judged(WHOLE, entry(name, 5, mode), now=now)
        assert found.verdict == verdict
        assert name in found.sentence


LEFT_BEHIND = [
    (without("run-1217-02.evt"), "no END_RUN at the end of run-1217-01.evt"),
    ({}, "no segment is there"),
    (changed("run-1217-02.evt", EVENT), "no END_RUN at the end of run-1217-02.evt"),
    (changed("run-1217-02.evt", WHOLE["run-1217-02.evt"][:-150]), "run-1217-02.evt (244 bytes) cut inside an item"),
]


@pytest.mark.parametrize(("files", "words"), LEFT_BEHIND)
def test_a_run_is_being_taken_until_its_daq_must_have_stopped(files: dict[str, bytes], words: str) -> None:
    recorded = {**files, ".started": b""}
    assert judged(recorded, now=MOMENT).verdict == Verdict.TAKING
    assert judged(recorded, now=CHANGED + STALLED - 1).reason == reason("run.recording")
    assert judged({**recorded, ".exited": b""}, now=QUIET).verdict == Verdict.ARRIVING
    found = judged(recorded, now=LONG_AGO)
    assert found.verdict == Verdict.INCOMPLETE
    assert words in found.sentence
    assert found.sentence.count("; the recording died: .started was left behind, nothing new for 15 min;") == 1


@pytest.mark.parametrize(("files", "words"), LEFT_BEHIND)
def test_a_run_is_not_being_taken_any_more_when_a_later_one_has_begun(files: dict[str, bytes], words: str) -> None:
    recorded = {**files, ".started": b""}
    assert judged(recorded, later=1218, now=CHANGED + 9 * SETTLE).verdict == Verdict.TAKING, "its end may be on the way"
    for now in (CHANGED + 10 * SETTLE, LONG_AGO):
        found = judged(recorded, later=1218, now=now)
        assert found.verdict == Verdict.INCOMPLETE
        assert words in found.sentence
        assert found.sentence.count("; the recording died: .started was left behind, and run 1218 has begun;") == 1


def test_a_later_run_changes_nothing_for_one_that_is_copied_or_whole() -> None:
    for files in (WHOLE, without("run-1217-02.evt"), without("run-1217-01.evt")):
        assert judged(files, later=1218) == judged(files)
    assert judged({**WHOLE, ".started": b""}, later=1218).verdict == Verdict.READY


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
    assert (found.verdict, found.sentence) == (
        Verdict.ABNORMAL,
        "ended abnormally: ABNORMAL_ENDRUN in run-1217-02.evt; l launches it all the same",
    )
    assert judged({**files, ".started": b""}, now=QUIET).verdict == Verdict.TAKING
    assert judged({**files, ".started": b""}, now=LONG_AGO).verdict == Verdict.ABNORMAL
    assert judged({**files, ".started": b""}, later=1218).verdict == Verdict.ABNORMAL
    assert judged(changed("run-1217-02.evt", EVENT + END + ABNORMAL + END)).verdict == Verdict.ABNORMAL
    del files["run-1217-01.evt"]
    assert judged(files, now=LONG_AGO).verdict == Verdict.INCOMPLETE


@pytest.mark.parametrize(("stranger", "words"), DOUBTFUL)
def test_what_leaves_doubt_about_the_run_is_named_and_not_launched(stranger: Entry, words: str) -> None:
    found = judged(WHOLE, stranger)
    assert (found.verdict, found.reason.code in DOUBTED) == (Verdict.INCOMPLETE, True)
    assert words in found.sentence


@pytest.mark.parametrize(("name", "data", "words"), CONTENTS)
def test_contents_of_something_else_are_named_and_not_launched(name: str, data: bytes, words: str) -> None:
    found = judged(changed(name, data))
    assert (found.verdict, found.reason.code in DOUBTED) == (Verdict.INCOMPLETE, True)
    assert words in found.sentence


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
        assert (found.verdict, "run-1217-02.evt has changed" in found.sentence) == (Verdict.ARRIVING, True)
    found = judge("run1217", entries, {}, **times)
    assert "has not been examined yet" in found.sentence
    unfinished = {**fresh, "run-1217-01.evt": replace(fresh["run-1217-01.evt"], offset=68)}
    assert "only up to offset 68" in judge("run1217", entries, unfinished, **times).sentence


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


def test_facts_are_a_walk_of_a_version_of_a_file() -> None:
    assert isinstance(facts_of(WHOLE)["run-1217-00.evt"], Walk)
