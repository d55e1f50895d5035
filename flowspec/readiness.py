"""Is a run complete on disk and safe to launch? Pure: a listing, facts and times go in, a judgement comes out.

The proof is the content: BEGIN_RUN at the head and nowhere else, an END_RUN for each source at the end and no event
after the last, segments without a gap, each a clean walk of whole items, nothing that is still being written.
Modification times prove nothing (rsync sets old ones, clocks differ) and only help to notice a change. Times here are
of the caller's monotonic clock, in seconds.
"""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from flowspec import catalogue, names
from flowspec.conditions import Reason, reason
from flowspec.itemwalk import Walk
from flowspec.names import shown
from flowspec.takes import another_take, missing_end

THE_DIRECTORY = "."  # name of the entry that stands for the run directory when it cannot be listed
_MARKER_PATIENCE = 10  # settle times after which `.started` alone holds no run: rsync leaves an old one behind for ever
_LONGEST_WORDS = 55  # of what the file system says of a name


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
    edges: bytes = field(default=b"", compare=False)  # tells whether what was walked is still there


@dataclass(frozen=True)
class Judgement:
    """`segments` and `bytes` leave out an empty last segment. Parameters of `reason` are printable and short."""

    run: int
    verdict: Verdict
    reason: Reason
    segments: tuple[int, ...]
    bytes: int
    title: str
    started: int | None  # unix time
    ended: int | None  # unix time
    elapsed: float | None  # seconds of data taking
    fingerprint: str
    closed: Mapping[int, str] = field(default_factory=dict)  # segments that are written no more, with their versions

    @property
    def sentence(self) -> str:
        """The reason for the operator, to be read after "run 1217"."""
        return catalogue.sentence(self.reason)


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
    def finalised(self) -> bool:
        """ReadoutShell takes all write permissions away when a run has ended and its logger has: nothing comes after
        that. rsync without -p, or that of a DAQ without ReadoutShell, brings them with permissions."""
        return bool(self.segments) and not any(e.mode & 0o222 for e in self.segments.values())

    @property
    def recording(self) -> bool:
        """The logger is at work."""
        return names.STARTED in self.others and names.EXITED not in self.others and not self.finalised

    @property
    def fingerprint(self) -> str:
        """Changes with the data and what is mistaken for it, not with notes and markers beside them."""
        data = sorted([*self.segments.values(), *self.temporaries, *self.doubtful], key=lambda e: e.name)
        versions = [(e.name, e.size, e.mtime_ns, e.inode, e.problem) for e in data]
        return hashlib.sha256(ascii(versions).encode()).hexdigest()[:32]


def version(entry: Entry) -> str:
    """Tells two states of one file apart."""
    return hashlib.sha256(f"{entry.size} {entry.mtime_ns} {entry.inode}".encode()).hexdigest()[:12]


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
    later: int | None = None,
    still: Collection[str] = (),
) -> Judgement:
    """Judge the run directory `dirname` (its name, not its path).

    `facts` are of its segments, by file name; `changed_at` is when the fingerprint last changed. `settle` guards
    against late items, `stalled_after` is how long a run may lack something before it counts as incomplete.
    `sources` is the number of event sources, if it is larger than the number of BEGIN_RUNs in the data. `later` is a
    run that began after this one, if there is any: a DAQ takes one run after the other. `still` are the files that
    have not changed for the settling time.
    Raises ValueError if `dirname` is no run directory.
    """
    listing = _Listing.of(dirname, entries)
    found = {index: facts.get(entry.name, SegmentFacts()) for index, entry in listing.segments.items()}
    verdict, why = _verdict(
        listing, found, quiet=now - changed_at, settle=settle, stalled_after=stalled_after, sources=sources, later=later
    )
    indices = tuple(i for i in listing.indices if listing.segments[i].size)
    walks = [found[index] for index in indices] or [SegmentFacts()]
    return Judgement(
        run=listing.run,
        verdict=verdict,
        reason=why,
        segments=indices,
        bytes=sum(listing.segments[i].size for i in indices),
        title=walks[0].title or "",
        started=walks[0].started,
        ended=walks[-1].ended,
        elapsed=walks[-1].elapsed,
        fingerprint=listing.fingerprint,
        closed={} if _doubt(listing, found) else _closed(listing, found, verdict, still),
    )


def _closed(
    listing: _Listing, found: Mapping[int, SegmentFacts], verdict: Verdict, still: Collection[str]
) -> dict[int, str]:
    """The next segment has bytes, its own items end cleanly, and it has not changed for a while; or the run is whole.

    A guess, if a good one: who has worked on such a segment compares its version when the run has ended.
    """
    entries = listing.segments

    def closed(index: int) -> bool:
        after = entries.get(index + 1)
        over = after is not None and after.size > 0 and entries[index].name in still
        return over and _defect_of(entries[index], found[index]) is None

    return {i: version(entries[i]) for i in listing.indices if verdict is Verdict.READY or closed(i)}


