"""Watches the run directories: what is new or changed is examined and judged, and who wants to know is told.

Events are a help, never a need: every look finds what no event told, so that a file system without events, an event
that was lost and a restart all come to the same. The cost of a look grows with what changed: a run that is complete and
has been quiet for minutes costs a stat of its directory once a minute; the others have their files looked at each time.
"""

from __future__ import annotations

import math
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from console.filesystem import reports_events
from console.inspection import inspect, scan
from console.ledger import Ledger
from console.settings import Policy, Settings
from console.sightings import LedgerListener, Listener
from console.watching import Watch
from flowspec import names
from flowspec.readiness import THE_DIRECTORY, Entry, Judgement, SegmentFacts, Verdict, fingerprint, judge

HOT_SECONDS = 300.0  # for so long after its last change a complete run's files are still looked at
YOUNG_SECONDS = 60.0  # a directory changed within this time may change again without a new modification time
FULL_LOOK_SECONDS = 60.0
ROTATION = 60  # full looks until the files of every complete run were looked at once
SLICE_SECONDS = 1.0  # of work on what is due, before events are listened to again
BURST_SECONDS = 0.05  # a burst of events is answered by few looks
STOP_SECONDS = 0.2  # how soon a stop is seen
_FINAL = (Verdict.READY, Verdict.ABNORMAL)


