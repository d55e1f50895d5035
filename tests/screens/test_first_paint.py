"""What is on the screen before the reader has read the ledger, and while it reads thousands of runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from console.reading import run_list
from console.reading.snapshot import SnapshotReader
from screens import reader
from screens.app import ConsoleApp
from tests.ledger_fixture import DemoLedger, demo_ledger
from tests.screen_driver import make_app, shown, until, until_shown

WIDE = (120, 30)


@pytest.fixture
def demo(tmp_path: Path) -> DemoLedger:
    return demo_ledger(tmp_path / "ledger")


async def test_what_was_read_before_is_all_in_the_first_paint(
    demo: DemoLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    painted: list[str] = []
    display = ConsoleApp._display

    def noted(app: ConsoleApp, *args: Any) -> None:
        painted.append(shown(app))
        display(app, *args)

    monkeypatch.setattr(ConsoleApp, "_display", noted)
    monkeypatch.setattr(reader.Reader, "run", lambda self: None)
    app = make_app(demo.ledger.path, snapshot=SnapshotReader(demo.ledger, first=5).snapshot())
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: painted)
    assert "segment 02 is growing" in painted[0]
    assert "frib-fit-mpi" in painted[0]
    assert "1/19" in painted[0]  # of all that there are, though five were read


class Starting:
    """Of a console that starts a driver."""

    def problem(self) -> str | None:
        return None

    def starting(self) -> bool:
        return True

    def sandbox_ended(self) -> bool:
        return False


async def test_while_this_console_starts_a_driver_nobody_is_told_that_there_will_be_none(
    demo: DemoLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader.Reader, "run", lambda self: None)
    first = SnapshotReader(demo.ledger, first=5).snapshot()
    app = make_app(demo.ledger.path, snapshot=first, processes=Starting())
    async with app.run_test(size=WIDE) as pilot:
        screen = await until_shown(pilot, "driver starts", "a driver is being started")
        assert "NONE" not in screen
        assert "no driver runs" not in screen
        assert "(OLD)" not in screen


async def test_older_runs_follow_in_slices_without_a_key(demo: DemoLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_list, "SLICE", 3)
    monkeypatch.setattr(reader, "SCREENFUL", 2)
    monkeypatch.setattr(reader, "READ_SECONDS", 60.0)  # slices do not wait for this
    app = make_app(demo.ledger.path)
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: app.data.snapshot is not None and len(app.data.snapshot.runs) == 19)
        await until_shown(pilot, "4/19")  # what came after it stands above it: it needs somebody


async def test_while_runs_are_missing_a_filter_and_a_number_say_so(
    demo: DemoLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader.Reader, "run", lambda self: None)
    app = make_app(demo.ledger.path, snapshot=SnapshotReader(demo.ledger, first=5).snapshot())
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("slash", *"1219", "enter")
        await until_shown(pilot, "1/1 of 5, 14 not read yet")
        await pilot.press("colon", *"run", "space", *"1203", "enter")
        await until_shown(pilot, "run 1203 is not read yet")
