"""Restarts of compute endpoints at the site: of which it does them for who asks, and which are asked for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from console.ledger.store import Ledger

# In meta, each one JSON object by the id of the endpoint: its name there, and what a Restart has.
_OFFERED, _ASKED = "restarts_offered", "restarts_asked"


@dataclass(frozen=True)
class Restart:
    """Asked for at `at`, in seconds since the epoch, and not answered. `name` is that of the endpoint at the site;
    `submission` and `task` are of the transfer that tells the site, '' until there is one."""

    id: str
    endpoint: str
    name: str
    who: str
    why: str
    at: float
    submission: str = ""
    task: str = ""


@dataclass(frozen=True)
class Restarts:
    """By the id of the endpoint: its name at the site where that restarts it for who asks; what is asked for."""

    offered: Mapping[str, str] = field(default_factory=dict)
    asked: Mapping[str, Restart] = field(default_factory=dict)


def read(ledger: Ledger) -> Restarts:
    asked = {endpoint: Restart(**known) for endpoint, known in _read(ledger, _ASKED).items()}
    return Restarts(_read(ledger, _OFFERED), asked)


def here(ledger: Ledger, endpoint: str) -> bool | None:
    """For the parameters of a reason: True where the site restarts this endpoint for who asks, else None."""
    return endpoint in _read(ledger, _OFFERED) or None


def offer(ledger: Ledger, names: Mapping[str, str]) -> None:
    """Write down which the site restarts now; nothing where that is known, as each write wakes every screen."""
    if _read(ledger, _OFFERED) != names:
        ledger.put(_OFFERED, json.dumps(dict(names)))


def put(ledger: Ledger, restart: Restart) -> None:
    with ledger.change():
        ledger.put(_ASKED, json.dumps({**_read(ledger, _ASKED), restart.endpoint: asdict(restart)}))


def end(ledger: Ledger, restart: Restart) -> None:
    with ledger.change():
        others = {name: known for name, known in _read(ledger, _ASKED).items() if name != restart.endpoint}
        ledger.put(_ASKED, json.dumps(others))


def _read(ledger: Ledger, key: str) -> dict[str, Any]:
    known: dict[str, Any] = json.loads(ledger.get(key, "{}"))
    return known
