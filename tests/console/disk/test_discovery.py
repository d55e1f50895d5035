"""Discovery on real files with the test's clock: what is told, when, and what is read for it."""

from __future__ import annotations

import os
import shutil
import time

import pytest

from console.disk import rundirectory
from console.disk.discovery import Discovery
from console.disk.listener import Known, LedgerListener
from console.disk.pace import PACE
from console.ledger import runs as run_rows
from console.ledger.store import Ledger
from flowspec.conditions import reason
from flowspec.readiness import Verdict
from flowspec.states import RunState
from tests.discovery_fixture import (  # noqa: F401  (fixtures)
    EVENTS,
    POLICY,
    SETTLE,
    STALLED,
    Clock,
    Heard,
    begin,
    clock,
    discovery,
    end,
    heard,
    item,
    opened,
    runs,
    settle,
    state_change,
    take_run,
)


def test_a_complete_run_is_ready_when_it_has_settled(runs, discovery, heard, clock):
    take_run(runs, 7)
    discovery.look()
    assert heard.verdicts == {7: Verdict.ARRIVING}
    clock.now += SETTLE * 0.9
    discovery.look()
    assert heard.verdicts == {7: Verdict.ARRIVING}
    clock.now = discovery.next_due
    discovery.look_at(())
    assert heard.verdicts == {7: Verdict.READY}
    assert heard.judgement.segments == (0, 1)
    assert heard.sizes[7] == {s: (runs / "run7" / f"run-0007-{s:02d}.evt").stat().st_size for s in (0, 1)}
    assert discovery.next_due == float("inf")


def test_nothing_is_told_twice(runs, discovery, heard, clock):
    take_run(runs, 7)
    settle(discovery, clock)
    told = len(heard.calls)
    for _ in range(5):
        clock.now += 100
        discovery.look()
    assert len(heard.calls) == told


def test_growth_of_a_file_is_seen_although_the_directory_stays_the_same(runs, discovery, heard, clock):
    (runs / "run8").mkdir()
    segment = runs / "run8" / "run-0008-00.evt"
    segment.write_bytes(begin(8) + EVENTS)
    settle(discovery, clock)
    assert heard.verdicts[8] is Verdict.ARRIVING
    assert "END_RUN" in heard.reasons[8]
    clock.now += 5
    with segment.open("ab") as file:
        file.write(EVENTS + end(8))
    settle(discovery, clock)
    assert heard.verdicts[8] is Verdict.READY


def test_a_change_within_the_granularity_of_modification_times_is_seen(runs, discovery, heard, clock):
    take_run(runs, 7)
    settle(discovery, clock)
    before = (runs / "run7").stat()
    (runs / "run7" / "run-0007-03.evt").write_bytes(EVENTS)
    os.utime(runs / "run7", ns=(before.st_atime_ns, before.st_mtime_ns))
    clock.now += 2
    settle(discovery, clock)
    assert "run-0007-02.evt is missing" in heard.reasons[7]


def test_a_stalled_run_is_incomplete_with_its_reason(runs, discovery, heard, clock):
    take_run(runs, 7, segments=3)
    (runs / "run7" / "run-0007-01.evt").unlink()
    settle(discovery, clock)
    assert heard.verdicts[7] is Verdict.ARRIVING
    clock.now += STALLED
    discovery.look()
    assert heard.verdicts[7] is Verdict.INCOMPLETE
    assert "run-0007-01.evt is missing" in heard.reasons[7]


def test_only_what_changed_is_read(runs, discovery, heard, clock, opened):
    for run in range(1, 31):
        take_run(runs, run)
    settle(discovery, clock)
    assert opened.count("run-0007-00.evt") == 1
    opened.clear()
    discovery.look()
    assert len(opened) == 30, "young runs are listed, and none of their segments is read again"
    clock.now += PACE.active + 1
    discovery.look()
    opened.clear()
    clock.now += 5
    discovery.look()
    assert opened == [], "runs that have been quiet for minutes cost nothing"
    (runs / "run7" / "run-0007-02.evt").write_bytes(EVENTS + end(7))
    clock.now += PACE.directories
    discovery.look()
    assert "run7" in opened
    assert opened.count("run-0007-02.evt") == 1
    assert "run-0007-00.evt" not in opened
    assert heard.judgement.segments == (0, 1, 2)


@pytest.mark.parametrize(("order", "first"), [("newest", {30, 29}), ("oldest", {1, 2})])
def test_a_mountain_of_old_runs_does_not_hide_the_new_one(runs, heard, clock, monkeypatch, order, first):
    """The first look may find more than can be read in a day."""
    discovery = Discovery(runs, heard, POLICY.model_copy(update={"order": order}), clock=clock)
    for run in range(1, 31):
        take_run(runs, run)
    slow = rundirectory.inspect

    def read_slowly(*arguments):
        clock.now += 0.4
        return slow(*arguments)

    monkeypatch.setattr(rundirectory, "inspect", read_slowly)
    discovery.look()
    assert set(heard.verdicts) == first, "in the order of their launch, for about a second"
    take_run(runs, 31)
    discovery.look()
    assert 31 in heard.verdicts
    while discovery.next_due <= clock.now + SETTLE:
        clock.now = max(clock.now, discovery.next_due)
        discovery.look_at(())
    assert heard.verdicts == dict.fromkeys(range(1, 32), Verdict.READY)


