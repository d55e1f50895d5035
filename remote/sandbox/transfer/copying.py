"""What a transfer does to files: which are wanted, which differ, and how one is copied.

No threads and no task records here: progress goes out, and cancellation comes in, through the callables given.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

CHUNK = 1 << 20

Progress = Callable[[int], None]
"""Called with the number of bytes just moved or read; raises to stop the copy."""


class CopyFault(Exception):
    """A failure of a copy that no OSError describes; `code` is Transfer's event code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class CopyOptions:
    """The options of a transfer document that concern single files."""

    sync_level: int | None
    verify_checksum: bool
    preserve_timestamp: bool


def wanted(name: str, kind: str, rules: list[dict[str, Any]]) -> bool:
    """Filter rules: the first that matches decides, without a match the item is included.

    `name` is the base name, `kind` is "file" or "dir"; a rule without a type applies to both.
    """
    for rule in rules:
        if rule.get("type") in (None, kind) and fnmatchcase(name, rule["name"]):
            return bool(rule.get("method", "exclude") == "include")
    return True


def children(directory: Path, rules: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """(name, "file" | "dir" | "symlink") of what is wanted in a directory. Links are listed, not followed."""
    with os.scandir(directory) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if entry.is_symlink():
                yield entry.name, "symlink"
                continue
            kind = "dir" if entry.is_dir() else "file"
            if wanted(entry.name, kind, rules):
                yield entry.name, kind


def needs_copy(source: Path, destination: Path, sync_level: int | None, on_checksummed: Progress) -> bool:
    """Whether a sync level (0 exists, 1 size, 2 mtime, 3 checksum, None always) asks for the copy."""
    if not destination.exists() or sync_level is None:
        return True
    if sync_level == 0:
        return False
    ours, theirs = source.stat(), destination.stat()
    if ours.st_size != theirs.st_size:
        return True
    if sync_level == 1:
        return False
    if sync_level == 2:
        return ours.st_mtime > theirs.st_mtime
    return checksum(source, on_checksummed) != checksum(destination, lambda _: None)


def checksum(path: Path, on_read: Progress) -> str:
    digest = hashlib.blake2b()
    with path.open("rb") as file:
        while block := file.read(CHUNK):
            digest.update(block)
            on_read(len(block))
    return digest.hexdigest()


def copy_file(
    source: Path,
    destination: Path,
    options: CopyOptions,
    *,
    temporary_name: str,
    chunk: int,
    on_moved: Progress,
    on_checksummed: Progress,
) -> None:
    """Copy to a temporary beside the destination, verify it, then rename: a reader sees the whole file or none.

    Raises OSError, CopyFault (the source changed meanwhile, or the copy's checksum differs), or what a callable raises.
    """
    if source.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(source))
    if destination.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(destination))
    before = source.stat()
    destination.parent.mkdir(parents=True, exist_ok=True)
    temporary = destination.with_name(temporary_name)
    try:
        digest = _copy_bytes(source, temporary, chunk, on_moved)
        after = source.stat()
        if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
            raise CopyFault("FILE_SIZE_CHANGED", f"{source} changed while it was copied")
        if options.verify_checksum and checksum(temporary, on_checksummed) != digest:
            raise CopyFault("VERIFY_CHECKSUM", f"the checksum of the copy differs from that of {source}")
        if options.preserve_timestamp:
            os.utime(temporary, ns=(before.st_atime_ns, before.st_mtime_ns))
        on_moved(0)  # the last moment to stop
        temporary.replace(destination)
    finally:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()


def _copy_bytes(source: Path, temporary: Path, chunk: int, on_moved: Progress) -> str:
    digest = hashlib.blake2b()
    with source.open("rb") as reader, temporary.open("wb") as writer:
        while block := reader.read(chunk):
            writer.write(block)
            digest.update(block)
            on_moved(len(block))
    return digest.hexdigest()
