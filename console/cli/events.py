"""`console events`: what happened, and what happens."""

from __future__ import annotations

import argparse
import contextlib
import json
import select
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any

from console.cli.asking import BadUse, Failure, as_json, settings_of
from console.ledger import events as event_rows
from console.ledger import runs
from console.ledger.errors import DiskProblem
from console.ledger.events import Event
from console.ledger.store import Ledger
from flowspec import text, times
from remote.globus.credentials import hidden, hidden_in

SHIFT = "8h"
LOOK_SECONDS = 0.25
AT_MOST = 1_000_000  # events of one run


def events(options: argparse.Namespace) -> int:
    ledger = Ledger(settings_of(options).ledger, read_only=True)
    given = options.since or (None if options.run is not None else SHIFT)
    at = since_of(given, ledger.now()) if given else 0.0
    if options.run is not None and runs.run(ledger, options.run) is None:
        raise Failure(f"run {options.run} is not known: no such run directory was seen")
    reached = event_rows.last(ledger)
    if options.run is None:
        found = event_rows.since(ledger, at)
    else:
        found = [e for e in reversed(event_rows.of_run(ledger, options.run, AT_MOST)) if e.at >= at]
    found = [event for event in found if event.event <= reached]
    if not options.follow:
        _print(found, options.json, at)
        return 0
    show = _line_of_json if options.json else _line
    with contextlib.suppress(KeyboardInterrupt):  # how it is ended
        _print_lines(found, show)
        _follow(ledger, reached, options.run, show)
    return 0


def since_of(given: str, now: float) -> float:
    """Raises BadUse."""
    try:
        return times.since(given, now)
    except ValueError as error:
        raise BadUse(f"--since {error}") from None


def _print(found: list[Event], json: bool, at: float) -> None:
    if json:
        print(as_json({"schema": 1, "since": at, "events": [asdict(event) for event in found]}))
    else:
        _print_lines(found, _line)


def _print_lines(found: Iterable[Event], show: Callable[[Event], str]) -> None:
    for event in found:
        print(show(event))
    sys.stdout.flush()


def _line(event: Event) -> str:
    mark = {"bad": "BAD ", "warning": "warn"}.get(event.level, "    ")
    return hidden(f"{text.moment(event.at)} {mark} {text.clean(event.actor)}: {text.clean(event.text)}")


def _line_of_json(event: Event) -> str:
    document: dict[str, Any] = hidden_in(asdict(event))
    return json.dumps(document)


def _follow(ledger: Ledger, reached: int, run: int | None, show: Callable[[Event], str]) -> None:
    """Until ctrl+c, or until nobody reads any more."""
    reader = select.poll()
    reader.register(sys.stdout.fileno(), 0)  # what ends it is told without being asked for
    version = None
    while not reader.poll(1000 * LOOK_SECONDS):
        try:
            if (now := ledger.version()) == version:
                continue
            new = event_rows.after(ledger, reached)
        except DiskProblem:  # it was changed while it was read, or replaced
            ledger.close()
            ledger, version = Ledger(ledger.path, read_only=True), None
            continue
        version = now
        reached = new[-1].event if new else reached
        _print_lines((event for event in new if run in (None, event.run)), show)
