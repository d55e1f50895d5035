from pathlib import Path

import pytest

from console.reading import detail as reading
from flowspec.stages import CellState
from tests.ledger_fixture import DemoLedger, demo_ledger


@pytest.fixture
def demo(tmp_path: Path) -> DemoLedger:
    return demo_ledger(tmp_path / "ledger")


def test_the_detail_has_a_cell_for_each_segment_and_stage(demo: DemoLedger) -> None:
    detail = reading.detail(demo.ledger, 1214)
    assert detail is not None
    assert [row.segment for row in detail.segments] == list(range(42))
    transfer, fit, convert = detail.segments[7].cells
    assert (transfer.state, fit.state, convert.state) == (CellState.DONE, CellState.FAILED, CellState.WAITING)
    assert detail.segments[7].note == "fit: EventEditor aborted (rc 134), no output"
    assert [row.segment for row in detail.segments if row.bad] == [7, 9]
    assert detail.segments[9].cells[1].state is CellState.DISAGREES
    assert detail.first_to_look_at == 7
    assert not detail.active
    assert [event.level for event in detail.events] == ["bad", "info"]


def test_the_detail_of_an_unknown_run_is_none(demo: DemoLedger) -> None:
    assert reading.detail(demo.ledger, 1) is None


def test_a_run_with_an_open_attempt_is_active(demo: DemoLedger) -> None:
    detail = reading.detail(demo.ledger, 1217)
    assert detail is not None
    assert detail.active
