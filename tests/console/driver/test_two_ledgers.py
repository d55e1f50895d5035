"""Two ledgers of one experiment: one driver has the mark beside the results, the other one says who, and waits."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.disk import mark as marks
from console.disk.mark import LEASE_SECONDS, NAME, RECORD_BYTES, TAKE, Mark
from console.driver.marking import MISSED_BEATS, Marking, elsewhere
from console.ledger.store import Ledger
from flowspec import catalogue


class Console:
    """A ledger of one account, its driver's mark, and a clock of its own."""

    def __init__(self, results: Path, directory: Path) -> None:
        directory.mkdir()
        self.path, self.results, self.time = directory / "ledger.db", results, 100.0
        self.ledger = Ledger(self.path)
        self.restart()

    def restart(self) -> None:
        self.marking = Marking(self.results, self.path, lambda: self.time)

    def look(self, times: int = 1) -> None:
        for _ in range(times):
            self.time += 2.0
            self.marking.look(self.ledger)

    @property
    def drives(self) -> bool:
        return self.marking.holds() is None

    @property
    def events(self) -> list[str]:
        return [row["text"] for row in self.ledger.rows("SELECT text FROM events ORDER BY event")]


@pytest.fixture
def results(tmp_path: Path) -> Path:
    made = tmp_path / "results"
    made.mkdir()
    return made


@pytest.fixture
def two(results: Path, tmp_path: Path) -> Iterator[tuple[Console, Console]]:
    both = Console(results, tmp_path / "anna"), Console(results, tmp_path / "bert")
    yield both
    for console in both:
        console.ledger.close()


def put(results: Path, mark: Mark) -> None:
    (results / NAME).write_bytes(json.dumps(asdict(mark)).encode().ljust(RECORD_BYTES))


def of_another_machine(results: Path, **known: object) -> Mark:
    there = Mark("0" * 32, "daq2", "carl", 1003, 4711, "boot:1", "boot:2", "/home/carl/ledger.db", "boot:3:4", 1e9)
    there = replace(there, **known)
    put(results, there)
    return there


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
    assert bert.drives
    assert "whose driver has died" in bert.events[-1]


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
    assert bert.drives
    assert any("because it was asked to" in event for event in bert.events)
    assert bert.ledger.get(TAKE) == ""


def test_what_was_said_of_one_mark_does_not_hold_for_the_next(two: tuple[Console, Console]) -> None:
    anna, bert = two
    anna.look()
    bert.ledger.put(TAKE, "another")
    bert.look(3)
    assert not bert.drives


# ---- the file


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
