"""Ways out of this machine: Apprise, a command, and the ping whose absence an outside watcher notices."""

from __future__ import annotations

import shutil
import sys
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from console.alerts import limited
from console.alerts.message import Message
from console.ledger.errors import Trouble
from console.settings.model import Alerts
from remote.globus.credentials import know

PING_SECONDS = 10.0
Channel = Callable[[Message], None]
"""Sends a message, in limited time. Raises Trouble."""


def channels(settings: Alerts) -> Mapping[str, Channel]:
    """Those that the profile names, by what they are called in a trouble."""
    found: dict[str, Channel] = {}
    if settings.urls:
        urls = [url.get_secret_value() for url in settings.urls]
        know(*urls)
        program = settings.apprise
        found["apprise"] = lambda message: _apprise(program, urls, message)
    if settings.hook:
        found["hook"] = lambda message: limited.run("alerts.hook", settings.hook, message.as_json())
    return found


def _apprise(program: Path | None, urls: list[str], message: Message) -> None:
    """The addresses hold passwords: they are given in the environment, as everybody sees the arguments of a program."""
    given = str(program) if program else _found()
    command = [given, "--title", message.title, "--input-format", "text"]
    limited.run("alerts.urls", command, message.text, {"APPRISE_URLS": "\n".join(urls)})


def _found() -> str:
    beside = Path(sys.executable).with_name("apprise")
    found = str(beside) if beside.exists() else shutil.which("apprise")
    if found is None:
        raise Trouble("alerts.urls: the program apprise is not here: install it, or name it in alerts.apprise")
    return found


def ping(settings: Alerts) -> None:
    """Tell an outside watcher that this driver is alive. Raises Trouble, without the address: it is a secret."""
    if settings.ping is None:
        return
    url = settings.ping.get_secret_value()
    know(url)
    asked = urllib.request.Request(url, headers={"User-Agent": "frib-flow-console"})
    try:
        with urllib.request.urlopen(asked, timeout=PING_SECONDS):
            pass
    except (OSError, ValueError) as error:
        reason: Any = getattr(error, "reason", error)
        raise Trouble(f"alerts.ping: {urlsplit(url).hostname}: {reason}") from None
