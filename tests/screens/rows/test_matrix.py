"""Equal segments in one row, and what every witness says."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from console.ledger import runs
from console.reading import detail as reading
from console.reading.detail import SegmentRow
from flowspec.cells import Cell
from flowspec.progress import Says, Witness
from flowspec.stages import CellState, Stage
from screens.rows.matrix import grouped, statements
from tests.ledger_fixture import SEGMENT_BYTES, DemoLedger
from tests.reasons import words

cells = st.builds(Cell, st.sampled_from([CellState.DONE, CellState.FAILED]), st.sampled_from(["1 byte", "2 bytes"]))
row_contents = st.tuples(
    st.none() | st.integers(0, 2), st.tuples(cells, cells, cells), st.sampled_from(["", "fit: rc 1"])
)
rows_of_a_run = st.dictionaries(st.integers(0, 30), row_contents).map(
    lambda found: [SegmentRow(segment, *found[segment]) for segment in sorted(found)]
)


def says(row: SegmentRow) -> tuple[object, ...]:
    return row.bytes is None, tuple(cell.state for cell in row.cells), row.note


@given(rows_of_a_run)
def test_groups_are_the_same_rows_and_equal_and_as_large_as_can_be(rows: list[SegmentRow]) -> None:
    groups = grouped(rows)
    assert [row for group in groups for row in group.rows] == rows
    for group in groups:
        assert [row.segment for row in group.rows] == list(range(group.first, group.last + 1)), "the label is true"
        assert len(set(map(says, group.rows))) == 1
        assert group.bad == any(row.bad for row in group.rows)
    for one, other in pairwise(groups):
        assert one.last + 1 < other.first or says(one.rows[0]) != says(other.rows[0])
    assert [group.rows for group in grouped(rows, merge=False)] == [(row,) for row in rows]


def test_a_run_of_hundreds_of_segments_is_a_few_rows() -> None:
    done = Cell(CellState.DONE, words("there"))
    bad = Cell(CellState.FAILED, words("rc 134"))
    rows = [SegmentRow(s, 10, (done, bad if s == 77 else done, done), "fit: rc 134" * (s == 77)) for s in range(300)]
    assert [(group.label, group.bytes) for group in grouped(rows)] == [("00-76", 770), ("77", 10), ("78-299", 2220)]


def test_every_witness_is_told_with_what_it_says_and_since_when(demo: DemoLedger) -> None:
    demo.says(1214, Stage.FIT, [7], Witness.LOG, Says.DONE, "Globus has seen it end")
    demo.at -= 50
    demo.says(1214, Stage.FIT, [3], Witness.TASK, Says.DONE, "fit took 8 s", size=SEGMENT_BYTES - 1)
    detail = reading.detail(demo.ledger, 1214)
    assert detail is not None
    found = statements(detail, grouped(detail.segments))
    of_7 = [(t.stage, t.witness, t.says, t.note) for t in found if t.group and t.group.label == "07"]
    assert of_7 == [
        ("raw", "file", "done", "on the DTN"),
        ("transfer", "file", "done", ""),
        ("fit", "task", "failed", "EventEditor aborted (rc 134), no output"),
        ("fit", "log", "done", "Globus has seen it end"),
        ("convert", "", "", "nothing is known of it yet"),
    ]
    (of_3,) = [t for t in found if t.group and t.group.first == 3 and t.stage == "fit" and t.witness == "task"]
    assert (of_3.since, of_3.sizes, of_3.bad) == (demo.at, (SEGMENT_BYTES - 1,) * 2, True)
    assert [(t.stage, t.group) for t in found][-2:] == [("analyze", None), ("return", None)]


def test_witnesses_that_differ_within_a_group_are_counted(demo: DemoLedger) -> None:
    run = runs.run(demo.ledger, 1216)
    assert run is not None
    demo.says(1216, Stage.TRANSFER, [0, 1, 2], Witness.TASK, Says.DONE, "3 files")
    demo.says(1216, Stage.TRANSFER, [3, 4], Witness.TASK, Says.RUNNING, "2 files")
    detail = reading.detail(demo.ledger, 1216)
    assert detail is not None
    (first, *_) = grouped(detail.segments)
    assert first.label == "00-06"
    (told,) = [t for t in statements(detail, [first]) if t.stage == "transfer" and t.witness == "task"]
    assert told.says == "3 done, 2 running"
    assert told.note == "2 different notes: e shows each segment"
