"""The file beside the results: written safely, read by others, and whatever stands in it."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.disk import mark as marks
from console.disk.mark import NAME, Mark
from console.driver.marking import elsewhere
from flowspec import catalogue
from tests.mark_fixture import Console, of_another_machine, results, two  # noqa: F401


def test_others_can_read_it_whatever_the_umask(two: tuple[Console, Console]) -> None:
    before = os.umask(0o077)
    try:
        two[0].look()
    finally:
        os.umask(before)
    assert stat.S_IMODE((two[0].results / NAME).stat().st_mode) == 0o644


@pytest.mark.parametrize("kind", ["link", "broken link", "fifo", "directory"])
def test_what_is_no_file_is_not_touched_and_holds(two: tuple[Console, Console], tmp_path: Path, kind: str) -> None:
    anna, _ = two
    there, target = anna.results / NAME, tmp_path / "target"
    if kind == "link":
        target.write_text("precious")
    if "link" in kind:
        there.symlink_to(target)
    elif kind == "fifo":
        os.mkfifo(there)
    else:
        there.mkdir()
    anna.look(2)
    assert not anna.drives
    assert str(there) in anna.marking.problem()
    assert target.read_text() == "precious" if kind == "link" else not target.exists()
    assert len(anna.events) == 1


def test_a_directory_that_cannot_be_written_holds_and_says_so(two: tuple[Console, Console]) -> None:
    """Also for root, whom permissions do not stop: it is not there."""
    anna, _ = two
    anna.results.rmdir()
    anna.look(2)
    assert not anna.drives
    (said,) = anna.events
    assert "No such file or directory" in said
    anna.results.mkdir()
    anna.look()
    assert anna.drives


def test_a_full_disk_holds_and_leaves_nothing(two: tuple[Console, Console], monkeypatch: pytest.MonkeyPatch) -> None:
    anna, _ = two

    def full(fd: int, data: bytes, at: int) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    anna.look()
    assert not anna.drives
    assert "No space left on device" in anna.marking.problem()
    assert list(anna.results.iterdir()) == []
    monkeypatch.undo()
    anna.look()
    assert anna.drives


JSON = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
FIELDS = st.fixed_dictionaries(dict.fromkeys(asdict(Mark("")), JSON))


@given(st.binary(max_size=3000) | (st.recursive(JSON, st.lists) | FIELDS).map(json.dumps).map(str.encode))
def test_whatever_stands_in_it_is_somebody_s_mark(record: bytes) -> None:
    found = marks._parsed(record)
    assert found.id
    said = catalogue.sentence(elsewhere(found))
    assert said.isprintable()
    assert "drives this experiment" in said


def test_escape_codes_in_it_do_not_reach_a_terminal(two: tuple[Console, Console]) -> None:
    anna, _ = two
    of_another_machine(anna.results, user="\x1b[2Jcarl", host="\x1b]0;x\x07daq2")
    anna.look()
    assert "\x1b" not in anna.marking.problem()
    assert "carl" in anna.marking.problem()