def _verdict(
    listing: _Listing,
    found: Mapping[int, SegmentFacts],
    *,
    quiet: float,
    settle: float,
    stalled_after: float,
    sources: int | None,
    later: int | None,
) -> tuple[Verdict, Reason]:
    """The verdict and its reason; `quiet` is for how many seconds nothing has changed, `later` a run that began after
    this one."""
    walks = {index: found[index] for index in listing.indices}
    defect = _defect(listing, found)
    doubt = _doubt(listing, found) or (None if defect else another_take(listing.run, walks, sources))
    no_end = missing_end(listing.run, walks, sources)
    abnormal = [listing.segments[i].name for i in listing.indices if found[i].abnormal]
    lack = defect or (None if abnormal else no_end)
    stalled, patience = quiet >= stalled_after, _MARKER_PATIENCE * settle
    taking = listing.recording and no_end is not None
    overtaken = taking and later is not None and quiet >= patience

    if taking and not stalled and not overtaken:
        return Verdict.TAKING, _of_kind("run.recording", doubt) if doubt else reason("run.recording")
    if quiet < settle and (doubt or lack or abnormal or not listing.finalised):
        return Verdict.ARRIVING, _of_kind("run.arriving", doubt or lack or reason("settling"))
    if doubt:
        return Verdict.INCOMPLETE, _of_kind("run.incomplete", doubt)
    if lack and overtaken:
        return Verdict.INCOMPLETE, _of_kind("run.incomplete", lack, ".overtaken", later=later)
    if lack and stalled:
        how = ".stopped" if taking else ""
        return Verdict.INCOMPLETE, _of_kind("run.incomplete", lack, how, minutes=_minutes(stalled_after))
    if lack:
        return Verdict.ARRIVING, _of_kind("run.arriving", lack)
    if abnormal:
        return Verdict.ABNORMAL, reason("run.abnormal", file=abnormal[-1])
    if listing.recording and quiet < patience:
        return Verdict.ARRIVING, reason("run.arriving.logger")
    indices = listing.indices
    return Verdict.READY, reason("run.complete", segments=len(indices), file=listing.segments[indices[-1]].name)


def _of_kind(code: str, kind: Reason, how: str = "", **parameters: Any) -> Reason:
    return Reason(f"{code}.{kind.code}{how}", {**kind.parameters, **parameters})


def _minutes(seconds: float) -> float:
    minutes = round(seconds / 60, 3)
    return int(minutes) if minutes.is_integer() else minutes


def _doubt(listing: _Listing, found: Mapping[int, SegmentFacts]) -> Reason | None:
    """What time does not mend, by its kind in `catalogue.readiness.DOUBTS`."""
    for entry in listing.doubtful:
        segment, file = names.parse_segment(entry.name), shown(entry.name)
        if entry.problem and entry.name == THE_DIRECTORY:
            return reason("unlisted", words=shown(entry.problem, _LONGEST_WORDS))
        if entry.problem:
            return reason("unseen", file=file, words=shown(entry.problem, _LONGEST_WORDS))
        if segment is None:
            return reason("misnamed", file=file)
        if segment.run != listing.run:
            return reason("foreign", file=file, other=segment.run)
        return reason("directory" if entry.is_dir else "no-file", file=file, segment=segment.segment)
    for index, entry in listing.segments.items():
        for run in (found[index].run, found[index].other_run):
            if run not in (None, listing.run):
                return reason("foreign-data", file=entry.name, segment=index, other=run)
        if index == 0 and not found[0].begins_first and (found[0].items > found[0].formats or _is_past(listing, found)):
            return reason("no-begin", file=entry.name, segment=index)
    return None


def _is_past(listing: _Listing, found: Mapping[int, SegmentFacts]) -> bool:
    """Whether nothing can follow in the first segment: it is whole, and there is another one."""
    return bool(found[0].items) and found[0].ends_at_eof and len(listing.indices) > 1


def _defect(listing: _Listing, found: Mapping[int, SegmentFacts]) -> Reason | None:
    """What is being written, missing or cut, apart from the end of the run; by its kind in LACKS."""
    if listing.temporaries:
        return reason("temporary", file=shown(listing.temporaries[0].name))
    if not listing.segments:
        return reason("no-segment")
    for index in range(listing.indices[-1] + 1):
        if index not in listing.segments:
            return reason("missing", file=names.segment_file(listing.run, index), segment=index)
        defect = _defect_of(listing.segments[index], found[index])
        if defect:
            return Reason(defect.code, {**defect.parameters, "file": listing.segments[index].name, "segment": index})
    return None


def _defect_of(entry: Entry, walk: SegmentFacts) -> Reason | None:
    """What is wrong with one segment."""
    if entry.size == 0:
        return reason("empty")
    if walk.problem:
        return Reason(walk.problem.code, {**walk.problem.parameters, "size": entry.size})
    if walk == SegmentFacts():
        return reason("unexamined")
    if (walk.size, walk.inode, walk.mtime_ns) != (entry.size, entry.inode, entry.mtime_ns):
        return reason("outdated")
    if not walk.ends_at_eof:
        return reason("part-examined", size=entry.size, offset=walk.offset)
    return None
