"""The result of a run on the DTN, looked at and read. Only what is there: what it should be is judged elsewhere."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable
from pathlib import Path

from console.ledger.results import Version
from console.settings.errors import SettingsError
from flowspec.conditions import Reason
from flowspec.rootfile import HEADER_BYTES, problem_of

_PIECE = 1 << 20  # bytes per read


def look(path: Path) -> tuple[Version, Reason | None] | None:
    """Its version, and why it is no whole ROOT file (None: it is); None when there is no such file.

    Raises SettingsError when the file system does not say.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unreachable(path, error) from None
    try:
        status = os.fstat(descriptor)
        head = os.pread(descriptor, HEADER_BYTES, 0) if stat.S_ISREG(status.st_mode) else b""
    except OSError as error:
        raise _unreachable(path, error) from None
    finally:
        os.close(descriptor)
    return _version(status), problem_of(head, status.st_size)


def version(path: Path) -> Version | None:
    """The same without a look into it: the cheapest one."""
    try:
        return _version(path.stat())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unreachable(path, error) from None


def digest(path: Path, stop: Callable[[], bool]) -> tuple[Version, str] | None:
    """The sha256 of its bytes (64 hex digits) and the version that they are of; takes seconds for each gigabyte.

    None when it is gone, when it changed meanwhile, or when `stop` said so. Raises SettingsError.
    """
    found = hashlib.sha256()
    try:
        with path.open("rb", buffering=0) as file:
            before = _version(os.fstat(file.fileno()))
            left = before.size
            while left >= 0 and (piece := file.read(_PIECE)):  # one that only grows has an end too
                found.update(piece)
                left -= len(piece)
                if stop():
                    return None
            after = _version(os.fstat(file.fileno()))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unreachable(path, error) from None
    return (after, found.hexdigest()) if after == before else None


def names_in(directory: Path) -> set[str]:
    """What lies in a directory. Raises SettingsError."""
    try:
        return {entry.name for entry in directory.iterdir()}
    except OSError as error:
        raise _unreachable(directory, error) from None


def _version(status: os.stat_result) -> Version:
    return Version(status.st_size, status.st_mtime_ns, status.st_ino)


def _unreachable(path: Path, error: OSError) -> SettingsError:
    return SettingsError(f"{path} cannot be looked at: {error.strerror}; is the DTN disk mounted?")
