"""Are the compute functions that are registered those that this console would register?"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from console.settings.model import Settings
from flowspec.conditions import NO_REASON, Reason, reason
from remote.globus.compute import Compute, packed_code
from remote.site import functions

SHOWN = 12  # characters of a digest


@dataclass(frozen=True)
class Registered:
    """A function of this console: its id, the digest of the code registered under it (None: there is none), and of the
    code here; `problem` is what is wrong with it."""

    name: str
    function: str | None
    registered: str | None
    here: str
    problem: Reason


def compare(settings: Settings, compute: Compute, ask: Callable[[Callable[[], Any]], Any]) -> list[Registered]:
    """Each function of this console. `ask` makes a call, and raises what it likes when that fails."""
    allowed = cache(lambda endpoint: ask(partial(compute.allowed_functions, endpoint)))
    found = []
    for name, function in functions.for_kit(settings.site.kit).items():
        here, known = _digest(packed_code(function)), getattr(settings.compute, name).function
        code = ask(partial(compute.function_code, known)) if known else None
        there = _digest(code) if code is not None else None
        if known is None:
            problem = reason("function.unregistered")
        elif there is None:
            problem = reason("function.unknown")
        elif there != here:
            problem = reason("function.differs", kit=settings.site.kit)
        else:
            problem = _forbidden(settings, name, known, allowed)
        found.append(Registered(name, known, there, here, problem))
    return found


def _forbidden(settings: Settings, name: str, known: str, allowed: Callable[[str], list[str] | None]) -> Reason:
    # Those without an endpoint of their own are executed by that of fit.
    endpoint = getattr(getattr(settings.compute, name), "endpoint", settings.compute.fit.endpoint)
    functions = allowed(endpoint)
    return NO_REASON if functions is None or known in functions else reason("function.forbidden", endpoint=endpoint)


def _digest(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()[:SHOWN]
