"""What kind of file system a path is on, and so whether the kernel reports what others do there."""

from __future__ import annotations

from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")

# On a network file system (ceph, nfs, lustre, gpfs, fuse...) the kernel sees only what this machine itself does.
_REPORTING = frozenset(
    {"ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "bcachefs", "tmpfs", "ramfs", "overlay", "vfat", "exfat"}
)


def reports_events(path: Path) -> bool:
    """True when inotify hears of every change below `path`."""
    try:
        mounts = MOUNTS.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return False  # not Linux
    return type_of(path.resolve(), mounts) in _REPORTING


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
