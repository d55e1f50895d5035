"""The secrets that this process knows, and how text leaves it: without them, and without what looks like one.

Every door calls `hidden`: the clients for what services say in words, RemoteError, the log, the ledger's events and
sources, what commands print.
"""

from __future__ import annotations

import json
import logging
import os
import re
import threading
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from flowspec import hiding
from remote import plainfile

_KEPT, _KEPT_LENGTH = 2048, 400  # answers for short texts: the same reasons are written again and again
_STORE_BYTES = 1_000_000
_SECRET_VARIABLE = re.compile(r"(?i)(SECRET|TOKEN|PASSWORD)$")
_PROXY_VARIABLE = re.compile(r"(?i)^(https?|all)_proxy$")


class _Known:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._secrets: frozenset[str] = frozenset()
        self.pieces: hiding.Pieces = {}
        self.times = 0  # that it was added to: what was hidden before may have to be hidden anew

    def add(self, secrets: set[str]) -> None:
        with self._lock:
            if secrets <= self._secrets:
                return
            self.pieces = hiding.pieces(self._secrets | secrets)
            self._secrets |= secrets
            self.times += 1


_known = _Known()


def know(*secrets: str | None) -> None:
    """These are secrets: tokens, refresh tokens, passwords. They stay known as long as the process lives."""
    _known.add({secret for secret in secrets if secret})


def know_environment() -> None:
    """What the environment holds of secrets: variables that say so by name, and the login of a proxy."""
    for name, value in os.environ.items():
        if _SECRET_VARIABLE.search(name):
            know(value)
        elif _PROXY_VARIABLE.search(name):
            know(_password(value))


def know_stored(path: Path) -> None:
    """What a file of tokens holds, the sandbox's or that of a person's login; nothing where it cannot be read."""
    try:
        text = plainfile.read(path, _STORE_BYTES).decode(errors="replace")
    except OSError:
        return
    try:
        document = json.loads(text)
    except ValueError:
        document = {"token": text.strip()}
    know(*_tokens(document))


def _tokens(value: Any, name: str = "") -> Iterator[str]:
    if isinstance(value, str) and name.endswith("token"):
        yield value
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield from _tokens(part, str(key))
    elif isinstance(value, list):
        for part in value:
            yield from _tokens(part, name)


def _password(address: str) -> str | None:
    try:
        return unquote(urlsplit(address).password or "")
    except ValueError:  # no address: whoever uses it says so
        return None


def hidden(text: str) -> str:
    """The text without known secrets and what is labelled as a secret or looks like one (`flowspec.hiding`)."""
    return _hidden(text, _known.times) if len(text) <= _KEPT_LENGTH else hiding.hide(text, _known.pieces)


@lru_cache(_KEPT)
def _hidden(text: str, times: int) -> str:
    return hiding.hide(text, _known.pieces)


def hidden_in(value: Any) -> Any:
    """A JSON value with all its strings, but for the keys of objects, as `hidden` leaves them."""
    if isinstance(value, str):
        return hidden(value)
    if isinstance(value, Mapping):
        return {key: hidden_in(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [hidden_in(part) for part in value]
    return value


class LogFormatter(logging.Formatter):
    """Writes a record, with its traceback, without secrets."""

    def format(self, record: logging.LogRecord) -> str:
        return hidden(super().format(record))
