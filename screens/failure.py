"""A fault of this console itself: where its traceback is kept, and what is said of it."""

from __future__ import annotations

import os
import time
import traceback
from pathlib import Path

from console.settings.paths import state_home


class InternalFailure(Exception):
    """The screen ended because of the exception that caused this one."""


def told(error: BaseException, *, keep: bool) -> str:
    """What to say of it; its traceback is in a file then, or in the words when it must not or cannot be kept.

    Without the values of variables and without secrets: tokens are among them.
    """
    words = "internal error, this console has ended (the driver goes on by itself)"
    try:
        from remote.globus.credentials import hidden  # not before the first paint
    except OSError as problem:  # as when no descriptor is left
        return f"{words}: {type(error).__name__}; its traceback could not be rid of secrets ({problem})"
    lines = hidden("".join(traceback.format_exception(error)))
    try:
        return f"{words}; traceback: {_kept(lines)}" if keep else f"{words}; traceback:\n{lines}"
    except OSError as problem:
        return f"{words}; traceback, which could not be kept ({problem}):\n{lines}"


def _kept(lines: str) -> Path:
    home = state_home()
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = home / time.strftime(f"failure-%Y%m%d-%H%M%S-{os.getpid()}.txt")
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w") as file:
        file.write(lines)
    return path
