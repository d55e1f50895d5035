"""Runs that are not there any more: removed, or on a file system that is not mounted. While a driver runs, and when one
begins."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from console.disk import listener as listener_module
from console.disk import rundirectory
from console.disk.discovery import Discovery
from console.disk.listener import LedgerListener, holds
from console.disk.mounted import Before, unmounted
from console.disk.pace import PACE
from console.ledger import runs as run_rows
from console.ledger.moves import move
from console.ledger.store import Ledger
from flowspec import catalogue
from flowspec.conditions import Topic
from flowspec.states import QUEUED, RunState
from tests.discovery_fixture import EVENTS, LOOK, POLICY, Clock, clock, pass_time, runs, settle, take_run  # noqa: F401
from tests.ledger_fixture import stand

HERE, ELSEWHERE = (8, 1), (8, 2)
NEEDED, DONE = dict.fromkeys(range(1, 6), True), dict.fromkeys(range(11, 51), False)


@pytest.mark.parametrize(
    ("before", "identity", "found", "asked"),
    [
        (NEEDED, HERE, NEEDED, False),
        (NEEDED, ELSEWHERE, NEEDED, False),  # after a reboot the device has another number
        (NEEDED, HERE, {1, 2, 3, 4}, False),  # one gone is gone
        (NEEDED, HERE, {1}, False),
        (NEEDED, HERE, (), True),
        ({1: True, 2: True}, HERE, (), False),  # few, and the directory is the same
        ({1: True, 2: True}, ELSEWHERE, (), True),
        ({1: True}, ELSEWHERE, (), True),
        (DONE, HERE, (), False),  # cleaned up
        (DONE, ELSEWHERE, (), True),
        (NEEDED | DONE, ELSEWHERE, NEEDED, False),  # cleaned up, and booted
        (NEEDED, HERE, {77}, False),  # a directory with runs in it is mounted
        (NEEDED, ELSEWHERE, {77}, True),  # what somebody wrote where nothing was mounted
        (NEEDED | DONE, ELSEWHERE, {11, 1}, True),
        ({}, ELSEWHERE, (), False),
    ],
)
def test_a_mount_point_without_its_mount_is_told_from_runs_that_were_removed(before, identity, found, asked):
    question = unmounted(Path("/runs"), Before(HERE, before), identity, found)
    assert (question is not None) is asked
    assert question is None or "is its file system mounted?" in question


def test_the_question_names_how_many_are_missed():
    before = Before(HERE, NEEDED)
    assert unmounted(Path("/runs"), before, ELSEWHERE, ()) == (
        "/runs is empty, and 5 runs were there: is its file system mounted? "
        "It goes on when they are back or a new run arrives"
    )
    assert unmounted(Path("/runs"), Before(HERE, {7: True}), ELSEWHERE, {8}) == (
        "/runs is another directory than before, 1 run was there: is its file system mounted? "
        "It goes on when they are back or a new run arrives"
    )


def test_without_a_memory_of_the_directory_only_many_runs_gone_at_once_are_a_question():
    assert unmounted(Path("/runs"), Before(None, NEEDED), HERE, ()) is not None
    assert unmounted(Path("/runs"), Before(None, {1: True}), HERE, ()) is None


# ---- with a ledger, by one driver and the next


class Drivers:
    """What the drivers of an experiment see of the disk, one after the other."""

    def __init__(self, directory: Path, runs: Path, clock: Clock) -> None:
        self._path, self._runs, self._clock, self._epoch = directory / "ledger.db", runs, clock, 0
        Ledger(self._path).close()
        self.restart()

    def restart(self) -> None:
        """Another driver, which has not looked yet."""
        self._epoch += 1
        self.ledger = Ledger(self._path, epoch=self._epoch)
        self.ledger._db.execute("INSERT OR REPLACE INTO meta VALUES ('driver_epoch', ?)", (str(self._epoch),))
        self.watch()

    def watch(self) -> None:
        self.discovery = Discovery(self._runs, LedgerListener(self.ledger, lambda: None), POLICY, clock=self._clock)

    def look(self) -> None:
        self._clock.now += LOOK
        self.discovery.look()

    def settle(self) -> None:
        settle(self.discovery, self._clock)

    @property
    def states(self) -> dict[int, RunState]:
        return {run.run: run.state for run in run_rows.runs(self.ledger)}

    @property
    def held(self) -> str:
        why = holds(self.ledger)
        return catalogue.sentence(why) if why else ""

    def conditions(self, run: int) -> list[str]:
        return [c.code for c in run_rows.run(self.ledger, run).conditions if c.topic is Topic.DISK]

    def events(self, run: int) -> list[str]:
        return [r["text"] for r in self.ledger.rows("SELECT text FROM events WHERE run = ? ORDER BY event", run)]


@pytest.fixture
def drivers(tmp_path, runs, clock):
    """Five runs that are ready."""
    for run in range(1, 6):
        take_run(runs, run)
    made = Drivers(tmp_path, runs, clock)
    made.settle()
    assert set(made.states.values()) == {RunState.READY}
    assert made.held == ""
    return made


def test_a_new_driver_launches_nothing_before_it_has_looked(drivers):
    drivers.restart()
    assert drivers.held == "waits: this driver has not looked at all run directories yet"
    drivers.look()
    assert drivers.held == ""


def test_the_same_driver_looks_again_when_the_thread_that_looks_had_to_begin_anew(drivers):
    drivers.watch()
    assert drivers.held == "waits: this driver has not looked at all run directories yet"
    drivers.look()
    assert drivers.held == ""


@pytest.mark.parametrize("restart", [True, False])
def test_a_vanished_run_is_gone_within_one_look(drivers, runs, restart):
    move(drivers.ledger, 2, QUEUED, event={"segments": 2}, queued_by=None)
    stand(drivers.ledger, 3, state=RunState.RUNNING)
    stand(drivers.ledger, 4, state=RunState.DONE)
    for run in (1, 2, 3, 4):
        shutil.rmtree(runs / f"run{run}")
    if restart:
        drivers.restart()
    drivers.look()
    assert drivers.states == {
        1: RunState.GONE, 2: RunState.GONE, 3: RunState.RUNNING, 4: RunState.DONE, 5: RunState.READY
    }  # fmt: skip
    assert {code for run in (1, 2, 3, 4) for code in drivers.conditions(run)} == {"run.gone"}
    assert drivers.events(3)[-1] == "run 3: the run directory is no longer there"
    assert drivers.held == ""


@pytest.mark.parametrize("restart", [True, False])
def test_an_unmounted_disk_holds_everything_until_it_is_back(drivers, runs, clock, restart):
    away = runs.rename(runs.parent / "away")
    runs.mkdir()
    for _ in range(2):
        if restart:
            drivers.restart()
        drivers.look()
        drivers.look()
        question = f"{runs} is empty, and 5 runs were there: is its file system mounted?"
        assert drivers.held.startswith(f"waits for the DTN disk: {question}")
        assert set(drivers.states.values()) == {RunState.READY}
    runs.rmdir()
    drivers.look()
    assert drivers.held.startswith(f"waits for the DTN disk: {runs} is not there: mount its file system")
    away.rename(runs)
    drivers.look()
    assert drivers.held == ""
    assert set(drivers.states.values()) == {RunState.READY}


def test_many_runs_gone_at_once_are_an_unmounted_disk_though_the_directory_is_the_same(drivers, runs):
    for run in range(1, 6):
        (runs / f"run{run}").rename(runs.parent / f"run{run}")
    drivers.restart()
    drivers.look()
    assert "is its file system mounted?" in drivers.held
    for run in range(1, 6):
        (runs.parent / f"run{run}").rename(runs / f"run{run}")
    drivers.look()
    assert (drivers.held, set(drivers.states.values())) == ("", {RunState.READY})


def test_a_new_run_says_that_it_is_the_right_directory(drivers, runs, clock):
    runs.rename(runs.parent / "away")
    runs.mkdir()
    take_run(runs, 77)  # left behind where nothing was mounted
    drivers.restart()
    drivers.look()
    drivers.look()
    assert drivers.held.startswith(f"waits for the DTN disk: {runs} is another directory than before, 5 runs")
    assert 77 not in drivers.states
    take_run(runs, 78)
    drivers.look()
    assert drivers.held == ""
    pass_time(drivers.discovery, clock, LOOK)
    gone = dict.fromkeys(range(1, 6), RunState.GONE)
    assert drivers.states == gone | {77: RunState.READY, 78: RunState.READY}
    drivers.restart()
    drivers.look()
    assert drivers.held == "", "this is the directory now"


def test_what_changed_while_nobody_looked_is_judged_before_anything_is_launched(drivers, runs, monkeypatch):
    stand(drivers.ledger, 2, state=RunState.RUNNING, launched_fingerprint=run_rows.run(drivers.ledger, 2).fingerprint)
    for run in (1, 2):
        with (runs / f"run{run}" / f"run-{run:04d}-01.evt").open("ab") as file:
            file.write(EVENTS)
    drivers.restart()
    told = []
    judged = LedgerListener.judged
    monkeypatch.setattr(
        listener_module.LedgerListener,
        "judged",
        lambda self, path, *rest: (told.append((path.name, bool(drivers.held))), judged(self, path, *rest)),
    )
    drivers.look()
    assert dict(told) == {"run1": True, "run2": True}
    assert drivers.held == ""
    assert drivers.states[1] is RunState.ARRIVING
    assert drivers.states[2] is RunState.RUNNING
    assert drivers.events(2)[-1].startswith("run 2 changed on disk after it was launched")


def test_what_changed_while_the_disk_was_away_is_found_as_soon_as_it_is_back(drivers, runs, clock):
    pass_time(drivers.discovery, clock, 1000)
    away = runs.rename(runs.parent / "away")
    runs.mkdir()
    drivers.look()
    assert drivers.held
    with (away / "run1" / "run-0001-01.evt").open("ab") as file:  # in place: no stamp of a directory shows it
        file.write(EVENTS)
    runs.rmdir()
    away.rename(runs)
    drivers.look()
    assert drivers.states[1] is RunState.ARRIVING


def test_nothing_is_launched_before_the_last_of_many_known_runs_was_looked_at(drivers, clock, monkeypatch):
    scan = rundirectory.scan

    def slow(path):
        clock.now += PACE.work
        return scan(path)

    monkeypatch.setattr(rundirectory, "scan", slow)
    drivers.restart()
    drivers.look()
    for _ in range(2):  # two at a time
        assert drivers.held
        drivers.discovery.look_at(())
    assert drivers.held == "", "said as soon as it is so, and not at the next look"
