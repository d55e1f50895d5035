"""What is known of the compute site: the kit that lies there, why Slurm lets our jobs wait, which canary was sent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from console.ledger.store import Ledger
from flowspec.conditions import NO_REASON, Reason, reason

# In meta; each is one JSON object, '' as long as there is none.
_KIT, _PENDING, _CANARY, _OUTDATED = "site_kit", "site_pending", "site_canary", "site_outdated"


@dataclass(frozen=True)
class Kit:
    """The kit at the site as it was at `at`: its digest ('' of an older one, which tells none), and those of its files
    where they are known."""

    at: float
    digest: str
    files: Mapping[str, str]


@dataclass(frozen=True)
class Canary:
    """The one that was sent last; `task` is '' when it has answered, or was given up."""

    at: float
    task: str = ""


def kit(ledger: Ledger) -> Kit | None:
    known = _read(ledger, _KIT)
    return Kit(**known) if known else None


def record_kit(ledger: Ledger, digest: str, files: Mapping[str, str]) -> None:
    """Files that are known stay known as long as the digest is the same."""
    before = kit(ledger)
    if not files and before is not None and before.digest == digest:
        files = before.files
    _write(ledger, _KIT, Kit(ledger.now(), digest, files))


def outdated(ledger: Ledger) -> Reason:
    """That the kit at the site is not this console's, as the driver judged it last; NO_REASON when it is."""
    known = ledger.get(_OUTDATED)
    return Reason("site.kit-outdated", json.loads(known)) if known else NO_REASON


def set_outdated(ledger: Ledger, why: Reason) -> None:
    ledger.put(_OUTDATED, why.dump() if why.code else "")


def pending(ledger: Ledger) -> Reason:
    """Why Slurm let our jobs wait when it was asked last; NO_REASON when none waited."""
    known = ledger.get(_PENDING)
    return Reason("site.pending", json.loads(known)) if known else NO_REASON


def record_pending(ledger: Ledger, at: float, reasons: Mapping[str, int]) -> None:
    """Slurm's reasons for what is pending of our jobs at `at`, with how many have each."""
    ledger.put(_PENDING, reason("site.pending", at=at, reasons=dict(reasons)).dump() if reasons else "")


def canary(ledger: Ledger) -> Canary | None:
    known = _read(ledger, _CANARY)
    return Canary(**known) if known else None


def record_canary(ledger: Ledger, task: str) -> None:
    _write(ledger, _CANARY, Canary(ledger.now(), task))


def _read(ledger: Ledger, key: str) -> dict[str, Any]:
    document = ledger.get(key)
    known: dict[str, Any] = json.loads(document) if document else {}
    return known


def _write(ledger: Ledger, key: str, known: Kit | Canary) -> None:
    ledger.put(key, json.dumps(asdict(known)))
