"""The main screen: runs, flow runs, the segments of the selected run, and the endpoints."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import ClassVar

from textual import events

from console import text
from console.endpoints import EndpointRow
from console.report import FlowRow, RunDetail, RunRow, SegmentRow
from console.states import OPEN, AttemptState, RunState
from flowspec.stages import CellState
from screens import bars, endpoint_rows, look
from screens.base import ConsoleScreen
from screens.lines import Piece
from screens.pane import Column, Pane
from screens.table import View

RUNS = (
    Column("RUN", 5, True, attrgetter("run")),
    Column("STATE", 10, value=attrgetter("state.value")),
    Column("SEG", 4, True, attrgetter("segments")),
    Column("SIZE", 6, True, attrgetter("bytes")),
    Column("ENDED", 5, value=attrgetter("ended")),
    Column("WHY", 0, value=attrgetter("because")),
)
FLOW_RUNS = (
    Column("RUN", 5, True, attrgetter("run")),
    Column("STAGE", 9, value=lambda row: row.stage.value if row.stage else None),
    Column("PROGRESS", 15, value=lambda row: row.done / row.total if row.total else None),
    Column("AGE", 5, True, value=lambda row: -row.since),
    Column("WHY", 0, value=attrgetter("why")),
)
SEGMENTS = (
    Column("SEG", 4, True, attrgetter("segment")),
    Column("RAW", 6, True, attrgetter("bytes")),
    Column("XFER", 4, value=lambda row: row.cells[0].state.value),
    Column("FIT", 4, value=lambda row: row.cells[1].state.value),
    Column("CONV", 4, value=lambda row: row.cells[2].state.value),
    Column("NOTE", 0, value=attrgetter("note")),
)
NEEDS_SOMEBODY = (RunState.FAILED, RunState.ABNORMAL, RunState.INCOMPLETE)


class MainScreen(ConsoleScreen):
    """`selected` is the run under the cursor of Runs or Flow runs: both cursors stay on the same run."""

    FOOTER: ClassVar[Sequence[str]] = (
        "launch", "retry", "cancel", "hold", "auto", "detail", "filter", "problems", "events",
        "next_pane", "help", "quit",
    )  # fmt: skip
    ALWAYS_OPEN: ClassVar[Sequence[str]] = ("runs",)
    OPEN_FIRST: ClassVar[str] = "segments"
    MARKABLE: ClassVar[str] = "runs"

    def __init__(self, ascii_only: bool) -> None:
        super().__init__(ascii_only)
        self.selected: int | None = None
        self._shown_detail: int | None = None
        self.runs = Pane(
            RUNS, attrgetter("run"), self._run, id="runs", ascii_only=ascii_only,
            problem=_needs_somebody, more={"title": attrgetter("title")},
        )  # fmt: skip
        self.flow_runs = Pane(
            FLOW_RUNS, attrgetter("attempt"), self._flow_run, id="flow-runs", ascii_only=ascii_only,
            problem=lambda row: row.state is AttemptState.FAILED, more={"state": attrgetter("state.value")},
        )  # fmt: skip
        self.segments = Pane(
            SEGMENTS, attrgetter("segment"), self._segment, id="segments", ascii_only=ascii_only,
            problem=attrgetter("bad"),
        )  # fmt: skip
        self.endpoints = Pane(
            endpoint_rows.COLUMNS, attrgetter("endpoint"), self._endpoint, id="endpoints", ascii_only=ascii_only,
            problem=lambda row: not row.online,
        )  # fmt: skip

    def panes(self) -> list[Pane]:
        return [self.runs, self.flow_runs, self.segments, self.endpoints]

    def chosen_run(self) -> RunRow | None:
        self._follow_cursor()  # it may have moved a moment ago, and its message not be here yet
        seen = self.app.look.snapshot
        return seen.run(self.selected) if seen else None

    def marked_runs(self) -> Sequence[RunRow]:
        return self.runs.table.marked

    def on_pane_moved(self, event: Pane.Moved) -> None:
        self._follow_cursor()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        self._follow_cursor()

    def _follow_cursor(self) -> None:
        """The run that is acted on is always the one under the cursor that the operator sees."""
        row = self.flow_runs.cursor_item
        if self.focused_pane() is self.flow_runs and row is not None:
            self.selected = row.run
            self.runs.point_at(row.run)
        else:
            self.selected = self.runs.cursor_key
            self.flow_runs.point_at(self._newest_attempt())
        self.app.reader.select(self.selected)

    def _newest_attempt(self) -> int | None:
        seen = self.app.look.snapshot
        mine = [row.attempt for row in seen.flow_runs if row.run == self.selected] if seen else []
        return max(mine, default=None)

    def go_to(self, run: int) -> None:
        """Put the cursor on this run, though it was filtered away."""
        if self.runs.table.place(run) is None:
            self.runs.see(View())
        self.set_focus(self.runs)
        self.runs.point_at(run)
        self._follow_cursor()
        self.bars()

    # ---- what is shown

    def fill(self) -> None:
        seen = self.app.look.snapshot
        runs, flow_runs, endpoints = (seen.runs, seen.flow_runs, seen.endpoints) if seen else ((), (), ())
        old = self._old("disk")
        self.runs.show(runs, title=f"Runs{old}", empty=self._nothing("disk", self._no_runs()), stale=bool(old))
        old = self._old("flows")
        self.flow_runs.show(
            flow_runs,
            title=f"Flow runs{old}",
            empty=self._nothing("flows", "no flow run yet"),
            summary=_flow_summary(flow_runs),
            stale=bool(old),
        )
        old = self._old("compute")
        self.endpoints.show(
            endpoints,
            title=f"Endpoints{old}",
            empty=self._nothing("compute", endpoint_rows.NONE),
            summary=endpoint_rows.summary(endpoints),
            stale=bool(old),
        )
        self._fill_segments()
        self._follow_cursor()

    def _old(self, *sources: str) -> str:
        return bars.old(self.app.look, self.app.now(), *sources)

    def _heard(self, source: str) -> float | None:
        seen = self.app.look.snapshot
        return next((known.ok_at for known in seen.sources if known.name == source), None) if seen else None

    def _fill_segments(self) -> None:
        detail = self.app.look.detail
        if detail is None:
            self.segments.show((), title="Segments", empty=self._nothing("", "no run is selected"))
            return
        old = self._old("flows", "compute", "transfer") if detail.active else ""
        self.segments.show(
            detail.segments,
            title=f"Segments of {detail.run.run}{old}  {_whole_run(detail)}",
            empty="no segment on disk",
            summary=_segment_summary(detail),
            stale=bool(old),
        )
        if detail.run.run != self._shown_detail:
            self._shown_detail = detail.run.run
            self.segments.point_at(detail.first_to_look_at)

    def _no_runs(self) -> str:
        seen, watching = self.app.look.snapshot, self.app.options.watching
        if seen is None or seen.driver is None:
            return f"no runs yet, and nobody watches {watching}"
        return f"no runs yet: watching {watching} since {text.clock(seen.driver.started)}"

    def _nothing(self, source: str, empty: str) -> Piece:
        """What an empty pane says: failed, loading and empty are three different things, and look it."""
        seen = self.app.look.snapshot
        if seen is None:
            return bars.unread(self.app.look)
        problem = next((known.problem for known in seen.sources if known.name == source), "")
        return (f"nothing can be seen: {problem}", "bad") if problem else (empty, "plain")

    def sentence(self) -> Piece:
        item = self.focused_pane().cursor_item
        if isinstance(item, RunRow):
            word, style = look.run_state(item.state)
            return f"run {item.run} {word}: {item.because}{' | ' if item.title else ''}{item.title}", style
        if isinstance(item, FlowRow):
            flow_run = f"flow run {item.flow_run}" if item.flow_run else "no flow run yet"
            word, style = look.attempt_state(item.state)
            return f"run {item.run} attempt {item.number} {word}: {item.why} | {flow_run}", style
        if isinstance(item, SegmentRow):
            return f"segment {item.segment:02d}: {item.note or 'all done'}", "bad" if item.bad else "plain"
        if isinstance(item, EndpointRow):
            return endpoint_rows.sentence(item, self._heard("compute"), self.app.now())
        return "", "plain"

    # ---- rows

    def _run(self, row: RunRow) -> Sequence[Piece]:
        word, style = look.run_state(row.state)
        return (
            (str(row.run), "plain"),
            (word, style),
            (str(row.segments), "plain"),
            (text.size(row.bytes), "plain"),
            (text.clock(row.ended), "plain"),
            (row.because, style if style in ("warn", "bad") else "plain"),
        )

    def _flow_run(self, row: FlowRow) -> Sequence[Piece]:
        word, style = look.attempt_state(row.state)
        under_way = row.state in OPEN
        progress = f"{row.done}/{row.total}".ljust(7) + look.bar(row.done, row.total) if row.total > 1 else ""
        stage = row.stage.value if row.stage else word
        return (
            (str(row.run), "plain"),
            (stage if under_way else word, style),
            (progress if under_way else f"at {stage}" if style == "bad" else "", "plain"),
            (text.span((row.ended or self.app.now()) - row.since), "plain"),
            (row.why, "bad" if style == "bad" else "plain"),
        )

    def _segment(self, row: SegmentRow) -> Sequence[Piece]:
        detail = self.app.look.detail
        active = detail is not None and detail.active
        cells = [look.glyph(cell, active) for cell in row.cells]
        size = text.size(row.bytes) if row.bytes is not None else "-"
        note = row.note if active or row.bad else ""
        return ((f"{row.segment:02d}", "plain"), (size, "plain"), *cells, (note, "bad" if row.bad else "plain"))

    def _endpoint(self, row: EndpointRow) -> Sequence[Piece]:
        return endpoint_rows.pieces(row, self.app.now())


def _needs_somebody(row: RunRow) -> bool:
    """A run in trouble, or one under way of which a part is."""
    bad = (CellState.FAILED.value, CellState.DISAGREES.value)
    return row.state in NEEDS_SOMEBODY or any(counts.get(state) for counts in row.progress.values() for state in bad)


def _whole_run(detail: RunDetail) -> str:
    analyze, _ = look.glyph(detail.analyze, detail.active)
    returned, _ = look.glyph(detail.returned, detail.active)
    return f"analyze {analyze}  return {returned}"


# ---- folded panes, in one line


def _flow_summary(rows: Sequence[FlowRow]) -> str:
    under_way = [f"{row.run} {_how_far(row)}" for row in rows if row.state in OPEN]
    return ", ".join(under_way) or "none under way"


def _how_far(row: FlowRow) -> str:
    stage = row.stage.value if row.stage else row.state.value
    return f"{stage} {row.done}/{row.total}" if row.total > 1 else stage


def _segment_summary(detail: RunDetail) -> str:
    bad = [f"{row.segment:02d}" for row in detail.segments if row.bad]
    return f"to look at: {' '.join(bad)}" if bad else f"{len(detail.segments)} segments"
