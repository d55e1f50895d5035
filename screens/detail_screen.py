"""All that is known of one run: the facts, its segments, its attempts, and what happened."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import ClassVar

from console import cancel_lines, text
from console.records import Attempt
from console.report import Event, RunDetail, RunRow, SegmentRow
from screens import look
from screens.base import TALL, ConsoleScreen
from screens.lines import Piece
from screens.pane import Column, Pane

SEGMENTS = (Column("SEG", 4, True), Column("RAW", 6, True), Column("TRANSFER", 9), Column("FIT", 9),
            Column("CONVERT", 9), Column("NOTE", 0))  # fmt: skip
ATTEMPTS = (Column("ATT", 3, True), Column("STATE", 9), Column("STAGE", 8), Column("START", 5), Column("TOOK", 5, True),
            Column("WHAT", 0))  # fmt: skip
EVENTS = (Column("TIME", 5), Column("WHO", 14), Column("WHAT", 0))


class DetailScreen(ConsoleScreen):
    """Shows the run that is selected on the main screen."""

    FOOTER: ClassVar[Sequence[str]] = ("launch", "retry", "cancel", "next_pane", "help", "quit")
    OPEN_FIRST: ClassVar[str] = "segments"

    def __init__(self, run: int, ascii_only: bool) -> None:
        super().__init__(ascii_only)
        self.run = run
        self._pointed = False
        self.segments = Pane(SEGMENTS, attrgetter("segment"), self._segment, id="segments", ascii_only=ascii_only)
        self.attempts = Pane(ATTEMPTS, attrgetter("number"), self._attempt, id="attempts", ascii_only=ascii_only)
        self.events = Pane(EVENTS, attrgetter("event"), _event, id="events", ascii_only=ascii_only)

    def panes(self) -> list[Pane]:
        return [self.segments, self.attempts, self.events]

    def stacked(self) -> bool:
        return self.size.height < TALL

    def chosen_run(self) -> RunRow | None:
        seen = self.app.look.snapshot
        return seen.run(self.run) if seen else None

    def _detail(self) -> RunDetail | None:
        detail = self.app.look.detail
        return detail if detail is not None and detail.run.run == self.run else None

    def fill(self) -> None:
        detail = self._detail()
        if detail is None:
            self.facts.show([(f" run {self.run}: reading the ledger", "dim")])
            return
        facts = _facts(detail)
        self.facts.styles.height = len(facts)
        self.facts.show(*facts)
        bad = sum(row.bad for row in detail.segments)
        self.segments.show(
            detail.segments,
            title=f"Segments of {self.run}",
            empty="no segment on disk",
            summary=f"{len(detail.segments)}, {bad} to look at" if bad else f"{len(detail.segments)}",
        )
        if not self._pointed:
            self._pointed = True
            self.segments.point_at(detail.first_to_look_at)
        newest_first = detail.attempts[::-1]
        summary = f"{newest_first[0].number}: {newest_first[0].state.value}" if newest_first else "none"
        self.attempts.show(newest_first, title="Attempts", empty="never launched", summary=summary)
        latest = text.clean(detail.events[0].text) if detail.events else ""
        self.events.show(detail.events, title="Events", empty="nothing happened yet", summary=latest)

    def sentence(self) -> Piece:
        item = self.focused_pane().cursor_item
        if isinstance(item, SegmentRow):
            return f"segment {item.segment:02d}: {item.note or 'all done'}", "bad" if item.bad else "plain"
        if isinstance(item, Attempt):
            flow_run = f"flow run {item.flow_run}" if item.flow_run else "no flow run yet"
            return f"attempt {item.number} by {item.actor}: {item.why or item.state.value} | {flow_run}", "plain"
        if isinstance(item, Event):
            return f"{text.moment(item.at)} {item.actor}: {item.text}", look.LEVEL_STYLES.get(item.level, "plain")
        return "", "plain"

    def _segment(self, row: SegmentRow) -> Sequence[Piece]:
        detail = self._detail()
        active = detail is not None and detail.active
        cells = [(_word(cell.state.value, look.glyph(cell, active)), look.glyph(cell, active)[1]) for cell in row.cells]
        size = text.size(row.bytes) if row.bytes is not None else "-"
        note = row.note if active or row.bad else ""
        return ((f"{row.segment:02d}", "plain"), (size, "plain"), *cells, (note, "bad" if row.bad else "plain"))

    def _attempt(self, row: Attempt) -> Sequence[Piece]:
        word, style = look.attempt_state(row.state)
        began = row.started_at or row.intended_at
        return (
            (str(row.number), "plain"),
            (word, style),
            (row.stage or "-", "plain"),
            (text.clock(began), "plain"),
            (text.span((row.ended_at or self.app.now()) - began), "plain"),
            ("; ".join(filter(None, (row.plan.describe(), row.why))), "plain"),
        )


def _word(state: str, glyph: tuple[str, str]) -> str:
    return "-" if glyph[0] == "-" else state


def _event(row: Event) -> Sequence[Piece]:
    return (text.clock(row.at), "plain"), (row.actor, "plain"), (row.text, look.LEVEL_STYLES.get(row.level, "plain"))


def _facts(detail: RunDetail) -> list[list[Piece]]:
    """What is known of the run as a whole, a line each."""
    run = detail.run
    word, style = look.run_state(run.state)
    analyze, returned = look.glyph(detail.analyze, detail.active), look.glyph(detail.returned, detail.active)
    disk = f"{len(run.segments)} segments, {text.size(run.bytes)}, {run.verdict}: {run.reason}"
    lines: list[list[Piece]] = [
        [(f" run {run.run} ", "title"), (f"{word} ", style), (run.why, style)],
        [(" title    ", "head"), (run.title or "-", "plain")],
        [(" taken    ", "head"), (f"{text.moment(run.started)} to {text.moment(run.ended)}", "plain")],
        [(" path     ", "head"), (run.path, "plain")],
        [(" on disk  ", "head"), (disk, "plain")],
        [
            (" analyze  ", "head"), (analyze[0], analyze[1]), (f" {detail.analyze.why}", "plain"),
            ("   return ", "head"), (returned[0], returned[1]), (f" {detail.returned.why}", "plain"),
        ],
        [(" result   ", "head"), (run.result or "-", "plain")],
        *_cancel(detail),
    ]  # fmt: skip
    return [[(text.clean(words), name) for words, name in line] for line in lines]


def _cancel(detail: RunDetail) -> list[list[Piece]]:
    """What was seen gone in one line, and a line for each thing that was not."""
    if not detail.cancel:
        return []
    ticks = cancel_lines.ticks(detail.cancel, detail.offline)
    gone = ", ".join(what for is_gone, what in ticks if is_gone)
    lines: list[tuple[str, str, str]] = [("ok", "good", gone)] if gone else []
    lines += [("..", "warn", what) for is_gone, what in ticks if not is_gone]
    heads = [" cancel   ", *[" " * 10] * (len(lines) - 1)]
    return [
        [(head, "head"), (glyph, style), (f" {what}", "plain")]
        for head, (glyph, style, what) in zip(heads, lines, strict=True)
    ]
