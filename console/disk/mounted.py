"""Whether runs that are not there any more were removed, or the file system on which they lie is not mounted. Pure.

Of an unmounted file system its empty mount point is left: another directory than before, with none of the runs in it,
or with the few that somebody once wrote there. And who removes runs begins with those that are done.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

MANY = 3  # runs whose data are still needed: so many are not removed at once

Identity = tuple[int, int]  # of a directory: device and inode


class Before(NamedTuple):
    """What was there when the runs could last be listed."""

    identity: Identity | None  # of their directory; None: not known
    runs: Mapping[int, bool]  # each, and whether its data are still needed


def unmounted(directory: Path, before: Before, identity: Identity | None, found: Collection[int]) -> str | None:
    """The question to a person, when `found` looks like a mount point without its mount; None when it does not."""
    missing = before.runs.keys() - {*found}
    left = before.runs.keys() - missing
    needed, needed_left = (sum(before.runs[run] for run in runs) for runs in (missing, left))
    if before.identity in (None, identity):
        lost = not found and needed >= MANY
    else:
        lost = bool(missing) and (not left or (needed >= MANY and needed > needed_left))
    if not lost:
        return None
    were_there = "1 run was there" if len(missing) == 1 else f"{len(missing)} runs were there"
    how = "is another directory than before," if found else "is empty, and"
    until = "It goes on when they are back or a new run arrives"
    return f"{directory} {how} {were_there}: is its file system mounted? {until}"
