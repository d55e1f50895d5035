"""Whether there is a terminal to draw on, how large it is, and what it can show. Light: asked before Textual loads."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, MutableMapping

from console.settings.errors import SettingsError

NO_TERMINALS = ("", "dumb", "unknown")
LINES = "─│┌┐└┘"
ENCODE_NO_LINES = ("C", "POSIX")


def refuse_dumb_terminal(environ: Mapping[str, str]) -> None:
    """Raises SettingsError when the terminal cannot move a cursor, or nobody says what it is."""
    if (name := environ.get("TERM", "")) in NO_TERMINALS:
        raise SettingsError(
            f"TERM is {name or 'not set'}: the screen needs a terminal that can move the cursor (TERM=xterm-256color)"
            "; `console status` needs none"
        )


def size_of_terminal() -> tuple[int, int] | None:
    """Columns and lines; None when no standard stream is a terminal that knows them."""
    for stream in (sys.__stdin__, sys.__stderr__, sys.__stdout__):
        try:
            columns, lines = os.get_terminal_size(stream.fileno())  # type: ignore[union-attr]
        except (AttributeError, OSError, ValueError):  # not there, no terminal, closed
            continue
        if columns and lines:
            return columns, lines
    return None


def forget_other_sizes(environ: MutableMapping[str, str]) -> None:
    """Rich believes COLUMNS and LINES more than the terminal; they may be of another window."""
    if size_of_terminal() is not None:
        for name in ("COLUMNS", "LINES"):
            environ.pop(name, None)


def draws_lines(environ: Mapping[str, str], encoding: str) -> bool:
    """Whether the lines of the panes can be shown: `encoding` is that of what is written.

    Python writes UTF-8 also where LANG is C, and sets LC_CTYPE to C.UTF-8 then; what counts is what was said of the
    terminal. Where nothing is said, UTF-8 is likelier.
    """
    ctype = environ.get("LC_CTYPE", "")
    said = environ.get("LC_ALL") or ("" if ctype in ("C.UTF-8", "C.utf8", "UTF-8") else ctype) or environ.get("LANG")
    try:
        LINES.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return said not in ENCODE_NO_LINES
