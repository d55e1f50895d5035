"""How far jobs are, from the names of the marks at the site to the lines that people read."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.cli.status import status_json, status_text
from console.evidence import progress
from console.ledger import evidence
from console.ledger.attempts import newest_attempt
from console.reading.detail import detail
from flowspec import catalogue
from flowspec.conditions import reason
from flowspec.names import JobMark, parse_mark
from flowspec.progress import Evidence, Says, Witness
from flowspec.stages import Stage
from flowspec.states import AttemptState, RunState
from remote.globus.transfer import RemoteFile
from screens.rows.matrix import grouped
from screens.rows.sections import job_rows, segment_rows
from tests.ledger_fixture import DemoLedger

RUN = 7
NOW, BEFORE = "2033-05-18T03:33:20+00:00", "2001-09-09T01:46:40+00:00"
RUNNING = Evidence(Stage.FIT, 0, Witness.TASK, Says.RUNNING, reason("task.running", since=5.0))


@pytest.fixture
def demo(tmp_path):
    demo = DemoLedger(tmp_path / "ledger.db")
    demo.launched(RUN, RunState.RUNNING, "", Stage.FIT, segments=3, attempt_state=AttemptState.STARTED)
    with demo.ledger.change() as db:
        db.execute("DELETE FROM evidence")
    return demo


class Site:
    """Transfer, as far as progress needs it."""

    def __init__(self, marks: dict[str, str] | None) -> None:
        self.marks, self.asked = marks, []

    def ls(self, collection: str, path: str) -> dict[str, RemoteFile] | None:
        self.asked.append(path)
        return None if self.marks is None else {name: RemoteFile("file", 0, at) for name, at in self.marks.items()}


def asked(demo, site: Site, known: list[Evidence], now: float = 9.0) -> list[Evidence]:
    places = SimpleNamespace(site_collection="s", logs=lambda run: f"/top/logs/run{run}")
    ctx = SimpleNamespace(ledger=demo.ledger, remote=SimpleNamespace(transfer=site), places=places, now=lambda: now)
    return progress.of_jobs(ctx, newest_attempt(demo.ledger, RUN), known)


def test_the_marks_of_the_jobs_that_run_are_read_in_one_listing(demo):
    site = Site({"fit-00.working-62-240": NOW, "fit-00.log": NOW, "fit-01.working-5-": NOW, "fit-02.working-9-9": NOW})
    (first, second) = asked(demo, site, [RUNNING, replace(RUNNING, segment=1, says=Says.PENDING)])
    assert site.asked == ["/top/logs/run7"]
    assert first == Evidence(
        Stage.FIT, 0, Witness.JOB, Says.RUNNING, reason("job.progress", phase="working", percent=62, left=240), at=9.0
    )
    assert (second.segment, second.words) == (1, "5 %")


def test_a_mark_of_an_earlier_attempt_and_a_directory_that_is_not_there_say_nothing(demo):
    assert asked(demo, Site({"fit-00.working-62-240": BEFORE}), [RUNNING]) == []
    assert asked(demo, Site({"fit-00.working-62-240": "yesterday"}), [RUNNING]) == []
    assert asked(demo, Site(None), [RUNNING]) == []


def test_the_mark_of_a_job_that_was_killed_says_nothing(demo):
    site = Site({"fit-00.working-62-240": "1970-01-01T00:10:00+00:00"})
    with demo.ledger.change() as db:
        db.execute("UPDATE attempts SET started_at = 600")
    assert asked(demo, site, [RUNNING], now=600.0 + progress.DEAD_SECONDS) != []
    assert asked(demo, site, [RUNNING], now=601.0 + progress.DEAD_SECONDS) == []


def test_a_job_that_is_seen_no_more_is_told_as_such_once(demo):
    (seen,) = asked(demo, Site({"fit-00.working-62-240": NOW}), [RUNNING])
    (gone,) = asked(demo, Site({}), [RUNNING, seen])
    assert (gone.segment, gone.witness, gone.says) == (0, Witness.JOB, Says.ABSENT)
    assert asked(demo, Site({}), [RUNNING, gone]) == []


def test_nothing_is_listed_when_no_job_runs(demo):
    site = Site({})
    assert asked(demo, site, [replace(RUNNING, says=Says.DONE), replace(RUNNING, stage=Stage.TRANSFER)]) == []
    assert site.asked == []


@pytest.mark.parametrize(("now", "due"), [(60.0, True), (64.9, True), (65.0, False), (89.9, False)])
def test_one_poll_of_each_half_minute_asks(now, due):
    assert progress.is_due(SimpleNamespace(now=lambda: now, policy=SimpleNamespace(poll_interval=5.0))) is due


def test_people_read_how_far_a_job_is_while_it_runs_and_no_longer(demo):
    attempt = newest_attempt(demo.ledger, RUN)
    far = reason("job.progress", phase="working", percent=62, left=240)
    evidence.record_evidence(demo.ledger, RUN, [RUNNING], attempt.attempt)
    evidence.record_evidence(demo.ledger, RUN, [replace(RUNNING, witness=Witness.JOB, reason=far)], attempt.attempt)
    found = detail(demo.ledger, RUN)
    assert [row.pieces[0][0] for row in job_rows(found, None)] == ["fit 00: 62 %, ~4 min"]
    assert segment_rows(found, grouped(found.segments))[0].sentence[0].endswith("; 62 %, ~4 min")
    assert "62 %, ~4 min" in status_text(demo.ledger, RUN)
    assert status_json(demo.ledger, RUN)["run"]["jobs"] == [
        {
            "stage": "fit",
            "segment": 0,
            "at": 0.0,
            "words": "62 %, ~4 min",
            "phase": "working",
            "percent": 62,
            "left": 240,
        }
    ]
    done = Evidence(Stage.FIT, 0, Witness.FILE, Says.DONE, size=10**12)
    ended = replace(RUNNING, says=Says.DONE, reason=reason("task.done", stage="fit", seconds=8), size=10**12)
    evidence.record_evidence(demo.ledger, RUN, [ended, done], attempt.attempt)
    found = detail(demo.ledger, RUN)
    assert (found.jobs, job_rows(found, None)) == ((), [])
    assert all(item.witness is not Witness.JOB for item in found.evidence)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"phase": "working"}, "at work"),
        ({"phase": "working", "percent": 0}, "0 %"),
        ({"phase": "working", "percent": 62, "left": 40}, "62 %, ~40 s"),
        ({"phase": "working", "percent": 6, "left": 9000}, "6 %, ~2.5 h"),
        ({"phase": "copying", "percent": 50, "left": 100}, "copying its input: 50 %, ~2 min"),
        ({"phase": "delivering", "percent": 90}, "moving its output: 90 %"),
    ],
)
def test_the_words_of_a_progress(parameters, words):
    assert catalogue.sentence(reason("job.progress", **parameters)) == words


@pytest.mark.parametrize(
    ("name", "mark"),
    [
        ("fit-07.working-62-240", JobMark("fit", 7, "working", 62, 240)),
        ("convert-123.copying-0-", JobMark("convert", 123, "copying", 0, None)),
        ("analyze.working", JobMark("analyze", None, "working", None, None)),
        ("fit-07.working-101-1", None),
        ("fit-7.working-1-1", None),
        ("fit.working-1-1", None),
        ("analyze-07.working-1-1", None),
        ("fit-07.log", None),
        ("fit-07.working-1-1\n", None),
        ("return-07.working-1-1", None),
    ],
)
def test_the_name_of_a_mark(name, mark):
    assert parse_mark(name) == mark


@given(st.text() | st.from_regex(r"(fit|convert|analyze)-?[0-9]*\.(copying|working)-?[0-9]*-?[0-9]*"))
def test_any_name_is_a_mark_or_none(name):
    mark = parse_mark(name)
    assert mark is None or mark.percent is None or 0 <= mark.percent <= 100
