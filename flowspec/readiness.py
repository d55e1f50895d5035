"""Is a run complete on disk and safe to launch? Pure: a listing, facts and times go in, a judgement comes out.

The proof is the content: BEGIN_RUN at the head, an END_RUN for each source at the end, segments without a gap, each
a clean walk of whole items, nothing that is still being written. Modification times prove nothing (rsync sets
old ones, clocks differ) and only help to notice a change. Times here are of the caller's monotonic clock, in seconds.
"""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from flowspec import names
from flowspec.itemwalk import Walk
from flowspec.names import shown

THE_DIRECTORY = "."  # name of the entry that stands for the run directory when it cannot be listed
_MARKER_PATIENCE = 10  # settle times to wait for `.exited`: rsync leaves an old `.started` behind for ever


class Verdict(str, Enum):
    TAKING = "taking"
    ARRIVING = "arriving"
    READY = "ready"
    INCOMPLETE = "incomplete"
    ABNORMAL = "abnormal"


@dataclass(frozen=True)
class Entry:
    """One name in a run directory. `mode` is st_mode; `problem` says why the name could not be looked at."""

    name: str
    size: int
    mtime_ns: int
    inode: int
    mode: int
    is_dir: bool
    problem: str | None = None


@dataclass(frozen=True)
class SegmentFacts(Walk):
    """What a walk found in one segment, and of which version of the file that is true."""

    inode: int = 0
    mtime_ns: int = 0


@dataclass(frozen=True)
class Judgement:
    """`reason` is one printable sentence for the operator. `segments` and `bytes` leave out an empty last segment."""

    run: int
    verdict: Verdict
    reason: str
    segments: tuple[int, ...]
    bytes: int
    title: str
    started: int | None  # unix time
    ended: int | None  # unix time
    elapsed: float | None  # seconds of data taking
    fingerprint: str


@dataclass
class _Listing:
    """The entries of a run directory by what they are."""

    run: int
    segments: dict[int, Entry] = field(default_factory=dict)
    temporaries: list[Entry] = field(default_factory=list)
    doubtful: list[Entry] = field(default_factory=list)
    others: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, dirname: str, entries: Iterable[Entry]) -> _Listing:
        run = names.parse_run_directory(dirname)
        if run is None:
            raise ValueError(f"{shown(dirname)} is no run directory")
        listing = cls(run)
        for entry in sorted(entries, key=lambda e: e.name):
            segment = names.parse_segment(entry.name)
            if names.is_temporary(entry.name):
                listing.temporaries.append(entry)
            elif entry.problem or (segment is None and names.resembles_segment(entry.name)):
                listing.doubtful.append(entry)
            elif segment is None:
                listing.others.add(entry.name)
            elif segment.run != run or entry.is_dir or not stat.S_ISREG(entry.mode):
                listing.doubtful.append(entry)
            else:
                listing.segments[segment.segment] = entry
        return listing

    @property
    def indices(self) -> list[int]:
        """Segments with data; the logger may leave an empty last one behind, when the run ends at the size limit."""
        found = sorted(self.segments)
        if len(found) > 1 and self.segments[found[-1]].size == 0:
            found.pop()
        return found

    @property
    def recording(self) -> bool:
        """The logger is at work; files without any write permission were finalised by the DAQ after it."""
        finalised = bool(self.segments) and not any(e.mode & 0o222 for e in self.segments.values())
        return names.STARTED in self.others and names.EXITED not in self.others and not finalised

    @property
    def fingerprint(self) -> str:
        """Changes with the data and what is mistaken for it, not with notes and markers beside them."""
        data = sorted([*self.segments.values(), *self.temporaries, *self.doubtful], key=lambda e: e.name)
        versions = [(e.name, e.size, e.mtime_ns, e.inode, e.problem) for e in data]
        return hashlib.sha256(ascii(versions).encode()).hexdigest()[:32]


def fingerprint(dirname: str, entries: Iterable[Entry]) -> str:
    """Tells two states of a run's data apart. Raises ValueError if `dirname` is no run directory."""
    return _Listing.of(dirname, entries).fingerprint


