"""The line that says whether the night moves, in a night of trouble; a longer one: `python -m tests.drills.night`."""

from __future__ import annotations

from pathlib import Path

from tests.drills.night import spend


def test_the_line_is_right_at_every_moment_of_a_night_of_trouble(tmp_path: Path) -> None:
    outcome = spend(tmp_path, 20)
    assert outcome.wrong == []
    assert {"IDLE", "MOVING", "PAUSED", "STANDS"} <= outcome.states.keys()
