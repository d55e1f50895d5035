"""Listing run directories and reading segments: the facts that `flowspec.readiness` judges.

Trouble with a file becomes a `problem` that the judgement names, never an exception: one bad file must not stop the
discovery of the others. Segments are read in pieces and not mapped, because an I/O error of a network file system,
or a file cut while it is read, would end the whole process through a mapping.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from flowspec import names
from flowspec.conditions import reason
from flowspec.itemwalk import LARGEST_STATE_CHANGE, walk_on
from flowspec.readiness import THE_DIRECTORY, Entry, SegmentFacts

_PIECE = max(1 << 20, LARGEST_STATE_CHANGE)  # bytes per read; fits the processor's cache


def scan(directory: str | Path) -> tuple[Entry, ...]:
    """What is in `directory`, unsorted; an entry "." with a problem when it cannot be listed."""
    entries = []
    try:
        with os.scandir(directory) as listing:
            for item in listing:
                entry = _entry(item)
                if entry is not None:
                    entries.append(entry)
    except OSError as error:
        entries.append(Entry(THE_DIRECTORY, 0, 0, 0, 0, True, f"cannot be listed: {_cause(error)}"))
    return tuple(entries)


def _entry(item: os.DirEntry[str]) -> Entry | None:
    try:
        status = item.stat()
    except FileNotFoundError:
        if item.is_symlink():
            return Entry(item.name, 0, 0, 0, 0, False, "is a link to nothing")
        return None  # renamed or deleted since it was listed
    except OSError as error:
        return Entry(item.name, 0, 0, 0, 0, False, f"cannot be looked at: {_cause(error)}")
    directory = stat.S_ISDIR(status.st_mode)
    return Entry(item.name, status.st_size, status.st_mtime_ns, status.st_ino, status.st_mode, directory)


def inspect(
    path: str | Path, known: SegmentFacts | None = None, enough: Callable[[], bool] = lambda: False
) -> SegmentFacts:
    """Walk the segment at `path`; a file that `known` describes and that has grown is read from there on.

    The walk ends early, after the first piece at which `enough` is true; the next one goes on from there.
    """
    facts = SegmentFacts()
    try:
        # Without O_NONBLOCK, a named pipe that is called like a segment would hold us for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            status = os.fstat(descriptor)
            facts = _start(status, known)
            if not stat.S_ISREG(status.st_mode):
                return replace(facts, problem=reason("no-file-now"))
            return _walk_file(descriptor, facts, enough)
        finally:
            os.close(descriptor)
    except OSError as error:
        return replace(facts, problem=reason("unreadable", words=names.shown(_cause(error))))


def _start(status: os.stat_result, known: SegmentFacts | None) -> SegmentFacts:
    """The facts to go on from. An rsync pass replaces the file (new inode), an appending writer lets it grow."""
    size, inode, mtime_ns = status.st_size, status.st_ino, status.st_mtime_ns
    if known is not None and known.inode == inode:
        unchanged = (known.size, known.mtime_ns) == (size, mtime_ns)
        if unchanged or known.size < size:
            return replace(known, size=size, mtime_ns=mtime_ns, problem=None)
    return SegmentFacts(size=size, inode=inode, mtime_ns=mtime_ns)


def _walk_file(descriptor: int, facts: SegmentFacts, enough: Callable[[], bool]) -> SegmentFacts:
    while facts.offset < facts.size and not facts.problem:
        here = facts.offset
        piece = os.pread(descriptor, min(_PIECE, facts.size - here), here)
        facts = walk_on(facts, piece, base=here, size=facts.size)
        if facts.offset == here and not facts.problem:
            facts = replace(facts, problem=reason("cut-while-read", offset=here))
        if enough():
            break
    return facts


def _cause(error: OSError) -> str:
    return error.strerror or type(error).__name__
