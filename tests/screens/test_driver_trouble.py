"""What the screen says of a driver that hangs elsewhere, or cannot write to the ledger."""

from __future__ import annotations

from dataclasses import replace

import pytest

from console.ledger.presence import Presence
from console.reading.snapshot import snapshot
from screens.data import ScreenData
from screens.options import ScreenOptions
from screens.rows.header import header
from screens.rows.status import stale_mark, status_line
from tests.ledger_fixture import NOW, demo_ledger

HERE = Presence(21584, "daq7.frib.msu.edu", "shift@daq7", NOW, "background")
FULL = "the ledger cannot be written: database or disk is full; nothing is launched or watched until it can"


@pytest.mark.parametrize(
    ("driver", "head", "line"),
    [
        (replace(HERE, beat_age=120), "driver HANGS 2 m", "process 21584 on daq7.frib.msu.edu, started by shift@daq7"),
        (replace(HERE, beat_age=120), "driver HANGS 2 m", "End it there: kill -9 21584, which is safe"),
        (replace(HERE, problem=FULL), "driver HOLDS", FULL),
        (HERE, "driver on daq7.frib.msu", "run 1214 FAILED"),
    ],
)
def test_it_is_told_loudly_with_what_to_do(tmp_path, driver, head, line):
    data = ScreenData(snapshot=replace(snapshot(demo_ledger(tmp_path / "ledger.db").ledger), driver=driver))
    options = ScreenOptions("e21062", "NERSC", tmp_path, "/data")
    assert head in "".join(piece for piece, _ in header(data, options, NOW, 160))
    assert line in status_line(data, None, NOW)[0]
    assert bool(stale_mark(data, NOW, "disk")) is driver.hung
