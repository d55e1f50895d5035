"""Files that hold a secret: only for the account that runs this, and only one secret in each."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from remote import plainfile
from remote.globus.credentials import know
from remote.globus.errors import RemoteError

_MOST_BYTES = 10_000


def read(path: Path, what: str, next_step: str) -> str:
    """The secret in `path`, known as one from now on. Raises RemoteError (operator) when it is missing, empty, or open
    to others; `what` names the file in it, `next_step` is what a person has to do."""
    try:
        refuse_if_not_ours(path, what)
        secret = plainfile.read(path, _MOST_BYTES).decode("ascii").strip()
    except OSError as exc:
        raise unusable(f"the {what} {path} cannot be read ({exc.strerror})", next_step) from None
    except UnicodeDecodeError:
        raise unusable(f"the {what} {path} cannot be read (not ASCII)", next_step) from None
    if len(secret.split()) != 1:
        raise unusable(f"the {what} {path} does not hold one {what.removesuffix(' file')}", next_step)
    know(secret)
    return secret


def refuse_if_not_ours(path: Path, what: str) -> None:
    """Raises RemoteError (operator) when a file belongs to another account or is open to others; OSError as stat."""
    status = path.stat()
    if status.st_uid != os.geteuid():
        raise unusable(f"the {what} {path} belongs to another account (uid {status.st_uid})", "use that account")
    if (mode := stat.S_IMODE(status.st_mode)) & 0o077:
        raise unusable(f"others may read the {what} {path} (mode {mode:04o})", f"chmod 600 {path}", login=False)


def unusable(cause: str, next_step: str, *, login: bool = True) -> RemoteError:
    """Who the console is for Globus cannot be read; `login`: a login mends it."""
    return RemoteError("operator", "auth", "read the login", cause, next_step, login=login)
