"""The reports of jobs and the ends of their logs, brought from the site on demand.

Each job leaves both beside one another at the site. They are copied to the DTN, below the results, by one small
transfer at a time: Globus runs three, and the data need them. For the driver: `want` and `fetch`; for all: `of_run`.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from enum import Enum
from typing import Any

from console import records, text
from console.ledger import Ledger, Request
from console.operations import Operations, Refused, run_of
from console.records import WHOLE_RUN
from console.report_files import LINE_CELLS, REPORT_BYTES, JobReport, read
from console.states import AttemptState
from flowspec import flowlog, names
from flowspec.stages import STAGES, Stage
from remote.globus.errors import RemoteError
from remote.globus.transfer import RemoteFile, TransferTask

JOBS = (Stage.FIT, Stage.CONVERT, Stage.ANALYZE)
OF_A_FAILURE = 3  # reports that are fetched of an attempt that failed, without being asked
FAILED_LATELY = 86400.0  # s
MOST_AT_ONCE, RUNS_AT_ONCE = 20, 3  # reports in a transfer, and listings before it
DEADLINE = 1800.0  # s, after which Globus gives the transfer up
LOG_BYTES = 20_000_000  # a larger one is not fetched
CLOCKS_DIFFER = 60.0  # s, between the site's and ours


class ReportState(str, Enum):
    WANTED = "wanted"
    FETCHING = "fetching"
    THERE = "there"
    ABSENT = "absent"


PENDING = (ReportState.WANTED, ReportState.FETCHING)


@dataclass(frozen=True)
class Report:
    """A report that was asked for. `number` is that of its attempt; `report` may be there from an earlier fetch."""

    attempt: int
    run: int
    number: int
    stage: Stage
    segment: int | None
    state: ReportState
    why: str
    actor: str
    asked_at: float
    submission: str | None
    task: str | None
    fetched_at: float | None
    report: JobReport | None

    @property
    def whose(self) -> str:
        """For people: `fit of segment 07`."""
        return self.stage.value if self.segment is None else f"{self.stage.value} of segment {self.segment:02d}"

    @property
    def sentence(self) -> str:
        """Where it is, when it is not there."""
        if self.state in PENDING:
            return f"being fetched through Transfer{': ' if self.why else ''}{self.why}"
        return f"not there: {self.why}" if self.state is ReportState.ABSENT else ""


def of_run(ledger: Ledger, run: int) -> list[Report]:
    """The reports of a run: the newest attempt's first, each in the order of the work."""
    found = _rows(ledger, "reports.run = ?", run)
    return sorted(found, key=lambda r: (-r.number, STAGES.index(r.stage), -1 if r.segment is None else r.segment))


# ---- what is wanted


def want(ops: Operations, request: Request) -> str:
    """Have a report fetched: of the last attempt that did or does this stage of this segment."""
    run = run_of(ops, request)
    segment = request.args.get("segment")
    try:
        stage = Stage(str(request.args.get("stage")))
    except ValueError:
        raise Refused(f"run {run.run}: there is no stage {request.args.get('stage')!r}") from None
    if stage not in JOBS:
        raise Refused(f"{stage.value} is no job at the site and leaves no report; the flow log tells of it")
    for attempt in reversed(records.attempts(ops.ledger, run.run)):
        if attempt.started_at is not None and (stage, segment) in attempt.plan.places():
            break
    else:
        of = stage.value if segment is None else f"{stage.value} of segment {segment}"
        raise Refused(f"run {run.run}: no attempt has done {of} yet, so there is no report")
    asked = _Place(attempt.attempt, run.run, stage, segment)
    already = any(r.state in PENDING for r in _of_place(ops.ledger, asked))
    if not already:
        _ask(ops.ledger, [asked], request.actor)
    (report,) = _of_place(ops.ledger, asked)
    return f"run {run.run} attempt {attempt.number}: the report of {report.whose} is {report.sentence}"


@dataclass(frozen=True)
class _Place:
    attempt: int
    run: int
    stage: Stage
    segment: int | None


