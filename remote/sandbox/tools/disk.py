"""The disk of a program's output when it is full: in earnest, or by the faults `disk-full` and `root-spoilt`."""

import errno
import os
import struct
from pathlib import Path

FAULT = "FRIB_SANDBOX_FAULT"
_FAILED_WRITE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# What ROOT 6.40 leaves: the header as it was when the file was begun, fEND 322, without free list and streamer infos.
# Magic, fVersion, fBEGIN, fEND, fSeekFree, fNbytesFree, nfree, fNbytesName, fUnits, fCompress, fSeekInfo, fNbytesInfo.
_UNCLOSED = struct.pack(">4s7iB3i", b"root", 64_000, 100, 322, 0, 0, 0, 58, 4, 101, 0, 0)
_UNCLOSED_BYTES = 77_824


def need_room() -> None:
    """Raises OSError when a fault says that the disk is full."""
    if os.environ.get(FAULT) == "full":
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def is_full(error: Exception) -> bool:
    return isinstance(error, OSError) and error.errno in _FAILED_WRITE


def leave_unclosed(path: Path) -> None:
    """In place of `path`: the magic, and no tree."""
    with path.open("wb") as file:
        file.write(_UNCLOSED)
        file.truncate(_UNCLOSED_BYTES)  # takes no room
