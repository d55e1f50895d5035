"""Commands that compare the registered compute functions with those of this console."""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache, partial

from console.cli.asking import print_outcome, remotely, settings_of
from console.settings.model import Settings
from flowspec import catalogue
from flowspec.conditions import NO_REASON, Reason, reason
from remote.globus.compute import Compute, packed_code
from remote.site import functions

SHOWN = 12  # characters of a digest
LOOKING = ("functions check", "functions list")  # the commands that change nothing


@dataclass(frozen=True)
class Registered:
    """A function of this console: its id, the digest of the code registered under it (None: there is none), and of the
    code here; `problem` is what is wrong with it."""

    name: str
    function: str | None
    registered: str | None
    here: str
    problem: Reason


def list_all(options: argparse.Namespace) -> int:
    return _print(options, _compare(settings_of(options)))


def check(options: argparse.Namespace) -> int:
    """As list, with exit code 1 when something is wrong."""
    found = _compare(settings_of(options))
    _print(options, found)
    return 1 if any(function.problem.code for function in found) else 0


def _print(options: argparse.Namespace, found: list[Registered]) -> int:
    told = [{**asdict(each), "problem": catalogue.sentence(each.problem), "code": each.problem.code} for each in found]
    lines = [
        f"{each.name:12} {each.function or 'not registered':36} {each.registered or '-':{SHOWN}} "
        f"{catalogue.sentence(each.problem) or 'as here'}"
        for each in found
    ]
    return print_outcome(options, {"functions": told}, "\n".join(lines))


def _compare(settings: Settings) -> list[Registered]:
    from console.connect import remote

    compute: Compute = remotely(lambda: remote(settings).compute)
    allowed = cache(lambda endpoint: remotely(partial(compute.allowed_functions, endpoint)))
    found = []
    for name, function in functions.for_kit(settings.site.kit).items():
        here, known = _digest(packed_code(function)), getattr(settings.compute, name).function
        code = remotely(partial(compute.function_code, known)) if known else None
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
