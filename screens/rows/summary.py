"""The lines above the sections of a run's detail: what is known of the run as a whole. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from console.ledger import cancel_lines
from console.reading import keeping_up
from console.reading.detail import RunDetail
from flowspec import text
from flowspec.states import RECORDED
from screens.rows import styles
from screens.widgets.piece import Piece

NAMES = ("Segments", "Evidence", "Timeline", "Flow log", "Input", "Jobs", "Events")


def run_lines(detail: RunDetail, now: float) -> list[list[Piece]]:
    """All that is known, a line for each thing."""
    run = detail.run
    disk = f"{len(run.segments)} segments, {text.size(run.bytes)}, {run.reason}"
    return _cleaned([
        _state(detail),
        [(" title    ", "head"), (run.title or "-", "plain")],
        [(" taken    ", "head"), (f"{text.moment(run.started)} to {text.moment(run.ended)}", "plain")],
        [(" path     ", "head"), (run.path, "plain")],
        [(" on disk  ", "head"), (disk, "plain")],
        *_streaming(detail),
        *_gauge(detail, now),
        _stages(detail),
        *(_result(detail) or [[(" result   ", "head"), ("-", "plain")]]),
        _globus(detail),
        *_remarks(detail),
        *_cancel(detail),
    ])  # fmt: skip


def short_run_lines(detail: RunDetail, now: float) -> list[list[Piece]]:
    """The same for a small terminal."""
    run = detail.run
    size = f"{len(run.segments)} segments, {text.size(run.bytes)}, {run.verdict}"
    data = "; ".join(filter(None, (run.title or "no title", size, _streamed(detail))))
    named: list[Piece] = [(" data     ", "head"), (data, "plain")]
    stages = _result(detail) or [_stages(detail)]  # which say nothing more, once the result is back
    above = [_state(detail), named, *_gauge(detail, now), *stages]
    return _cleaned([*above, _globus(detail), *_remarks(detail), *_cancel(detail)])


def tabs(panes: Sequence[Any], shown: Collection[Any], focused: Any) -> list[Piece]:
    """The sections with their keys; those that are shown stand out."""
    line: list[Piece] = []
    for number, (name, pane) in enumerate(zip(NAMES, panes, strict=True), start=1):
        style = "focus" if pane is focused else "title" if pane in shown else "head"
        line += [(" ", "plain"), (f"{number} {name}", style)]
    return line


def _state(detail: RunDetail) -> list[Piece]:
    word, style = styles.run_state(detail.run.state, detail.run.stuck)
    return [(f" run {detail.run.run} ", "title"), (f"{word} ", style), (detail.run.why, style)]


def _stages(detail: RunDetail) -> list[Piece]:
    analyze, returned = styles.glyph(detail.analyze, detail.active), styles.glyph(detail.returned, detail.active)
    return [
        (" analyze  ", "head"), analyze, (f" {detail.analyze.why}", "plain"),
        ("   return ", "head"), returned, (f" {detail.returned.why}", "plain"),
    ]  # fmt: skip


def _streaming(detail: RunDetail) -> list[list[Piece]]:
    """Whether it is worked on while it is recorded: nothing of a run that was."""
    if not (words := _streamed(detail)):
        return []
    whose = "as the profile says" if detail.run.streaming is None else "as was asked for this run"
    return [[(" early    ", "head"), (f"{words}, {whose}; b switches it", "plain")]]


def _streamed(detail: RunDetail) -> str:
    if detail.run.state not in RECORDED:
        return ""
    return "streamed" if detail.streams else "not streamed"


def _gauge(detail: RunDetail, now: float) -> list[list[Piece]]:
    """Data in against work done, while it is recorded."""
    if detail.gauge is None:
        return []
    style = "warn" if keeping_up.falls_behind(detail.gauge, now) else "plain"
    return [[(" work     ", "head"), (keeping_up.sentence(detail.gauge, now), style)]]


def _globus(detail: RunDetail) -> list[Piece]:
    flow_runs = [attempt.flow_run for attempt in detail.attempts if attempt.flow_run]
    return [(" Globus   ", "head"), (detail.address(flow_runs[-1]) if flow_runs else "no flow run yet", "plain")]


def _result(detail: RunDetail) -> list[list[Piece]]:
    """Where it is, and what it is: nothing while there is none."""
    result = detail.result
    if result is None:
        return []
    parts = (
        text.size(result.bytes) if result.bytes is not None else "",
        f"{result.entries:,} entries" if result.entries is not None else "",
        f"of {result.segments} of {result.of} segments" if result.segments < result.of else
        f"of all {result.of} segments",
        f"back {text.moment(result.at)}" if result.at is not None else "",
    )  # fmt: skip
    return [
        [(" result   ", "head"), (result.path, "plain")],
        [("          ", "head"), (", ".join(filter(None, parts)), "plain")],
    ]


def _remarks(detail: RunDetail) -> list[list[Piece]]:
    said = detail.remarks.words
    return [[(" people   ", "head"), (said, "plain")]] if said else []


def _cancel(detail: RunDetail) -> list[list[Piece]]:
    """What has ended in one line, and a line for each thing that has not."""
    if not detail.cancel:
        return []
    ticks = cancel_lines.ticks(detail.cancel, detail.offline)
    ended = ", ".join(what for has_ended, what in ticks if has_ended)
    lines: list[tuple[str, str, str]] = [("ok", "good", ended)] if ended else []
    lines += [("..", "warn", what) for has_ended, what in ticks if not has_ended]
    heads = [" cancel   ", *[" " * 10] * (len(lines) - 1)]
    return [
        [(head, "head"), (glyph, style), (f" {what}", "plain")]
        for head, (glyph, style, what) in zip(heads, lines, strict=True)
    ]


def _cleaned(lines: Sequence[Sequence[Piece]]) -> list[list[Piece]]:
    return [[(text.clean(words), style) for words, style in line] for line in lines]
