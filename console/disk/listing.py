"""Which run directories there are: the directory of the runs is listed when that can have changed."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from console.disk.mounted import Before, Identity, unmounted
from console.disk.pace import PACE
from console.disk.rundirectory import Stamp, stamp_of
from flowspec import names


class RunListing:
    """The run directories below one directory: `runs` has the number of each run by the name of its directory.

    `problem` says why they cannot be listed, or that their file system seems not to be mounted; `runs` are then those
    of before. `before` tells what was there; `known` are its runs as it was asked last, which is for the first list
    and after each problem, and `vanished` those of them that are not there.
    """

    def __init__(self, directory: Path, clock: Callable[[], float], before: Callable[[], Before]) -> None:
        self.runs: Mapping[str, int] = {}
        self.problem: str | None = None
        self.identity: Identity | None = None
        self.outdated = False
        self.known: frozenset[int] = frozenset()
        self.vanished: frozenset[int] = frozenset()
        self._directory = directory
        self._clock = clock
        self._before = before
        self._begun = False
        self._at_the_loss: frozenset[int] | None = None  # the runs that lay there when the others were first missed
        self._stamp: Stamp | None = None
        self._stamp_since = self._listed_at = -math.inf

    def outdate(self) -> None:
        """Something shows that the list no longer holds: it is read next time."""
        self.outdated = True

    def refresh(self) -> bool:
        """Read the list if it can have changed; `runs` is the same object when it was not read. False: a problem."""
        now, stamp = self._clock(), stamp_of(self._directory)
        if self._holds(now, stamp):
            return True
        if stamp != self._stamp:
            self._stamp, self._stamp_since = stamp, now
        self.outdated, self._listed_at = False, now
        identity = identity_of(self._directory)
        try:
            with os.scandir(self._directory) as listing:
                found = {item.name: run for item in listing if (run := _run_of(item)) is not None}
        except OSError as error:
            self.problem = _problem(self._directory, error)
            return False
        self.vanished = frozenset()
        there = frozenset(found.values())
        if not self._begun or self.problem is not None or not there.issuperset(self.runs.values()):
            before = self._before()
            if (question := self._doubt(before, identity, there)) is not None:
                self.problem = question
                return False
            self.known = frozenset(before.runs)
            self.vanished = self.known - there
        self.runs, self.problem, self.identity, self._begun = found, None, identity, True
        return True

    def _doubt(self, before: Before, identity: Identity | None, there: frozenset[int]) -> str | None:
        """The question whether the file system is mounted; a run that arrives after it was asked says that it is."""
        question = unmounted(self._directory, before, identity, there)
        if question is None or (self._at_the_loss is not None and there - self._at_the_loss - before.runs.keys()):
            self._at_the_loss = None
            return None
        if self._at_the_loss is None:
            self._at_the_loss = there
        return question

    def _holds(self, now: float, stamp: Stamp | None) -> bool:
        if self.problem is not None or self.outdated or stamp is None or stamp != self._stamp:
            return False
        settled = self._listed_at - self._stamp_since >= PACE.granularity
        return settled and now - self._listed_at < PACE.directories


def _run_of(item: os.DirEntry[str]) -> int | None:
    run = names.parse_run_directory(item.name)
    try:
        return run if run is not None and item.is_dir() else None
    except OSError:
        return run  # a link that cannot be followed: said of the run, not of the list


def _problem(directory: Path, error: OSError) -> str:
    """Why the runs cannot be listed, and what to do."""
    if isinstance(error, FileNotFoundError):
        return f"{directory} is not there: mount its file system, or correct dtn.runs in the profile"
    if isinstance(error, NotADirectoryError):
        return f"{directory} is no directory: correct dtn.runs in the profile"
    if isinstance(error, PermissionError):
        return f"{directory} cannot be listed: permission denied; whoever drives must be allowed to read and enter it"
    return f"{directory} cannot be listed: {error.strerror or error}; look at its file system, it is tried again"


def identity_of(path: Path) -> Identity | None:
    """Differs when another directory stands at `path`, as after an unmount; None when there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
