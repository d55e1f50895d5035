"""All that is known of one run, in sections: segments, witnesses, timeline, flow log, input, job reports, events."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from operator import attrgetter
from typing import ClassVar

from console.ledger.attempts import Attempt
from console.reading.detail import RunDetail
from console.reading.snapshot import RunRow
from flowspec.stages import Place
from screens.base import TALL, ConsoleScreen
from screens.deciding import ACCEPT, WAIVE, decide
from screens.host import Host
from screens.keys.action import Action, Target
from screens.keys.actions import (
    CANCEL,
    DETAIL,
    EVERYWHERE,
    FETCH,
    HELP,
    LAUNCH,
    NEXT,
    OF_DETAIL,
    PROBLEMS,
    QUIT,
    RETRY,
    WITNESSES,
)
from screens.requests import Request
from screens.rows import attempts, sections
from screens.rows.matrix import Group, grouped
from screens.rows.row import SEGMENTS, Row, key_of_segment
from screens.rows.status import stale_mark, unread
from screens.rows.summary import run_lines, short_run_lines, tabs
from screens.widgets.pane import Pane
from screens.widgets.piece import Piece
from screens.widgets.table import Column, View

SHORT = 30  # lines: below, what is known of the run is kept to what matters most
MANY = 50  # rows of the matrix: with more, ages are written anew every ten seconds only


class DetailScreen(ConsoleScreen):
    """Shows the run that is selected on the main screen, one section at a time; two, when there is room."""

    OFFERED: ClassVar[Sequence[Action]] = (*EVERYWHERE, *OF_DETAIL)
    FOOTER: ClassVar[Sequence[Action]] = (LAUNCH, RETRY, CANCEL, FETCH, WITNESSES, PROBLEMS, NEXT, HELP, QUIT)

    def __init__(self, host: Host, run: int) -> None:
        super().__init__(host)
        self.run = run
        self._pointed = False
        self._merged = True  # equal segments in one row
        self._witnessed: tuple[object, Sequence[Row]] | None = None

        def pane(name: str, columns: Sequence[Column]) -> Pane:
            key, pieces = attrgetter("key"), attrgetter("pieces")
            return Pane(
                columns, key, pieces, id=name, ascii_only=host.options.ascii_only, problem=attrgetter("bad"),
                markable=name == "segments",
            )  # fmt: skip

        self.segments = pane("segments", SEGMENTS)
        self.witnesses = pane("witnesses", sections.WITNESSES)
        self.timeline = pane("timeline", attempts.TIMELINE)
        self.flow_log = pane("flow-log", attempts.LOG)
        self.input = pane("input", attempts.INPUT)
        self.jobs = pane("jobs", sections.JOBS)
        self.events = pane("events", sections.EVENTS)
        self._fills: dict[Pane, Callable[[RunDetail], None]] = {
            self.segments: self._fill_segments,
            self.witnesses: self._fill_witnesses,
            self.timeline: self._fill_timeline,
            self.flow_log: self._fill_flow_log,
            self.input: self._fill_input,
            self.jobs: self._fill_jobs,
            self.events: self._fill_events,
        }  # in the order of their keys
        self._beside = self.timeline  # shown below the segments when there is room

    def panes(self) -> list[Pane]:
        return list(self._fills)

    def stacked(self) -> bool:
        return self.size.height < TALL

    def selected_run(self) -> RunRow | None:
        snapshot = self.host.data.snapshot
        return snapshot.run(self.run) if snapshot else None

    def _detail(self) -> RunDetail | None:
        detail = self.host.data.detail
        return detail if detail is not None and detail.run.run == self.run else None

    # ---- what is shown

    def lay_out(self) -> None:
        """The focused section; on a tall screen the segments and another one."""
        focused = self.focused_pane()
        if focused is not self.segments:
            self._beside = focused
        shown = (focused,) if self.stacked() or self._zoomed else (self.segments, self._beside)
        for pane in self.panes():
            pane.display = pane in shown
        self.mark_kind()
        if self._ready:
            self.fill()
        self.size_panes()

    def fill(self) -> None:
        if self.is_current:
            self.host.reader.select(self.run)
        detail = self._detail()
        if detail is None:
            words, style = unread(self.host.data)
            self.summary.show([(f" run {self.run}: {words}", style)])
            return
        shown = [pane for pane in self.panes() if pane.display]
        lines_of = short_run_lines if self.size.height < SHORT else run_lines
        above = lines_of(detail, self.host.now())
        lines = [*above, tabs(self.panes(), shown, self.focused_pane())]
        self.summary.styles.height = len(lines)
        self.summary.show(*lines)
        for pane in shown:
            self._fills[pane](detail)
        self.size_panes()
        if not self._pointed:
            self._pointed = True
            self._move_cursor_to_segment(self.segments, detail.first_to_look_at)

    def _stale_mark(self, detail: RunDetail) -> str:
        return stale_mark(self.host.data, self.host.now(), "flows", "compute", "transfer") if detail.active else ""

    def _fill_segments(self, detail: RunDetail) -> None:
        stale = self._stale_mark(detail)
        bad = sum(row.bad for row in detail.segments)
        title = f"Segments of {self.run}: {len(detail.segments)}{f', {bad} to look at' if bad else ''}{stale}"
        marked = self.marked_segments()
        groups = grouped(detail.segments, merge=False) if marked else self._groups(self.segments, detail)
        rows = sections.segment_rows(detail, groups)
        self.segments.table.mark(marked)  # each by itself: a row of several may come to be one of others
        self.segments.show(rows, title=title, empty="no segment on disk", stale=bool(stale))

    def _fill_witnesses(self, detail: RunDetail) -> None:
        stale = self._stale_mark(detail)
        title = f"What file, task and flow log say of {self.run}{stale}"
        self.witnesses.show(self._witness_rows(detail), title=title, stale=bool(stale))

    def _fill_timeline(self, detail: RunDetail) -> None:
        stale = self._stale_mark(detail)
        rows, title = attempts.timeline_rows(detail, self.host.now()), f"Timeline of the attempts{stale}"
        self.timeline.show(rows, title=title, empty="never launched", stale=bool(stale))

    def _fill_flow_log(self, detail: RunDetail) -> None:
        stale = self._stale_mark(detail)
        rows, title = attempts.log_rows(detail), f"Flow log{stale}"
        self.flow_log.show(rows, title=title, empty="no flow run has begun", stale=bool(stale))

    def _fill_jobs(self, detail: RunDetail) -> None:
        segment = self._segment()
        first = f", segment {segment:02d} first" if segment is not None else ""
        title = f"Reports of the jobs{first}; enter shows the whole log"
        empty = "no report was fetched yet: f on a segment fetches it, and the end of its log, through Transfer"
        self.jobs.show(sections.job_rows(detail, segment), title=title, empty=empty)

    def _fill_events(self, detail: RunDetail) -> None:
        self.events.show(sections.event_rows(detail), title=f"Events of {self.run}", empty="nothing happened yet")

    def _fill_input(self, detail: RunDetail) -> None:
        """Of the attempt under the cursor of the timeline, else the newest."""
        row = self.timeline.cursor_item
        chosen: Attempt | None = detail.attempts[-1] if detail.attempts else None
        if isinstance(row, Row) and isinstance(row.key, tuple):
            chosen = next((attempt for attempt in detail.attempts if attempt.number == row.key[0]), chosen)
        of = f" of attempt {chosen.number}" if chosen else ""
        self.input.show(
            attempts.input_rows(chosen) if chosen else (), title=f"Input document{of}", empty="never launched"
        )

    def _witness_rows(self, detail: RunDetail) -> Sequence[Row]:
        """The same ones as before while they say the same: of hundreds of segments there are thousands."""
        view, now = self.witnesses.table.view, self.host.now()
        groups = self._groups(self.witnesses, detail)
        depends_on = detail, view, len(groups), int(now / (1 if len(groups) < MANY else 10))
        if self._witnessed is None or self._witnessed[0] != depends_on:
            some = view != View()  # a line may stand where the one that names its segment does not
            self._witnessed = depends_on, sections.witness_rows(detail, groups, now, every_name=some)
        return self._witnessed[1]

    def _groups(self, pane: Pane, detail: RunDetail) -> list[Group]:
        """Equal segments in one row; with a filter each by itself, as it must find what is within a group."""
        return grouped(detail.segments, merge=self._merged and not pane.table.view.filter.strip())

    def sentence(self) -> Piece:
        item = self.focused_pane().cursor_item
        return item.sentence if isinstance(item, Row) else ("", "plain")

    # ---- the segment under the cursor

    def _segment(self) -> int | None:
        row = self.segments.cursor_item
        return row.segment if isinstance(row, Row) else None

    def _move_cursor_to_segment(self, pane: Pane, segment: int | None) -> None:
        """Put the cursor of a section on the rows of a segment, on what is wrong with it when something is."""
        if (key := key_of_segment(pane.table.rows, segment)) is not None:
            pane.move_cursor_to(key)

    def on_pane_cursor_moved(self, event: Pane.CursorMoved) -> None:
        """Segments, witnesses and job reports stay with the same segment."""
        row = event.pane.cursor_item
        if event.pane is self.witnesses and isinstance(row, Row):
            self._move_cursor_to_segment(self.segments, row.segment)
        elif event.pane is self.segments:
            self._follow_segment()
        self.draw_bars()

    def _follow_segment(self) -> None:
        detail = self._detail()
        if self.witnesses.display:
            self._move_cursor_to_segment(self.witnesses, self._segment())
        if self.jobs.display and detail is not None:
            self._fill_jobs(detail)
            self.jobs.action_move("first")

    # ---- keys

    def target(self) -> Target:
        return replace(super().target(), sections=self)

    def after_key(self) -> None:
        self.fill()
        self.draw_bars()

    def show_section(self, place: int) -> None:
        self._focus(self.panes()[place])

    def toggle_witnesses(self) -> None:
        self._focus(self.segments if self.focused_pane() is self.witnesses else self.witnesses)

    def toggle_merging(self) -> None:
        self._merged = not self._merged
        self.host.say("equal segments are in one row" if self._merged else "each segment has a row of its own")

    def press(self, action: Action) -> None:
        if action is DETAIL:
            self.open_log()
        else:
            super().press(action)

    def _job(self) -> Place | None:
        """The job that the row under the cursor is about; without one, that is said."""
        row = self.focused_pane().cursor_item
        if isinstance(row, Row) and row.place is not None:
            return row.place
        self.host.say("no job here: go to a segment (1), to analyze in the timeline (3), or to a report (6)", "warn")
        return None

    def fetch_report(self) -> None:
        if (place := self._job()) is not None:
            request = Request("report", self.run, {"stage": place[0].value, "segment": place[1]})
            self.host.ask(request, f"fetch the report of {_whose(place)}")

    def open_log(self) -> None:
        """The whole log of the job, where it was fetched."""
        detail, place = self._detail(), self._job()
        if detail is None or place is None:
            return
        fetched = [r for r in detail.reports if (r.stage, r.segment) == place and r.report and r.report.log]
        if fetched:
            self.host.open_log(self.run, place)
        else:
            self.host.say(f"no log of {_whose(place)} was fetched yet: f fetches it", "warn")
        self.draw_bars()

    def accept_segment(self) -> None:
        decide(self.host, ACCEPT, self._detail(), self._segment(), self.open_prompt)

    def waive_segment(self) -> None:
        decide(self.host, WAIVE, self._detail(), self._segment(), self.open_prompt)

    def marked_segments(self) -> tuple[int, ...]:
        return tuple(segment for row in self.segments.table.marked for segment in row.segments)

    def _focus(self, pane: Pane) -> None:
        pane.display = True  # what is not displayed cannot be focused
        pane.focus()
        if pane in (self.witnesses, self.jobs):
            self.call_after_refresh(self._follow_segment)


def _whose(place: Place) -> str:
    stage, segment = place
    return stage.value if segment is None else f"{stage.value} of segment {segment:02d}"
