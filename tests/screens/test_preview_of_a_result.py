"""`P`: the result of a run, drawn on the screen beside the one before it."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from console.disk import spectra
from console.disk.spectra import NoSpectra, Spectrum
from screens.main_screen import MainScreen
from tests.ledger_fixture import DemoLedger, stand
from tests.rootfiles import write_sorted
from tests.screen_driver import keys_to, make_app, settled, shown, until, until_shown

SMALL = (80, 24)


@pytest.fixture
def results(demo: DemoLedger, tmp_path: Path) -> DemoLedger:
    for run, shift in ((1211, 480.0), (1215, 0.0)):
        path = tmp_path / f"run-{run}-sorted.root"
        write_sorted(path, shift, title="\x1b[31m[bold]Energy")
        stand(demo.ledger, run, "done", result=str(path))
    return demo


@pytest.mark.parametrize("size", [SMALL, (120, 40)], ids=["small", "wide"])
async def test_spectra_are_drawn_against_the_run_before(results: DemoLedger, size: tuple[int, int]) -> None:
    app = make_app(results.ledger.path, ascii_only=True)
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        await pilot.press(*keys_to(1215), "P")
        screen = await until_shown(
            pilot, "Preview of run 1215, 1 of 4: energy: [bold]Energy", "# run 1215   o run 1211",
            "mean 1,500, run 1211: 1,980 (24.2 % less)",
        )  # fmt: skip
        assert screen.isascii()
        drawn = [line[13:].rstrip() for line in screen.splitlines() if line[12:13] == "|"]
        assert len(drawn) >= size[1] - 12
        assert all(any(mark in line for line in drawn) for mark in "#o")
        assert "0 +----" in screen
        await pilot.press("right")
        await until_shown(pilot, "2 of 4: time_difference")
        await pilot.press("left", "N")
        await until_shown(pilot, "4 of 4: entries of the newest")
        await pilot.press("n")
        await until_shown(pilot, "1 of 4: energy")
        await pilot.resize_terminal(60, 20)
        await until(pilot, lambda: max(map(len, shown(app).splitlines())) == 60 and "0 +---" in shown(app))
        await pilot.press("P")
        await until(pilot, lambda: isinstance(app.screen, MainScreen))


async def test_a_file_that_is_gone_is_said(demo: DemoLedger) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        await pilot.press(*keys_to(1215), "P")
        await until_shown(pilot, "/run-1215-sorted.root is not there")
        await pilot.press("n", "escape")
        await until(pilot, lambda: isinstance(app.screen, MainScreen))


async def test_a_run_without_a_result_has_no_preview(demo: DemoLedger) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        await pilot.press(*keys_to(1217), "P")
        await until_shown(pilot, "run 1217 has no result to preview")


async def test_keys_act_while_it_is_read_and_what_was_left_is_not_read(
    demo: DemoLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on, asked = threading.Event(), []

    def reading(path: Path) -> tuple[Spectrum, ...]:
        asked.append(path)
        goes_on.wait()
        raise NoSpectra("was held up")

    monkeypatch.setattr(spectra, "read", reading)
    app = make_app(demo.ledger.path)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        await pilot.press(*keys_to(1215))
        for _ in range(3):
            await pilot.press("P")
            await until_shown(pilot, "reading the result")
            await pilot.press("escape")
            await until(pilot, lambda: isinstance(app.screen, MainScreen))
        await pilot.press("P")
        await until_shown(pilot, "reading the result")
        goes_on.set()
        await until_shown(pilot, "was held up")
        assert len(asked) == 2, "the first, and the one that is still open"
