"""A few of the drills; all of them are `python -m tests.drills`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.drills.stories import run


@pytest.mark.parametrize("name", ["corrupt-segment", "abnormal-end", "disk-almost-full", "wrong-run"])
def test_drill(tmp_path: Path, name: str) -> None:
    # How soon it is visible, tells tests.drills, on a machine that has nothing else to do.
    _, keys, _, untold = run(name, tmp_path)
    assert keys <= 5
    assert untold == ""


def test_what_is_executed_again_after_a_lost_block_meets_the_next_attempt(tmp_path: Path) -> None:
    run("block-lost", tmp_path)
