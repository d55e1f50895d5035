"""What the sections of a run's detail show, as rows: what they say in columns, and in a sentence below.

Nothing is cleaned here: whoever draws does that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from console.ledger.job_reports import PENDING, JobReport, ReportState, RequestedReport
from console.reading.detail import RunDetail
from flowspec import text
from flowspec.progress import Evidence
from flowspec.stages import Place, Stage
from screens.rows import styles
from screens.rows.matrix import RAW, Group, Statement, statements
from screens.rows.row import Row, columns

WITNESSES = columns(
    ("SEG", 7), ("STAGE", 8), ("IS", 2), ("BY", 4), ("SAYS", 7), ("SIZE", 16, True), ("SINCE", 5, True), ("NOTE", 0)
)  # fmt: skip
JOBS = columns(("REPORT AND LOG", 0))
EVENTS = columns(("TIME", 5), ("WHO", 14), ("WHAT", 0))


# ---- segments and witnesses


def segment_rows(detail: RunDetail, groups: Sequence[Group]) -> list[Row]:
    return [_segment(detail, group) for group in groups]


def _segment(detail: RunDetail, group: Group) -> Row:
    cells = [styles.glyph(cell, detail.active) for cell in group.cells]
    late = any(row.late for row in group.rows)
    style = "bad" if group.bad else "warn" if late else "plain"
    size = text.size(group.bytes) if group.bytes is not None else "-"
    note = group.rows[0].note if detail.active or group.bad or late else ""
    many = f"{len(group.rows)} segments" if len(group.rows) > 1 else ""
    described = ": ".join(filter(None, (many, note)))
    pieces = ((group.label, "plain"), (size, "plain"), *cells, (described, style))
    named = f"segment {group.label}: {note or 'all done'}"
    states = zip(("XFER", "FIT", "CONV"), (cell.state.value for cell in group.cells), strict=True)
    values = {"SEG": group.first, "RAW": group.bytes, **dict(states)}
    numbers = tuple(row.segment for row in group.rows)
    return Row(group.first, pieces, (named, style), group.bad, values, group.first, worth_reading(group), numbers)


def worth_reading(group: Group) -> Place:
    """The job whose report says most: the one that failed; else that of the last stage that the segment has come to."""
    jobs = [(stage, cell) for stage, cell in zip((Stage.FIT, Stage.CONVERT), group.cells[1:], strict=True)]
    for stage, cell in jobs:
        if cell.bad:
            return stage, group.first
    begun = [stage for stage, cell in jobs if cell.state.value != "waiting"]
    return begun[-1] if begun else Stage.FIT, group.first


def witness_rows(detail: RunDetail, groups: Sequence[Group], now: float, *, every_name: bool = False) -> list[Row]:
    """A line for each witness of each place; segment and stage are written where they begin, or on every line."""
    rows: list[Row] = []
    before: Statement | None = None
    for statement in statements(detail, groups):
        new_group = every_name or before is None or before.group is not statement.group
        new_place = new_group or before is None or before.stage != statement.stage
        rows.append(_witness(detail, statement, now, new_group, new_place))
        before = statement
    return rows


def _witness(detail: RunDetail, said: Statement, now: float, new_group: bool, new_place: bool) -> Row:
    glyph = styles.glyph(said.cell, detail.active) if said.cell else ("", "plain")
    label = said.group.label if said.group else "run"
    style = styles.SAYS_STYLES.get(said.says, "plain")
    pieces = (
        (label if new_group else "", "plain"),
        (said.stage if new_place else "", "plain"),
        glyph if new_place else ("", "plain"),
        (said.witness, "plain"),
        (said.says, style),
        (_spread(said.sizes), "plain"),
        (text.span(now - said.since) if said.since is not None else "", "plain"),
        (said.note, style),
    )
    words = f"{said.witness} says {said.says}{', ' if said.note else ''}{said.note}" if said.witness else said.note
    since = f", since {text.moment(said.since)}" if said.since is not None else ""
    verdict = f"; together: {said.cell.state.value}{', ' if said.cell.why else ''}{said.cell.why}" if said.cell else ""
    sentence = f"{label} {said.stage}: {words}{since}{verdict}"
    first = said.group.first if said.group else None
    values = {"SEG": first, "STAGE": said.stage, "SIZE": said.sizes[1] if said.sizes else None, "SINCE": said.since}
    has_job = said.stage not in (RAW, Stage.TRANSFER.value, Stage.RETURN.value)
    place: Place | None = (Stage(said.stage), first) if has_job else None
    return Row((first, said.stage, said.witness), pieces, (sentence, "plain"), said.bad, values, first, place)


def _spread(sizes: tuple[int, int] | None) -> str:
    if sizes is None:
        return ""
    low, high = map(text.size, sizes)
    return low if low == high else f"{low} to {high}"


# ---- job reports and events


def job_rows(detail: RunDetail, segment: int | None) -> list[Row]:
    """How far each job is that runs, then each report with the last lines of its log; those of `segment` first."""
    ordered = sorted(detail.reports, key=lambda report: segment is None or report.segment != segment)
    return [_running(job) for job in detail.jobs] + [row for report in ordered for row in _job(report)]


def _running(job: Evidence) -> Row:
    whose = job.stage.value if job.segment is None else f"{job.stage.value} {job.segment:02d}"
    words = f"{whose}: {job.words}"
    place: Place = (job.stage, job.segment)
    return Row(("running", *place), ((words, "plain"),), (words, "plain"), segment=job.segment, place=place)


def _job(report: RequestedReport) -> list[Row]:
    key = (report.attempt, report.stage.value, report.segment)
    place: Place = (report.stage, report.segment)
    bad = report.state is ReportState.ABSENT or bool(report.report and report.report.rc)

    def row(number: int, words: str, style: str) -> Row:
        return Row((*key, number), ((words, style),), (words.strip(), style), bad, segment=report.segment, place=place)

    asked = f"attempt {report.number}, asked by {report.actor} {text.clock(report.asked_at)}"
    lines = [(f"{report.whose}  ({asked})", "title")]
    if report.sentence:
        lines.append((f"  {report.sentence}", "warn" if report.state in PENDING else "bad"))
    if report.report is not None:
        lines += _job_lines(report.report)
    return [row(number, *line) for number, line in enumerate(lines)]


def _job_lines(job: JobReport) -> list[tuple[str, str]]:
    fields: list[tuple[str, Any]] = [
        ("running at", _or(job.running_at, text.moment)), (job.phase, _done(job)),
        ("cpu", _or(job.cpu_seconds, precisely)),
        ("rc", job.rc), ("node", job.node), ("job", job.job_id), ("took", _or(job.seconds, precisely)),
        ("memory", _memory(job)), ("scratch", _or(job.scratch, text.size)),
        ("output", _or(job.bytes, text.size)), ("began", _or(job.started, text.moment)),
    ]  # fmt: skip
    known = "  ".join(f"{name} {value}" for name, value in fields if value not in (None, ""))
    lines = [(f"  {known}" if known else "  the job left no report, only a log", "bad" if job.rc else "plain")]
    if job.stalled_since is not None:
        lines.append((f"  stands still since {text.moment(job.stalled_since)}: neither output nor work", "warn"))
    lines += [(f"  {job.cause}", "bad")] if job.cause else []
    lines += [(f"  sha256 {job.sha256}", "dim")] if job.sha256 else []
    lines += [(f"  log {job.log}", "dim")] if job.log else []
    return lines + ([(f"  | {line}", "plain") for line in job.lines] or [("  | the log is empty", "dim")])


def _done(job: JobReport) -> str:
    return f"{text.size(job.done)} of {text.size(job.of)}" if job.done is not None and job.of is not None else ""


def _memory(job: JobReport) -> str:
    """How much it used, and of how much."""
    if job.peak is None:
        return ""
    return text.memory(job.peak) + (f" of {text.memory(job.memory_limit)}" if job.memory_limit is not None else "")


def _or(value: float | None, shown: Callable[[Any], str]) -> str:
    return "" if value is None else shown(value)


def event_rows(detail: RunDetail) -> list[Row]:
    return [
        Row(
            event.event,
            ((text.clock(event.at), "plain"), (event.actor, "plain"), (event.text, style)),
            (f"{text.moment(event.at)} {event.actor}: {event.text}", style),
            event.level == "bad",
        )
        for event in detail.events
        for style in (styles.LEVEL_STYLES.get(event.level, "plain"),)
    ]


def precisely(seconds: float) -> str:
    """As text.span, with a decimal below a minute."""
    return f"{seconds:.1f} s" if abs(seconds) < 60 else text.span(seconds)
