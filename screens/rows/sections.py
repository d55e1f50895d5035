"""What the sections of a run's detail show, as rows: what they say in columns, and in a sentence below.

Nothing is cleaned here: whoever draws does that.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from console.ledger.attempts import Attempt
from console.ledger.hints import Hint
from console.ledger.job_reports import PENDING, JobReport, Report, ReportState
from console.reading.detail import RunDetail
from console.reading.timing import Timing
from flowspec import flowlog, text
from flowspec.progress import Says
from flowspec.stages import SEGMENT_STAGES, Place, Stage
from flowspec.timeline import StageTime
from screens.rows import styles
from screens.rows.matrix import RAW, Group, statements
from screens.widgets.piece import Piece
from screens.widgets.table import Column


@dataclass(frozen=True)
class Row:
    """A row of a section. `values` are what its columns are sorted and filtered by, where that is not what they show.

    `segment` is the first that it is about, `place` the job whose report is worth reading.
    """

    key: Hashable
    pieces: Sequence[Piece]
    sentence: Piece
    bad: bool = False
    values: Mapping[str, Any] = field(default_factory=dict)
    segment: int | None = None
    place: Place | None = None


def column(place: int, name: str, width: int, right: bool = False) -> Column:
    """A column for rows: the `place`-th of their pieces."""
    return Column(name, width, right, lambda row: row.values.get(name, row.pieces[place][0]))


def columns(*described: tuple[str, int] | tuple[str, int, bool]) -> tuple[Column, ...]:
    return tuple(column(place, *words) for place, words in enumerate(described))


SEGMENTS = columns(("SEG", 7), ("RAW", 6, True), ("XFER", 4), ("FIT", 4), ("CONV", 4), ("NOTE", 0))
WITNESSES = columns(
    ("SEG", 7), ("STAGE", 8), ("IS", 2), ("BY", 4), ("SAYS", 7), ("SIZE", 16, True), ("SINCE", 5, True), ("NOTE", 0)
)  # fmt: skip
TIMELINE = columns(
    ("ATT", 3, True), ("STAGE", 9), ("BEGAN", 5), ("TOOK", 5, True), ("WORK", 5, True), ("QUEUE", 5, True),
    ("FLOWS", 5, True), ("WHAT", 0),
)  # fmt: skip
LOG = columns(("ATT", 3, True), ("STAGE", 8), ("SAYS", 7), ("BEGAN", 8), ("LOOKED", 8), ("ENDED", 8), ("WHAT", 0))
INPUT, JOBS = columns(("JSON", 0)), columns(("REPORT AND LOG", 0))
EVENTS = columns(("TIME", 5), ("WHO", 14), ("WHAT", 0))


# ---- segments and witnesses


def segment_rows(detail: RunDetail, groups: Sequence[Group]) -> list[Row]:
    return [_segment(detail, group) for group in groups]


def _segment(detail: RunDetail, group: Group) -> Row:
    cells = [styles.glyph(cell, detail.active) for cell in group.cells]
    style = "bad" if group.bad else "plain"
    size = text.size(group.bytes) if group.bytes is not None else "-"
    whose = f" of run {detail.run.run} segment {group.first:02d}: "
    note = group.rows[0].note
    for stage in SEGMENT_STAGES:  # the row says already whose it is
        note = note.replace(f"{stage.value}: {stage.value}{whose}", f"{stage.value}: ")
    many = f"{len(group.rows)} segments" if len(group.rows) > 1 else ""
    told = ": ".join(filter(None, (many, note)))
    pieces = ((group.label, "plain"), (size, "plain"), *cells, (told, style))
    named = f"segment {group.label}: {note or 'all done'}"
    states = zip(("XFER", "FIT", "CONV"), (cell.state.value for cell in group.cells), strict=True)
    values = {"SEG": group.first, "RAW": group.bytes, **dict(states)}
    return Row(group.first, pieces, (named, style), group.bad, values, group.first, worth_reading(group))


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
    before: tuple[Group | None, str] | None = None
    for told in statements(detail, groups):
        here = (told.group, told.stage)
        glyph = styles.glyph(told.cell, detail.active) if told.cell else ("", "plain")
        label = told.group.label if told.group else "run"
        new_group = every_name or before is None or before[0] is not told.group
        new_place = every_name or here != before
        style = styles.SAYS_STYLES.get(told.says, "plain")
        since = text.span(now - told.since) if told.since is not None else ""
        pieces = (
            (label if new_group else "", "plain"),
            (told.stage if new_place else "", "plain"),
            glyph if new_place else ("", "plain"),
            (told.witness, "plain"),
            (told.says, style),
            (_spread(told.sizes), "plain"),
            (since, "plain"),
            (told.note, style),
        )
        verdict = (
            f"; together: {told.cell.state.value}{', ' if told.cell.why else ''}{told.cell.why}" if told.cell else ""
        )
        said = f"{told.witness} says {told.says}{', ' if told.note else ''}{told.note}" if told.witness else told.note
        ago = f", since {text.moment(told.since)}" if told.since is not None else ""
        sentence = f"{label} {told.stage}: {said}{ago}{verdict}"
        first = told.group.first if told.group else None
        values = {"SEG": first, "STAGE": told.stage, "SIZE": told.sizes[1] if told.sizes else None, "SINCE": told.since}
        place = (
            (Stage(told.stage), first) if told.stage not in (RAW, Stage.TRANSFER.value, Stage.RETURN.value) else None
        )
        rows.append(Row((first, told.stage, told.witness), pieces, (sentence, "plain"), told.bad, values, first, place))
        before = here
    return rows


def _spread(sizes: tuple[int, int] | None) -> str:
    if sizes is None:
        return ""
    low, high = map(text.size, sizes)
    return low if low == high else f"{low} to {high}"


# ---- timeline and flow log


def timeline_rows(detail: RunDetail, now: float) -> list[Row]:
    """The attempts, newest first, each followed by its stages."""
    rows: list[Row] = []
    for attempt in reversed(detail.attempts):
        timing = detail.timing.get(attempt.attempt, Timing())
        spent = timing.spent(attempt, now)
        word, style = styles.attempt_state(attempt.state)
        what = "; ".join(filter(None, (attempt.plan.describe(), attempt.why)))
        pieces = (
            (str(attempt.number), "title"), (word, style), (text.clock(attempt.intended_at), "plain"),
            (_short(spent.total), "plain"), (_short(spent.worked + spent.together), "plain"),
            (_short(spent.queued), "plain"), (_short(spent.waited), "plain"), (what, "plain"),
        )  # fmt: skip
        flow_run = detail.address(attempt.flow_run) if attempt.flow_run else "no flow run yet"
        sentence = (
            f"attempt {attempt.number} by {attempt.actor}, {text.moment(attempt.intended_at)}: {what} | {flow_run}"
        )
        rows.append(Row((attempt.number, ""), pieces, (sentence, "plain"), style == "bad"))
        rows += [_stage(attempt, time, timing, now) for time in spent.stages]
    return rows


def _stage(attempt: Attempt, time: StageTime, timing: Timing, now: float) -> Row:
    visit = attempt.visits[time.stage]
    took = (time.ended if time.ended is not None else now) - time.began
    style = styles.SAYS_STYLES.get(visit.says.value, "plain")
    hints = [hint for hint in timing.hints if hint.stage is time.stage]
    what = "; ".join(filter(None, (visit.says.value, visit.cause, _hints(hints))))
    split = time.worked is not None
    pieces = (
        ("", "plain"), (time.stage.value, style), (text.clock(time.began), "plain"), (_short(took), "plain"),
        (_short(time.worked if time.worked is not None else time.together), "plain"),
        (_short(time.queued or 0) if split else "?", "plain"), (_short(time.unnoticed), "plain"), (what, style),
    )  # fmt: skip
    told = (
        f"worked {precisely(time.worked or 0)}, queued {precisely(time.queued or 0)}" if split
        else f"{precisely(time.together)} of work and queue, which cannot be told apart"
    )  # fmt: skip
    noticed = f"{precisely(time.unnoticed)} until Flows noticed its end"
    sentence = f"attempt {attempt.number} {time.stage.value}: {told}, {noticed}; {what}"
    place: Place | None = (Stage.ANALYZE, None) if time.stage is Stage.ANALYZE else None
    bad = visit.says is Says.FAILED
    return Row((attempt.number, time.stage.value), pieces, (sentence, "plain"), bad, place=place)


def _hints(hints: Sequence[Hint]) -> str:
    if not hints:
        return ""
    given = f"{len(hints)} hint{'s' if len(hints) > 1 else ''} to Flows"
    last = hints[-1]
    if last.moved is not None:
        return f"{given}, moved {precisely(last.moved - last.at)} after the last"
    return f"{given}{', not taken: ' if last.kind else ''}{last.problem}"


def _short(seconds: float) -> str:
    """At most five characters, as text.span, with a decimal where that fits."""
    return f"{seconds:.1f} s" if 0.05 <= seconds < 9.95 else text.span(seconds)


def precisely(seconds: float) -> str:
    """As text.span, with a decimal below a minute."""
    return f"{seconds:.1f} s" if abs(seconds) < 60 else text.span(seconds)


def log_rows(detail: RunDetail) -> list[Row]:
    """What the flow log says of each stage, the newest attempt first."""
    rows: list[Row] = []
    for attempt in reversed(detail.attempts):
        timing = detail.timing.get(attempt.attempt, Timing())
        for stage, visit in attempt.visits.items():
            style = styles.SAYS_STYLES.get(visit.says.value, "plain")
            hints = _hints([hint for hint in timing.hints if hint.stage is stage])
            action = f"action {visit.action}" if visit.action else ""
            what = "; ".join(filter(None, (visit.cause, hints, action)))
            began, looked, ended = map(_flow_time, (visit.started, visit.looked, visit.ended))
            pieces = (
                (str(attempt.number), "plain"), (stage.value, "plain"), (visit.says.value, style), (began, "plain"),
                (looked, "plain"), (ended, "plain"), (what, style if visit.cause else "plain"),
            )  # fmt: skip
            sentence = f"attempt {attempt.number} {stage.value} {visit.says.value}, {began} to {ended}: {what}"
            rows.append(Row((attempt.number, stage.value), pieces, (sentence, "plain"), visit.says is Says.FAILED))
    return rows


def _flow_time(time: str | None) -> str:
    return text.clock(flowlog.seconds(time), seconds=True) if time else "-"


# ---- input document, job reports, events


def input_rows(attempt: Attempt) -> list[Row]:
    lines = json.dumps(attempt.body, indent=2).splitlines()
    return [Row(number, ((line, "plain"),), (line.strip(), "plain")) for number, line in enumerate(lines)]


def job_rows(detail: RunDetail, segment: int | None) -> list[Row]:
    """Each report with the last lines of its log; those of `segment` first."""
    ordered = sorted(detail.reports, key=lambda report: segment is None or report.segment != segment)
    return [row for report in ordered for row in _job(report)]


def _job(report: Report) -> list[Row]:
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
        lines += _told(report.report)
    return [row(number, *line) for number, line in enumerate(lines)]


def _told(job: JobReport) -> list[tuple[str, str]]:
    facts: list[tuple[str, Any]] = [
        ("rc", job.rc), ("node", job.node), ("job", job.job_id), ("took", _or(job.seconds, precisely)),
        ("output", _or(job.bytes, text.size)), ("began", _or(job.started, text.moment)),
    ]  # fmt: skip
    known = "  ".join(f"{name} {value}" for name, value in facts if value not in (None, ""))
    lines = [(f"  {known}" if known else "  the job left no report, only a log", "bad" if job.rc else "plain")]
    lines += [(f"  {job.cause}", "bad")] if job.cause else []
    lines += [(f"  sha256 {job.sha256}", "dim")] if job.sha256 else []
    lines += [(f"  log {job.log}", "dim")] if job.log else []
    return lines + ([(f"  | {line}", "plain") for line in job.lines] or [("  | the log is empty", "dim")])


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
