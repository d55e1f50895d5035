"""Readiness: each verdict has a reason of its codes, with harmless parameters and words for them."""

from dataclasses import replace

from flowspec.catalogue.readiness import TABLE
from flowspec.conditions import Severity, reason
from flowspec.readiness import SegmentFacts, Verdict
from tests.readiness_fixture import (
    ABNORMAL,
    CHANGED,
    CODES,
    CONTENTS,
    DOUBTFUL,
    EVENT,
    LACKING,
    LONG_AGO,
    MOMENT,
    PROBLEMS,
    QUIET,
    SETTLE,
    TAKES,
    WHOLE,
    changed,
    entry,
    facts_of,
    judged,
    segments,
    without,
)


def test_each_code_is_given_by_something_and_belongs_to_one_verdict() -> None:
    fresh = facts_of(WHOLE)
    one = fresh["run-1217-01.evt"]
    read = [SegmentFacts(), replace(one, mtime_ns=2), replace(one, offset=68)]
    read += [SegmentFacts(inode=7, problem=problem) for problem in PROBLEMS]
    cases = [
        (WHOLE, (), None), (changed("run-1217-02.evt", EVENT + ABNORMAL), (), None),
        *((files, (), None) for files, _ in LACKING), (WHOLE, (entry(".run-1217-02.evt.qbRli9"),), None),
        *((WHOLE, (stranger,), None) for stranger, _ in DOUBTFUL),
        *((without("run-1217-02.evt"), (stranger,), None) for stranger, _ in DOUBTFUL),
        *((changed(name, data), (), None) for name, data, _ in CONTENTS),
        *(({"run-1217-00.evt": data}, (), None) for name, data, _ in CONTENTS if name == "run-1217-00.evt"),
        *((segments(*contents), (), None) for contents, _ in TAKES),
        *((WHOLE, (), {**fresh, "run-1217-01.evt": walk}) for walk in read),
    ]  # fmt: skip
    endless = {"run-1217-02.evt": EVENT}
    given = {
        judged({**files, **markers}, *extra, now=now, facts=facts, later=later).reason.code
        for whole, extra, found in cases
        for files, facts in ((whole, found), ({**whole, **endless}, {**found, **facts_of(endless)} if found else None))
        for markers in ({}, {".started": b""})
        for now in (MOMENT, CHANGED + 5 * SETTLE, QUIET, LONG_AGO)
        for later in (None, 1218)
    }
    codes = {entry.code for entry in TABLE}
    assert given == codes - {"run.incomplete.claimed", "run.gone"}
    assert len(TABLE) == len(codes)
    assert sorted(given | {"run.incomplete.claimed"}) == sorted(code for found in CODES.values() for code in found)


def test_a_verdict_that_needs_a_person_is_stuck() -> None:
    needs = {*CODES[Verdict.INCOMPLETE], *CODES[Verdict.ABNORMAL], *CODES[Verdict.TAKING]} - {"run.recording"}
    assert {entry.code for entry in TABLE if entry.severity is Severity.STUCK} == needs


def test_words_need_no_parameters_of_this_version_and_names_are_no_templates() -> None:
    assert all(entry.sentence({}) for entry in TABLE)
    hostile = entry("run-1217-{0.__class__}{words}%s[bold].evt")
    assert f"is not launched by itself: {hostile.name} looks like a segment" in judged(WHOLE, hostile).sentence


def test_the_same_fact_has_the_same_parameters_before_and_after_it_is_stalled() -> None:
    arriving, stalled = (judged(without("run-1217-01.evt"), now=now).reason for now in (QUIET, LONG_AGO))
    assert arriving == reason("run.arriving.missing", file="run-1217-01.evt", segment=1)
    assert stalled == reason("run.incomplete.missing", file="run-1217-01.evt", segment=1, minutes=15)
