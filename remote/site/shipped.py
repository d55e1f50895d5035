"""The kit that this console ships: which files, by digest, as remote/site/kit/digests.py has it."""

from __future__ import annotations

import runpy
from functools import cache
from pathlib import Path
from typing import Any

KIT = Path(__file__).with_name("kit")


@cache
def files() -> dict[str, str]:
    """The digest of each file, by its path in the kit."""
    found: dict[str, str] = _digests()["files"](KIT)
    return found


@cache
def digest() -> str:
    """One digest for all of them."""
    return str(_digests()["digest"](files()))


@cache
def _digests() -> dict[str, Any]:
    return runpy.run_path(str(KIT / "digests.py"))  # the kit is no package
