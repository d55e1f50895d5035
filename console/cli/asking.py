"""What commands have in common: the profile, asking driver and Globus, printing the outcome, failing in one line."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from console.driver.process import start_driver
from console.ledger.store import Ledger, actor
from console.settings.constants import NO_PROFILE
from console.settings.model import Settings
from console.settings.paths import refuse_missing_folders
from console.settings.profiles import load
from remote.globus.credentials import hidden, hidden_in

ANSWER_SECONDS = 30.0
LATER_SECONDS = (2.0, 4.0, 6.0)  # Compute allows 20 requests in 10 s, and the driver has its share
T = TypeVar("T")


class BadUse(Exception):
    """The command cannot be done as given: exit code 2."""


class Failure(Exception):
    """The command was tried and failed: exit code 1."""


def settings_of(options: argparse.Namespace) -> Settings:
    if options.profile is None:
        raise BadUse(NO_PROFILE)
    return load(options.profile)


def print_outcome(options: argparse.Namespace, document: Mapping[str, Any], text: str) -> int:
    """Print the outcome, as JSON or for people."""
    print(as_json({"schema": 1, **document}) if options.json else hidden(text))
    return 0


def as_json(document: Mapping[str, Any]) -> str:
    """A document as commands print it: without secrets."""
    return json.dumps(hidden_in(document), indent=2)


def ask(
    options: argparse.Namespace,
    settings: Settings,
    verb: str,
    number: int | None,
    *,
    driver_first: bool = True,
    **args: Any,
) -> str:
    """Ask the driver (started when there is none) and wait for its answer. Raises Failure when it refuses.

    Not `driver_first`: the request stands also when no driver can be started.
    """
    refuse_missing_folders(settings, options.profile)
    ledger = Ledger(settings.ledger)
    if driver_first:
        start_driver(settings, options.profile.resolve())
    asked = ledger.ask(verb, number, actor=actor(), **args)
    if not driver_first:
        start_driver(settings, options.profile.resolve())
    until = time.monotonic() + ANSWER_SECONDS
    while time.monotonic() < until:
        request = ledger.request(asked)
        if request is not None and request.state == "refused":
            raise Failure(request.answer)
        if request is not None and request.state == "done":
            return request.answer
        time.sleep(0.05)
    raise Failure(f"the driver has not answered in {ANSWER_SECONDS:.0f} s; the request stands: console status")


def remotely(call: Callable[[], T]) -> T:
    """Call Globus; what may be asked again later is asked again, a few times. Raises Failure."""
    from remote.globus.errors import RemoteError

    pauses = iter(LATER_SECONDS)
    while True:
        try:
            return call()
        except RemoteError as error:
            pause = next(pauses, None)
            if pause is None or error.kind != "later" or error.ambiguous:
                raise Failure(str(error)) from error
            time.sleep(pause)
