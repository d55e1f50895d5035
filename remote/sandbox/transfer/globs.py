"""Patterns in the paths of a delete: `*`, `?` and `[...]`, unless a backslash stands before them."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable


def glob_matcher(pattern: str) -> Callable[[str], bool]:
    """Whether a name matches. As in a shell, a name that begins with a dot wants a pattern that does."""
    expression = re.compile("".join(map(_translated, re.findall(r"\\.|[^\\]+|\\$", pattern))))
    return lambda name: (not name.startswith(".") or pattern.startswith(".")) and bool(expression.fullmatch(name))


def _translated(part: str) -> str:
    return re.escape(part.removeprefix("\\")) if part.startswith("\\") else fnmatch.translate(part).removesuffix(r"\Z")
