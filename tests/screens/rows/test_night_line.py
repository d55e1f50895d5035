"""The line below the header: what it says, and what it gives up where there is no room."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from console.ledger.pause import Pause
from console.ledger.presence import Presence
from console.reading.keeping_up import Gauge
from console.reading.night import Night
from console.reading.snapshot import Snapshot
from flowspec import text
from screens.data import ScreenData
from screens.rows.night import night_line
from tests.console.reading.test_night import DRIVER, NOW, PAUSED, WELL

GOOD = replace(WELL, last_run=NOW - 500, usual_run=1300.0)

KEEPS_UP = Gauge(
    run=9, closed=6, converted=5, bytes_closed=6, bytes_converted=5, oldest=NOW - 200, at_first=300.0, of_late=310.0
)


def said(
    night: Night = GOOD, width: int = 200, *, at: float = NOW, paused: Pause | None = None,
    driver: Presence | None = DRIVER, auto: bool = True,
) -> str:  # fmt: skip
    data = ScreenData(Snapshot(NOW, driver, auto, night=night, paused=paused))
    return "".join(words for words, _ in night_line(data, at, width)).rstrip()


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({}, "MOVING  last result 4 min ago (usual 6)  3 in flight  12 waiting  backlog until"),
        ({"stuck_in_flight": 1, "failed": 2}, "12 waiting  1 stuck, 2 failed (p)  backlog until"),
        ({"held": 2}, "12 waiting  2 held"),
        ({"runs_in": 40}, "backlog grows: 40 in, 30 out in 3 h  last run 8 min ago (usual 21)"),
        ({"last_result": None, "usual_result": None}, "MOVING  no result yet  3 in flight  12 waiting"),
        ({"last_result": NOW - 20, "usual_result": 8.0}, "last result <1 min ago (usual 8 s)"),
        ({"last_result": NOW - 800, "busy_since": NOW - 9000}, "SLOW    last result 13 min ago (usual 6)"),
        ({"last_run": NOW - 2820}, "no new run for 47 min (usual 21)"),
        ({"stuck_in_flight": 3, "slots": 3},
         "STANDS  nothing moves: 3 of 3 slots are held by stuck runs  p shows them  12 waiting"),
        ({"stuck_in_flight": 3, "waiting": 0}, "STANDS  nothing moves: 3 runs in flight, all stuck  p shows them"),
        ({"in_flight": 1, "stuck_in_flight": 1, "waiting": 0}, "nothing moves: the run in flight is stuck"),
        ({"in_flight": 0, "stuck_waiting": 12, "waits_for": "the disk is full"},
         "STANDS  nothing moves: the disk is full  p shows them  12 waiting"),
        ({"moved": NOW - 3000},
         "STANDS  nothing has happened for 50 min to 3 runs in flight  enter on a run says more"),
        ({"in_flight": 0, "waiting": 0, "last_run": NOW - 2820},
         "IDLE    no run waits  no new run for 47 min (usual 21)  last result 4 min ago (usual 6)"),
        ({"in_flight": 0, "waiting": 0, "failed": 1, "held": 1}, "IDLE    no run waits  1 held  1 failed (p)"),
        ({"recorded": KEEPS_UP}, "3 in flight  12 waiting  9: keeps up, 5 of 6 converted  backlog until"),
        ({"recorded": replace(KEEPS_UP, oldest=NOW - 1200)}, "9: behind by 1 segment, 15 m, 5 of 6 converted"),
        ({"recorded": replace(KEEPS_UP, converted=0, at_first=None)}, "12 waiting  9: nothing converted yet  back"),
        ({"recorded": replace(KEEPS_UP, at_first=None)}, "12 waiting  9: 5 of 6 closed converted  backlog until"),
        ({"after_end_streamed": 90.0, "after_end": 650.0}, "END_RUN to result 90 s streamed, 10 m not streamed"),
    ],
)  # fmt: skip
def test_what_it_says(how: dict[str, Any], words: str) -> None:
    line = said(replace(GOOD, **how))
    assert words in line.strip()


def test_a_pause_says_who_how_long_why_and_what_resumes() -> None:
    paused = replace(PAUSED, since=NOW - 14 * 60)
    wanted = "PAUSED  by anna 14 min: NERSC maintenance  12 waiting  3 in flight  H resumes"
    assert said(paused=paused).strip() == wanted
    assert said(paused=paused, driver=None).strip() == wanted


def test_who_does_not_drive_is_said_with_the_command() -> None:
    assert said(driver=None).strip().startswith("STANDS  no driver runs: console driver start")
    assert "gives no sign of life (8 s)" in said(driver=replace(DRIVER, beat_age=8.0))
    assert "STANDS  the disk is full" in said(driver=replace(DRIVER, problem="the disk is full"))


def test_complete_runs_that_nobody_launches_are_told() -> None:
    idle = replace(GOOD, in_flight=0, waiting=0, ready=5)
    assert "5 ready, auto-launch is off" in said(idle, auto=False)


def test_nothing_is_said_while_nothing_is_known() -> None:
    assert night_line(ScreenData(), NOW, 80) == []
    assert said(Night()) == ""


SITUATIONS: list[tuple[dict[str, Any], Pause | None, str, str]] = [
    ({}, None, "MOVING", "12 waiting"),
    ({"stuck_in_flight": 1, "failed": 2, "held": 4}, None, "MOVING", "(p)"),
    ({"stuck_in_flight": 3, "slots": 3, "failed": 2, "held": 4}, None, "STANDS", "p shows them"),
    ({"in_flight": 0, "stuck_waiting": 12, "waits_for": "x" * 300}, None, "STANDS", "p shows them"),
    ({"moved": NOW - 3000, "failed": 2}, None, "STANDS", "enter on a run"),
    ({"failed": 3}, Pause("anna@daq1", NOW - 60, "y" * 200), "PAUSED", "H resumes"),
    ({"failed": 3}, Pause("\x1b[31m" + "z" * 60, NOW - 60, "\x1b]0;x\x07\n"), "PAUSED", "H resumes"),
    ({"in_flight": 0, "waiting": 0, "failed": 3, "ready": 3}, None, "IDLE", "(p)"),
]


@pytest.mark.parametrize("width", [80, 100, 120, 160])
@pytest.mark.parametrize(("how", "paused", "state", "key"), SITUATIONS)
def test_the_state_and_the_key_are_never_given_up(
    how: dict[str, Any], paused: Pause | None, state: str, key: str, width: int
) -> None:
    line = said(replace(GOOD, **how), width, paused=paused)
    assert line.strip().startswith(state)
    assert key in line
    assert text.cells(line) <= width
    assert line.replace(text.MORE, "").isascii()
    assert line == text.clean(line)


@pytest.mark.parametrize(("how", "paused", "state", "key"), SITUATIONS)
def test_it_stands_still_for_a_minute(how: dict[str, Any], paused: Pause | None, state: str, key: str) -> None:
    """What changes every second costs a slow line more than it is worth."""
    lines = {said(replace(GOOD, **how), 80, at=NOW + second, paused=paused) for second in range(60)}
    assert len(lines) <= 4


def test_what_goes_first_at_80_columns() -> None:
    line = said(replace(GOOD, stuck_in_flight=1, failed=2), 80)
    assert "last result" not in line
    assert [words in line for words in ("result 4 min", "3 in flight", "12 waiting", "1 stuck, 2 failed (p)")] == [
        True
    ] * 4
