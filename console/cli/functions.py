"""Commands that compare the registered compute functions with those of this console."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from console.actions.registered import SHOWN, Registered, compare
from console.cli.asking import print_outcome, remotely, settings_of
from console.settings.model import Settings
from flowspec import catalogue

LOOKING = ("functions check", "functions list")  # the commands that change nothing


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

    compute = remotely(lambda: remote(settings).compute)
    return compare(settings, compute, remotely)
