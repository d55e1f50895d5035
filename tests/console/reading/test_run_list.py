"""The list of runs is read in slices; the row of a run is its number and title here."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from console.ledger.store import Ledger
from console.reading import run_list
from console.reading.run_list import RunList
from flowspec.states import RunState

RUNS = 25


@dataclass(frozen=True)
class Row:
    run: int
    title: str


def make_row(raw: tuple[Any, ...]) -> Row:
    return Row(raw[0], raw[4])


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    """Runs 1 to 25, written at their number; every fifth failed. Slices are of 10."""
    monkeypatch.setattr(run_list, "SLICE", 10)
    made = Ledger(tmp_path / "ledger.db", now=lambda: 100.0)
    for run in range(1, RUNS + 1):
        write(made, run, at=float(run))
    return made


def write(ledger: Ledger, run: int, *, at: float, title: str = "") -> None:
    state = RunState.DONE if run % 5 else RunState.FAILED
    with ledger.change() as db:
        db.execute(
            "INSERT OR REPLACE INTO runs (run, path, verdict, title, state, updated) "
            "VALUES (?, '/d', 'ready', ?, ?, ?)",
            (run, title, state.value, at),
        )


def numbers(runs: RunList[Row]) -> list[int]:
    return [row.run for row in runs.rows]


def test_the_newest_come_first_then_a_slice_at_a_time(ledger: Ledger) -> None:
    runs = RunList(ledger, make_row, first=3)
    shown, unread = [], []
    while not runs.complete:
        runs.read()
        shown.append(numbers(runs))
        unread.append(sum(runs.unread.values()))
    assert shown == [list(range(RUNS, lowest - 1, -1)) for lowest in (23, 13, 3, 1)]
    assert unread == [22, 12, 2, 0]


def test_what_is_not_read_yet_is_counted_by_state(ledger: Ledger) -> None:
    runs = RunList(ledger, make_row, first=3)
    runs.read()
    assert runs.unread == Counter(RunState.DONE if run % 5 else RunState.FAILED for run in range(1, 23))


def test_without_a_first_slice_all_are_read_at_once(ledger: Ledger) -> None:
    runs = RunList(ledger, make_row)
    runs.read()
    assert (runs.complete, runs.unread) == (True, {})
    assert numbers(runs) == list(range(RUNS, 0, -1))


def test_what_is_written_meanwhile_is_neither_missed_nor_out_of_place(ledger: Ledger) -> None:
    runs = RunList(ledger, make_row, first=3)
    runs.read()
    write(ledger, 24, at=101.0, title="one that is shown")
    write(ledger, 5, at=101.0, title="one that is not read yet")
    write(ledger, 26, at=101.0, title="a new one")
    runs.read()
    assert numbers(runs) == list(range(26, 12, -1))
    while not runs.complete:
        runs.read()
    assert numbers(runs) == list(range(26, 0, -1))
    assert {row.run for row in runs.rows if row.title} == {26, 24, 5}


def test_an_older_run_that_is_new_to_the_ledger_comes_into_its_place(ledger: Ledger) -> None:
    with ledger.change() as db:
        db.execute("DELETE FROM runs WHERE run = 7")
    runs = RunList(ledger, make_row)
    runs.read()
    write(ledger, 7, at=101.0)
    runs.read()
    assert numbers(runs) == list(range(RUNS, 0, -1))


def test_the_list_is_the_same_object_while_nothing_has_changed(ledger: Ledger) -> None:
    runs = RunList(ledger, make_row)
    runs.read()
    before = runs.rows
    write(ledger, 25, at=101.0)  # written, but as it was
    runs.read()
    assert runs.rows is before


def test_all_are_read_again_after_a_while(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = RunList(ledger, make_row, first=3)
    while not runs.complete:
        runs.read()
    write(ledger, 2, at=1.0, title="by a clock that is behind")
    runs.read()
    assert runs.rows[-2].title == ""
    monkeypatch.setattr(run_list, "READ_AGAIN_SECONDS", 0.0)
    runs.read()
    assert not runs.complete
    assert (len(runs.rows), runs.unread) == (RUNS, {})  # nothing goes from the screen meanwhile
    monkeypatch.undo()
    monkeypatch.setattr(run_list, "SLICE", 10)
    while not runs.complete:
        runs.read()
    assert runs.rows[-2].title == "by a clock that is behind"
