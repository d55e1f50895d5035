"""What the screens look like. After a wanted change: `pytest tests/screens --snapshot-update`, and look at them."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from screens.themes import RGB
from tests.ledger_fixture import DemoLedger
from tests.run_history import with_history
from tests.screen_driver import keys_to, make_app, settled, until_shown

WIDE, SMALL = (120, 40), (80, 24)
TO_FAILED_RUN = keys_to(1214)


def after(theme: str, words: str, *keys: str) -> Callable[[Pilot[Any]], Awaitable[None]]:
    """What is done before the picture is taken, and what stands on the screen then."""

    async def act(pilot: Pilot[Any]) -> None:
        pilot.app.theme = theme
        await settled(pilot)
        for key in keys:
            await pilot.press(key)
        await settled(pilot)
        await until_shown(pilot, words)
        await pilot.pause()

    return act


@pytest.mark.parametrize(
    ("size", "theme", "ascii_only", "words", "keys"),
    [
        pytest.param(WIDE, RGB.name, False, "frib-fit-mpi", TO_FAILED_RUN, id="main-wide"),
        pytest.param(SMALL, RGB.name, False, "Segments of 1214", TO_FAILED_RUN, id="main-small"),
        pytest.param(
            SMALL, "ansi-dark", True, "EventEditor aborted", [*TO_FAILED_RUN, "tab"], id="main-small-ascii-ansi"
        ),
        pytest.param(
            WIDE, RGB.name, False, "fit of segment 07 (attempt 1", [*TO_FAILED_RUN, "enter", "6"], id="detail-wide"
        ),
        pytest.param(SMALL, RGB.name, False, "10/29", [*TO_FAILED_RUN, "enter", "w"], id="detail-small"),
        pytest.param(SMALL, RGB.name, False, "Cancel run 1217", [*keys_to(1217), "c"], id="confirm-small"),
    ],
)
def test_screen(
    demo: DemoLedger,
    snap_compare: Any,
    size: tuple[int, int],
    theme: str,
    ascii_only: bool,
    words: str,
    keys: list[str],
) -> None:
    if "enter" in keys:
        with_history(demo, 1214, 7)
    app = make_app(demo.ledger.path, ascii_only=ascii_only)
    assert snap_compare(app, terminal_size=size, run_before=after(theme, words, *keys))
