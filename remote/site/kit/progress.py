# ruff: noqa: UP006, UP035, UP045
"""How far a job is: in which phase, and how many bytes of how many that phase has done.

Beside the log stands a mark while a job runs, an empty file whose name says it: `fit-07.working-62-240` is 62 % done,
and 240 s are left. So one listing of the directory tells it of all jobs. Standard library only, Python 3.6 or newer, as
job.py.
"""

import contextlib
import os
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Tuple

from processes import Process

COPYING, WORKING, DELIVERING = "copying", "working", "delivering"
LEAST_SECONDS = 10.0  # of a phase, before it is told how long it takes


class Progress(NamedTuple):
    """`done` and `of` in bytes; None where a program does not read its input as a file."""

    phase: str
    done: Optional[int]
    of: int

    @property
    def percent(self) -> Optional[int]:
        return None if self.done is None else min(100, 100 * self.done // max(1, self.of))


class Follower:
    """Says how far the job is whose log is `log`, and how long its phase will take."""

    def __init__(self, log: Path, now: float) -> None:
        self.log, self.phase, self.began = log, "", now
        self.mark: Optional[Path] = None
        self.remove_marks()  # of a job that was killed

    def left(self, progress: Progress, now: float) -> Optional[int]:
        """Seconds that the phase has still to go, as fast as it went so far."""
        if progress.phase != self.phase:
            self.phase, self.began = progress.phase, now
        if not progress.done or now - self.began < LEAST_SECONDS:
            return None
        return int((now - self.began) * max(0, progress.of - progress.done) / progress.done)

    def set_mark(self, progress: Progress, left: Optional[int]) -> None:
        told = "" if progress.percent is None else f"-{progress.percent}-{'' if left is None else left}"
        mark = self.log.with_name(f"{self.log.stem}.{progress.phase}{told}")
        mark.touch()
        if self.mark is not None and self.mark != mark:
            self.mark.unlink()
        self.mark = mark

    def remove_marks(self) -> None:
        for phase in (COPYING, WORKING, DELIVERING):
            for mark in self.log.parent.glob(f"{self.log.stem}.{phase}*"):
                with contextlib.suppress(OSError):
                    mark.unlink()


def how_far(inputs: List[int], work: Optional[Path], arriving: List[Path], members: List[Process]) -> Progress:
    """`inputs`: their sizes in bytes. `work`: the job's directory, or None. `arriving`: its output on its way."""
    total = sum(inputs)
    copies = [] if work is None else sorted(path for path in (work / "in").glob("*") if path.is_file())
    if work is not None and arriving:
        made = sum(path.stat().st_size for path in (work / "out").glob("*") if path.is_file())
        return Progress(DELIVERING, sum(path.stat().st_size for path in arriving), made)
    copied = sum(path.stat().st_size for path in copies)
    if copied < total:
        return Progress(COPYING, copied, total)
    return Progress(WORKING, read_of(copies, members), total)


def read_of(files: List[Path], members: List[Process]) -> Optional[int]:
    """The bytes of these files, one after the other, that the farthest process has read; None when none reads them."""
    begins: Dict[Tuple[int, int], int] = {}
    at = 0
    for path in files:
        state = path.stat()
        begins[state.st_dev, state.st_ino] = at
        at += state.st_size
    found = []
    for process in members:
        with contextlib.suppress(OSError):  # it ends while it is looked at
            for number in os.listdir(f"/proc/{process.pid}/fd"):  # noqa: PTH208
                with contextlib.suppress(OSError, ValueError):
                    state = os.stat(f"/proc/{process.pid}/fd/{number}")  # noqa: PTH116
                    begin = begins.get((state.st_dev, state.st_ino))
                    if begin is not None:
                        found.append(begin + position(process.pid, number))
    return max(found, default=None)


def position(pid: int, number: str) -> int:
    with open(f"/proc/{pid}/fdinfo/{number}", encoding="ascii") as file:
        return int(file.readline().split()[1])  # pos: and the offset
