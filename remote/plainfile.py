"""Reading a small file that somebody else may have put there: never one that has no end, or that waits for a writer."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path


def read(path: Path, most: int, *, end: bool = False) -> bytes:
    """The bytes of a plain file (or of a link to one) of at most `most` bytes; with `end` the last ones of a larger.

    Raises OSError, also for a FIFO, a socket, a device, or a larger file; its `strerror` says so.
    """
    _refuse_unless_plain(path, path.stat().st_mode)  # to open a device may do something already
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    with open(handle, "rb", buffering=0) as file:
        _refuse_unless_plain(path, os.fstat(handle).st_mode)  # it may be another one by now
        if end:
            file.seek(max(0, os.fstat(handle).st_size - most))
        found = b""
        while len(found) <= most and (piece := file.read(most + 1 - len(found))):
            found += piece
    if end:
        return found[-most:]
    if len(found) > most:
        raise OSError(errno.EFBIG, f"too large (more than {most} bytes)", str(path))
    return found


def _refuse_unless_plain(path: Path, mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "not a plain file", str(path))
