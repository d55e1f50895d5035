"""The main screen: runs, the segments of the selected run, flow runs, endpoints, and where there is room, events."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, ClassVar

from textual import events

from console.ledger.endpoints import EndpointRow
from console.reading.flow_rows import FlowRow
from console.reading.snapshot import RunRow
from flowspec import text
from flowspec.states import ON_DISK, OPEN
from screens.base import ConsoleScreen
from screens.host import Host
from screens.keys.action import Action
from screens.keys.actions import (
    AUTO,
    CANCEL,
    DETAIL,
    EVENTS,
    FILTER,
    HELP,
    HOLD,
    LAUNCH,
    NEXT,
    PROBLEMS,
    QUIT,
    RETRY,
)
from screens.rows import endpoints as endpoint_rows
from screens.rows import events as event_rows
from screens.rows import main, styles
from screens.rows.row import Row, key_of_segment
from screens.rows.status import stale_mark, unread
from screens.widgets.pane import HEAD_LINES, Pane
from screens.widgets.piece import Piece
from screens.widgets.split import heights
from screens.widgets.table import View

ENDED = 3  # flow runs that have ended and get a line where there is none to spare
EVENTS_FROM = (160, 50)  # columns and lines from which there is room for events
LEAST_EVENTS, MOST_EVENTS = 3, 8


class MainScreen(ConsoleScreen):
    """`selected` is the run under the cursor of Runs or Flow runs: both cursors stay on the same run."""

    FOOTER: ClassVar[Sequence[Action]] = (
        LAUNCH, RETRY, CANCEL, HOLD, AUTO, DETAIL, FILTER, PROBLEMS, EVENTS, NEXT, HELP, QUIT
    )  # fmt: skip
    ALWAYS_OPEN: ClassVar[Sequence[str]] = ("runs",)

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        options = host.options
        self.selected: int | None = None
        self._shown_detail: int | None = None
        self._in_order: tuple[Sequence[RunRow], Sequence[RunRow]] = ((), ())  # the runs as read, and as shown
        self._most_segments = 0  # lines: nothing is to jump while the cursor goes from run to run

        def pane(id: str, key: str, drawn: Callable[[Any], Sequence[Piece]], problem: Callable[[Any], bool]) -> Pane:
            name = id.replace("-", "_")
            return Pane(
                main.PANES[name], attrgetter(key), drawn, id=id, ascii_only=options.ascii_only,
                problem=problem, wanted=options.columns.get(name),
                markable=name == "runs",
            )  # fmt: skip

        self.runs = pane("runs", "run", self._run, main.needs_somebody)
        self.flow_runs = pane("flow-runs", "attempt", self._flow_run, main.in_trouble)
        self.segments = pane("segments", "key", attrgetter("pieces"), attrgetter("bad"))
        self.endpoints = pane("endpoints", "endpoint", self._endpoint, endpoint_rows.in_trouble)
        self.events = Pane(
            event_rows.COLUMNS, attrgetter("event"), event_rows.pieces, id="events", ascii_only=options.ascii_only,
            cursor=False,
        )  # fmt: skip

    def panes(self) -> list[Pane]:
        return [self.runs, self.segments, self.flow_runs, self.endpoints]

    def all_panes(self) -> list[Pane]:
        return [*self.panes(), self.events]  # of which `v` shows the whole: no stop of `tab`

    def selected_run(self) -> RunRow | None:
        self._follow_cursor()  # it may have moved a moment ago, and its message not be here yet
        snapshot = self.host.data.snapshot
        return snapshot.run(self.selected) if snapshot else None

    def marked_runs(self) -> Sequence[RunRow]:
        return self.runs.table.marked

    def on_pane_cursor_moved(self, event: Pane.CursorMoved) -> None:
        self._follow_cursor()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        self._follow_cursor()

    def _follow_cursor(self) -> None:
        """The run that is acted on is always the one under the cursor that the operator sees."""
        row = self.flow_runs.cursor_item
        if self.focused_pane() is self.flow_runs and row is not None:
            self.selected = row.run
            self.runs.move_cursor_to(row.run)
        else:
            self.selected = self.runs.cursor_key
            self.flow_runs.move_cursor_to(self._newest_attempt())
        if self.is_current:  # else it is the screen above that is read for
            self.host.reader.select(self.selected)

    def _newest_attempt(self) -> int | None:
        snapshot = self.host.data.snapshot
        mine = [row.attempt for row in snapshot.flow_runs if row.run == self.selected] if snapshot else []
        return max(mine, default=None)

    def go_to(self, run: int) -> None:
        """Put the cursor on this run, though it was filtered away."""
        if self.runs.table.place(run) is None:
            self.runs.set_view(View())
        self.set_focus(self.runs)
        self.runs.move_cursor_to(run)
        self._follow_cursor()
        self.draw_bars()

    # ---- how the panes share the room

    def lay_out(self) -> None:
        self._most_segments = 0
        super().lay_out()

    def need(self, pane: Pane) -> int:
        if pane is self.flow_runs and not pane.has_class("folded"):  # what has ended gives way
            under_way = sum(row.state in OPEN for row in pane.table.all_rows)
            return min(pane.need, pane.need - len(pane.table.all_rows) + under_way + ENDED)
        if pane is self.segments and not pane.has_class("folded"):
            self._most_segments = max(self._most_segments, pane.need)
            return self._most_segments
        return super().need(pane)

    def size_panes(self) -> None:
        """Runs over the full width; below it the segments, and beside them flow runs and endpoints."""
        roomy = self.size.width >= EVENTS_FROM[0] and self.size.height >= EVENTS_FROM[1]
        self.events.display = roomy and not self._zoomed
        if self.stacked() or self._zoomed:
            super().size_panes()
            return
        corner = [self.need(self.flow_runs), self.need(self.endpoints)]
        needs = [self.need(self.runs), max(self.need(self.segments), sum(corner))]
        if self.events.display:
            needs.append(max(LEAST_EVENTS, min(MOST_EVENTS, len(self.events.table.all_rows))) + HEAD_LINES)
        runs, below, *rest = heights(self.room(), needs, self._split.row)
        lines = [runs, *heights(below, corner, self._split.corner), *rest]
        grid = self.query_one("#panes").styles
        grid.grid_columns = f"{self._split.column}fr {100 - self._split.column}fr"
        grid.grid_rows = " ".join(str(max(1, height)) for height in lines)
        for pane in self.all_panes():
            pane.styles.height = "1fr"

    def resize_columns(self, *, grow: bool) -> None:
        if self.stacked() or self._zoomed:
            super().resize_columns(grow=grow)
        elif self.focused_pane() is self.runs:
            self.host.say("Runs has the whole width: > and < are for the panes below it", "warn")
        else:
            self._split = self._split.resized_columns(grow=grow, first=self.focused_pane() is self.segments)
            self.size_panes()

    def resize_rows(self, *, grow: bool) -> None:
        """Flow runs and endpoints take room from one another, the others from Runs, and Runs from them."""
        pane, (upper, lower) = self.focused_pane(), (self.flow_runs, self.endpoints)
        if self.stacked() or self._zoomed or pane not in (upper, lower):
            super().resize_rows(grow=grow)
        else:
            now = 100 * upper.size.height // max(1, upper.size.height + lower.size.height)
            self._split = self._split.resized_corner(now, grow=grow, first=pane is upper)
            self.size_panes()

    # ---- what is shown

    def fill(self) -> None:
        snapshot = self.host.data.snapshot
        runs = self._ordered(snapshot.runs) if snapshot else ()
        flow_runs = snapshot.flow_runs if snapshot else ()
        endpoints = snapshot.endpoints if snapshot else ()
        stale = self._stale_mark("disk")
        self.runs.show(
            runs,
            title=f"Runs{stale}",
            empty=self._empty("disk", self._no_runs()),
            stale=bool(stale),
            unread=sum(snapshot.unread.values()) if snapshot else 0,
            depends_on=[len(alike) for alike in snapshot.failed_alike.values()] if snapshot else (),
        )
        stale = self._stale_mark("flows")
        under_way = sum(row.state in OPEN for row in flow_runs)
        self.flow_runs.show(
            flow_runs,
            title=f"Flow runs{stale}{f': {under_way} under way' if under_way else ''}",
            empty=self._empty("flows", "no flow run yet"),
            summary=main.flow_summary(flow_runs),
            stale=bool(stale),
            depends_on=int(self.host.now()),
        )
        stale = self._stale_mark("compute")
        self.endpoints.show(
            endpoints,
            title=f"Endpoints{stale}",
            empty=self._empty("compute", endpoint_rows.NONE),
            summary=endpoint_rows.summary(endpoints),
            stale=bool(stale),
            depends_on=int(self.host.now()),
        )
        self.events.show(
            snapshot.events if snapshot else (),
            title="Events, newest first: v opens the log",
            empty=self._empty("", ""),
        )
        self._fill_segments()
        self._follow_cursor()
        self.size_panes()

    def _ordered(self, runs: Sequence[RunRow]) -> Sequence[RunRow]:
        """The same object as long as the runs are, so that nothing is drawn again."""
        if runs is not self._in_order[0]:
            self._in_order = (runs, main.in_order(runs))
        return self._in_order[1]

    def _stale_mark(self, *sources: str) -> str:
        return stale_mark(self.host.data, self.host.now(), *sources)

    def _answered_at(self, source: str) -> float | None:
        snapshot = self.host.data.snapshot
        return next((known.ok_at for known in snapshot.sources if known.name == source), None) if snapshot else None

    def _fill_segments(self) -> None:
        detail = self.host.data.detail
        if detail is None:
            selected = self.runs.cursor_key is not None
            nothing = unread(self.host.data) if selected else self._empty("", "no run is selected")
            self.segments.show((), title="Segments", empty=nothing)
            return
        # What is known of one run is read, and its modules imported, after the first paint.
        from screens.rows.matrix import grouped
        from screens.rows.sections import segment_rows

        stale = self._stale_mark("flows", "compute", "transfer") if detail.active else ""
        groups = grouped(detail.segments, merge=not self.segments.table.view.filter.strip())
        self.segments.show(
            segment_rows(detail, groups),
            title=f"Segments of {detail.run.run}{stale}  {main.whole_run(detail)}",
            empty="no segment on disk",
            summary=main.segment_summary(detail),
            stale=bool(stale),
        )
        if detail.run.run != self._shown_detail:
            self._shown_detail = detail.run.run
            self.segments.move_cursor_to(key_of_segment(self.segments.table.rows, detail.first_to_look_at))

    def _no_runs(self) -> str:
        snapshot, watching = self.host.data.snapshot, self.host.options.watching
        if snapshot is None or snapshot.driver is None:
            return f"no runs yet, and nobody watches {watching}{' yet' if self.host.data.driver_starts else ''}"
        return f"no runs yet: watching {watching} since {text.clock(snapshot.driver.started)}"

    def _empty(self, source: str, empty: str) -> Piece:
        """What an empty pane says: failed, loading and empty are three different things, and look it."""
        snapshot = self.host.data.snapshot
        if snapshot is None:
            return unread(self.host.data)
        problem = next((known.problem for known in snapshot.sources if known.name == source), "")
        return (f"nothing can be seen: {problem}", "bad") if problem else (empty, "plain")

    def sentence(self) -> Piece:
        item = self.focused_pane().cursor_item
        if isinstance(item, RunRow):
            word, style = styles.run_state(item.state, item.stuck)
            stands = "" if item.state in ON_DISK else f" {word}:"
            snapshot = self.host.data.snapshot
            said = snapshot.remarks.get(item.run) if snapshot else None
            return " | ".join(
                filter(None, (f"run {item.run}{stands} {item.why}", said.words if said else "", item.title))
            ), style
        if isinstance(item, FlowRow):
            flow_run = f"flow run {text.short_id(item.flow_run)}" if item.flow_run else "no flow run yet"
            word, style = styles.attempt_state(item.state)
            return f"run {item.run} attempt {item.number} {word}: {item.why} | {flow_run}", style
        if isinstance(item, Row):
            return item.sentence
        if isinstance(item, EndpointRow):
            snapshot = self.host.data.snapshot
            heard, now = self._answered_at("compute"), self.host.now()
            if snapshot is None:
                return endpoint_rows.sentence(item, heard, now)
            return endpoint_rows.sentence(item, heard, now, snapshot.slurm_pending, snapshot.restarts)
        return "", "plain"

    def endpoint(self) -> EndpointRow | None:
        """Under the cursor of its pane; from another pane rather one in trouble, which is what a run there tells of."""
        at, snapshot = self.endpoints.cursor_item, self.host.data.snapshot
        if self.focused_pane() is not self.endpoints and snapshot is not None:
            at = next(filter(endpoint_rows.in_trouble, snapshot.endpoints), at)
        return at if isinstance(at, EndpointRow) else None

    def _run(self, row: RunRow) -> Sequence[Piece]:
        snapshot = self.host.data.snapshot
        return main.run(row, len(snapshot.alike(row)) if snapshot else 0)

    def _flow_run(self, row: FlowRow) -> Sequence[Piece]:
        return main.flow_run(row, self.host.now())

    def _endpoint(self, row: EndpointRow) -> Sequence[Piece]:
        return endpoint_rows.pieces(row, self.host.now())
