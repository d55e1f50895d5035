"""Runs that programs copy to the DTN, looked at meanwhile: never ready before all is there, ready at the end."""

from __future__ import annotations

import filecmp
import itertools
import os
import random
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from console.disk.discovery import Discovery
from console.disk.pace import PACE
from flowspec.readiness import Verdict
from tests.discovery_fixture import (  # noqa: F401  (fixtures)
    BEGAN,
    EVENTS,
    SETTLE,
    STALLED,
    Clock,
    Heard,
    begin,
    clock,
    discovery,
    end,
    heard,
    pass_time,
    runs,
)
from tests.waiting import HANGS_AFTER

A_DAY = 86_400
MODES = [
    [], ["--inplace"], ["--append"], ["--delay-updates"], ["--partial"], ["--partial-dir=.partial"], ["--sparse"],
    ["--inplace", "--preallocate"],
]  # fmt: skip
MODE = pytest.mark.parametrize("mode", MODES, ids=lambda mode: " ".join(mode) or "plain")


def take(folder: Path, segments: int = 3, events: int = 65, at: int = BEGAN) -> Path:
    """Run 7 as the DAQ has it: about so many times 5 kB per segment."""
    folder.mkdir(parents=True)
    for segment in range(segments):
        path = folder / f"run-0007-{segment:02d}.evt"
        head, tail = begin(7, at) if segment == 0 else b"", end(7, at + 600) if segment == segments - 1 else b""
        path.write_bytes(head + EVENTS * events + tail)
        os.utime(path, (at, at))
    return folder


def same(here: Path, there: Path) -> bool:
    """Whether the run `there` is the run `here`, with nothing else beside it."""
    names = {path.name for path in here.iterdir()} if here.exists() else set()
    found = {path.name for path in there.iterdir()} if there.exists() else set()
    return names == found and all(filecmp.cmp(here / name, there / name, shallow=False) for name in names)


class Watched:
    """Run 7 on the DTN, copied from `source`, as discovery sees it: two looks, with time to settle between them."""

    def __init__(self, source: Path, runs: Path, discovery: Discovery, heard: Heard, clock: Clock) -> None:
        self.source, self.there = source, runs / "run7"
        self.wholes = [source]  # it may be ready when it is one of these
        self._discovery, self._heard, self._clock = discovery, heard, clock
        self.seen: set[Verdict | None] = set()

    def look(self) -> None:
        for _ in range(2):
            self._clock.now += 2 * SETTLE
            self._discovery.look()
        self.seen.add(self.verdict)
        assert self.verdict is not Verdict.READY or any(same(whole, self.there) for whole in self.wholes), self.reason

    def wait(self, seconds: float) -> None:
        pass_time(self._discovery, self._clock, seconds)

    @property
    def verdict(self) -> Verdict | None:
        return self._heard.verdicts.get(7)

    @property
    def reason(self) -> str:
        return self._heard.reasons.get(7, "")

    @property
    def bytes(self) -> int:
        return sum(path.stat().st_size for path in self.there.rglob("*") if path.is_file())

    def copied(self, *options: str) -> None:
        """The run is copied as fast as can be."""
        subprocess.run(["rsync", "-a", *options, f"{self.source}/", f"{self.there}/"], check=True)

    @contextmanager
    def copying(self, *options: str) -> Iterator[subprocess.Popen[bytes]]:
        """A copy that takes half a second or so; it is killed when it is not over."""
        command = ["rsync", "-a", "--bwlimit=2000", *options, f"{self.source}/", f"{self.there}/"]
        process = subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL)
        try:
            yield process
        finally:
            tell(process, signal.SIGKILL)
            process.wait(HANGS_AFTER)

    def look_while(self, process: subprocess.Popen[bytes], until: Callable[[], bool] = lambda: False) -> None:
        """Look until the copy is over or `until`; it stands still while it is looked at."""
        while process.poll() is None and not until():
            tell(process, signal.SIGSTOP)
            self.look()
            tell(process, signal.SIGCONT)
            try:
                process.wait(0.02)
            except subprocess.TimeoutExpired:
                continue


