"""Watches the run directories: what is new or changed is examined and judged, and who wants to know is told.

Events are a help, never a need: every look finds what no event told, so that a file system without events, an event
that was lost and a restart all come to the same. The cost of a look grows with what changed, not with what is there:

- The directory of the runs is listed when its stamp has changed, and once a minute.
- A run that is taken, arrives or has changed within minutes has its files looked at each time.
- Of the others some directories are looked at each time, in turn, all within a minute: that shows what was made,
  renamed or deleted in them. And a few have their files looked at, all within `FILES_SECONDS`, or as long as
  `FILES_PER_SECOND` takes: that shows files that changed where they are (rsync --inplace).
"""

from __future__ import annotations

import math
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from console.disk.events import Watch
from console.disk.listener import LedgerListener, Listener
from console.disk.rotation import Rotation
from console.disk.rundirectory import RunDirectory, Stamp, stamp_of
from console.ledger.filesystem import reports_events
from console.ledger.store import Ledger
from console.settings.model import Policy, Settings
from flowspec import names
from flowspec.conditions import reason
from flowspec.readiness import Entry, Verdict

ROUND_SECONDS = 60.0  # in which the directory of the runs is listed, and each run directory's stamp looked at
FILES_SECONDS = 300.0  # in which the files of each run are looked at...
FILES_PER_SECOND = 100.0  # ...unless that were more than so many
STAMP_SECONDS = 10.0  # a directory changed within this time may change again without another stamp
WALK_SECONDS = 0.25  # of reading in one run, before others have their turn
SLICE_SECONDS = 0.5  # of work on what is due, before events are listened to again
BURST_SECONDS = 0.05  # a burst of events is answered by few looks
STOP_SECONDS = 0.2  # how soon a stop is seen


