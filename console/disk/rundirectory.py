"""One run directory: what is remembered of it, and how its files are listed and read. `console.disk.discovery` says
when."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from console.disk.inspection import inspect, scan
from console.disk.listener import Known
from console.disk.pace import PACE
from console.settings.model import Policy
from flowspec import names
from flowspec.readiness import THE_DIRECTORY, Entry, Judgement, SegmentFacts, Verdict, fingerprint, judge, version

FINAL = (Verdict.READY, Verdict.ABNORMAL)

Stamp = tuple[int, int, int]
Begun = tuple[int, int]  # unix time of the first BEGIN_RUN of a run, and the run


@dataclass
class RunDirectory:
    """A run directory and what is remembered of it; times of the monotonic clock."""

    path: Path
    run: int
    claims: int = 1  # directories that claim this run, with this one
    stamp: Stamp | None = None  # when last listed
    fingerprint: str = ""
    adopted: bool = False  # judged final before this process began, or long ago, and unchanged since
    entries: int = 0
    changed_at: float = 0.0
    active_until: float = 0.0
    unread: bool = False  # not everything was read yet: others go first
    recalled: bool = False  # it is read again only to confirm what the ledger says of it
    later: int | None = None  # a run that began after this one; the first that was seen, so that it is told once
    begun: Begun | None = None
    facts: dict[str, SegmentFacts] = field(default_factory=dict)
    seen: dict[str, tuple[str, float]] = field(default_factory=dict)  # version of each file, and since when it has it
    judgement: Judgement | None = None
    reported: Judgement | None = None  # to the listener

    @property
    def final(self) -> bool:
        """Complete, as far as was seen."""
        return self.adopted or (self.judgement is not None and self.judgement.verdict in FINAL)

    def active(self, now: float) -> bool:
        """Its files have to be listed at each look. A run that stays incomplete is not active for ever."""
        incomplete = self.judgement is not None and self.judgement.verdict is Verdict.INCOMPLETE
        at_rest = self.final or incomplete or self.recalled
        return self.claims > 1 or not at_rest or now < self.active_until

    def forget(self) -> None:
        """Forget what was read of a complete run: should it change after all, it is read from its beginning."""
        if self.final and self.facts:
            self.adopted, self.facts, self.seen = True, {}, {}

    def contest(self, claims: int, now: float) -> None:
        """So many directories claim the run now: what was reported of it may not hold."""
        if claims != self.claims:
            self.claims, self.adopted, self.recalled = claims, False, False
            self.judgement = self.reported = None
            self.active_until = now + PACE.active

    def list_files(self, now: float, wall_now: float) -> tuple[Sequence[Entry], bool] | None:
        """What is in it, and whether that differs from the last time. None when the directory is gone."""
        stamp = stamp_of(self.path)  # before the listing: a change in between gives another stamp next time
        entries = scan(self.path)
        if any(e.name == THE_DIRECTORY for e in entries) and _is_gone(self.path):
            return None
        seen, first = fingerprint(self.path.name, entries), not self.fingerprint
        changed = seen != self.fingerprint or stamp != self.stamp
        if seen != self.fingerprint:
            self.fingerprint, self.changed_at = seen, now
            self.adopted = self.recalled = False
            self.later = None
        if changed:
            old = first and wall_now - _newest(stamp, entries) > PACE.active
            self.active_until = now if old else now + PACE.active
        if changed:
            versions = {entry.name: version(entry) for entry in entries}
            self.seen = {
                name: self.seen[name] if name in self.seen and self.seen[name][0] == found else (found, now)
                for name, found in versions.items()
            }
        self.stamp, self.entries = stamp, len(entries)
        return entries, changed

    def recall(self, known: Known | None, now: float, stalled_after: float) -> None:
        """Go on from what was judged before this process began, if nothing has changed since."""
        if known is None or (known.path, known.fingerprint) != (str(self.path), self.fingerprint):
            return
        if known.verdict in (v.value for v in FINAL):
            self.adopted, self.seen = True, {}  # of thousands: only what changes needs it
        elif known.verdict == Verdict.INCOMPLETE.value:
            # What made it incomplete may be mended by a setting or a permission, which no fingerprint shows.
            self.recalled = self.unread = True
            self.changed_at = now - stalled_after

    def examine(
        self,
        entries: Sequence[Entry],
        policy: Policy,
        now: float,
        until: float,
        clock: Callable[[], float],
        latest: Begun | None = None,
    ) -> None:
        """Read what is new in its segments, for as long as `until` allows but never nothing, and judge as of `now`.

        `latest` is the run that began last of all.
        """
        self.unread = self._read(entries, until, clock)
        first = self.facts.get(names.segment_file(self.run, 0))
        self.begun = (first.started, self.run) if first is not None and first.started is not None else None
        if self.recalled and self.unread:
            return
        self.recalled = False
        if self.later is None and latest is not None and self.begun is not None and latest[0] > self.begun[0]:
            self.later = latest[1]
        self.judgement = judge(
            self.path.name,
            entries,
            self.facts,
            changed_at=now if self.unread else self.changed_at,
            now=now,
            settle=policy.settle,
            stalled_after=policy.stalled_after,
            sources=policy.sources,
            later=self.later,
            still=[name for name, (_, since) in self.seen.items() if now - since >= policy.settle],
        )

    def due(self, now: float, settle: float) -> float:
        """When it has to be looked into again, though nothing may have changed; infinite when never."""
        if self.unread:
            return now
        settled = self.changed_at + settle
        return settled + 0.001 if settled > now and not self.final else math.inf

    def _read(self, entries: Sequence[Entry], until: float, clock: Callable[[], float]) -> bool:
        """True when there is more to read. What could not be read is tried again, after the rest."""
        before, self.facts = self.facts, {}
        over, more = False, False
        segments = [e for e in entries if names.parse_segment(e.name) and not e.problem and not e.is_dir]
        for entry in sorted(segments, key=lambda e: (_problem_of(before.get(e.name)), e.name)):
            facts = before.get(entry.name)
            if not _examined(facts, entry) and not over:
                facts = inspect(self.path / entry.name, facts, lambda: clock() >= until)
                over = clock() >= until
                more = not facts.problem and facts.offset < facts.size  # what grows meanwhile is for the next look
            elif not _examined(facts, entry):
                more = more or not _problem_of(facts)
            if facts is not None:
                self.facts[entry.name] = facts
        return more


def _problem_of(facts: SegmentFacts | None) -> bool:
    return facts is not None and facts.problem is not None


def _examined(facts: SegmentFacts | None, entry: Entry) -> bool:
    """Whether the facts tell of all of this very version of the file."""
    if facts is None or facts.problem:
        return False
    version = (facts.size, facts.mtime_ns, facts.inode)
    return version == (entry.size, entry.mtime_ns, entry.inode) and facts.offset == facts.size


def stamp_of(path: Path) -> Stamp | None:
    """Differs after something was made, renamed or deleted in the directory `path`; None when that cannot be said.

    The time of the status change is there because rsync sets back the modification time of directories.
    """
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def _newest(stamp: Stamp | None, entries: Sequence[Entry]) -> float:
    """When something last happened, by the clock of the file system: good enough to say how often to look."""
    return max(*stamp[:2], *(e.mtime_ns for e in entries)) / 1e9 if stamp else math.inf


def _is_gone(path: Path) -> bool:
    try:
        os.lstat(path)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return False
