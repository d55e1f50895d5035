"""Parts of globus_compute_sdk without the rest: its package imports all of its clients, which takes six times as long
as what packs functions and results. Whoever asks for the rest gets it.

For processes in which at most one thread asks for the rest: two that do at once are not kept apart.
"""

from __future__ import annotations

import importlib.util
import sys
from typing import Any

_PACKAGE = "globus_compute_sdk"


def import_by_parts() -> None:
    """From now on a module of the package is imported by itself; the package at the first use of its own names."""
    spec = importlib.util.find_spec(_PACKAGE)
    if _PACKAGE in sys.modules or spec is None or spec.loader is None:
        return
    loader, package = spec.loader, importlib.util.module_from_spec(spec)

    def rest(name: str) -> Any:
        del package.__dict__["__getattr__"]
        loader.exec_module(package)
        return getattr(package, name)

    package.__dict__["__getattr__"] = rest
    sys.modules[_PACKAGE] = package