def test_a_run_that_two_directories_claim_is_nobodys(runs, discovery, heard, clock):
    take_run(runs, 7)
    settle(discovery, clock)
    shutil.copytree(runs / "run7", runs / "run0007")
    clock.now += PACE.active + 1
    settle(discovery, clock)
    clock.now += 10
    discovery.look()
    assert heard.verdicts == {7: Verdict.INCOMPLETE}
    assert heard.judgement.reason == reason("run.incomplete.claimed", directories="run0007 and run7")
    assert heard.reasons[7] == "is claimed by run0007 and run7: rename or move all but one"
    shutil.rmtree(runs / "run7")
    clock.now += 10
    discovery.look()
    clock.now += SETTLE
    discovery.look()
    assert heard.verdicts == {7: Verdict.READY}
    assert heard.calls[-1] == ("run0007", 7)
    assert ("gone", 7) not in heard.calls


def test_a_vanished_run_is_gone_and_may_come_back(runs, discovery, heard, clock):
    take_run(runs, 7)
    take_run(runs, 8)
    settle(discovery, clock)
    (runs / "run7").rename(runs.parent / "elsewhere")
    discovery.look()
    assert heard.verdicts == {7: None, 8: Verdict.READY}
    (runs.parent / "elsewhere").rename(runs / "run7")
    settle(discovery, clock)
    assert heard.verdicts == {7: Verdict.READY, 8: Verdict.READY}


def test_a_renamed_run_is_another_run(runs, discovery, heard, clock):
    take_run(runs, 7)
    settle(discovery, clock)
    (runs / "run7").rename(runs / "run9")
    settle(discovery, clock)
    assert heard.verdicts[7] is None
    assert heard.verdicts[9] is Verdict.INCOMPLETE
    assert "belongs to run 7" in heard.reasons[9]


def test_a_lost_file_system_is_a_problem_and_no_run_is_gone(runs, discovery, heard, clock):
    take_run(runs, 7)
    settle(discovery, clock)
    away = runs.rename(runs.parent / "away")
    discovery.look()
    assert heard.problem is not None
    assert heard.problem.endswith("runs is not there: mount its file system, or correct dtn.runs in the profile")
    runs.mkdir()  # the empty mount point that an unmounted file system leaves
    discovery.look()
    assert "mounted?" in str(heard.problem)
    assert heard.verdicts == {7: Verdict.READY}
    runs.rmdir()
    away.rename(runs)
    discovery.look()
    assert heard.problem is None
    assert heard.verdicts == {7: Verdict.READY}


def test_other_names_are_left_alone(runs, discovery, heard, clock):
    (runs / "run12").write_text("a file")
    (runs / "run13").symlink_to("nowhere")
    (runs / "running").mkdir()
    (runs / "current").mkdir()
    (runs / "run\x1b[31m7").mkdir()
    discovery.look()
    assert heard.calls == []
    assert heard.problem is None


def test_after_a_restart_finished_runs_are_not_read_again(runs, discovery, heard, clock, opened):
    take_run(runs, 7)
    take_run(runs, 8)
    settle(discovery, clock)
    again = Heard()
    same = heard.judgement
    again.before_this = {same.run: Known(str(runs / f"run{same.run}"), same.verdict.value, same.fingerprint)}
    restarted = Discovery(runs, again, POLICY, clock=clock, wall_clock=lambda: time.time() + 3600)
    opened.clear()
    restarted.look()
    assert set(again.verdicts) == {7, 8} - {same.run}
    assert not any(name.startswith(f"run-{same.run:04d}") for name in opened)
    opened.clear()
    clock.now += 5
    restarted.look()
    assert f"run{same.run}" not in opened
    (runs / f"run{same.run}" / f"run-{same.run:04d}-02.evt").write_bytes(EVENTS)
    clock.now += PACE.directories
    restarted.look()
    assert again.verdicts[same.run] is Verdict.ARRIVING


def test_after_a_restart_an_incomplete_run_need_not_stall_again(runs, discovery, heard, clock):
    take_run(runs, 7, segments=3)
    (runs / "run7" / "run-0007-01.evt").unlink()
    discovery.look()
    again = Heard()
    again.before_this = {7: Known(str(runs / "run7"), "incomplete", heard.judgement.fingerprint)}
    Discovery(runs, again, POLICY, clock=clock).look()
    assert again.verdicts == {7: Verdict.INCOMPLETE}


def test_what_is_found_gets_into_the_ledger(runs, tmp_path, clock):
    woken: list[int] = []
    ledger = Ledger(tmp_path / "ledger.db")
    discovery = Discovery(runs, LedgerListener(ledger, lambda: woken.append(1)), POLICY, clock=clock)
    take_run(runs, 7)
    settle(discovery, clock)
    run = run_rows.run(ledger, 7)
    assert run is not None
    assert (run.state, run.segments, run.path) == (RunState.READY, (0, 1), str(runs / "run7"))
    assert woken
    shutil.rmtree(runs / "run7")
    discovery.look()
    run = run_rows.run(ledger, 7)
    assert run is not None
    assert run.state is RunState.GONE