def tell(process: subprocess.Popen[bytes], number: int) -> None:
    """All processes of the copy get the signal."""
    if process.poll() is None:
        os.killpg(process.pid, number)


@pytest.fixture
def watched(tmp_path, runs, discovery, heard, clock):
    return Watched(take(tmp_path / "daq" / "run7"), runs, discovery, heard, clock)


# ---- rsync


@MODE
def test_a_run_that_rsync_copies_is_ready_when_all_of_it_is_there(watched, mode):
    with watched.copying(*mode) as process:
        watched.look_while(process)
        assert process.wait(HANGS_AFTER) == 0
    assert watched.seen & {Verdict.ARRIVING, Verdict.INCOMPLETE}, "it was seen in the middle"
    watched.look()
    assert watched.verdict is Verdict.READY


@MODE
def test_a_copy_that_stalls_is_incomplete_and_ready_when_it_goes_on(watched, mode):
    with watched.copying(*mode) as process:
        watched.look_while(process, until=lambda: watched.there.exists() and watched.bytes > 400_000)
        tell(process, signal.SIGSTOP)
        watched.wait(STALLED + PACE.active)
        assert watched.verdict is Verdict.INCOMPLETE
        assert "nothing new for 15 min" in watched.reason
        tell(process, signal.SIGCONT)
        watched.look_while(process)
        assert process.wait(HANGS_AFTER) == 0
    watched.wait(2 * PACE.directories)
    assert watched.verdict is Verdict.READY


@MODE
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["ended", "killed"])
def test_a_copy_that_is_cut_off_is_incomplete_and_ready_when_it_was_made_again(watched, mode, how):
    with watched.copying(*mode) as process:
        watched.look_while(process, until=lambda: watched.there.exists() and watched.bytes > 400_000)
        tell(process, how)
        assert process.wait(HANGS_AFTER) != 0
    watched.wait(STALLED + PACE.active)
    assert watched.verdict is Verdict.INCOMPLETE
    watched.copied(*mode)
    watched.wait(2 * PACE.directories)
    left = [path for path in watched.there.iterdir() if not (watched.source / path.name).exists()]
    for path in left:  # what a killed rsync leaves behind no later pass removes
        assert watched.verdict is not Verdict.READY
        assert f"{path.name} is being written or was left behind" in watched.reason
        path.unlink()
    watched.wait(2 * PACE.directories)
    assert watched.verdict is Verdict.READY


@pytest.mark.parametrize("mode", [[], ["--inplace"], ["--append"]], ids=lambda mode: " ".join(mode) or "plain")
def test_passes_over_a_run_that_is_being_taken_bring_it_cut_anywhere(tmp_path, watched, mode):
    whole = {path.name: path.read_bytes() for path in sorted(watched.source.iterdir())}
    growing = take(tmp_path / "growing")
    for path in growing.iterdir():
        path.unlink()
    watched.source = growing
    chance = random.Random(7)
    for name, data in whole.items():
        for size in sorted(chance.sample(range(len(data)), 6)):
            (growing / name).write_bytes(data[:size])
            watched.copied(*mode)
            for _ in range(3):
                watched.wait(10 * SETTLE)
                assert watched.verdict in (Verdict.ARRIVING, Verdict.INCOMPLETE)
        (growing / name).write_bytes(data)
    watched.copied(*mode)
    watched.look()
    assert watched.verdict is Verdict.READY