class Discovery:
    """The run directories below one directory."""

    def __init__(
        self,
        directory: Path,
        listener: Listener,
        policy: Policy,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self.problem: str | None = None
        self._directory = directory
        self._listener = listener
        self._policy = policy
        self._clock = clock
        self._wall_clock = wall_clock
        self._found: dict[str, RunDirectory] = {}
        self._hot: set[str] = set()
        self._due: dict[str, float] = {}  # when to look into a directory, though nothing may have changed
        self._stamps, self._files = Rotation(), Rotation()
        self._entries = 0  # in all run directories
        self._stamp: Stamp | None = None  # of the directory, when last listed
        self._stamp_since = self._listed_at = -math.inf
        self._identity: tuple[int, int] | None = None
        self._stale = False  # the list does not hold any longer
        self._stop = threading.Event()

    @classmethod
    def of(cls, settings: Settings, ledger: Ledger, wake: Callable[[], None]) -> Discovery:
        """Discovery of an experiment's runs that writes into its ledger and calls `wake` after each change."""
        return cls(settings.dtn.runs, LedgerListener(ledger, wake), settings.policy)

    def run(self, stop: threading.Event) -> None:
        """Look until `stop` is set: at every event, when a settle period ends, and every look interval."""
        self._stop = stop
        watch = Watch(self._directory, reports_events)
        next_look = -math.inf
        try:
            while not stop.is_set():
                if self._stale or self._clock() >= next_look:
                    watch.keep(_identity(self._directory))
                    self.look()
                    next_look = self._clock() + self._policy.look_interval
                touched = watch.wait(min(STOP_SECONDS, max(0.0, min(next_look, self.next_due) - self._clock())))
                touched = {name for name in touched if names.parse_run_directory(name) is not None}
                if touched - self._found.keys():
                    self._stale = True
                elif touched or self._clock() >= self.next_due:
                    self.look_at(touched)
                if touched:
                    stop.wait(BURST_SECONDS)
        finally:
            watch.end()

    @property
    def next_due(self) -> float:
        """When `look_at` has something to do by itself; infinite when nothing waits."""
        return min(self._due.values(), default=math.inf)

    def look(self) -> None:
        """Look at all that is due for a look. Never raises for what is wrong with the disk."""
        if self._list():
            now = self._clock()
            self._hot = {name for name in self._hot if self._found[name].hot(now)}
            chosen = self._hot | self._changed(now) | self._in_turn(now)
            due = {name for name, at in self._due.items() if at <= now}
            self._examine(self._some(chosen - due), now + SLICE_SECONDS, every=True)
            self.look_at(())
        self._listener.looked(self.problem)

    def look_at(self, touched: Iterable[str]) -> None:
        """Look at these directories and, for a while, at those that are due: long reading comes last."""
        now = self._clock()
        self._examine(self._some(touched), now + SLICE_SECONDS, every=True)
        due = self._some(name for name, at in self._due.items() if at <= now)
        self._examine([d for d in due if not d.behind], now + SLICE_SECONDS)
        self._examine([d for d in due if d.behind], now + 2 * SLICE_SECONDS)

    # ---- the list of runs

    def _list(self) -> bool:
        """Take up which run directories there are; False, with `problem` set, when they cannot be listed."""
        now, stamp = self._clock(), stamp_of(self._directory)
        if self.problem is None and not self._stale and stamp is not None and stamp == self._stamp:
            steady = self._listed_at - self._stamp_since >= STAMP_SECONDS
            if steady and now - self._listed_at < ROUND_SECONDS:
                return True
        if stamp != self._stamp:
            self._stamp, self._stamp_since = stamp, now
        self._stale, self._listed_at = False, now
        identity = _identity(self._directory)
        try:
            with os.scandir(self._directory) as listing:
                found = {item.name: run for item in listing if (run := _run_of(item)) is not None}
        except OSError as error:
            self.problem = _said_of(self._directory, error)
            return False
        if self._found and not found and identity != self._identity:
            self.problem = f"{self._directory} is another directory than before, and empty: is its file system mounted?"
            return False
        self._identity = identity
        self.problem = None
        self._update(found)
        return True

    def _update(self, present: Mapping[str, int]) -> None:
        """Take up what is new, forget what is gone, mark the runs that several directories claim."""
        vanished = [self._found.pop(name) for name in self._found.keys() - present.keys()]
        for directory in vanished:
            self._entries -= directory.entries
            self._hot.discard(directory.path.name)
            self._due.pop(directory.path.name, None)
        new = present.keys() - self._found.keys()
        for name in new:
            self._found[name] = RunDirectory(self._directory / name, present[name])
            self._due[name] = -math.inf
        if not vanished and not new:
            return
        self._stamps.keep(self._found)
        self._files.keep(self._found)
        claims, now = Counter(present.values()), self._clock()
        for name, directory in self._found.items():
            directory.contest(claims[directory.run], now)
            if directory.claims > 1:
                self._hot.add(name)
        for run in {d.run for d in vanished if not claims[d.run]}:
            self._listener.gone(run)

    def _changed(self, now: float) -> set[str]:
        """Of those whose turn it is: in which something was made, renamed or deleted, and which lack something."""
        at_rest = self._some(name for name in self._stamps.take(now, ROUND_SECONDS) if name not in self._hot)
        return {d.path.name for d in at_rest if not d.final or stamp_of(d.path) != d.stamp}

    def _in_turn(self, now: float) -> set[str]:
        """Those whose files are looked at this time."""
        return set(self._files.take(now, max(FILES_SECONDS, self._entries / FILES_PER_SECOND)))

    # ---- one run

    def _some(self, names: Iterable[str]) -> list[RunDirectory]:
        return [self._found[name] for name in names if name in self._found]

    def _examine(self, directories: Iterable[RunDirectory], until: float, *, every: bool = False) -> None:
        """Newest run first: the one being taken matters most, and the first look may find terabytes of old ones."""
        for directory in sorted(directories, key=lambda d: d.run, reverse=True):
            if self._stop.is_set() or (self._clock() > until and not every):
                return
            self._look_into(directory, min(until, self._clock() + WALK_SECONDS))

    def _look_into(self, directory: RunDirectory, until: float) -> None:
        name, first, count = directory.path.name, not directory.fingerprint, directory.entries
        listed = directory.list_files(self._clock(), self._wall_clock())
        now = self._clock()
        if listed is None:
            self._stale = True
            self._due[name] = now + self._policy.settle
            return
        entries, changed = listed
        self._entries += directory.entries - count
        if first and directory.claims == 1:
            directory.recall(self._listener.known(directory.run), now, self._policy.stalled_after)
        put_off = first and directory.recalled
        unchanged = directory.final and (not changed or directory.adopted)
        if not put_off and not unchanged:
            directory.examine(entries, self._policy, until, self._clock)
            self._tell(directory, entries)
        self._look_again(name, directory)

    def _look_again(self, name: str, directory: RunDirectory) -> None:
        """Plan the next look into it."""
        now = self._clock()
        due = directory.due(now, self._policy.settle)
        if due < math.inf:
            self._due[name] = due
        else:
            self._due.pop(name, None)
        if directory.hot(now):
            self._hot.add(name)
        else:
            self._hot.discard(name)

    def _tell(self, directory: RunDirectory, entries: Iterable[Entry]) -> None:
        judgement = directory.judgement
        if judgement is None:
            return
        if directory.claims > 1:
            rivals = sorted(name for name, d in self._found.items() if d.run == directory.run)
            claimed = reason("run.incomplete.claimed", directories=names.shown(" and ".join(rivals), 160))
            judgement = replace(judgement, verdict=Verdict.INCOMPLETE, reason=claimed)
        if judgement != directory.told:
            directory.told = judgement
            sizes = {s.segment: e.size for e in entries if (s := names.parse_segment(e.name)) is not None}
            self._listener.judged(directory.path, judgement, sizes)


def _run_of(item: os.DirEntry[str]) -> int | None:
    run = names.parse_run_directory(item.name)
    try:
        return run if run is not None and item.is_dir() else None
    except OSError:
        return run  # a link that cannot be followed: said of the run, not of the list


def _said_of(directory: Path, error: OSError) -> str:
    """Why the runs cannot be listed, and what to do."""
    if isinstance(error, FileNotFoundError):
        return f"{directory} is not there: mount its file system, or correct dtn.runs in the profile"
    if isinstance(error, NotADirectoryError):
        return f"{directory} is no directory: correct dtn.runs in the profile"
    if isinstance(error, PermissionError):
        return f"{directory} cannot be listed: permission denied; whoever drives must be allowed to read and enter it"
    return f"{directory} cannot be listed: {error.strerror or error}; look at its file system, it is tried again"


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
