"""`console alerts`: what somebody was called for, and whether a call would arrive."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import asdict
from functools import partial

from console.cli.asking import BadUse, Failure, print_outcome, settings_of
from console.ledger import alerts as rows
from console.ledger.alerts import Fired
from console.ledger.store import Ledger
from flowspec import text

SHOWN = 50


def list_all(options: argparse.Namespace) -> int:
    ledger = Ledger(settings_of(options).ledger, read_only=True)
    found = rows.newest(ledger, SHOWN)
    document = {"alerts": [asdict(alert) | {"words": alert.words} for alert in found]}
    return print_outcome(options, document, "\n".join(map(_line, found)) or "nobody was called for anything yet")


def _line(alert: Fired) -> str:
    state = f"over {text.moment(alert.ended_at)}" if alert.ended_at is not None else "OPEN"
    seen = f", seen by {alert.acknowledged_by}" if alert.acknowledged_by else ""
    told = "" if alert.told_at is not None else ", not told yet"
    return f"{text.moment(alert.fired_at)} {state}{seen}{told}: {text.clean(alert.words)}"


def test(options: argparse.Namespace) -> int:
    from console.alerts.channels import channels, ping
    from console.alerts.message import trial_message
    from console.ledger.errors import Trouble

    settings = settings_of(options)
    told = trial_message(settings.experiment)
    ways: dict[str, Callable[[], None]] = {
        name: partial(send, told) for name, send in channels(settings.alerts).items()
    }
    if settings.alerts.ping is not None:
        ways["ping"] = lambda: ping(settings.alerts)
    if not ways:
        raise BadUse("nobody would be called: the profile has neither alerts.urls nor alerts.hook nor alerts.ping")
    troubles = {}
    for name, send in ways.items():
        try:
            send()
        except Trouble as trouble:
            troubles[name] = str(trouble)
    if troubles:
        raise Failure("; ".join(troubles.values()))
    return print_outcome(options, {"sent": list(ways)}, f"sent: {', '.join(ways)}. Has it arrived?")


LOOKING = ("alerts list",)
COMMANDS = {"alerts list": list_all, "alerts test": test}
