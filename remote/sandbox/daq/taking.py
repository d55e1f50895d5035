"""Takes a run as NSCLDAQ's eventlog and ReadoutShell do, with everything they leave in the run's directory.

`.started` while the logger is at work, segments that end where an item ends, `.sha512` over all of them, `.exited`;
then ReadoutShell's finalisation: the markers go, and nothing keeps its permission to be written.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from flowspec import names
from flowspec.ringframes import BodyHeader, Frame, ItemType
from flowspec.ringitems import EventCount, GlomInfo, RingFormat, Scalers, StateChange, Text
from remote.sandbox.daq.events import BUILDER_SOURCE, CRATES, physics_events

BLOCKS = 4  # pieces in which a segment reaches the disk
_HELD_BACK = 10  # bytes by which a piece ends inside an item, as a copy of a growing file does
EVENTS_PER_SCALER = 50
_TICKS = 1000  # run time is counted in ms


@dataclass(frozen=True)
class TakenRun:
    run: int
    directory: Path
    segments: tuple[Path, ...]
    events: int
    bytes: int
    began: float  # unix time, as in BEGIN_RUN
    ended: float  # unix time, as in END_RUN


def take_run(
    stagearea: Path,
    run: int,
    *,
    segments: int = 3,
    events: int = 200,
    title: str | None = None,
    seed: int = 0,
    pace: Callable[[], None] = lambda: None,
    clock: Callable[[], float] = time.time,
) -> TakenRun:
    """Take `run` into `stagearea`/run<N>: `segments` files of `events` events each.

    `pace` is called about BLOCKS times per segment, between two pieces of it: a real run takes its time there. When
    it raises, the run stays as it is on disk, like one whose DAQ died.
    """
    directory = stagearea / names.run_directory(run)
    directory.mkdir(parents=True)
    started = directory / names.STARTED
    started.touch(0o700)
    source = _Source(run, title or f"sandbox run {run}", np.random.default_rng([seed, run]), clock)
    paths = [directory / names.segment_file(run, segment) for segment in range(segments)]
    for path in paths:
        items = source.segment(events, first=path == paths[0], last=path == paths[-1])
        _write(path, items, events // BLOCKS + 1, pace)
    digest = hashlib.sha512()
    for path in paths:
        digest.update(path.read_bytes())
    (directory / names.checksum_file(run)).write_text(digest.hexdigest() + "\n")
    (directory / names.EXITED).touch(0o700)
    _finalise(directory)
    size = sum(path.stat().st_size for path in paths)
    return TakenRun(run, directory, tuple(paths), source.events, size, source.began, source.ended)


class _Source:
    """The event builder's output for one run, item by item."""

    def __init__(self, run: int, title: str, rng: np.random.Generator, clock: Callable[[], float]) -> None:
        self.run, self.title, self.rng, self.clock = run, title, rng, clock
        self.began = self.ended = clock()
        self.events = 0
        self.scaled_at = 0  # ms into the run

    def segment(self, events: int, *, first: bool, last: bool) -> Iterator[bytes]:
        if first:
            yield from self._begin()
        for event in physics_events(self.rng, events, first=self.events):
            yield event
            self.events += 1
            if self.events % EVENTS_PER_SCALER == 0:
                yield from self._counters()
        if last:
            yield from self._end()

    def _begin(self) -> Iterator[bytes]:
        for crate in CRATES:
            yield Frame(ItemType.RING_FORMAT, RingFormat(12).encode()).encode()
            yield self._state_change(ItemType.BEGIN_RUN, crate, barrier=1)
            if crate == CRATES[0]:
                yield Frame(ItemType.EVB_GLOM_INFO, GlomInfo(1000, 0xFFFF, 0).encode(), no_header=0).encode()
        for crate in CRATES:
            text = Text(0, int(self.began), _TICKS, (f"ddas 1.0 crate {crate}",), crate)
            yield Frame(ItemType.PACKET_TYPES, text.encode()).encode()

    def _counters(self) -> Iterator[bytes]:
        now = self._elapsed()
        for crate in CRATES:
            values = tuple(int(v) for v in self.rng.poisson(1000, 32))
            scalers = Scalers(self.scaled_at, now, int(self.clock()), _TICKS, values, original_sid=crate)
            header = BodyHeader(source_id=crate)
            yield Frame(ItemType.PERIODIC_SCALERS, scalers.encode(), header).encode()
        self.scaled_at = now
        count = EventCount(now, _TICKS, int(self.clock()), self.events, BUILDER_SOURCE)
        header = BodyHeader(source_id=BUILDER_SOURCE)
        yield Frame(ItemType.PHYSICS_EVENT_COUNT, count.encode(), header).encode()

    def _end(self) -> Iterator[bytes]:
        yield from self._counters()
        self.ended = self.clock()
        for crate in CRATES:
            yield self._state_change(ItemType.END_RUN, crate, barrier=2)

    def _state_change(self, kind: ItemType, crate: int, barrier: int) -> bytes:
        begin = kind == ItemType.BEGIN_RUN
        offset, unixtime = (0, self.began) if begin else (self._elapsed(), self.ended)
        change = StateChange(self.run, offset, int(unixtime), _TICKS, self.title, crate)
        return Frame(kind, change.encode(), BodyHeader(source_id=crate, barrier=barrier)).encode()

    def _elapsed(self) -> int:
        return int((self.clock() - self.began) * _TICKS)


def _write(path: Path, items: Iterable[bytes], items_per_block: int, pace: Callable[[], None]) -> None:
    with open(path, "xb", buffering=0) as file:
        path.chmod(0o640)
        held = b""
        for number, item in enumerate(items, 1):
            held += item
            if number % items_per_block == 0:
                file.write(held[:-_HELD_BACK])
                held = held[-_HELD_BACK:]
                pace()
        file.write(held)


def _finalise(directory: Path) -> None:
    (directory / names.STARTED).unlink()
    (directory / names.EXITED).unlink()
    for path in directory.iterdir():
        path.chmod(0o550)
    directory.chmod(0o550)