def _ask(ledger: Ledger, places: Iterable[_Place], actor: str) -> None:
    with ledger.change() as db:
        db.executemany(
            "INSERT INTO reports (attempt, run, stage, segment, state, actor, asked_at) VALUES (?,?,?,?,?,?,?) "
            "ON CONFLICT DO UPDATE SET state = excluded.state, actor = excluded.actor, asked_at = excluded.asked_at, "
            "why = '', submission = NULL, task = NULL",
            [
                (p.attempt, p.run, p.stage.value, _column(p.segment), ReportState.WANTED.value, actor, ledger.now())
                for p in places
            ],
        )


def _want_of_failures(ledger: Ledger) -> None:
    """Whoever looks at a failure in the morning finds the reports there."""
    failed = ledger.rows(
        "SELECT f.attempt, f.run, f.stage, f.segment, r.attempt AS asked FROM failures f "
        "JOIN attempts a USING (attempt) "
        "LEFT JOIN reports r ON r.attempt = f.attempt AND r.stage = f.stage AND r.segment = f.segment "
        f"WHERE a.state = ? AND a.ended_at > ? AND f.stage IN ({','.join('?' * len(JOBS))}) "
        "AND (f.segment != ? OR f.stage = ?) ORDER BY f.attempt, f.stage, f.segment",
        AttemptState.FAILED.value, ledger.now() - FAILED_LATELY, *(s.value for s in JOBS), WHOLE_RUN,
        Stage.ANALYZE.value,
    )  # fmt: skip
    first: dict[int, list[sqlite3.Row]] = {}
    for row in failed:
        first.setdefault(row["attempt"], []).append(row)
    wanted = [
        _Place(row["attempt"], row["run"], Stage(row["stage"]), _segment(row["segment"]))
        for of_attempt in first.values()
        for row in of_attempt[:OF_A_FAILURE]
        if row["asked"] is None
    ]
    if wanted:
        _ask(ledger, wanted, "driver")


# ---- fetching


def fetch(ops: Operations) -> None:
    """One round: follow the transfer that is under way, or begin the next one.

    Raises RemoteError when it is worth trying again later. The submission id is written before Transfer is asked, so
    that a driver may die in between.
    """
    _want_of_failures(ops.ledger)
    waiting = _rows(ops.ledger, "reports.state IN (?,?)", *(state.value for state in PENDING))
    begun = [report for report in waiting if report.submission is not None]
    if not waiting:
        return
    try:
        if not begun:
            _begin(ops, _first(waiting), None)
        elif (task := begun[0].task) is not None:
            _follow(ops, begun, task)
        else:
            _begin(ops, begun, begun[0].submission)
    except RemoteError as error:
        if error.kind == "later":
            raise
        _absent(ops.ledger, begun or _first(waiting), f"{error.cause}; {error.next_step}")


def _first(waiting: Sequence[Report]) -> list[Report]:
    """The oldest wishes, as many as go into one transfer."""
    ordered = sorted(waiting, key=lambda report: report.asked_at)
    runs = list(dict.fromkeys(report.run for report in ordered))[:RUNS_AT_ONCE]
    return [report for report in ordered if report.run in runs][:MOST_AT_ONCE]


def _begin(ops: Operations, wanted: Sequence[Report], submission: str | None) -> None:
    transfer, places = ops.remote.transfer, ops.places
    listings = {run: transfer.ls(places.site_collection, places.logs(run)) or {} for run in {r.run for r in wanted}}
    files: list[tuple[str, str]] = []
    found: list[Report] = []
    for report in wanted:
        chosen, why = _at_the_site(ops.ledger, report, listings[report.run])
        if not chosen:
            _absent(ops.ledger, [report], f"{why} in {places.logs(report.run)}")
            continue
        found.append(report)
        folder = f"{places.results}/{names.logs_below_results(report.run)}"
        files += [(f"{places.logs(report.run)}/{name}", f"{folder}/{name}") for name in chosen]
    if not found:
        return
    submission = submission or transfer.submission_id()
    _set(ops.ledger, found, state=ReportState.FETCHING.value, submission=submission)
    deadline = datetime.fromtimestamp(ops.now() + DEADLINE, timezone.utc)
    task = transfer.copy(
        submission, places.site_collection, places.dtn_collection, files,
        label=f"{ops.experiment} job reports", deadline=deadline,
    )  # fmt: skip
    _set(ops.ledger, found, task=task)


