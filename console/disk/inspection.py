"""Listing run directories and reading segments: the facts that `flowspec.readiness` judges.

Trouble with a file becomes a `problem` that the judgement names, never an exception: one bad file must not stop the
discovery of the others. Segments are read in pieces and not mapped, because an I/O error of a network file system,
or a file cut while it is read, would end the whole process through a mapping.
"""

from __future__ import annotations

import os
import stat
import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from flowspec import names
from flowspec.conditions import reason
from flowspec.itemwalk import LARGEST_STATE_CHANGE, walk_on
from flowspec.readiness import THE_DIRECTORY, Entry, SegmentFacts

_PIECE = max(1 << 20, LARGEST_STATE_CHANGE)  # bytes per read; fits the processor's cache
_EDGE = 4096  # bytes at the head and before the offset of a walk, which are looked at again before it goes on
_EDGES = struct.Struct("<HIHI")  # length and CRC-32 of both


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
    """Walk the segment at `path`; a file that `known` describes and that has only grown is read from there on.

    The walk ends early, after the first piece at which `enough` is true; the next one goes on from there.
    """
    facts = SegmentFacts()
    try:
        # Without O_NONBLOCK, a named pipe that is called like a segment would hold us for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            status = os.fstat(descriptor)
            facts = _start(descriptor, status, known)
            if not stat.S_ISREG(status.st_mode):
                return replace(facts, problem=reason("no-file-now"))
            return _walk_file(descriptor, facts, enough)
        finally:
            os.close(descriptor)
    except OSError as error:
        return replace(facts, problem=reason("unreadable", words=names.shown(_cause(error))))


def _start(descriptor: int, status: os.stat_result, known: SegmentFacts | None) -> SegmentFacts:
    """The facts to go on from. An rsync pass replaces the file (new inode), an appending writer lets it grow."""
    size, inode, mtime_ns = status.st_size, status.st_ino, status.st_mtime_ns
    if known is not None and known.inode == inode:
        unchanged = (known.size, known.mtime_ns) == (size, mtime_ns)
        if unchanged or (known.size < size and _only_grown(descriptor, known)):
            return replace(known, size=size, mtime_ns=mtime_ns, problem=None)
    return SegmentFacts(size=size, inode=inode, mtime_ns=mtime_ns)


def _only_grown(descriptor: int, known: SegmentFacts) -> bool:
    """Whether what was walked is still there: rsync --inplace over an older take of the run writes the file anew from
    its head, and lets it grow only in the end."""
    if not known.edges:
        return True
    head_length, head, tail_length, tail = _EDGES.unpack(known.edges)
    edges = ((0, head_length, head), (known.offset - tail_length, tail_length, tail))
    return all(zlib.crc32(os.pread(descriptor, length, start)) == crc for start, length, crc in edges)


def _edges(before: bytes, walked: bytes) -> bytes:
    """The edges of a walk that went on over `walked`."""
    head, tail = walked[:_EDGE], walked[-_EDGE:]
    first = _EDGES.unpack(before)[:2] if before else (len(head), zlib.crc32(head))
    return _EDGES.pack(*first, len(tail), zlib.crc32(tail))


def _walk_file(descriptor: int, facts: SegmentFacts, enough: Callable[[], bool]) -> SegmentFacts:
    while facts.offset < facts.size and not facts.problem:
        here = facts.offset
        piece = os.pread(descriptor, min(_PIECE, facts.size - here), here)
        facts = walk_on(facts, piece, base=here, size=facts.size)
        if facts.offset > here:
            facts = replace(facts, edges=_edges(facts.edges, piece[: facts.offset - here]))
        if facts.offset == here and not facts.problem:
            facts = replace(facts, problem=reason("cut-while-read", offset=here))
        if enough():
            break
    return facts


def _cause(error: OSError) -> str:
    return error.strerror or type(error).__name__
