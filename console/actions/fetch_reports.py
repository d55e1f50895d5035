"""The reports of jobs and the ends of their logs, brought from the site on demand.

Each job leaves both beside one another at the site, and while it runs its progress in place of the report. They are
copied to the DTN, below the results, by one small transfer at a time: Globus runs three, and the data need them. For
the driver: `request_report` and `fetch`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timezone

from console.actions.report_files import REPORT_BYTES, read
from console.context import Context, Refused, run_of
from console.ledger import attempts, job_reports, sources
from console.ledger.job_reports import PENDING, ReportPlace, ReportState, RequestedReport
from console.ledger.store import Ledger, Request
from flowspec import flowlog, names, permits, text
from flowspec.permits import JOBS
from flowspec.stages import Stage
from remote.globus.errors import RemoteError
from remote.globus.transfer import RemoteFile, TransferTask

OF_A_FAILURE = 3  # reports that are fetched of an attempt that failed, without being asked
FAILED_LATELY = 86400.0  # s
MOST_AT_ONCE, RUNS_AT_ONCE = 20, 3  # reports in a transfer, and listings before it
DEADLINE = 1800.0  # s, after which Globus gives the transfer up
LOG_BYTES = 20_000_000  # a larger one is not fetched
CLOCKS_DIFFER = 60.0  # s, between the site's and ours


def request_report(ctx: Context, request: Request) -> str:
    """Request the report of the newest attempt that has done or does this stage of this segment."""
    run = run_of(ctx, request)
    stage, segment = request.args.get("stage"), request.args.get("segment")
    started = [attempt for attempt in attempts.attempts(ctx.ledger, run.run) if attempt.started_at is not None]
    newest = {place: attempt for attempt in started for place in attempt.plan.places()}
    refusal = permits.report(run.run, stage, segment, [*newest])  # no look-up: a segment is whatever was asked for
    if refusal is not None:
        raise Refused(refusal)
    attempt = newest[Stage(str(stage)), segment]
    asked = ReportPlace(attempt.attempt, run.run, Stage(str(stage)), segment)
    already = any(r.state in PENDING for r in job_reports.of_place(ctx.ledger, asked))
    if not already:
        job_reports.request(ctx.ledger, [asked], request.actor)
    (report,) = job_reports.of_place(ctx.ledger, asked)
    return f"run {run.run} attempt {attempt.number}: the report of {report.whose} is {report.sentence}"


def _request_those_of_failures(ledger: Ledger) -> None:
    """Request reports of recent failures without being asked: they are there when somebody reads of the failure."""
    wanted = job_reports.failed_without_report(ledger, JOBS, ledger.now() - FAILED_LATELY, OF_A_FAILURE)
    if wanted:
        job_reports.request(ledger, wanted, "driver")


# ---- fetching


def fetch(ctx: Context) -> None:
    """One round: follow the transfer that is under way, or begin the next one.

    Raises RemoteError when it is worth trying again later. The submission id is written before Transfer is asked, so
    that a driver may die in between.
    """
    if ctx.elsewhere() is None:  # another console brings them to the same place
        _request_those_of_failures(ctx.ledger)
    pending = job_reports.pending(ctx.ledger)
    begun = [report for report in pending if report.submission is not None]
    if not pending:
        return
    try:
        if not begun:
            _begin(ctx, _first(pending), None)
        elif (task := begun[0].task) is not None:
            _follow(ctx, begun, task)
        else:
            _begin(ctx, begun, begun[0].submission)
        sources.answered(ctx.ledger, "transfer")
    except RemoteError as error:
        if error.kind == "later":
            raise
        job_reports.set_absent(ctx.ledger, begun or _first(pending), f"{error.cause}; {error.next_step}")


def _first(waiting: Sequence[RequestedReport]) -> list[RequestedReport]:
    """The oldest requests, as many as go into one transfer."""
    ordered = sorted(waiting, key=lambda report: report.asked_at)
    runs = list(dict.fromkeys(report.run for report in ordered))[:RUNS_AT_ONCE]
    return [report for report in ordered if report.run in runs][:MOST_AT_ONCE]


def _begin(ctx: Context, wanted: Sequence[RequestedReport], submission: str | None) -> None:
    transfer, places = ctx.remote.transfer, ctx.places
    listings = {run: transfer.ls(places.site_collection, places.logs(run)) or {} for run in {r.run for r in wanted}}
    files: list[tuple[str, str]] = []
    found: list[RequestedReport] = []
    for report in wanted:
        chosen, why = _at_the_site(report, listings[report.run])
        if not chosen:
            job_reports.set_absent(ctx.ledger, [report], f"{why} in {places.logs(report.run)}")
            continue
        found.append(report)
        folder = f"{places.results}/{names.logs_below_results(report.run)}"
        files += [(f"{places.logs(report.run)}/{name}", f"{folder}/{name}") for name in chosen]
    if not found:
        return
    submission = submission or transfer.submission_id()
    job_reports.set_reports(ctx.ledger, found, state=ReportState.FETCHING.value, submission=submission)
    deadline = datetime.fromtimestamp(ctx.now() + DEADLINE, timezone.utc)
    task = transfer.copy(
        submission, places.site_collection, places.dtn_collection, files,
        label=f"{ctx.experiment} job reports", deadline=deadline,
    )  # fmt: skip
    job_reports.set_reports(ctx.ledger, found, task=task)


def _at_the_site(report: RequestedReport, listing: Mapping[str, RemoteFile]) -> tuple[list[str], str]:
    """The files to be copied; or none, and the reason."""
    began = report.attempt_started or 0.0
    chosen, reasons = [], []
    document, log = names.job_files(report.stage.value, report.segment)
    progress = names.progress_file(report.stage.value, report.segment)
    if progress in listing and (document not in listing or _written(listing[document]) < _written(listing[progress])):
        document = progress  # the job runs: a report would be an earlier one's
    for name, limit in ((document, REPORT_BYTES), (log, LOG_BYTES)):
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


def _follow(ctx: Context, begun: Sequence[RequestedReport], task_id: str) -> None:
    task = ctx.remote.transfer.task(task_id)
    if task.status in ("ACTIVE", "INACTIVE"):
        if begun[0].why != (how := _what_keeps(task)):
            job_reports.set_reports(ctx.ledger, begun, why=how)
        return
    arrived = {destination.rpartition("/")[2] for _, destination in ctx.remote.transfer.successful(task_id)}
    for report in begun:
        _read_and_store(ctx, report, arrived, task)


def _what_keeps(task: TransferTask) -> str:
    """What keeps a transfer that has not ended; '' for nothing."""
    if task.status == "INACTIVE":
        return f"the transfer is inactive: {task.nice_status_details or 'credentials are missing'}"
    if task.nice_status == "Queued":
        return "queued at Globus: only three transfers run at a time"
    return "" if task.nice_status in ("", "OK") else f"{task.nice_status}: {task.nice_status_details}"


def _read_and_store(ctx: Context, report: RequestedReport, arrived: Iterable[str], task: TransferTask) -> None:
    """Read what has arrived for one report, and write it to the ledger."""
    folder = ctx.results / names.logs_below_results(report.run)
    place = (report.stage.value, report.segment)
    document, log, progress = (
        folder / name if name in arrived else None for name in (*names.job_files(*place), names.progress_file(*place))
    )
    try:
        found = read(document, log, progress)
    except (OSError, ValueError) as error:
        job_reports.set_absent(ctx.ledger, [report], str(error))
        return
    if found is None:
        why = task.fatal_error or task.nice_status_details or "it vanished while it was fetched"
        job_reports.set_absent(ctx.ledger, [report], f"not transferred: {why}")
        return
    job_reports.set_reports(
        ctx.ledger, [report], state=ReportState.THERE.value, why="", fetched_at=ctx.now(),
        document=json.dumps(asdict(found)),
    )  # fmt: skip
