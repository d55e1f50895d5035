"""Every sentence of the catalogue, as an operator reads it at 3 a.m.: what to do is seen, and nothing is said twice."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowspec import catalogue, text
from flowspec.catalogue import __main__ as printed
from flowspec.catalogue import nested, site
from flowspec.catalogue.examples import all_examples
from flowspec.catalogue.globus_codes import GLOBUS_CODES
from flowspec.causes import classify, in_words
from flowspec.cells import SUSPICIONS
from flowspec.conditions import Reason, Severity, reason
from tests.failure_phrases import PHRASES

SENTENCES = Path(__file__).resolve().parents[2] / "docs/sentences.md"
WIDTHS = (40, 52, 78)
OF_THE_SITE = {entry.code for entry in site.TABLE}  # lines of a command, in no column
OF_A_PLACE = ("failed.", "file.", "root.")

DEED = (
    r"start \S|move (?:it )?out|copy it again|keep one take|mend \S|find (?:out|the)|make (?:it|some|room)"
    r"|rename (?:all|or)|see to \S|look at|add it|run doctor|room in|mounted\?|image in|brings it there"
    r"|correct site|goes on when|tries again|tried again soon|[Rr]etried by itself|for the facility"
)
# In a row: the key first; a command; a deed; or when it goes on by itself.
IN_A_ROW = re.compile(
    rf"^(?:enter, )?[a-zE](?: or [a-z])?(?:, or the site)?: |^r brings it back|console [a-z]+|^(?:{DEED})|^again at \d"
    r"|^the console tries again|^tried again"
)
IN_A_SENTENCE = re.compile(
    r"\b[a-zE] (?:launches|starts|restarts|retries|tries|ends|does|brings|makes|analyzes|resumes|takes|gives|shows"
    r"|there waives)\b"
    rf"|console [a-z]+|{DEED}"
)
INSIDER = re.compile(
    r"witness|seen gone|nobody drives|\bhints?\b|—|\bepoch\b|\btopic\b|results' disk|\bheld:", re.IGNORECASE
)
TWICE = re.compile(r"\b([a-z]{2,}) \1\b", re.IGNORECASE)
DANGLING = (";", ":", ",")


def seen(why: Reason) -> Reason:
    """The reason as it stands beside a run: what is of one place is part of another one."""
    if why.code.startswith(OF_A_PLACE):
        why = reason("work.failed", stage="fit", segments=[7], cause=nested(why))
    if why.code.startswith("alert."):
        return reason("words", words=catalogue.sentence(why))  # a message, in no column
    if why.code in ("work.failed", "flow.succeeded-but"):
        return reason("outcome.failed", cause=nested(why))
    if why.code.startswith("segment."):
        return reason("outcome.held", quarantined=[nested(why)])
    if why.code in SUSPICIONS:
        return reason("flow.suspect", stage="fit", done=1, total=2, segment=7, cell=nested(why))
    if why.code.startswith(("transfer.", "task.")) and stuck(why):
        return reason("flow.waits", stage="fit", done=1, total=2, segment=7, cell=nested(why))
    return why


def causes() -> Iterator[Reason]:
    """What Slurm, the kernel, programs and Globus say."""
    yield from (classify(phrase) for phrase, _, _ in PHRASES)
    for fault in GLOBUS_CODES:
        yield classify(fault)
        for code in ("transfer.fault", "transfer.fault-site", "transfer.again"):
            yield reason(code, done=1, total=2, fault=fault, words="/e21062/run1217: said")
        yield reason("transfer.inactive", fault=fault)


REASONS = [*all_examples(), *causes()]
IDS = [f"{number} {why.code}" for number, why in enumerate(REASONS)]


def stuck(why: Reason) -> bool:
    return catalogue.entry(why.code).severity is Severity.STUCK


def faultless(line: str) -> None:
    assert not TWICE.search(line), line
    assert not INSIDER.search(line), line
    assert not line.removesuffix(text.MORE).rstrip().endswith(DANGLING), line


@pytest.mark.parametrize("why", REASONS, ids=IDS)
def test_a_row_says_what_to_press_and_a_sentence_too(why: Reason) -> None:
    shown = seen(why)
    whole = catalogue.sentence(shown)
    faultless(whole)
    assert why.code in (*OF_THE_SITE, "words") or "?" not in whole.replace("mounted?", ""), "a parameter is missing"
    if stuck(why):
        assert IN_A_SENTENCE.search(whole), whole
    for width in WIDTHS:
        line = text.clean(catalogue.row(shown), width)
        faultless(line)
        if stuck(shown) and why.code not in OF_THE_SITE:
            assert IN_A_ROW.search(line), line


@pytest.mark.parametrize("why", REASONS, ids=IDS)
def test_a_cause_is_told_once(why: Reason) -> None:
    words = in_words(str(why.parameters.get("words", "")))
    whole = catalogue.sentence(seen(why))
    assert not words or whole.count(words) <= 1, whole


def test_what_quarantined_a_segment_is_told_once() -> None:
    cause = nested(reason("failed.abort", words="gsl: svd.c:148", rc=134))
    quarantined = reason("segment.quarantined", segment=7, times=2, stages=["fit"], cause=cause)
    failed = reason("work.failed", stage="fit", segments=[7], cause=cause)
    why = reason("outcome.failed", cause=nested(failed), quarantined=[nested(quarantined)])
    assert catalogue.sentence(why).count("gsl: svd.c:148") == 1


# Without blanks, of which \x85 and \xa0 are two: a line break is shown as one.
NAMES = st.text(
    st.characters(min_codepoint=33, max_codepoint=0x2FF, exclude_characters=";:,\x85\xa0"), min_size=30, max_size=200
)


def renamed(value: Any, name: str) -> Any:
    """The same parameters with a long name wherever one from outside stands."""
    if isinstance(value, dict):
        outside = ("endpoint", "who", "user", "host", "path", "file", "words", "title", "directory", "cause")
        return {
            key: name if key in outside and isinstance(inner, str) else renamed(inner, name)
            for key, inner in value.items()
        }
    return [renamed(each, name) for each in value] if isinstance(value, list) else value


@given(st.sampled_from([why for why in REASONS if why.code not in OF_THE_SITE]), NAMES)
def test_a_long_name_does_not_hide_what_to_press(why: Reason, name: str) -> None:
    shown = seen(Reason(why.code, renamed(dict(why.parameters), name)))
    for width in WIDTHS:
        line = text.clean(catalogue.row(shown), width)
        assert text.cells(line) <= width
        assert not stuck(shown) or IN_A_ROW.search(line), line


def test_the_page_of_all_sentences_is_that_of_the_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    try:
        assert SENTENCES.read_text() == printed.page()
    finally:
        monkeypatch.undo()
        time.tzset()
