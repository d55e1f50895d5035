"""What kind of file system a path is on: does the kernel report what others do there, can a ledger lie there?"""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import tempfile
from collections.abc import Callable
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")

# On a network file system (ceph, nfs, lustre, gpfs, fuse...) the kernel sees only what this machine itself does.
_REPORTING = frozenset(
    {"ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "bcachefs", "tmpfs", "ramfs", "overlay", "vfat", "exfat"}
)

# Seen by several machines at once. SQLite's log (WAL) is shared through memory, which works on one machine only,
# whatever locks the file system has (sqlite.org/wal.html).
_SHARED = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "coda", "ceph", "lustre", "gpfs", "beegfs", "panfs", "orangefs",
     "pvfs2", "glusterfs", "gfs2", "ocfs2", "dvs", "wekafs", "fuse.sshfs", "fuse.ceph", "fuse.ceph-fuse",
     "fuse.glusterfs", "fuse.rclone", "fuse.s3fs"}
)  # fmt: skip


def reports_events(path: Path) -> bool:
    """True when inotify hears of every change below `path`."""
    return kind_of(path) in _REPORTING


def kind_of(path: Path) -> str | None:
    """The type of the file system that a path is on; None when that is not known."""
    return type_of(path.resolve(), _mounts())


def no_place_for_a_ledger(directory: Path, mounts: str | None = None) -> str:
    """Why a ledger cannot lie in this directory, made or not; '' when it can. `mounts` is for tests.

    What several machines share is refused by its type. Of anything else it is tried out whether locks work.
    """
    directory = directory.resolve()
    kind = type_of(directory, _mounts() if mounts is None else mounts)
    if kind in _SHARED:
        return f"{directory} is on a network file system ({kind}), where SQLite and the driver's lock are not safe"
    if not locks_work(directory):
        return f"locks do not work in {directory} ({kind or 'unknown'} file system)"
    return ""


def locks_work(directory: Path) -> bool:
    """Lock a file twice, as the driver does (flock) and as SQLite does (fcntl): the second must be refused.

    True when it cannot be tried out, because nothing can be written there.
    """
    try:
        first, name = tempfile.mkstemp(prefix=".locks-", dir=directory)
    except OSError:
        return True
    second = os.open(name, os.O_RDWR | os.O_CLOEXEC)
    try:
        return _excludes(first, second, _flock) and _excludes(first, second, _fcntl)
    finally:
        os.close(first)
        os.close(second)
        with contextlib.suppress(OSError):
            Path(name).unlink()


def _excludes(first: int, second: int, lock: Callable[[int], object]) -> bool:
    try:
        lock(first)
    except OSError:
        return False
    try:
        lock(second)
    except OSError:
        return True
    return False


def _flock(fd: int) -> None:
    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _fcntl(fd: int) -> None:
    """A lock of the open file and not of the process, so that one process can meet its own; else as SQLite's."""
    whole_file = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
    fcntl.fcntl(fd, fcntl.F_OFD_SETLK, whole_file)


def _mounts() -> str:
    try:
        return MOUNTS.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""  # not Linux


def type_of(path: Path, mounts: str) -> str | None:
    """The type of the file system that `path` (resolved) is on, by the text of /proc/self/mountinfo."""
    found: tuple[int, str] | None = None
    for line in mounts.splitlines():
        fields = line.split()
        if "-" not in fields[6:]:
            continue
        mount = Path(_unescaped(fields[4]))
        kind = fields[fields.index("-", 6) + 1]
        depth = len(mount.parts)
        if (mount == path or mount in path.parents) and (found is None or depth >= found[0]):
            found = (depth, kind)  # a later mount at the same place covers the earlier
    return found[1] if found else None


def _unescaped(field: str) -> str:
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        field = field.replace(code, character)
    return field