def judge(
    dirname: str,
    entries: Iterable[Entry],
    facts: Mapping[str, SegmentFacts],
    *,
    changed_at: float,
    now: float,
    settle: float,
    stalled_after: float,
    sources: int | None = None,
) -> Judgement:
    """Judge the run directory `dirname` (its name, not its path).

    `facts` are of its segments, by file name; `changed_at` is when the fingerprint last changed. `settle` guards
    against late items, `stalled_after` is how long a run may lack something before it counts as incomplete.
    `sources` is the number of event sources, if it is larger than the number of BEGIN_RUNs in the data.
    Raises ValueError if `dirname` is no run directory.
    """
    listing = _Listing.of(dirname, entries)
    quiet = now - changed_at
    found = {index: facts.get(entry.name, SegmentFacts()) for index, entry in listing.segments.items()}
    doubt = _doubt(listing, found)
    defect = _defect(listing, found)
    no_end = _missing_end(listing, found, sources)
    abnormal = [listing.segments[i].name for i in listing.indices if found[i].abnormal]
    stalled = quiet >= stalled_after
    since = f"nothing new for {stalled_after / 60:g} min"

    def judgement(verdict: Verdict, reason: str) -> Judgement:
        return _judgement(listing, found, verdict, f"run {listing.run} {reason}")

    if listing.recording and no_end and not (abnormal and stalled):
        but = f"; but {doubt}" if doubt else f"; {since}" if stalled else ""
        return judgement(Verdict.TAKING, f"is being taken: .started is there and .exited is not{but}")
    missing = defect or (None if abnormal else no_end)
    if quiet < settle:
        return judgement(Verdict.ARRIVING, f"is arriving: {doubt or missing or 'late items may follow'}")
    if doubt:
        return judgement(Verdict.INCOMPLETE, f"is not launched by itself: {doubt}")
    if missing and stalled:
        return judgement(Verdict.INCOMPLETE, f"is incomplete: {missing}; {since}")
    if missing:
        return judgement(Verdict.ARRIVING, f"is arriving: {missing}")
    if abnormal:
        return judgement(Verdict.ABNORMAL, f"ended abnormally: ABNORMAL_ENDRUN in {abnormal[-1]}")
    if listing.recording and quiet < _MARKER_PATIENCE * settle:
        return judgement(Verdict.ARRIVING, "has its END_RUN: waiting for .exited, the end of the logger")
    count = len(listing.indices)
    whole = f"{count} segment{'s' if count > 1 else ''} of whole items"
    return judgement(Verdict.READY, f"is complete: {whole}, END_RUN in {listing.segments[listing.indices[-1]].name}")


def _doubt(listing: _Listing, found: Mapping[int, SegmentFacts]) -> str | None:
    """What time does not mend: names and contents that leave open what belongs to the run."""
    for entry in listing.doubtful:
        segment = names.parse_segment(entry.name)
        if entry.name == THE_DIRECTORY:
            return f"its directory {entry.problem}"
        if entry.problem:
            return f"{shown(entry.name)} {entry.problem}"
        if segment is None:
            return f"{shown(entry.name)} looks like a segment but is not named as one"
        if segment.run != listing.run:
            return f"{entry.name} belongs to run {segment.run}"
        return f"{entry.name} is {'a directory' if entry.is_dir else 'no regular file'}"
    for index, entry in listing.segments.items():
        for run in (found[index].run, found[index].other_run):
            if run not in (None, listing.run):
                return f"{entry.name} holds data of run {run}"
        if index == 0 and found[0].items > found[0].formats and not found[0].begins_first:
            return f"{entry.name} does not begin with BEGIN_RUN"
    return None


def _defect(listing: _Listing, found: Mapping[int, SegmentFacts]) -> str | None:
    """What is being written, missing or cut, apart from the end of the run."""
    if listing.temporaries:
        return f"{shown(listing.temporaries[0].name)} is being written or was left behind"
    if not listing.segments:
        return "no segment is there"
    for index in range(listing.indices[-1] + 1):
        if index not in listing.segments:
            return f"{names.segment_file(listing.run, index)} is missing"
        entry, of_it = listing.segments[index], found[index]
        if entry.size == 0:
            return f"{entry.name} is empty"
        if of_it.problem:
            return f"{entry.name} ({entry.size} bytes) {of_it.problem}"
        if of_it == SegmentFacts():
            return f"{entry.name} has not been examined yet"
        if (of_it.size, of_it.inode, of_it.mtime_ns) != (entry.size, entry.inode, entry.mtime_ns):
            return f"{entry.name} has changed since it was examined"
        if not of_it.ends_at_eof:
            return f"{entry.name} ({entry.size} bytes) was examined only up to offset {of_it.offset}"
    return None


def _missing_end(listing: _Listing, found: Mapping[int, SegmentFacts], sources: int | None) -> str | None:
    """Why the run has not ended: each source that began has to end, and no event may follow."""
    if not listing.segments:
        return "no END_RUN"
    walks = [found[index] for index in listing.indices]
    name = listing.segments[listing.indices[-1]].name
    begins, ends = max(sum(f.begins for f in walks), sources or 1), sum(f.ends for f in walks)
    if not walks[-1].ends:
        return f"no END_RUN at the end of {name}"
    if ends < begins:
        return f"{ends} END_RUN for {begins} sources at the end of {name}"
    if walks[-1].events_after_end:
        return f"events follow the last END_RUN in {name} ({walks[-1].events_after_end})"
    return None


def _judgement(listing: _Listing, found: Mapping[int, SegmentFacts], verdict: Verdict, reason: str) -> Judgement:
    indices = tuple(i for i in listing.indices if listing.segments[i].size)
    walks = [found[index] for index in indices] or [SegmentFacts()]
    return Judgement(
        run=listing.run,
        verdict=verdict,
        reason=shown(reason, 240),
        segments=indices,
        bytes=sum(listing.segments[i].size for i in indices),
        title=walks[0].title or "",
        started=walks[0].started,
        ended=walks[-1].ended,
        elapsed=walks[-1].elapsed,
        fingerprint=listing.fingerprint,
    )
