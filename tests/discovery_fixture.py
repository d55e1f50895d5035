"""Run directories made of a few ring items, a listener that remembers, and a clock that stands still."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from console.disk import rundirectory
from console.disk.discovery import Discovery
from console.disk.listener import Known
from console.disk.mounted import Before, Identity
from console.disk.pace import PACE
from console.settings.model import Policy
from flowspec.readiness import Verdict

SETTLE, STALLED = 1.0, 900.0
POLICY = Policy(settle=SETTLE, stalled_after=STALLED, look_interval=0.2)


def item(kind: int, body: bytes) -> bytes:
    return struct.pack("<III", 12 + len(body), kind, 4) + body


BEGAN = 1_782_914_602  # unix time


def state_change(kind: int, run: int, at: int = BEGAN) -> bytes:
    return item(kind, struct.pack("<IIIII81s", run, 0, at, 1000, 0, b"a title"))


def begin(run: int, at: int = BEGAN) -> bytes:
    return item(12, struct.pack("<HH", 12, 0)) + state_change(1, run, at)


def end(run: int, at: int = BEGAN) -> bytes:
    return state_change(2, run, at)


EVENTS = item(30, b"\0" * 36) * 100


def take_run(directory: Path, run: int, segments: int = 2) -> None:
    """A complete run, which appears as the last rename of an rsync leaves it."""
    hidden = directory / f".{run}"
    hidden.mkdir()
    for segment in range(segments):
        head, tail = begin(run) if segment == 0 else b"", end(run) if segment == segments - 1 else b""
        (hidden / f"run-{run:04d}-{segment:02d}.evt").write_bytes(head + EVENTS + tail)
    hidden.rename(directory / f"run{run}")


class Heard:
    """A listener that remembers."""

    def __init__(self) -> None:
        self.verdicts: dict[int, Verdict | None] = {}
        self.reasons: dict[int, str] = {}
        self.calls: list[tuple[str, int]] = []
        self.sizes: dict[int, dict[int, int]] = {}
        self.problem: str | None = None
        self.before_this: dict[int, Known] = {}
        self.identity: Identity | None = None
        self.told = 0

    def judged(self, path, judgement, sizes):
        self.verdicts[judgement.run] = judgement.verdict
        self.reasons[judgement.run] = judgement.sentence
        self.sizes[judgement.run] = dict(sizes)
        self.calls.append((path.name, judgement.run))
        self.judgement = judgement

    def removed(self, runs):
        for run in runs:
            self.verdicts[run] = None
            self.calls.append(("gone", run))

    def listed(self, problem, identity):
        self.problem, self.told = problem, self.told + 1
        if problem is None:
            self.identity = identity

    def before(self):
        there = {run: True for run, verdict in self.verdicts.items() if verdict is not None}
        return Before(self.identity, there | dict.fromkeys(self.before_this, True))

    def known(self, run):
        return self.before_this.get(run)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def runs(tmp_path):
    directory = tmp_path / "runs"
    directory.mkdir()
    return directory


@pytest.fixture
def heard():
    return Heard()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def discovery(runs, heard, clock):
    return Discovery(runs, heard, POLICY, clock=clock)


@pytest.fixture
def opened(monkeypatch):
    """The names of directories listed and of segments read since the test last cleared it."""
    names: list[str] = []

    def counted(function):
        def call(path, *args):
            names.append(Path(path).name)
            return function(path, *args)

        return call

    monkeypatch.setattr(rundirectory, "scan", counted(rundirectory.scan))
    monkeypatch.setattr(rundirectory, "inspect", counted(rundirectory.inspect))
    return names


def settle(discovery: Discovery, clock: Clock) -> None:
    discovery.look()
    assert discovery.next_due <= clock.now + SETTLE + 0.01
    clock.now = discovery.next_due
    discovery.look_at(())


LOOK = 5.0  # seconds between looks, as in the settings


def pass_time(discovery: Discovery, clock: Clock, seconds: float, look: float = LOOK) -> None:
    """As `Discovery.run` does it without events."""
    end = clock.now + seconds
    next_look = clock.now
    while clock.now < end:
        clock.now = max(clock.now, min(next_look, discovery.next_due))
        if clock.now >= next_look:
            discovery.look()
            next_look = clock.now + look
        else:
            discovery.look_at(())


@pytest.fixture
def at_rest(runs, discovery, heard, clock):
    """Forty complete runs of two segments in which nothing has happened for a while."""
    for run in range(1, 41):
        take_run(runs, run)
    pass_time(discovery, clock, PACE.active + PACE.files)
    assert set(heard.verdicts.values()) == {Verdict.READY}
    return runs
