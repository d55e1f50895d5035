"""The report of a shift in words: a page of sections, without secrets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import groupby

from console.ledger.shift import Asked
from console.reading.page import Page, Section
from console.reading.report import Alike, Open, Report, Result, Taken, WaitedFor
from flowspec import catalogue, text
from flowspec.conditions import Owner, Reason
from flowspec.numbers import ranges
from remote.globus.credentials import hidden

WHOM: Mapping[Owner, str] = {
    Owner.OPERATOR: "somebody here",
    Owner.SITE: "the site",
    Owner.GLOBUS: "Globus",
    Owner.DAQ: "the DAQ",
    Owner.NOBODY: "their turn",
}
PART_WORDS: Mapping[str, str] = {
    "total": "END_RUN to result",
    "held": "not launched, between attempts",
    "transfer": "transfer",
    "queue": "queue at the site",
    "work": "work",
    "orchestrator": "Flows (to begin, to notice)",
}
RUNS_NAMED = 60  # cells of a list of runs


def page(report: Report) -> Page:
    title = f"Shift report {report.experiment}, {text.moment(report.since)} to {text.moment(report.until)}"
    sections = (
        _to_hand_over(report),
        _taken(report),
        _results(report),
        _failures(report),
        _waits(report),
        _delays(report),
        _losses(report),
        _remarks(report),
        _asked(report),
    )
    return Page(hidden(title), tuple(map(_without_secrets, sections)))


def _without_secrets(section: Section) -> Section:
    rows = tuple(tuple(map(hidden, row)) for row in section.rows)
    return replace(section, lines=tuple(map(hidden, section.lines)), rows=rows)


def _to_hand_over(report: Report) -> Section:
    lines = []
    if not report.driver:
        lines.append("no driver runs: nothing is launched or watched (console driver start)")
    lines += [f"{name}: {problem}" for name, problem in report.troubles]
    lines += [f"endpoint {name} is offline since {text.moment(since)}" for name, since in report.offline]
    if report.paused:
        lines.append(f"launching is {catalogue.sentence(report.paused.reason)}")
    if not report.auto:
        lines.append(f"auto-launch is off; {_count(report.ready, 'run')} ready")
    if not report.open:
        lines.append("no run needs anybody")
    rows = tuple(_open_row(run, report.until) for run in report.open)
    return Section("To hand over", tuple(lines), ("RUN", "STATE", "FOR", "WHY"), rows, "r r")


def _open_row(run: Open, now: float) -> tuple[str, ...]:
    state = "held" if run.held_by and not run.stuck else "STUCK" if run.stuck else run.state.value.upper()
    return str(run.run), state, text.span(now - run.since) if run.since is not None else "-", run.why


def _taken(report: Report) -> Section:
    size = sum(run.bytes for run in report.taken)
    lines = (f"{_count(len(report.taken), 'run')}, {text.size(size)}",)
    heads = ("RUN", "BEGAN", "ENDED", "SEG", "SIZE", "STATE", "TITLE")
    return Section("Runs taken", lines, heads, tuple(map(_taken_row, report.taken)), "r  rr")


def _taken_row(run: Taken) -> tuple[str, ...]:
    began, ended = _short(run.started), _short(run.ended)
    return str(run.run), began, ended, str(run.segments), text.size(run.bytes), run.state.value, run.title


def _results(report: Report) -> Section:
    lines = (_count(len(report.results), "result"),)
    rows = tuple(map(_result_row, report.results))
    return Section("Results", lines, ("RUN", "BACK", "SIZE", "PATH"), rows, "r r")


def _result_row(result: Result) -> tuple[str, ...]:
    size = text.size(result.bytes) if result.bytes is not None else "-"
    return str(result.run), _short(result.at), size, result.path or "-"


def _failures(report: Report) -> Section:
    lines = () if report.failures else ("nothing failed",)
    heads = ("STAGE", "TIMES", "WELL SINCE", "RUNS", "CAUSE")
    return Section("Failures", lines, heads, tuple(map(_alike_row, report.failures)), " rr")


def _alike_row(alike: Alike) -> tuple[str, ...]:
    stage = alike.stage.value if alike.stage else "-"
    cause = catalogue.sentence(alike.reason)
    return stage, str(alike.places), str(alike.mended), _runs(alike.runs), cause


def _waits(report: Report) -> Section:
    lines = () if report.waits else ("no run waited for a minute or more",)
    heads = ("FOR", "RUNS", "STILL", "TOGETHER", "LONGEST", "AS LAST")
    return Section("What waited for whom", lines, heads, tuple(map(_wait_row, report.waits)), " rrrr")


def _wait_row(wait: WaitedFor) -> tuple[str, ...]:
    count, together, longest = str(len(wait.runs)), text.span(wait.seconds), text.span(wait.longest)
    return WHOM[wait.owner], count, str(wait.waiting), together, longest, catalogue.row(wait.reason)


def _delays(report: Report) -> Section:
    if not report.delays and report.streamed is None:
        return Section("From END_RUN to the result", ("no result came back",))
    counts = [_count(report.delayed, "result")] if report.delayed else []
    counts += [f"{report.delayed_streamed} streamed"] if report.streamed else []
    lines = (f"of {' and '.join(counts)}: half and 19 of 20 took no longer",)
    rows = tuple((text.span(one.p50), text.span(one.p95), PART_WORDS[one.part]) for one in report.delays)
    if report.streamed:
        of_it = (text.span(report.streamed.p50), text.span(report.streamed.p95))
        rows = ((*of_it, "END_RUN to result, streamed"), *rows)
    return Section("From END_RUN to the result", lines, ("P50", "P95", "PART"), rows, "rr")


def _losses(report: Report) -> Section:
    lines = []
    for result in report.results:
        if result.lacks.keys() & {"waived", "lost"}:
            lines.append(f"run {result.run}: {catalogue.sentence(_returned(result))}")
    lines += [f"run {run} segment {decision}" for run, decision in report.decisions]
    return Section("Losses, waivers and acceptances", tuple(lines) or ("none",))


def _remarks(report: Report) -> Section:
    lines = [f"{text.moment(note.at)} run {note.run} {note.actor}: {note.text}" for note in report.notes]
    lines += [f"run {claim.run} is claimed by {claim.actor} since {text.moment(claim.at)}" for claim in report.claims]
    return Section("Notes and claims", tuple(lines) or ("none",))


def _returned(result: Result) -> Reason:
    return Reason("outcome.returned", result.lacks)


def _asked(report: Report) -> Section:
    def key(asked: Asked) -> tuple[str, str, bool]:
        return asked.actor, asked.verb, asked.state == "refused"

    rows = []
    for (actor, verb, refused), items in groupby(sorted(report.asked, key=key), key):
        found = list(items)
        of = _runs(tuple(sorted({item.run for item in found if item.run is not None})))
        rows.append((actor, f"{verb} (refused)" if refused else verb, str(len(found)), of))
    lines = () if rows else ("nobody asked for anything",)
    return Section("Who did what", lines, ("WHO", "WHAT", "TIMES", "RUNS"), tuple(rows), "  r")


def _runs(numbers: tuple[int, ...]) -> str:
    return text.clean(ranges(numbers), RUNS_NAMED)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _short(at: float | None) -> str:
    """Day and time: a report may be of more than a day."""
    return text.moment(at)[5:16] if at is not None else "-"
