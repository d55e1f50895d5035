"""What `console status` prints: one JSON object, or a table to read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from console import VERSION
from console.ledger.attempts import Attempt
from console.ledger.cancel_lines import CancelLine
from console.ledger.presence import Presence
from console.ledger.runs import Run
from console.ledger.store import Ledger
from console.reading import keeping_up, night, night_words
from console.reading.detail import RunDetail, detail
from console.reading.flow_rows import FlowRow
from console.reading.snapshot import RunRow, Snapshot, snapshot
from flowspec import catalogue, text
from flowspec.cells import Cell
from flowspec.conditions import Condition
from flowspec.stages import SEGMENT_STAGES
from flowspec.standing import MAY_STAND_STILL
from flowspec.states import RECORDED

SCHEMA = 1


def status_json(ledger: Ledger, run: int | None = None) -> dict[str, Any]:
    """The object that `console status --json` prints, of all runs or of one; KeyError when the run is not known."""
    seen = snapshot(ledger)
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "at": seen.at,
        "driver": asdict(seen.driver) if seen.driver else None,
        "auto": seen.auto,
        "paused": asdict(seen.paused) if seen.paused else None,
        "night": _night(seen),
        "hints_off": seen.hints_off,
        "kit_outdated": seen.kit_outdated,
        "slurm_pending": catalogue.sentence(seen.slurm_pending),
        "space": asdict(seen.space) if seen.space else None,
        "sources": [asdict(source) | {"stale": source.stale(seen.at)} for source in seen.sources],
        "endpoints": [asdict(endpoint) for endpoint in seen.endpoints],
    }
    if run is None:
        return document | {
            "runs": [_document(row) for row in seen.runs],
            "flow_runs": [_document(row) for row in seen.flow_runs],
        }
    found = detail(ledger, run)
    if found is None:
        raise KeyError(run)
    return document | {"run": _detail_json(found)}


def _night(seen: Snapshot) -> dict[str, Any]:
    """Whether work moves, as facts and as the line of the screen."""
    judged = night.judge(seen.night, seen.paused, seen.driver, seen.at)
    facts = {name: value for name, value in asdict(seen.night).items() if name != "known"}
    return facts | {
        "state": judged.state.value.lower(),
        "why": judged.why.value if judged.why else None,
        "backlog_until": night.worked_off(seen.night, seen.at),
        "line": text.clean(night_words.sentence(seen, seen.at)),
    }


def _document(row: RunRow | FlowRow | Run | Attempt) -> dict[str, Any]:
    """Its columns, and why it stands where it stands: as a sentence, and as codes."""
    document = asdict(row) | {"why": row.why}
    document.pop("run_why", None)  # it is in `why`
    if isinstance(row, RunRow | Run):
        document["stuck"] = row.stuck
        document["conditions"] = [_condition(condition) for condition in row.conditions]
    return document


def _condition(condition: Condition) -> dict[str, Any]:
    entry = catalogue.entry(condition.code)
    return {
        "topic": condition.topic.value,
        "code": condition.code,
        "severity": entry.severity.value,
        "owner": entry.owner.value,
        "since": condition.since,
        "stage": condition.stage.value if condition.stage else None,
        "segment": condition.segment,
        "parameters": dict(condition.reason.parameters),
        "words": catalogue.sentence(condition.reason),
    }


def _detail_json(found: RunDetail) -> dict[str, Any]:
    told_below = ("segments", "sizes", "launched_sizes")
    run = {name: value for name, value in _document(found.run).items() if name not in told_below}
    return run | {
        "reason": found.run.reason,
        "streams": found.streams,
        "gauge": asdict(found.gauge) if found.gauge else None,
        "segments": [
            {"segment": row.segment, "bytes": row.bytes, "note": row.note}
            | {stage.value: _cell_json(cell) for stage, cell in zip(SEGMENT_STAGES, row.cells, strict=True)}
            for row in found.segments
        ],
        "analyze": _cell_json(found.analyze),
        "return": _cell_json(found.returned),
        "attempts": [
            {name: value for name, value in _document(attempt).items() if name != "body"}
            | {"plan": attempt.plan.describe()}
            for attempt in found.attempts
        ],
        "waived": [asdict(waiver) for waiver in found.waived],
        "accepted": [asdict(acceptance) for acceptance in found.accepted],
        "cancel": [_cancel_line(line) for line in found.cancel],
        "jobs": [
            {"stage": job.stage.value, "segment": job.segment, "at": job.at, "words": job.words}
            | {name: job.reason.parameters.get(name) for name in ("phase", "percent", "left")}
            for job in found.jobs
        ],
        "reports": [asdict(report) for report in found.reports],
        "events": [asdict(event) for event in found.events],
    }


def _cell_json(cell: Cell) -> dict[str, str]:
    return {"state": cell.state.value, "why": cell.why}


def status_text(ledger: Ledger, run: int | None = None) -> str:
    """The same for people, as lines of text; KeyError when the run is not known."""
    if run is None:
        return _overview(snapshot(ledger))
    found = detail(ledger, run)
    if found is None:
        raise KeyError(run)
    return _run_text(found, ledger.now())


def _versions(driver: Presence | None) -> list[str]:
    if driver is None or not driver.other_version:
        return []
    return [
        f"versions differ: the driver is {text.clean(driver.other_version)}, this console {VERSION}; "
        "console driver stop, and the next one is of the console that starts it"
    ]


def _overview(seen: Snapshot) -> str:
    driver = seen.driver
    who = (
        f"{text.clean(driver.who)}, process {driver.pid}, {driver.mode}"
        if driver
        else "NONE: nothing is launched or watched"
    )
    lines = [text.clean(night_words.sentence(seen, seen.at))]
    lines += [
        f"driver: {who}",
        *_versions(driver),
        *([text.clean(driver.problem)] if driver and driver.problem else []),
    ]
    lines.append(f"auto-launch: {'on' if seen.auto else 'off'}")
    if seen.paused:
        lines.append(text.clean(catalogue.sentence(seen.paused.reason)))
    if seen.hints_off:
        lines.append(text.clean(seen.hints_off))
    lines += [text.clean(said) for said in (seen.kit_outdated, catalogue.sentence(seen.slurm_pending)) if said]
    if seen.space:
        full = f", full in {text.span(seen.space.full_in)}" if seen.space.full_in is not None else ""
        lines.append(f"disk of the results: {seen.space}{full}")
    for source in seen.sources:
        age = source.age(seen.at)
        answered = f"heard {text.span(age)} ago" if age is not None else "never heard"
        problem = f": {text.clean(source.problem)}" if source.problem else ""
        lines.append(f"source {text.clean(source.name)}: {answered}{problem}")
    for endpoint in seen.endpoints:
        state = "online" if endpoint.online else "OFFLINE"
        lines.append(f"endpoint {text.clean(endpoint.name)}: {state} since {text.moment(endpoint.since)}")
    rows = [
        [
            str(r.run),
            _state(r),
            str(r.segments),
            text.size(r.bytes),
            text.moment(r.ended),
            text.clean(r.because),
        ]
        for r in seen.runs
    ]
    return "\n".join([*lines, "", *_table(["RUN", "STATE", "SEGMENTS", "SIZE", "ENDED", "WHY"], rows, "r.rr")])


def _state(run: RunRow | Run) -> str:
    return "STUCK" if run.stuck and run.state in MAY_STAND_STILL else run.state.word


def _run_text(found: RunDetail, now: float) -> str:
    run = found.run
    lines = [
        f"run {run.run} {_state(run)}: {text.clean(run.why)}",
        f"title: {text.clean(run.title)}",
        f"path: {text.clean(run.path)}",
        f"taken: {text.moment(run.started)} to {text.moment(run.ended)}",
        f"on disk: {len(run.segments)} segments, {text.size(run.bytes)}",
        *_early(found, now),
        f"result: {text.clean(run.result or '-')}",
        f"analyze: {_cell(found.analyze)}",
        f"return: {_cell(found.returned)}",
    ]
    for attempt in found.attempts:
        flow_run = f"flow run {attempt.flow_run}" if attempt.flow_run else "no flow run yet"
        lines.append(f"attempt {attempt.number} {attempt.state.value} ({flow_run}): {text.clean(attempt.why)}")
    lines += [f"segment {text.clean(str(waiver))}" for waiver in (*found.waived, *found.accepted)]
    lines += _cancel(found)
    rows = [
        [str(r.segment), _size(r.bytes), *(cell.state.value for cell in r.cells), text.clean(r.note)]
        for r in found.segments
    ]
    heads = ["SEGMENT", "SIZE", *(stage.value.upper() for stage in SEGMENT_STAGES), "NOTE"]
    return "\n".join([*lines, "", *_table(heads, rows, "rr")])


def _early(found: RunDetail, now: float) -> list[str]:
    """While it is recorded: whether it is worked on, and keeps up."""
    if found.run.state not in RECORDED:
        return []
    work = [f"work: {keeping_up.sentence(found.gauge, now)}"] if found.gauge else []
    return [f"streamed: {'yes' if found.streams else 'no'}", *work]


def _cancel_line(line: CancelLine) -> dict[str, Any]:
    known = {name: value for name, value in asdict(line).items() if name != "observed"}
    return known | {"what": line.what, "seen": line.words}


def _cancel(found: RunDetail) -> list[str]:
    """The lines of the cancel of the newest attempt, each with the time at which its end was observed."""
    if not found.cancel:
        return []
    asked = found.attempts[-1]
    gone = sum(line.gone for line in found.cancel)
    head = f"cancel: asked by {text.clean(asked.cancel_by or '-')} {text.moment(asked.cancel_at)}"
    rows = [
        [text.clock(line.gone_at, seconds=True) if line.gone_at else "-", line.kind.value]
        + [text.clean(words) for words in (line.what, line.id, line.words)]
        for line in found.cancel
    ]
    table = _table(["GONE", "KIND", "WHAT", "ID", "SEEN"], rows, "r")
    return ["", f"{head}; {gone} of {len(found.cancel)} gone", *table]


def _size(count: int | None) -> str:
    return "-" if count is None else text.size(count)


def _cell(cell: Cell) -> str:
    return f"{cell.state.value}{': ' if cell.why else ''}{text.clean(cell.why)}"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], aligned: str) -> list[str]:
    """Columns as wide as their widest entry; those marked `r` in `aligned` stand at the right."""
    widths = [max(map(text.cells, column)) for column in zip(heads, *rows, strict=True)]
    return [
        "  ".join(
            text.fit(entry, width, right=aligned[i : i + 1] == "r")
            for i, (entry, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in [heads, *rows]
    ]