def test_120_segments_are_ready_when_all_are_there_in_whatever_order(tmp_path, runs, discovery, heard, clock):
    """rsync sorts by name: 100 to 109 come between 10 and 11, and so do not wait for those before them."""
    watched = Watched(take(tmp_path / "daq" / "run7", segments=120, events=1), runs, discovery, heard, clock)
    assert (watched.source / "run-0007-119.evt").exists()
    with watched.copying("--bwlimit=400") as process:
        watched.look_while(process)
        assert process.wait(HANGS_AFTER) == 0
    watched.look()
    assert watched.verdict is Verdict.READY
    assert heard.judgement.segments == tuple(range(120))
    assert watched.reason == "is complete: 120 segments of whole items, END_RUN in run-0007-119.evt"


# ---- a run that was taken again under the same number


@pytest.mark.parametrize("events", [40, 65, 90], ids=["shorter", "equal", "longer"])
@pytest.mark.parametrize("segments", [2, 3])
@pytest.mark.parametrize(
    "mode", [[], ["--delay-updates"], ["--inplace"], ["--inplace", "--no-whole-file"]],
    ids=lambda mode: " ".join(mode) or "plain",
)  # fmt: skip
def test_a_run_that_is_copied_over_an_older_take_is_never_ready_as_a_mix(
    tmp_path, runs, discovery, heard, clock, mode, segments, events
):
    watched = Watched(take(tmp_path / "daq" / "run7"), runs, discovery, heard, clock)
    watched.wholes.append(take(tmp_path / "before", segments, events, at=BEGAN - A_DAY))
    take(watched.there, segments, events, at=BEGAN - A_DAY)
    watched.look()
    assert watched.verdict is Verdict.READY
    with watched.copying(*mode) as process:
        watched.look_while(process)
        assert process.wait(HANGS_AFTER) == 0
    watched.wait(PACE.files + PACE.directories)
    assert watched.verdict is Verdict.READY
    assert same(watched.source, watched.there)


def test_a_copy_over_an_older_take_that_ends_after_the_first_segment_is_no_run(watched):
    take(watched.there, at=BEGAN - A_DAY)
    watched.copied("--exclude=*-01.evt", "--exclude=*-02.evt")
    watched.wait(2 * SETTLE)
    assert watched.verdict is Verdict.INCOMPLETE
    assert "the END_RUN in run-0007-02.evt is older than the BEGIN_RUN of this run" in watched.reason


# ---- other programs


@pytest.mark.parametrize("order", itertools.permutations(range(3)), ids=str)
def test_segments_that_are_moved_there_may_come_in_any_order(watched, tmp_path, order):
    copy = take(tmp_path / "copy")
    watched.there.mkdir()
    for segment in order:
        subprocess.run(["mv", copy / f"run-0007-{segment:02d}.evt", watched.there], check=True)
        watched.look()
    assert watched.verdict is Verdict.READY


def test_a_directory_that_is_moved_there_is_ready(watched, tmp_path):
    subprocess.run(["mv", take(tmp_path / "copy"), watched.there], check=True)
    watched.look()
    assert watched.verdict is Verdict.READY


def test_files_of_full_size_whose_blocks_come_in_any_order_are_ready_when_all_are_there(watched):
    """As parallel streams write them, or a program that allocates the file first."""
    block, chance = 1 << 16, random.Random(7)
    watched.there.mkdir()
    blocks = []
    for path in sorted(watched.source.iterdir()):
        size = path.stat().st_size
        (watched.there / path.name).touch()
        os.truncate(watched.there / path.name, size)
        blocks += [(path, start) for start in range(0, size, block)]
    chance.shuffle(blocks)
    for path, start in blocks:
        watched.look()
        assert watched.verdict is not Verdict.READY
        with (watched.there / path.name).open("r+b") as file:
            file.seek(start)
            file.write(path.read_bytes()[start : start + block])
    watched.look()
    assert watched.verdict is Verdict.READY


def test_a_sparse_copy_is_as_good_as_any(watched):
    watched.there.mkdir()
    subprocess.run(["cp", "--sparse=always", *sorted(watched.source.iterdir()), watched.there], check=True)
    watched.look()
    assert watched.verdict is Verdict.READY
