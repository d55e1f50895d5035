"""Reports of jobs: asked for, fetched by one small transfer that is submitted once, and read with care."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.actions import fetch_reports, launch, report_files, requests
from console.actions.report_files import LINE_CELLS, REPORT_BYTES, TAIL_BYTES, TAIL_LINES, JobReport, parse, read
from console.cli.status import status_json
from console.ledger import dossier, failures, job_reports
from console.ledger.job_reports import ReportState
from console.ledger.store import Ledger
from console.reading import detail as reading
from console.settings.model import Policy
from flowspec import text
from flowspec.causes import Kind, classify
from flowspec.plan import plan_all
from flowspec.quarantine import Failure
from flowspec.stages import Stage
from flowspec.states import AttemptState, RunState
from remote.globus.errors import RemoteError
from remote.globus.transfer import RemoteFile, TransferTask
from screens.rows.sections import job_rows
from tests.fake_globus import Clock, Remote, judge, make_context
from tests.ledger_fixture import end_attempt, stand

RUN = 12
TASK = TransferTask("t", "ACTIVE", "", 2, 0, 0, 0, 0.0, 0, "OK", "", None, "", None, None)
REPORT = {
    "rc": 134, "segment": 1, "cause": "fit of run 12 segment 01: return code 134: aborted", "schema": 1, "stage": "fit",
    "started": 999_999.5, "seconds": 8.25, "node": "nid001", "job_id": "4711", "log": "/top/logs/run12/fit-01.log",
    "tail": ["last words"],
}  # fmt: skip


@dataclass
class Site:
    """Transfer, as far as reports need it: a site whose log directory is `logs`, and a DTN below `dtn`."""

    logs: Path
    dtn: Path
    faults: list[RemoteError | None] = field(default_factory=list)  # of the next copies
    lost: bool = False  # a copy that fails was begun all the same
    status: str = "SUCCEEDED"
    old: bool = False
    tasks: dict[str, list[tuple[str, str]]] = field(default_factory=dict)  # by submission: task id is "task of ..."
    asked: list[str] = field(default_factory=list)
    listed: int = 0
    written: dict[str, str] = field(default_factory=dict)  # when, by file name, where it is not as the others

    def ls(self, collection: str, path: str) -> dict[str, RemoteFile] | None:
        self.listed += 1
        time = "1970-01-02T00:00:00+00:00" if self.old else "2026-11-23T00:00:00+00:00"
        return {
            f.name: RemoteFile("file", f.stat().st_size, self.written.get(f.name, time)) for f in self.logs.iterdir()
        }

    def submission_id(self) -> str:
        self.asked.append(f"submission-{len(self.asked)}")
        return self.asked[-1]

    def copy(self, submission, source, destination, files, *, label, deadline):
        fault = self.faults.pop(0) if self.faults else None
        if fault is None or self.lost:
            self.tasks.setdefault(submission, list(files))
        if fault is not None:
            raise fault
        return f"task of {submission}"

    def task(self, task_id: str) -> TransferTask:
        if task_id.removeprefix("task of ") not in self.tasks:
            raise RemoteError("operator", "transfer", "task", "404 TaskNotFound: no such task", "look at Globus")
        return replace(TASK, id=task_id, status=self.status)

    def successful(self, task_id: str) -> list[tuple[str, str]]:
        arrived = []
        for source, destination in self.tasks[task_id.removeprefix("task of ")]:
            there = self.logs / Path(source).name
            if there.exists():
                target = self.dtn / destination.removeprefix("/results/")
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(there, target)
                arrived.append((source, destination))
        return arrived


@pytest.fixture
def site(tmp_path: Path) -> Site:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "fit-01.json").write_text(json.dumps(REPORT))
    (tmp_path / "logs" / "fit-01.log").write_text("\n".join(f"line {n}" for n in range(30)))
    return Site(tmp_path / "logs", tmp_path / "results")


@pytest.fixture
def ctx(tmp_path: Path, site: Site):
    """Run 12 of two segments; its only attempt was started."""
    ledger = Ledger(tmp_path / "ledger.db", now=Clock())
    found = replace(make_context(ledger, Remote(transfer=site), Policy()), results=site.dtn)
    judge(found, RUN)
    stand(ledger, RUN, RunState.QUEUED)
    launch.write_intent(found, dossier.read(found.ledger, RUN), plan_all(RUN, (0, 1)), "me")
    end_attempt(ledger, 1, state=AttemptState.STARTED, started_at=ledger.now())
    return found


def ask(ctx, stage: str = "fit", segment: int | None = 1, run: int = RUN) -> tuple[str, str]:
    number = ctx.ledger.ask("report", run, actor="anna@daq1", stage=stage, segment=segment)
    requests.answer(ctx, ctx.ledger.request(number))
    answered = ctx.ledger.request(number)
    return answered.state, answered.answer


def the_report(ctx) -> job_reports.RequestedReport:
    (found,) = job_reports.of_run(ctx.ledger, RUN)
    return found


def fetch(ctx, rounds: int = 2) -> job_reports.RequestedReport:
    for _ in range(rounds):
        fetch_reports.fetch(ctx)
    return the_report(ctx)


# ---- fetching


def test_a_report_that_was_asked_for_arrives_with_the_end_of_the_log(ctx, site) -> None:
    said = "run 12 attempt 1: the report of fit of segment 01 is being fetched through Transfer"
    assert ask(ctx) == ("done", said)
    assert the_report(ctx).sentence == "being fetched through Transfer"
    found = fetch(ctx)
    assert (found.state, found.number, found.actor) == (ReportState.THERE, 1, "anna@daq1")
    job = found.report
    assert job is not None
    assert (job.rc, job.node, job.job_id, job.seconds, job.bytes) == (134, "nid001", "4711", 8.25, None)
    assert job.lines == tuple(f"line {n}" for n in range(10, 30))
    assert Path(job.log) == site.dtn / "logs/run12/fit-01.log"
    assert Path(job.log).exists()
    assert list(site.tasks.values()) == [
        [(f"/top/logs/run12/{name}", f"/results/logs/run12/{name}") for name in ("fit-01.json", "fit-01.log")]
    ]
    (told,) = status_json(ctx.ledger, RUN)["run"]["reports"]
    assert (told["stage"], told["segment"], told["report"]["cause"]) == ("fit", 1, REPORT["cause"])
    assert json.loads(json.dumps(told)) == told | {"report": {**told["report"], "lines": list(job.lines)}}


@pytest.mark.parametrize("lost", [False, True], ids=["request lost", "reply lost"])
def test_a_transfer_whose_beginning_is_in_doubt_is_submitted_once(ctx, site, lost) -> None:
    site.faults, site.lost = [RemoteError("later", "transfer", "copy", "the line broke", "wait", ambiguous=True)], lost
    ask(ctx)
    with pytest.raises(RemoteError):
        fetch_reports.fetch(ctx)
    assert (the_report(ctx).submission, the_report(ctx).task) == ("submission-0", None)
    assert fetch(ctx).state is ReportState.THERE
    assert (site.asked, len(site.tasks)) == (["submission-0"], 1)


def test_nothing_is_asked_of_transfer_while_nothing_is_wanted(ctx, site) -> None:
    fetch_reports.fetch(ctx)
    assert site.listed == 0


def test_while_a_transfer_is_under_way_no_other_begins(ctx, site) -> None:
    (site.logs / "fit-00.json").write_text("{}")
    ask(ctx)
    fetch_reports.fetch(ctx)
    site.status = "ACTIVE"
    assert "is being fetched through Transfer" in ask(ctx)[1], "asked twice: one fetch"
    ask(ctx, segment=0)
    for _ in range(3):
        fetch_reports.fetch(ctx)
    assert len(site.tasks) == 1
    site.status = "SUCCEEDED"
    for _ in range(3):
        fetch_reports.fetch(ctx)
    assert [r.state for r in job_reports.of_run(ctx.ledger, RUN)] == [ReportState.THERE] * 2
    assert len(site.tasks) == 2


def test_what_is_not_at_the_site_is_not_there_with_the_reason(ctx, site) -> None:
    ask(ctx, "convert")
    found = fetch(ctx, 1)
    assert found.sentence == "not there: there is no convert-01.json and there is no convert-01.log in /top/logs/run12"
    assert site.tasks == {}


def test_the_report_of_an_earlier_attempt_is_not_taken_for_that_of_this_one(ctx, site) -> None:
    site.old = True
    ask(ctx)
    assert "fit-01.json is of an earlier attempt" in fetch(ctx, 1).sentence


def test_what_is_too_large_is_not_fetched(ctx, site) -> None:
    (site.logs / "fit-01.json").write_text("x" * (REPORT_BYTES + 1))
    with (site.logs / "fit-01.log").open("wb") as log:
        log.truncate(fetch_reports.LOG_BYTES + 1)
    ask(ctx)
    assert fetch(ctx, 1).sentence == (
        "not there: fit-01.json is too large (64.0 K) and fit-01.log is too large (20.0 M) in /top/logs/run12"
    )


def test_a_job_that_was_killed_leaves_a_log_without_a_report(ctx, site) -> None:
    (site.logs / "fit-01.json").unlink()
    ask(ctx)
    found = fetch(ctx)
    assert found.report is not None
    assert (found.report.rc, found.report.lines[-1]) == (None, "line 29")


PROGRESS = {
    "schema": 1, "at": 5e5, "node": "nid1", "bytes": 7, "cpu_seconds": 2.5, "last": "x", "stalled_since": 4e5,
    "phase": "working", "done": 7, "of": 9, "peak": 2 << 30, "scratch": 5_100_000_000,
}  # fmt: skip


@pytest.mark.parametrize("earlier", [False, True], ids=["no report yet", "the report of the attempt before"])
def test_of_a_job_that_still_runs_comes_how_far_it_is(ctx, site, earlier) -> None:
    (site.logs / "fit-01.progress.json").write_text(json.dumps(PROGRESS))
    site.written = {"fit-01.json": "2026-11-22T23:59:50+00:00"}
    if not earlier:
        (site.logs / "fit-01.json").unlink()
    ask(ctx)
    job = fetch(ctx).report
    assert job is not None
    assert (job.rc, job.bytes, job.running_at, job.cpu_seconds, job.stalled_since) == (None, 7, 5e5, 2.5, 4e5)
    assert job.lines[-1] == "line 29"
    detail = reading.detail(ctx.ledger, RUN)
    assert detail is not None
    shown = [words for row in job_rows(detail, 1) for words, _ in row.pieces]
    how = "working 7 B of 9 B  cpu 2.5 s  node nid1  memory 2.0 GB  scratch 5.1 G  output 7 B"
    assert f"  running at {text.moment(5e5)}  {how}" in shown
    assert f"  stands still since {text.moment(4e5)}: neither output nor work" in shown


def test_a_report_that_is_newer_than_the_progress_of_a_killed_job_is_taken(ctx, site) -> None:
    (site.logs / "fit-01.progress.json").write_text(json.dumps(PROGRESS))
    site.written = {"fit-01.progress.json": "2026-11-22T23:59:50+00:00"}
    ask(ctx)
    job = fetch(ctx).report
    assert job is not None
    assert (job.rc, job.running_at) == (134, None)


@pytest.mark.parametrize(("status", "why"), [("FAILED", "not transferred: it vanished"), ("LOST", "404 TaskNotFound")])
def test_a_transfer_that_fails_or_is_forgotten_ends_the_wait(ctx, site, status, why) -> None:
    ask(ctx)
    fetch_reports.fetch(ctx)
    site.status = status
    if status == "LOST":
        site.tasks.clear()
    for file in site.logs.iterdir():
        file.unlink()
    assert why in fetch(ctx, 1).sentence
    assert ask(ctx)[0] == "done", "it may be asked for again"


@pytest.mark.parametrize(
    ("stage", "segment", "why"),
    [
        ("transfer", 1, "transfer is no job at the site"),
        ("fit", 7, "no attempt has done fit of segment 7 yet"),
        ("fit", None, "no attempt has done fit yet"),
        ("fit", "1; DROP", "no attempt has done fit"),
        ("fit", [1], "no attempt has done fit"),
        ("fix", 1, "there is no stage 'fix'"),
    ],
)
def test_what_cannot_be_there_is_refused(ctx, stage, segment, why) -> None:
    state, said = ask(ctx, stage, segment)
    assert state == "refused"
    assert why in said
    assert job_reports.of_run(ctx.ledger, RUN) == []


def test_of_an_attempt_that_failed_the_first_reports_come_by_themselves(ctx, site) -> None:
    found = [Failure(1, Stage.FIT, s, Kind.STAYS, classify("rc 134")) for s in range(6)]
    failures.record(ctx.ledger, RUN, [*found, Failure(1, Stage.TRANSFER, None, Kind.STAYS, classify("no space left"))])
    fetch_reports.fetch(ctx)
    assert job_reports.of_run(ctx.ledger, RUN) == [], "it has not ended yet"
    end_attempt(ctx.ledger, 1, state=AttemptState.FAILED, ended_at=ctx.now())
    stand(ctx.ledger, RUN, state=RunState.FAILED)
    for _ in range(4):
        fetch_reports.fetch(ctx)
    wanted = job_reports.of_run(ctx.ledger, RUN)
    assert [(r.stage, r.segment, r.actor) for r in wanted] == [(Stage.FIT, s, "driver") for s in range(3)]
    assert [r.state for r in wanted] == [ReportState.ABSENT, ReportState.THERE, ReportState.ABSENT]
    assert site.listed == 1, "and are not asked for again"
    detail = reading.detail(ctx.ledger, RUN)
    assert detail is not None
    assert detail.reports == tuple(wanted)


# ---- reading


@pytest.mark.parametrize(
    "raw",
    [b"", b"[]", b"null", b"{", b"\xff\xfe", b"[" * 20_000, b'{"rc": ' + b"9" * 5000 + b"}"],
    ids=lambda raw: ascii(raw[:8]),
)
def test_a_report_that_is_none_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match="report"):
        parse(raw)


def test_hostile_text_and_wrong_types_do_no_harm(tmp_path: Path) -> None:
    hostile = "\x1b[31mred\x1b]0;title\x07 \u202egnp.exe\u200b" + "x" * 9000
    document, log = tmp_path / "a.json", tmp_path / "a.log"
    document.write_text(
        json.dumps(
            {"rc": True, "cause": hostile, "node": ["a"], "job_id": 17, "started": 1e300, "seconds": "8", "bytes": {},
             "sha256": None, "tail": [1, hostile, None]}
        )
    )  # fmt: skip
    told = JobReport(**parse(document.read_bytes()))
    assert (told.rc, told.node, told.job_id) == (None, "", "17")
    assert (told.started, told.seconds, told.bytes) == (None, None, None)
    assert told.cause.startswith("red gnp.exexxx")
    assert len(told.cause) == LINE_CELLS
    assert told.lines == (told.cause,)
    log.write_bytes(b"\xff\x1b[2J\n\n\r50 %\r100 %\n" * 20_000 + hostile.encode() + b"\n")
    found = read(document, log)
    assert found is not None
    assert len(found.lines) == TAIL_LINES
    assert found.lines[-1] == told.cause
    assert found.lines[-2] == "100 %"
    assert log.stat().st_size > TAIL_BYTES


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(), lambda inner: st.lists(inner)))
def test_whatever_stands_in_a_field_the_report_stays_small_and_printable(value) -> None:
    raw = json.dumps(dict.fromkeys([*REPORT, *PROGRESS], value)).encode()
    for told in (JobReport(**parse(raw)), JobReport(**report_files.parse_progress(raw))):
        for words in (told.cause, told.node, told.job_id, told.sha256, *told.lines):
            assert words.isprintable()
            assert len(words) <= LINE_CELLS
        assert len(told.lines) <= TAIL_LINES
