"""What the console keeps is its account's own: nobody else may read what it makes, or write where it lies.

Light, as `console.settings.paths` is.
"""

from __future__ import annotations

import contextlib
import errno
import os
import pwd
import shlex
import stat
from pathlib import Path

OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH
DIRECTORY_MODE, FILE_MODE = 0o700, 0o600
ONLY_LOOK = "use that account, or only look: console status, console --read-only"


class NotOurs(PermissionError):
    """Something belongs to another account, or others may write it: the text says whose it is and what to do."""


def make_directory(directory: Path) -> None:
    """Have this directory, and those above it that are missing, for this account alone, whatever the umask.

    Raises NotOurs when it is there and belongs to another account, or others may write in it.
    """
    for missing in reversed([each for each in (directory, *directory.parents) if not each.exists()]):
        with contextlib.suppress(FileExistsError):  # somebody was quicker: looked at below
            missing.mkdir(DIRECTORY_MODE)
    refuse_shared(directory)


def refuse_shared(path: Path) -> None:
    """Raises NotOurs when a file or directory belongs to another account, or others may write it."""
    status = path.stat()
    if not is_ours(status):
        raise NotOurs(f"{path} belongs to {account(status.st_uid)}: {ONLY_LOOK}")
    if status.st_mode & OTHERS_MAY_WRITE:
        mode = stat.S_IMODE(status.st_mode)
        raise NotOurs(
            f"others may write {path} (mode {mode:04o}), and so decide what the console does. "
            f"See what lies there, then: {shlex.join(['chmod', 'go-w', str(path)])}"
        )


def is_ours(status: os.stat_result) -> bool:
    return status.st_uid == os.geteuid()


def kept_mode(path: Path) -> int:
    """The mode of a file that is written anew: private, but for others who were let read the one before."""
    try:
        return stat.S_IMODE(path.stat().st_mode) & 0o644 | FILE_MODE
    except FileNotFoundError:
        return FILE_MODE


def account(uid: int) -> str:
    """The name of an account."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def told(error: OSError) -> str:
    """An error of the system in words; when it is for want of rights, whose it is and what to do."""
    if isinstance(error, NotOurs) or error.errno not in (errno.EACCES, errno.EPERM) or not error.filename:
        return str(error)
    path = Path(os.fsdecode(error.filename)).absolute()
    closed, status = _what_is_closed(path)
    if is_ours(status):
        return f"{path}: no right to it, although {closed} is yours (mode {stat.S_IMODE(status.st_mode):04o})"
    whose = account(status.st_uid)
    return f"{closed} belongs to {whose}: use that account, or have {whose} let you read {path.parent}"


def _what_is_closed(path: Path) -> tuple[Path, os.stat_result]:
    """The file, or the first directory above it that can be seen: what lies in it cannot."""
    for each in (path, *path.parents):
        with contextlib.suppress(OSError):
            return each, each.stat()
    raise FileNotFoundError(path)