@dataclass
class _Directory:
    """A run directory and what is remembered of it; times of the monotonic clock."""

    name: str
    run: int
    contested: bool = False  # another directory claims the same run
    stamp: tuple[int, int] | None = None  # modification time and inode, when last listed
    fingerprint: str = ""
    adopted: str = ""  # the fingerprint that was judged final before this process began
    changed_at: float = 0.0
    hot_until: float = 0.0
    due: float = -math.inf  # when it has to be looked into, though nothing may have changed; at once when it is new
    facts: dict[str, SegmentFacts] = field(default_factory=dict)
    judgement: Judgement | None = None
    told: Judgement | None = None

    def hot(self, now: float) -> bool:
        """Its files have to be looked at each time."""
        adopted = bool(self.adopted) and self.adopted == self.fingerprint
        final = adopted or (self.judgement is not None and self.judgement.verdict in _FINAL)
        return self.contested or not final or now < self.hot_until


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
        self._found: dict[str, _Directory] = {}
        self._identity: tuple[int, int] | None = None
        self._full_looks = 0
        self._next_full = -math.inf
        self._stale = False  # a directory vanished since the list was made
        self._stop = threading.Event()

    @classmethod
    def of(cls, settings: Settings, ledger: Ledger, wake: Callable[[], None]) -> Discovery:
        """Discovery of an experiment's runs that writes into its ledger and calls `wake` after each change."""
        return cls(settings.dtn.runs, LedgerListener(ledger, wake), settings.policy)

    def run(self, stop: threading.Event) -> None:
        """Look until `stop` is set: at every event, when a settle period ends, and every look interval."""
        self._stop = stop
        watch = Watch(self._directory)
        next_look = -math.inf
        try:
            while not stop.is_set():
                if self._stale or self._clock() >= next_look:
                    if reports_events(self._directory):
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
        return min((d.due for d in self._found.values()), default=math.inf)

    def look(self) -> None:
        """List the runs and look at all that may have changed. Never raises for what is wrong with the disk."""
        self._stale = False
        present = self._list()
        if present is not None:
            self._update(present)
            now = self._clock()
            full = now >= self._next_full
            if full:
                self._full_looks += 1
                self._next_full = now + FULL_LOOK_SECONDS
            seen = [d for d in self._found.values() if d.fingerprint]
            self._examine(d for d in seen if d.hot(now) or (full and self._may_have_changed(d)))
            self.look_at(())
        self._listener.looked(self.problem)

    def look_at(self, touched: Iterable[str]) -> None:
        """Look at these directories and, for some seconds, at those that are due, without listing the others."""
        now = self._clock()
        self._examine(self._found[name] for name in touched if name in self._found)
        self._examine((d for d in self._found.values() if d.due <= now), until=now + SLICE_SECONDS)

    # ---- the list of runs

    def _list(self) -> dict[str, int] | None:
        """Run directories by name; None, with `problem` set, when they cannot be listed."""
        identity = _identity(self._directory)
        try:
            with os.scandir(self._directory) as listing:
                found = {item.name: run for item in listing if (run := _run_of(item)) is not None}
        except OSError as error:
            self.problem = f"{self._directory} cannot be listed: {error.strerror or error}"
            return None
        if self._found and not found and identity != self._identity:
            self.problem = f"{self._directory} is another directory than before, and empty: is its file system mounted?"
            return None
        self._identity = identity
        self.problem = None
        return found

    def _update(self, present: Mapping[str, int]) -> None:
        """Take up what is new, forget what is gone, mark the runs that several directories claim."""
        vanished = [self._found.pop(name) for name in self._found.keys() - present.keys()]
        for name in present.keys() - self._found.keys():
            self._found[name] = _Directory(name, present[name])
        claims = Counter(present.values())
        for directory in self._found.values():
            contested = claims[directory.run] > 1
            if contested != directory.contested:
                directory.contested, directory.adopted, directory.told = contested, "", None
                directory.hot_until = self._clock() + HOT_SECONDS
        for run in {d.run for d in vanished if not claims[d.run]}:
            self._listener.gone(run)

    def _may_have_changed(self, directory: _Directory) -> bool:
        if directory.run % ROTATION == self._full_looks % ROTATION:
            return True
        return _stamp(self._directory / directory.name) != directory.stamp

    # ---- one run

    def _examine(self, directories: Iterable[_Directory], until: float = math.inf) -> None:
        """Newest run first: the one being taken matters most, and the first look may find terabytes of old ones."""
        for directory in sorted(directories, key=lambda d: d.run, reverse=True):
            if self._stop.is_set() or self._clock() > until:
                return
            self._look_into(directory)

    def _look_into(self, directory: _Directory) -> None:
        path = self._directory / directory.name
        stamp = _stamp(path)  # before the listing: a change in between gives another stamp next time
        entries = scan(path)
        if any(e.name == THE_DIRECTORY for e in entries) and _is_gone(path):
            self._stale = True
            directory.due = self._clock() + self._policy.settle
            return
        now = self._clock()
        directory.due = math.inf
        seen, new = fingerprint(directory.name, entries), not directory.fingerprint
        if seen != directory.fingerprint:
            directory.fingerprint, directory.changed_at, directory.hot_until = seen, now, now + HOT_SECONDS
        if stamp != directory.stamp:
            directory.stamp, directory.hot_until = stamp, now + HOT_SECONDS
        if new and not directory.contested:
            self._recall(directory, path, now)
        if directory.adopted == seen:
            return
        self._judge(directory, path, entries, now)
        self._tell(directory, path, entries)

    def _recall(self, directory: _Directory, path: Path, now: float) -> None:
        """Go on from what was judged before this process began, if nothing has changed since."""
        known = self._listener.known(directory.run)
        if known is None or (known.path, known.fingerprint) != (str(path), directory.fingerprint):
            return
        if known.verdict in (v.value for v in _FINAL):
            directory.adopted = directory.fingerprint
            modified = directory.stamp[0] / 1e9 if directory.stamp else math.inf
            if self._wall_clock() - modified > YOUNG_SECONDS:
                directory.hot_until = now
        elif known.verdict == Verdict.INCOMPLETE.value:
            directory.changed_at = now - self._policy.stalled_after

    def _judge(self, directory: _Directory, path: Path, entries: Iterable[Entry], now: float) -> None:
        segments = [e for e in entries if names.parse_segment(e.name) and not e.problem and not e.is_dir]
        directory.facts = {e.name: _facts(path / e.name, e, directory.facts.get(e.name)) for e in segments}
        directory.judgement = judge(
            directory.name,
            entries,
            directory.facts,
            changed_at=directory.changed_at,
            now=now,
            settle=self._policy.settle,
            stalled_after=self._policy.stalled_after,
            sources=self._policy.sources,
        )
        settled = directory.changed_at + self._policy.settle
        if settled > now:
            directory.due = settled + 0.001

    def _tell(self, directory: _Directory, path: Path, entries: Iterable[Entry]) -> None:
        judgement = directory.judgement
        if judgement is None:
            return
        if directory.contested:
            rivals = sorted(d.name for d in self._found.values() if d.run == directory.run)
            reason = f"run {directory.run} is claimed by {' and '.join(rivals)}: rename or move all but one"
            judgement = replace(judgement, verdict=Verdict.INCOMPLETE, reason=names.shown(reason, 240))
        if judgement != directory.told:
            directory.told = judgement
            sizes = {s.segment: e.size for e in entries if (s := names.parse_segment(e.name)) is not None}
            self._listener.judged(path, judgement, sizes)


def _facts(path: Path, entry: Entry, known: SegmentFacts | None) -> SegmentFacts:
    """Examine a segment unless `known` tells of this very version; what could not be read is tried again."""
    version = (entry.size, entry.mtime_ns, entry.inode)
    if known is not None and not known.problem and (known.size, known.mtime_ns, known.inode) == version:
        return known
    return inspect(path, known)


def _run_of(item: os.DirEntry[str]) -> int | None:
    run = names.parse_run_directory(item.name)
    try:
        return run if run is not None and item.is_dir() else None
    except OSError:
        return run  # a link that cannot be followed: said of the run, not of the list


def _is_gone(path: Path) -> bool:
    try:
        path.lstat()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return False


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino
