# ruff: noqa: UP006, UP035, UP045
"""That an endpoint be restarted, asked from elsewhere: a small file below TOP/logs, taken away before anything is done.

Standard library only, Python 3.6 or newer, as job.py.
"""

import json
import os
import stat
import time
from pathlib import Path
from typing import Any, Dict, NamedTuple, Optional

from endpoint_files import Problem
from logs import printable
from roots import root

MOST_BYTES = 4096
OLD_SECONDS = 1800.0  # what lies there for longer was meant for another situation, and nobody waits for an answer


class Asked(NamedTuple):
    """`late`: it was brought long before anybody looked."""

    id: str
    by: str
    reason: str
    late: bool


def take(name: str) -> Optional[Asked]:
    """What is asked for this endpoint, which is gone afterwards: it is done once, or not at all. Raises Problem."""
    path = Path(root()) / f"logs/restart-{name}.json"
    try:
        status = os.lstat(str(path))
        found = _read(path) if stat.S_ISREG(status.st_mode) else b""
        path.unlink()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Problem(f"{path} cannot be read and taken away: {error.strerror}") from error
    try:
        said: Dict[str, Any] = json.loads(found.decode("utf-8"))
        asked, by, reason = (printable(said[key])[:200] for key in ("id", "by", "reason"))
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Problem(f"{path} is nothing that a console writes: taken away") from None
    return Asked(asked, by, reason, late=time.time() - status.st_mtime > OLD_SECONDS)


def _read(path: Path) -> bytes:
    """At most as much as a console writes; cut it is no JSON."""
    handle = os.open(str(path), os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    with open(handle, "rb") as file:
        return file.read(MOST_BYTES)