def _at_the_site(ledger: Ledger, report: Report, listing: Mapping[str, RemoteFile]) -> tuple[list[str], str]:
    """The files to be copied; or none, and why."""
    row = ledger.row("SELECT started_at FROM attempts WHERE attempt = ?", report.attempt)
    began = float(row["started_at"] or 0) if row else 0.0
    chosen, reasons = [], []
    for name, limit in zip(names.job_files(report.stage.value, report.segment), (REPORT_BYTES, LOG_BYTES), strict=True):
        file = listing.get(name)
        if file is None:
            reasons.append(f"there is no {name}")
        elif file.size > limit:
            reasons.append(f"{name} is too large ({text.size(file.size)})")
        elif _written(file) < began - CLOCKS_DIFFER:
            reasons.append(f"{name} is of an earlier attempt")
        else:
            chosen.append(name)
    return chosen, " and ".join(reasons)


def _written(file: RemoteFile) -> float:
    try:
        return flowlog.seconds(file.modified)
    except ValueError:
        return math.inf


def _follow(ops: Operations, begun: Sequence[Report], task_id: str) -> None:
    task = ops.remote.transfer.task(task_id)
    if task.status in ("ACTIVE", "INACTIVE"):
        if begun[0].why != (how := _how(task)):
            _set(ops.ledger, begun, why=how)
        return
    arrived = {destination.rpartition("/")[2] for _, destination in ops.remote.transfer.successful(task_id)}
    for report in begun:
        _take(ops, report, arrived, task)


def _how(task: TransferTask) -> str:
    """What there is to say of a transfer that has not ended."""
    if task.status == "INACTIVE":
        return f"the transfer is inactive: {task.nice_status_details or 'credentials are missing'}"
    if task.nice_status == "Queued":
        return "queued at Globus: only three transfers run at a time"
    return "" if task.nice_status in ("", "OK") else f"{task.nice_status}: {task.nice_status_details}"


def _take(ops: Operations, report: Report, arrived: Iterable[str], task: TransferTask) -> None:
    """Read what has arrived for one report, and write it to the ledger."""
    folder = ops.results / names.logs_below_results(report.run)
    document, log = (
        folder / name if name in arrived else None for name in names.job_files(report.stage.value, report.segment)
    )
    try:
        found = read(document, log)
    except (OSError, ValueError) as error:
        _absent(ops.ledger, [report], str(error))
        return
    if found is None:
        why = task.fatal_error or task.nice_status_details or "it vanished while it was fetched"
        _absent(ops.ledger, [report], f"not transferred: {why}")
        return
    _set(
        ops.ledger, [report], state=ReportState.THERE.value, why="", fetched_at=ops.now(),
        document=json.dumps(asdict(found)),
    )  # fmt: skip


# ---- rows


def _rows(ledger: Ledger, where: str, *values: Any) -> list[Report]:
    rows = ledger.rows(f"SELECT reports.*, number FROM reports JOIN attempts USING (attempt) WHERE {where}", *values)
    return [_report(row) for row in rows]


def _of_place(ledger: Ledger, place: _Place) -> list[Report]:
    return _rows(
        ledger, "reports.attempt = ? AND reports.stage = ? AND segment = ?",
        place.attempt, place.stage.value, _column(place.segment),
    )  # fmt: skip


def _report(row: sqlite3.Row) -> Report:
    values = {name: row[name] for name in Report.__dataclass_fields__ if name != "report"}
    told = json.loads(row["document"])
    return Report(
        **values | {
            "stage": Stage(row["stage"]), "segment": _segment(row["segment"]), "state": ReportState(row["state"]),
            "report": JobReport(**{**told, "lines": tuple(told["lines"])}) if told else None,
        },
    )  # fmt: skip


def _absent(ledger: Ledger, reports: Iterable[Report], why: str) -> None:
    _set(ledger, reports, state=ReportState.ABSENT.value, why=text.clean(why, LINE_CELLS))


def _set(ledger: Ledger, reports: Iterable[Report], **columns: Any) -> None:
    assignments = ", ".join(f"{name} = ?" for name in columns)
    with ledger.change() as db:
        db.executemany(
            f"UPDATE reports SET {assignments} WHERE attempt = ? AND stage = ? AND segment = ?",
            [(*columns.values(), r.attempt, r.stage.value, _column(r.segment)) for r in reports],
        )


def _column(segment: int | None) -> int:
    return WHOLE_RUN if segment is None else segment


def _segment(column: int) -> int | None:
    return None if column == WHOLE_RUN else column
