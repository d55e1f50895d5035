"""What discovery looks at when nothing tells it of changes: nothing is missed for long, and looking costs little."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from console.disk import discovery as discovery_module
from console.disk.discovery import Discovery
from console.disk.pace import PACE
from console.disk.rotation import Rotation
from flowspec.readiness import Verdict
from tests.discovery_fixture import (  # noqa: F401  (fixtures)
    EVENTS,
    LOOK,
    POLICY,
    SETTLE,
    STALLED,
    Clock,
    Heard,
    at_rest,
    begin,
    clock,
    discovery,
    end,
    heard,
    opened,
    pass_time,
    runs,
    take_run,
)

# ---- what a look costs


def test_runs_at_rest_are_looked_at_in_turn(at_rest, discovery, clock, opened, monkeypatch):
    stamped: list[str] = []
    original = discovery_module.stamp_of
    monkeypatch.setattr(discovery_module, "stamp_of", lambda path: (stamped.append(path.name), original(path))[1])
    looks = int(PACE.files / LOOK)
    most = 0
    for _ in range(looks):
        before = len(opened)
        clock.now += LOOK
        discovery.look()
        most = max(most, len(opened) - before)
    assert sorted(opened) == sorted(f"run{run}" for run in range(1, 41)), "each is listed once, and no file is read"
    assert most == 1
    assert stamped.count("run7") == PACE.files / PACE.directories


def test_more_runs_make_the_round_longer_and_not_the_look(at_rest, discovery, clock, monkeypatch):
    stamped: list[str] = []
    original = discovery_module.stamp_of
    monkeypatch.setattr(discovery_module, "stamp_of", lambda path: (stamped.append(path.name), original(path))[1])
    monkeypatch.setattr(discovery_module, "PACE", replace(PACE, directories_per_second=0.2, files=1e9))
    for _ in range(20):
        clock.now += LOOK
        discovery.look()
    assert 19 <= len(stamped) <= 20, "one at each look"
    assert len(set(stamped)) == len(stamped)


def test_more_files_make_the_round_longer_and_not_the_look(at_rest, discovery, clock, opened):
    files = int(PACE.files_per_second * 10 * PACE.files)
    discovery._entries = files  # as if the runs had so many
    clock.now += LOOK
    discovery.look()
    opened.clear()
    for _ in range(int(PACE.files / LOOK)):
        clock.now += LOOK
        discovery.look()
    assert len(opened) == 4
    assert len(set(opened)) == 4


def test_the_list_of_runs_is_read_when_it_has_changed_and_once_a_minute(at_rest, discovery, heard, clock, monkeypatch):
    listed: list[object] = []
    original = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: (listed.append(path), original(path))[1])
    pass_time(discovery, clock, 2 * PACE.directories)
    assert listed.count(at_rest) in (2, 3)
    listed.clear()
    take_run(at_rest, 50)
    clock.now += LOOK
    discovery.look()
    assert 50 in heard.verdicts
    pass_time(discovery, clock, PACE.granularity)
    assert len([path for path in listed if path == at_rest]) > 2, "it may change again without another stamp"


def test_after_a_first_start_old_runs_are_at_rest_at_once(runs, heard, clock, opened):
    for run in range(1, 11):
        take_run(runs, run)
    later = runs.stat().st_mtime + PACE.active + 1
    discovery = Discovery(runs, heard, POLICY, clock=clock, wall_clock=lambda: later)
    pass_time(discovery, clock, 2 * SETTLE)
    assert set(heard.verdicts.values()) == {Verdict.READY}
    opened.clear()
    clock.now += LOOK
    discovery.look()
    assert opened == []


def test_an_incomplete_run_is_not_hot_for_ever_but_looked_at_each_minute(runs, discovery, heard, clock, opened):
    take_run(runs, 7, segments=3)
    last = (runs / "run7" / "run-0007-02.evt").rename(runs / "away")
    pass_time(discovery, clock, STALLED + PACE.active)
    assert heard.verdicts == {7: Verdict.INCOMPLETE}
    opened.clear()
    pass_time(discovery, clock, 10 * PACE.directories)
    assert 10 <= opened.count("run7") <= 13
    with (runs / "run7" / "run-0007-01.evt").open("ab") as file:
        file.write(end(7))
    pass_time(discovery, clock, PACE.directories + LOOK + SETTLE)
    assert heard.verdicts == {7: Verdict.READY}
    last.unlink()


# ---- what is found, and when


def test_a_file_that_grows_where_it_is_in_a_run_at_rest_is_found_in_a_round(at_rest, discovery, heard, clock):
    """rsync --inplace and --append change nothing in the directory."""
    with (at_rest / "run7" / "run-0007-01.evt").open("ab") as file:
        file.write(EVENTS)
    pass_time(discovery, clock, PACE.files + LOOK)
    assert heard.verdicts[7] is Verdict.INCOMPLETE
    assert "events follow the last END_RUN" in heard.reasons[7]


def test_a_late_segment_is_found_in_a_minute_though_the_time_of_the_directory_was_set_back(
    at_rest, discovery, heard, clock, opened
):
    while "run7" not in opened:  # so that the turn of its files is far away
        clock.now += LOOK
        discovery.look()
    folder = at_rest / "run7"
    before = folder.stat()
    (folder / ".run-0007-02.evt.x").write_bytes(EVENTS + end(7))
    (folder / ".run-0007-02.evt.x").rename(folder / "run-0007-02.evt")
    os.utime(folder, ns=(before.st_atime_ns, before.st_mtime_ns))  # as rsync -t ends
    pass_time(discovery, clock, PACE.directories + LOOK + SETTLE)
    assert set(heard.sizes[7]) == {0, 1, 2}


def test_the_files_of_a_settled_file_system_are_read_once(at_rest, discovery, clock, opened):
    (at_rest / "run7" / "run-0007-02.evt").write_bytes(EVENTS + end(7))
    pass_time(discovery, clock, 2 * PACE.files)
    assert [name for name in opened if name.startswith("run-")] == ["run-0007-02.evt"]


CHANGES = ("take", "late", "replace", "grow", "cut", "remove", "vanish", "rename", "others")
PAUSES = (0.0, 0.3, 7.0, PACE.active + 100, STALLED + PACE.active + 100)
STEPS = st.tuples(st.sampled_from(CHANGES), st.integers(1, 2), st.booleans(), st.sampled_from(PAUSES))


@settings(max_examples=100, deadline=None)
@given(st.lists(STEPS, max_size=12))
def test_whatever_happens_unseen_it_ends_as_if_it_were_seen_for_the_first_time(changes):
    """Any changes, at any time, with no event and with times that are set back: only looks find them."""
    base = Path(tempfile.mkdtemp())
    try:
        runs, clock, heard = base / "runs", Clock(), Heard()
        runs.mkdir()
        discovery = Discovery(runs, heard, POLICY, clock=clock)
        for run in (1, 2):
            take_run(runs, run)
        for change, run, set_back, pause in changes:
            before = (runs / f"run{run}").stat() if (runs / f"run{run}").exists() else None
            _change(runs, run, change)
            if set_back and before is not None and (runs / f"run{run}").exists():
                os.utime(runs / f"run{run}", ns=(before.st_atime_ns, before.st_mtime_ns))
            pass_time(discovery, clock, pause, look=30.0)
        pass_time(discovery, clock, PACE.files + STALLED + 2 * PACE.directories, look=30.0)
        first, now = Heard(), Clock()
        again = Discovery(runs, first, POLICY, clock=now)
        pass_time(again, now, STALLED + PACE.directories, look=30.0)
        seen = {run: (verdict, heard.sizes[run]) for run, verdict in heard.verdicts.items() if verdict is not None}
        assert seen == {run: (verdict, first.sizes[run]) for run, verdict in first.verdicts.items()}
    finally:
        shutil.rmtree(base)


def _change(runs: Path, run: int, change: str) -> None:
    folder = runs / f"run{run}"
    if change == "take":
        if not folder.exists():
            take_run(runs, run)
        return
    if not folder.exists():
        return
    files = sorted(folder.iterdir())
    late = folder / f"run-{run:04d}-{len(files):02d}.evt"
    if change == "late":
        late.write_bytes(EVENTS + end(run))
    elif change == "vanish":
        shutil.rmtree(folder)
    elif change == "others":
        (folder / "notes").mkdir(exist_ok=True)
    elif change == "rename" and not (runs / f"run{run + 3}").exists():
        folder.rename(runs / f"run{run + 3}")
    elif files and files[-1].is_file():
        last = files[-1]
        if change == "replace":
            (runs / "new").write_bytes(begin(run) + EVENTS + EVENTS + end(run))
            (runs / "new").replace(last)
        elif change == "grow":
            with last.open("ab") as file:
                file.write(EVENTS)
        elif change == "cut":
            os.truncate(last, last.stat().st_size // 2)
        elif change == "remove":
            last.unlink()


@given(st.sets(st.text(max_size=3), max_size=30), st.lists(st.floats(0.1, 40.0), max_size=40))
def test_everybody_has_a_turn_in_a_round(names, pauses):
    turns, now, last = Rotation(), 0.0, dict.fromkeys(names, 0.0)
    turns.keep(names)
    turns.take(now, 60)
    for pause in pauses:
        now += pause
        taken = turns.take(now, 60)
        assert len(taken) == len(set(taken)) <= len(names) * pause / 60 + 1
        last.update(dict.fromkeys(taken, now))
        assert all(now - at <= 60 + max(pauses) + 1e-6 for at in last.values())


def test_of_runs_long_at_rest_nothing_is_remembered_and_they_are_read_anew_when_they_change(
    at_rest, discovery, heard, clock, opened, monkeypatch
):
    """What was read of two thousand runs would fill the memory; that of the last ones is kept."""
    monkeypatch.setattr(discovery_module, "REMEMBERED", 10)
    pass_time(discovery, clock, 2 * PACE.files)
    assert sum(bool(directory.facts) for directory in discovery._directories.values()) == 10
    old = next(directory.run for directory in discovery._directories.values() if not directory.facts)
    opened.clear()
    (at_rest / f"run{old}" / f"run-{old:04d}-02.evt").write_bytes(EVENTS + end(old))
    pass_time(discovery, clock, PACE.files + LOOK)
    assert {name for name in opened if name.startswith("run-")} == {f"run-{old:04d}-{s:02d}.evt" for s in range(3)}
    assert heard.verdicts[old] is Verdict.INCOMPLETE
    assert "events follow the last END_RUN" in heard.reasons[old] or heard.reasons[old]
    assert heard.sizes[old].keys() == {0, 1, 2}
