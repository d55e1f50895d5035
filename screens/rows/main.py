"""What the panes of the main screen say of runs, flow runs and segments, in columns; folded, in one line. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import TYPE_CHECKING

from console.reading.flow_rows import FlowRow
from console.reading.snapshot import RunRow
from flowspec import standing, text
from flowspec.states import OPEN, AttemptState
from screens.rows import endpoints, styles
from screens.rows.row import SEGMENTS
from screens.widgets.piece import Piece
from screens.widgets.table import Column

if TYPE_CHECKING:  # what is known of one run is read, and its modules imported, after the first paint
    from console.reading.detail import RunDetail

RUNS = (
    Column("RUN", 5, True, attrgetter("run")),
    Column("STATE", 10, value=lambda row: f"stuck {row.state.word}" if row.stuck else row.state.word),
    Column("SEG", 4, True, attrgetter("segments")),
    Column("SIZE", 6, True, attrgetter("bytes")),
    Column("STARTED", 7, value=attrgetter("started"), extra=True),
    Column("ENDED", 5, value=attrgetter("ended")),
    Column("TRIES", 5, True, attrgetter("attempts"), extra=True),
    Column("TITLE", 20, value=attrgetter("title"), extra=True),
    Column("WHY", 0, value=attrgetter("because")),
)
FLOW_RUNS = (
    Column("RUN", 5, True, attrgetter("run")),
    Column("TRY", 3, True, attrgetter("number"), extra=True),
    Column("STATE", 9, value=attrgetter("state.value"), extra=True),
    Column("STAGE", 9, value=lambda row: row.stage.value if row.stage else None),
    Column("PROGRESS", 15, value=lambda row: row.done / row.total if row.total else None),
    Column("AGE", 5, True, value=lambda row: -(row.ended or row.since)),  # of one that has ended, since its end
    Column("ID", 36, value=attrgetter("flow_run"), extra=True),
    Column("WHY", 0, value=attrgetter("why")),
)
PANES = {"runs": RUNS, "flow_runs": FLOW_RUNS, "segments": SEGMENTS, "endpoints": endpoints.COLUMNS}


def in_order(rows: Sequence[RunRow]) -> list[RunRow]:
    """What needs somebody stands on top; then, and otherwise, as they are: the newest first."""
    return sorted(rows, key=attrgetter("urgency"))


def run(row: RunRow, alike: int = 0) -> Sequence[Piece]:
    """`alike`: how many failed alike, itself among them; 0 for none."""
    word, style = styles.run_state(row.state, row.stuck)
    part = standing.part(row.state, row.conditions)
    because = f"({alike} alike) {row.because}" if alike else row.because
    return (
        (str(row.run), "plain"),
        (f"{word} {part[0]}/{part[1]}" if part else word, style),
        (str(row.segments), "plain"),
        (text.size(row.bytes), "plain"),
        (text.clock(row.started), "plain"),
        (text.clock(row.ended), "plain"),
        (str(row.attempts), "plain"),
        (row.title, "plain"),
        (because, style if style in ("warn", "bad") else "plain"),
    )


def flow_run(row: FlowRow, now: float) -> Sequence[Piece]:
    word, style = styles.attempt_state(row.state)
    under_way = row.state in OPEN
    progress = f"{row.done}/{row.total}".ljust(7) + styles.bar(row.done, row.total) if row.total > 1 else ""
    stage = row.stage.value if row.stage else word
    return (
        (str(row.run), "plain"),
        (str(row.number), "plain"),
        (word, style),
        (stage if under_way else word, "bad" if row.stuck else style),
        (progress if under_way else f"at {stage}" if style == "bad" else "", "plain"),
        (text.span(now - (row.ended or row.since)), "plain"),
        (row.flow_run or "-", "plain"),
        (row.why, "bad" if style == "bad" or row.stuck else "plain"),
    )


def in_trouble(row: FlowRow) -> bool:
    return row.stuck or row.state is AttemptState.FAILED


def needs_somebody(row: RunRow) -> bool:
    return row.urgency < 2


def whole_run(detail: RunDetail) -> str:
    """The two stages that a run has only one of."""
    analyze, _ = styles.glyph(detail.analyze, detail.active)
    returned, _ = styles.glyph(detail.returned, detail.active)
    return f"analyze {analyze}  return {returned}"


# ---- folded panes, in one line


def flow_summary(rows: Sequence[FlowRow]) -> str:
    under_way = [f"{row.run} {_how_far(row)}" for row in rows if row.state in OPEN]
    return ", ".join(under_way) or "none under way"


def _how_far(row: FlowRow) -> str:
    stage = row.stage.value if row.stage else row.state.value
    return f"{stage} {row.done}/{row.total}" if row.total > 1 else stage


def segment_summary(detail: RunDetail) -> str:
    bad = [f"{row.segment:02d}" for row in detail.segments if row.bad]
    return f"to look at: {' '.join(bad)}" if bad else f"{len(detail.segments)} segments"
