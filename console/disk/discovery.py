"""Watches the run directories: what is new or changed is examined and judged, and the listener is called.

Events are a help, never a need: every look finds what no event announced, so that a file system without events, an
event that was lost and a restart all come to the same. The cost of a look grows with what changed, not with what is
there (the times are in `console.disk.pace`):

- The directory of the runs is listed when its stamp has changed, and once a minute (`console.disk.listing`).
- An active run, which is taken, arrives or has changed within minutes, has its files listed each time.
- Of the others some directories are compared with their stamps each time, in turn: that shows what was made, renamed
  or deleted in them. And a few have their files listed: that shows files that changed where they are (rsync
  --inplace). All have had their turn within minutes, or longer when there are very many.
"""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from console.disk.events import DirectoryEvents
from console.disk.listener import LedgerListener, Listener
from console.disk.listing import RunListing, identity_of
from console.disk.pace import PACE
from console.disk.rotation import Rotation
from console.disk.rundirectory import Begun, RunDirectory, stamp_of
from console.ledger.filesystem import reports_events
from console.ledger.store import Ledger
from console.settings.model import Policy, Settings
from flowspec import names
from flowspec.conditions import reason
from flowspec.readiness import Entry, Verdict

SOON = 0.01  # seconds: what is due by then is left to its turn
REMEMBERED = 200  # runs at rest


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
        self._directory = directory
        self._listener = listener
        self._policy = policy
        self._clock = clock
        self._wall_clock = wall_clock
        self._listing = RunListing(directory, clock, listener.before)
        self._directories: dict[str, RunDirectory] = {}  # by name, as listed last
        self._active: set[str] = set()
        self._at_rest: dict[str, None] = {}  # those of which is known what was read of them, longest at rest first
        self._behind = True  # what was known before has not been looked at since
        self._unseen: set[str] = set()  # of that, what is still to be looked at
        self._backlog: frozenset[str] = frozenset()  # what lay there when the looks began, or began again
        self._due: dict[str, float] = {}  # when to look into a directory, though nothing may have changed
        self._stamps: Rotation[str] = Rotation()
        self._files: Rotation[str] = Rotation()
        self._entries = 0  # in all run directories
        self._latest: Begun | None = None  # the run that began last of all
        self._stop = threading.Event()

    @classmethod
    def of(cls, settings: Settings, ledger: Ledger, wake: Callable[[], None]) -> Discovery:
        """Discovery of an experiment's runs that writes into its ledger and calls `wake` after each change."""
        return cls(settings.dtn.runs, LedgerListener(ledger, wake), settings.policy)

    def run(self, stop: threading.Event) -> None:
        """Look until `stop` is set: at every event, when a settle period ends, and every look interval."""
        self._stop = stop
        events = DirectoryEvents(self._directory, reports_events)
        next_look = -math.inf
        try:
            while not stop.is_set():
                if self._listing.outdated or self._clock() >= next_look:
                    events.follow(identity_of(self._directory))
                    self.look()
                    next_look = self._clock() + self._policy.look_interval
                self._answer_events(events, next_look)
        finally:
            events.close()

    def _answer_events(self, events: DirectoryEvents, next_look: float) -> None:
        """Wait for events, until something is due, and look where they happened or at what is due."""
        touched = events.wait(min(PACE.stop, max(0.0, min(next_look, self.next_due) - self._clock())))
        touched = {name for name in touched if names.parse_run_directory(name) is not None}
        if touched - self._directories.keys():
            self._listing.outdate()
        elif touched or self._clock() >= self.next_due:
            self.look_at(touched)
        if touched:
            self._stop.wait(PACE.burst)

    @property
    def next_due(self) -> float:
        """When `look_at` has something to do by itself; infinite when nothing waits."""
        return min(self._due.values(), default=math.inf)

    def look(self) -> None:
        """Look at all that is due for a look. Never raises for what is wrong with the disk."""
        before = self._listing.runs
        if not self._listing.refresh():
            self._behind = True
        else:
            if self._listing.runs is not before:
                self._update(self._listing.runs)
                if self._listing.vanished:
                    self._listener.removed(self._listing.vanished)
            if self._behind:
                self._look_at_all_that_was_known()
            now = self._clock()
            self._active = {name for name in self._active if self._directories[name].active(now)}
            chosen = self._active | self._changed(now) | self._files_in_turn(now)
            due = {name for name, at in self._due.items() if at <= now + SOON}
            self._examine(self._named(chosen - due), now, now + PACE.work, every=True)
            self.look_at(())
        self._tell()

    def _look_at_all_that_was_known(self) -> None:
        """It may have changed while nobody drove, or while the disk was away: nothing is launched by what was."""
        self._behind, self._backlog = False, frozenset(self._directories)
        self._unseen = {name for name, d in self._directories.items() if d.run in self._listing.known}
        self._due.update(dict.fromkeys(self._unseen, -math.inf))

    def _tell(self) -> None:
        if self._listing.problem is not None or not self._unseen:
            self._listener.listed(self._listing.problem, self._listing.identity)

    def look_at(self, touched: Iterable[str]) -> None:
        """Look at these directories and, for a while, at those that are due: long reading comes last."""
        now, behind = self._clock(), bool(self._unseen)
        self._examine(self._named(touched), now, now + PACE.work, every=True)
        due = self._named(name for name, at in self._due.items() if at <= now)
        self._examine([d for d in due if not d.unread], now, now + PACE.work)
        self._examine([d for d in due if d.unread], now, now + 2 * PACE.work)
        if behind and not self._unseen:
            self._tell()

    # ---- the list of runs

    def _update(self, listed: Mapping[str, int]) -> None:
        """Take up new directories, drop those that were removed, mark the runs that several directories claim."""
        if listed.keys() == self._directories.keys():
            return
        removed = [self._directories.pop(name) for name in self._directories.keys() - listed.keys()]
        for directory in removed:
            self._entries -= directory.entries
            self._active.discard(directory.path.name)
            self._unseen.discard(directory.path.name)
            self._due.pop(directory.path.name, None)
            self._at_rest.pop(directory.path.name, None)
        for name in listed.keys() - self._directories.keys():
            self._directories[name] = RunDirectory(self._directory / name, listed[name])
            self._due[name] = -math.inf
        self._stamps.keep(self._directories)
        self._files.keep(self._directories)
        claims, now = Counter(listed.values()), self._clock()
        for name, directory in self._directories.items():
            directory.contest(claims[directory.run], now)
            if directory.claims > 1:
                self._active.add(name)
        if self._latest in [directory.begun for directory in removed]:
            self._latest = max((d.begun for d in self._directories.values() if d.begun), default=None)

    def _changed(self, now: float) -> set[str]:
        """Of those whose turn it is: in which something was made, renamed or deleted, and which lack something."""
        in_turn = self._stamps.take(now, PACE.round_of_directories(len(self._directories)))
        at_rest = self._named(name for name in in_turn if name not in self._active)
        return {d.path.name for d in at_rest if not d.final or stamp_of(d.path) != d.stamp}

    def _files_in_turn(self, now: float) -> set[str]:
        """Those whose files are listed this time."""
        return set(self._files.take(now, PACE.round_of_files(self._entries)))

    # ---- one run

    def _named(self, names: Iterable[str]) -> list[RunDirectory]:
        return [self._directories[name] for name in names if name in self._directories]

    def _examine(self, directories: Iterable[RunDirectory], now: float, until: float, *, every: bool = False) -> None:
        """In turn, until it is late. All are judged by one time, so that of two that have settled the first is ready
        first, however long the reading takes."""
        for directory in sorted(directories, key=self._turn):
            if self._stop.is_set() or (self._clock() > until and not every):
                return
            self._look_into(directory, now, min(until, self._clock() + PACE.reading))

    def _turn(self, directory: RunDirectory) -> tuple[bool, int]:
        """Newest run first: the one being taken matters most. But the first look may find terabytes of old ones, and
        what is to be launched oldest first has to be ready in that order."""
        waits = self._policy.order == "oldest" and directory.path.name in self._backlog
        return waits, directory.run if waits else -directory.run

    def _look_into(self, directory: RunDirectory, now: float, until: float) -> None:
        name, first, count = directory.path.name, not directory.fingerprint, directory.entries
        listed = directory.list_files(self._clock(), self._wall_clock())
        self._unseen.discard(name)
        if listed is None:
            self._listing.outdate()
            self._due[name] = now + self._policy.settle
            return
        entries, changed = listed
        self._entries += directory.entries - count
        if first and directory.claims == 1:
            directory.recall(self._listener.known(directory.run), now, self._policy.stalled_after)
        put_off = first and directory.recalled
        unchanged = directory.final and (not changed or directory.adopted)
        if not put_off and not unchanged:
            directory.examine(entries, self._policy, now, until, self._clock, self._latest)
            self._latest = max((b for b in (self._latest, directory.begun) if b), default=None)
            self._report(directory, entries)
        self._look_again(name, directory, now)

    def _look_again(self, name: str, directory: RunDirectory, now: float) -> None:
        """Plan the next look into it."""
        due = directory.due(now, self._policy.settle)
        if due < math.inf:
            self._due[name] = due
        else:
            self._due.pop(name, None)
        if directory.active(now):
            self._active.add(name)
            self._at_rest.pop(name, None)
        else:
            self._active.discard(name)
            self._let_rest(directory)

    def _let_rest(self, directory: RunDirectory) -> None:
        """What was read is remembered of so many runs at rest: of all that an experiment takes it would fill memory."""
        if directory.facts:
            self._at_rest.setdefault(directory.path.name)
        if len(self._at_rest) > REMEMBERED:
            first = next(iter(self._at_rest))
            del self._at_rest[first]
            if first in self._directories:
                self._directories[first].forget()

    def _report(self, directory: RunDirectory, entries: Iterable[Entry]) -> None:
        judgement = directory.judgement
        if judgement is None:
            return
        if directory.claims > 1:
            rivals = sorted(name for name, d in self._directories.items() if d.run == directory.run)
            claimed = reason("run.incomplete.claimed", directories=names.shown(" and ".join(rivals), 160))
            judgement = replace(judgement, verdict=Verdict.INCOMPLETE, reason=claimed)
        if judgement != directory.reported:
            directory.reported = judgement
            sizes = {s.segment: e.size for e in entries if (s := names.parse_segment(e.name)) is not None}
            self._listener.judged(directory.path, judgement, sizes)
