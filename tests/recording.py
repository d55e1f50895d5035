"""A run that is being recorded: taken segment by segment, and brought to the DTN by passes of rsync meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from flowspec import names
from flowspec.ringframes import ItemType, read_frame
from remote.sandbox.daq.rsync import Rsync
from remote.sandbox.daq.taking import TakenRun, take_run


def items(data: bytes) -> Iterator[tuple[bytes, int]]:
    """The ring items of a segment, each with its type."""
    while data:
        frame = read_frame(data)
        yield data[: frame.size], frame.type
        data = data[frame.size :]


class Recording:
    """What was written so far is at the DTN. `daq` is the DAQ's directory, `runs` that of the runs on the DTN."""

    def __init__(self, daq: Path, runs: Path, run: int, segments: int, events: int = 20) -> None:
        self.whole: TakenRun = take_run(daq.with_name("taken"), run, segments=segments, events=events)
        self.directory = daq / self.whole.directory.name
        self.directory.mkdir(parents=True)
        (self.directory / names.STARTED).touch()
        self._rsync = Rsync(daq, runs)

    @property
    def last(self) -> int:
        return len(self.whole.segments) - 1

    def write(self, segment: int, part: float = 1.0) -> None:
        source = self.whole.segments[segment]
        target = self.directory / source.name
        target.write_bytes(source.read_bytes()[: int(part * source.stat().st_size)])
        target.chmod(0o640)
        self._rsync.run_pass()

    def cut(self, segment: int) -> None:
        """A segment is replaced by one without its first item. The next pass of rsync brings it."""
        path = self.directory / self.whole.segments[segment].name
        data = path.read_bytes()
        path.write_bytes(data[read_frame(data).size :])

    def append(self, segment: int) -> None:
        """The last event of a segment is written once more."""
        path = self.directory / self.whole.segments[segment].name
        *_, event = (item for item, kind in items(path.read_bytes()) if kind == ItemType.PHYSICS_EVENT)
        with path.open("ab") as file:
            file.write(event)
        self._rsync.run_pass()

    def write_but_for_the_end(self) -> None:
        """All but the last segment, which is half."""
        for segment in range(self.last):
            self.write(segment)
        self.write(self.last, part=0.5)

    def end(self) -> float:
        """The rest of the last segment, and what ReadoutShell does then; when that was at the DTN."""
        self.write(self.last)
        (self.directory / names.EXITED).touch()
        for path in self.directory.iterdir():
            path.chmod(0o550)
        self._rsync.run_pass()
        return (self._rsync.destination / self.directory.name / self.whole.segments[-1].name).stat().st_ctime
