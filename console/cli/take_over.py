"""Launching in place of another console that drives the same experiment: a question first."""

from __future__ import annotations

import argparse
import sys

from console.cli.asking import BadUse, Failure, ask, print_outcome, settings_of
from console.disk import mark as marks
from console.disk.mark import Mark
from console.settings.model import Settings
from flowspec import text

WORD = "take over"  # to be typed: a y is pressed too soon


def take_over(options: argparse.Namespace) -> int:
    settings = settings_of(options)
    there = _of_another(settings)
    if there is None:
        return print_outcome(options, {"taken": None, "answer": ""}, "no other console drives this experiment")
    who = {name: getattr(there, name) for name in ("user", "uid", "host", "pid", "ledger", "since")}
    if not options.yes:
        _confirm(settings, there)
    answer = ask(options, settings, "take-over", None, mark=there.id)
    return print_outcome(options, {"taken": who, "answer": answer}, answer)


def _of_another(settings: Settings) -> Mark | None:
    """The mark beside the results, unless the driver of our own ledger has put it."""
    there = marks.read(settings.dtn.results)
    if there is None or (settings.ledger.exists() and marks.is_of(there, settings.ledger)):
        return None
    return there


def _confirm(settings: Settings, there: Mark) -> None:
    if not sys.stdin.isatty():
        raise BadUse("take-over asks a question: it needs a terminal, or --yes")
    who = f"{there.user or 'somebody'} (uid {there.uid}), process {there.pid} on {there.host or 'an unknown machine'}"
    print(
        f"{settings.experiment} is driven by {who}\n"
        f"since {text.moment(there.since)}, with the ledger {there.ledger or '?'}.\n"
        "Better: use that account and that ledger, or have its driver stopped there (console driver stop).\n"
        "What it launched goes on; its queue and its retries are not known here.",
        file=sys.stderr,
    )
    print(f"Type {WORD!r} to launch in its place: ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip() != WORD:
        raise Failure("nothing was taken over")
