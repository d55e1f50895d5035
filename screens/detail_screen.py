"""All that is known of one run, in sections: segments, witnesses, timeline, flow log, input, job reports, events."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import ClassVar

from textual import events

from console.ledger.attempts import Attempt
from console.reading.detail import RunDetail
from console.reading.snapshot import RunRow
from flowspec.stages import Place
from screens.base import TALL, ConsoleScreen
from screens.keys.actions import ACTIONS, EACH, EVERYWHERE, FETCH, OF_DETAIL, SECTIONS, WITNESSES, Action, why_not
from screens.rows import bars, sections
from screens.rows.matrix import Group, grouped
from screens.rows.sections import Row
from screens.rows.styles import Piece
from screens.rows.summary import facts, headline, tabs
from screens.widgets.pane import Pane
from screens.widgets.table import Column, View

SHORT = 30  # lines: below, the facts are kept to what matters most
MANY = 50  # rows of the matrix: with more, ages are written anew every ten seconds only


class DetailScreen(ConsoleScreen):
    """Shows the run that is selected on the main screen, one section at a time; two, when there is room."""

    COMMANDS: ClassVar[Sequence[Action]] = (*EVERYWHERE, *OF_DETAIL)
    FOOTER: ClassVar[Sequence[str]] = (
        "launch", "retry", "cancel", "fetch", "witnesses", "problems", "next_pane", "help", "quit",
    )  # fmt: skip

    def __init__(self, run: int, ascii_only: bool) -> None:
        super().__init__(ascii_only)
        self.run = run
        self._pointed = False
        self._together = True  # equal segments in one row
        self._witnessed: tuple[object, Sequence[Row]] | None = None

        def pane(name: str, columns: Sequence[Column]) -> Pane:
            key, pieces = attrgetter("key"), attrgetter("pieces")
            return Pane(columns, key, pieces, id=name, ascii_only=ascii_only, problem=attrgetter("bad"))

        self.segments = pane("segments", sections.SEGMENTS)
        self.witnesses = pane("witnesses", sections.WITNESSES)
        self.timeline = pane("timeline", sections.TIMELINE)
        self.flow_log = pane("flow-log", sections.LOG)
        self.input = pane("input", sections.INPUT)
        self.jobs = pane("jobs", sections.JOBS)
        self.events = pane("events", sections.EVENTS)
        self._beside = self.timeline  # shown below the segments when there is room

    def panes(self) -> list[Pane]:
        return [self.segments, self.witnesses, self.timeline, self.flow_log, self.input, self.jobs, self.events]

    def stacked(self) -> bool:
        return self.size.height < TALL

    def chosen_run(self) -> RunRow | None:
        seen = self.app.look.snapshot
        return seen.run(self.run) if seen else None

    def _detail(self) -> RunDetail | None:
        detail = self.app.look.detail
        return detail if detail is not None and detail.run.run == self.run else None

    # ---- what is shown

    def fold(self) -> None:
        """The focused section; on a tall screen the segments and another one."""
        focused = self.focused_pane()
        if focused is not self.segments:
            self._beside = focused
        shown = (focused,) if self.stacked() or self._zoomed else (self.segments, self._beside)
        for pane in self.panes():
            pane.display = pane in shown
        self.set_class(self.stacked(), "stacked")
        self.set_class(self._zoomed, "zoomed")
        self.share_out()
        if self._ready:
            self.fill()

    def fill(self) -> None:
        if self.is_current:
            self.app.reader.select(self.run)
        detail = self._detail()
        if detail is None:
            words, style = bars.unread(self.app.look)
            self.facts.show([(f" run {self.run}: {words}", style)])
            return
        shown = [pane for pane in self.panes() if pane.display]
        above = headline(detail) if self.size.height < SHORT else facts(detail)
        lines = [*above, tabs(self.panes(), shown, self.focused_pane())]
        self.facts.styles.height = len(lines)
        self.facts.show(*lines)
        for pane in shown:
            self._fill(pane, detail)
        if not self._pointed:
            self._pointed = True
            self._point_at_segment(self.segments, detail.first_to_look_at)

    def _fill(self, pane: Pane, detail: RunDetail) -> None:
        run, now = self.run, self.app.now()
        old = bars.old(self.app.look, now, "flows", "compute", "transfer") if detail.active else ""
        if pane is self.segments:
            bad = sum(row.bad for row in detail.segments)
            title = f"Segments of {run}: {len(detail.segments)}{f', {bad} to look at' if bad else ''}{old}"
            rows = sections.segment_rows(detail, self._groups(pane, detail))
            pane.show(rows, title=title, empty="no segment on disk", stale=bool(old))
        elif pane is self.witnesses:
            pane.show(self._witness_rows(detail), title=f"What the witnesses say of {run}{old}", stale=bool(old))
        elif pane is self.timeline:
            title = f"Timeline of the attempts{old}"
            pane.show(sections.timeline_rows(detail, now), title=title, empty="never launched", stale=bool(old))
        elif pane is self.flow_log:
            pane.show(sections.log_rows(detail), title=f"Flow log{old}", empty="no flow run has begun", stale=bool(old))
        elif pane is self.input:
            self._show_input(detail)
        elif pane is self.jobs:
            segment = self._segment()
            first = f", segment {segment:02d} first" if segment is not None else ""
            empty = "no report was fetched yet: f on a segment fetches it, and the end of its log, through Transfer"
            pane.show(sections.job_rows(detail, segment), title=f"Reports and logs of the jobs{first}", empty=empty)
        else:
            pane.show(sections.event_rows(detail), title=f"Events of {run}", empty="nothing happened yet")

    def _show_input(self, detail: RunDetail) -> None:
        """Of the attempt under the cursor of the timeline, else the newest."""
        row = self.timeline.cursor_item
        chosen: Attempt | None = detail.attempts[-1] if detail.attempts else None
        if isinstance(row, Row) and isinstance(row.key, tuple):
            chosen = next((attempt for attempt in detail.attempts if attempt.number == row.key[0]), chosen)
        of = f" of attempt {chosen.number}" if chosen else ""
        self.input.show(
            sections.input_rows(chosen) if chosen else (), title=f"Input document{of}", empty="never launched"
        )

    def _witness_rows(self, detail: RunDetail) -> Sequence[Row]:
        """The same ones as before while they say the same: of hundreds of segments there are thousands."""
        view, now = self.witnesses.table.view, self.app.now()
        groups = self._groups(self.witnesses, detail)
        told = detail, view, len(groups), int(now / (1 if len(groups) < MANY else 10))
        if self._witnessed is None or self._witnessed[0] != told:
            some = view != View()  # a line may stand where the one that names its segment does not
            self._witnessed = told, sections.witness_rows(detail, groups, now, every_name=some)
        return self._witnessed[1]

    def _groups(self, pane: Pane, detail: RunDetail) -> list[Group]:
        """What is looked for must be found within a group: a filter takes each segment by itself."""
        return grouped(detail.segments, fold=self._together and not pane.table.view.filter.strip())

    def sentence(self) -> Piece:
        item = self.focused_pane().cursor_item
        return item.sentence if isinstance(item, Row) else ("", "plain")

    # ---- the segment that is looked at

    def _segment(self) -> int | None:
        row = self.segments.cursor_item
        return row.segment if isinstance(row, Row) else None

    def _point_at_segment(self, pane: Pane, segment: int | None) -> None:
        """Put the cursor of a section on the rows of a segment, on what is wrong with it when something is."""
        rows = [row for row in pane.table.rows if row.segment is not None and segment is not None]
        before = [row for row in rows if row.segment <= segment]  # it may be in a row with others
        mine = [row for row in before if row.segment == before[-1].segment]
        if mine:
            pane.point_at(next((row.key for row in mine if row.bad), mine[0].key))

    def on_pane_moved(self, event: Pane.Moved) -> None:
        """Segments, witnesses and job reports stay with the same segment."""
        row = event.pane.cursor_item
        if event.pane is self.witnesses and isinstance(row, Row):
            self._point_at_segment(self.segments, row.segment)
        elif event.pane is self.segments:
            self._follow_segment()
        self.bars()

    def _follow_segment(self) -> None:
        detail = self._detail()
        if self.witnesses.display:
            self._point_at_segment(self.witnesses, self._segment())
        if self.jobs.display and detail is not None:
            self._fill(self.jobs, detail)
            self.jobs.action_move("first")

    # ---- keys

    def takes(self, event: events.Key) -> bool:
        typed = super().takes(event)
        if typed:
            self.fill()
        return typed

    def action_do(self, name: str) -> None:
        action = next(action for action in ACTIONS if action.name == name)
        if action in SECTIONS:
            self._go_to(self.panes()[SECTIONS.index(action)])
        elif action is WITNESSES:
            self._go_to(self.segments if self.focused_pane() is self.witnesses else self.witnesses)
        elif action is EACH:
            self._together = not self._together
            self.fill()
            self.app.say("equal segments are in one row" if self._together else "each segment has a row of its own")
        elif action is FETCH:
            self._fetch()
        else:
            super().action_do(name)
            self.fill()

    def _go_to(self, pane: Pane) -> None:
        pane.display = True  # what is not displayed cannot be focused
        pane.focus()
        if pane in (self.witnesses, self.jobs):
            self.call_after_refresh(self._follow_segment)

    def _fetch(self) -> None:
        reason = why_not(FETCH, self.chosen_run(), self.app.options.read_only)
        place = self._job()
        if reason is None and place is None:
            reason = "no job here: go to a segment (1), to analyze in the timeline (3), or to a report (6)"
        if reason is not None or place is None:
            self.app.say(reason or "", "warn")
            return
        stage, segment = place
        of = stage.value if segment is None else f"{stage.value} of segment {segment:02d}"
        words = f"fetch the report of {of}"
        self.app.asker.ask(words, "report", self.run, stage=stage.value, segment=segment)

    def _job(self) -> Place | None:
        row = self.focused_pane().cursor_item
        return row.place if isinstance(row, Row) else None
