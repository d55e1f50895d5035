"""Two ledgers of one experiment: one driver has the mark beside the results, the other one says who, and waits."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from console.disk import mark as marks
from console.disk.mark import LEASE_SECONDS, NAME, TAKE, TAKEN_SECONDS
from console.driver.marking import MISSED_BEATS
from console.ledger.store import Ledger
from tests.mark_fixture import Console, of_another_machine, put, results, two  # noqa: F401


def a_process_that_ended() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


# ---- one drives, the other one waits


def test_before_the_first_look_nothing_is_launched(two: tuple[Console, Console]) -> None:
    anna, _ = two
    assert not anna.drives
    assert anna.marking.problem() == "", "that is nothing to be told"


def test_the_second_ledger_waits_and_says_who_drives_where_since_when(two: tuple[Console, Console]) -> None:
    anna, bert = two
    anna.look()
    bert.look(3)
    assert anna.drives
    assert not bert.drives
    there = marks.read(anna.results)
    said = bert.marking.problem()
    for known in (there.user, f"uid {os.getuid()}", there.host, str(anna.path), "console driver take-over"):
        assert known in said
    assert bert.events == [said], "once, not with each look"
    assert anna.events == []


def test_a_copied_ledger_is_another_one(two: tuple[Console, Console]) -> None:
    anna, bert = two
    with anna.ledger.change():
        anna.ledger.put("driver_epoch", "7")
    bert.ledger.close()
    anna.ledger._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    bert.path.write_bytes(anna.path.read_bytes())
    bert.ledger = Ledger(bert.path)
    assert bert.ledger.get("driver_epoch") == "7"
    anna.look()
    bert.look(2 * MISSED_BEATS)
    assert anna.drives
    assert not bert.drives


def test_the_mark_stays_ours_as_long_as_it_is_renewed(two: tuple[Console, Console]) -> None:
    anna, bert = two
    anna.look()
    first = marks.read(anna.results)
    for _ in range(3 * MISSED_BEATS):
        anna.look()
        bert.look()
        assert (anna.drives, bert.drives) == (True, False)
    now = marks.read(anna.results)
    assert (now.id, now.since) == (first.id, first.since)
    assert now.beat > first.beat


def test_whoever_cannot_renew_its_mark_stops_launching_in_time(two: tuple[Console, Console]) -> None:
    anna, _ = two
    anna.look()
    assert anna.drives
    anna.time += LEASE_SECONDS + 1
    assert not anna.drives


def test_a_driver_that_ends_takes_its_mark_away(two: tuple[Console, Console]) -> None:
    anna, bert = two
    anna.look()
    bert.look()
    anna.marking.release()
    assert not anna.drives
    bert.look()
    assert not bert.drives, "what the other one has just started may not be listed yet"
    bert.look(5)
    assert bert.drives
    assert bert.events[-1] == "no other console drives this experiment: launches again"


def test_the_next_driver_of_the_same_ledger_goes_on_at_once(two: tuple[Console, Console]) -> None:
    """Also when the one before is still there, in the kernel: it has lost the lock."""
    anna, bert = two
    anna.look()
    before = marks.read(anna.results)
    anna.restart()
    anna.look()
    bert.look()
    assert (anna.drives, bert.drives) == (True, False)
    assert marks.read(anna.results).id != before.id


def test_a_mark_that_somebody_removed_is_put_again(two: tuple[Console, Console]) -> None:
    anna, _ = two
    anna.look()
    (anna.results / NAME).unlink()
    anna.look()
    assert anna.drives
    assert marks.read(anna.results) is not None


# ---- a driver that is gone


def test_a_driver_of_this_machine_that_died_is_followed_at_once(two: tuple[Console, Console]) -> None:
    anna, bert = two
    anna.look()
    died = replace(marks.read(anna.results), pid=a_process_that_ended())
    put(anna.results, died)
    bert.look()
    assert any("whose driver has died" in event for event in bert.events)
    assert not bert.drives
    bert.look(5)
    assert bert.drives


@pytest.mark.parametrize(("answer", "lives"), [(PermissionError(), None), (ProcessLookupError(), False)])
def test_a_process_that_proc_does_not_show_is_asked_for(
    results: Path, two: tuple[Console, Console], monkeypatch: pytest.MonkeyPatch, answer: OSError, lives: bool | None
) -> None:
    """/proc may hide the processes of others: one that is hidden is told by its beats."""
    anna, _ = two
    anna.look()
    there = marks.read(results)

    def kill(pid: int, signal: int) -> None:
        assert (pid, signal) == (there.pid, 0)
        raise answer

    monkeypatch.setattr(marks, "born_of", lambda pid: None)
    monkeypatch.setattr(os, "kill", kill)
    assert marks.lives(there, there.machine) is lives


def test_one_of_this_machine_that_is_stopped_is_not_dead(two: tuple[Console, Console]) -> None:
    anna, bert = two
    anna.look()
    bert.look(3 * MISSED_BEATS)
    assert not bert.drives


def test_one_of_another_machine_is_followed_after_its_beats_were_missed(two: tuple[Console, Console]) -> None:
    anna, _ = two
    of_another_machine(anna.results)
    anna.look(MISSED_BEATS)
    assert not anna.drives
    anna.look()
    assert anna.drives
    assert "carl on daq2 with /home/carl/ledger.db, whose driver gives no sign of life" in anna.events[-2]


def test_one_of_another_machine_that_beats_is_alive_whatever_its_clock_says(two: tuple[Console, Console]) -> None:
    anna, _ = two
    for beat in range(3 * MISSED_BEATS):
        of_another_machine(anna.results, beat=beat, since=1.0)
        anna.look()
        assert not anna.drives


def test_a_file_system_that_did_not_answer_makes_nobody_dead(two: tuple[Console, Console]) -> None:
    anna, _ = two
    of_another_machine(anna.results)
    anna.look()
    anna.time += 3600.0  # that look hung
    anna.look()
    assert not anna.drives


def test_of_two_that_follow_a_dead_one_the_first_wins(two: tuple[Console, Console]) -> None:
    anna, bert = two
    dead = of_another_machine(anna.results)
    for console in two:
        console.look(MISSED_BEATS)
    anna.look()
    assert not marks.replace_with(bert.results, marks.of_this_process(bert.path), dead), "it judged another mark"
    bert.look()
    assert (anna.drives, bert.drives) == (True, False)


# ---- taken over


def test_a_mark_is_taken_over_when_that_was_said_and_both_hear_of_it(two: tuple[Console, Console]) -> None:
    anna, bert = two
    anna.look()
    bert.look()
    bert.ledger.put(TAKE, marks.read(bert.results).id)
    bert.look()
    assert not bert.drives, "the other one may not have seen it yet"
    assert bert.marking.problem() == ""
    anna.look()
    assert not anna.drives
    assert str(bert.path) in anna.marking.problem()
    bert.look(int(LEASE_SECONDS / 2))
    assert not bert.drives, "what it had asked for may not be listed yet"
    bert.look(int(TAKEN_SECONDS / 2))
    assert bert.drives
    assert any("because it was asked to" in event for event in bert.events)
    assert bert.ledger.get(TAKE) == ""


def test_what_was_said_of_one_mark_does_not_hold_for_the_next(two: tuple[Console, Console]) -> None:
    anna, bert = two
    anna.look()
    bert.ledger.put(TAKE, "another")
    bert.look(3)
    assert not bert.drives
