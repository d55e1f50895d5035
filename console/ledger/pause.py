"""Whether the launching of the whole experiment is paused: by whom, since when, and why."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from console.ledger.store import Ledger
from flowspec.conditions import Reason, reason

VERB = "pause"
_KEY = "pause"  # in meta: '' or JSON of Pause


@dataclass(frozen=True)
class Pause:
    """`since` in seconds since the epoch."""

    who: str
    since: float
    why: str

    @property
    def by(self) -> str:
        """Who, as people call them: without account and machine."""
        return self.who.partition("@")[0].partition("(")[0]

    @property
    def reason(self) -> Reason:
        return reason("queue.paused", who=self.who, since=self.since, why=self.why)


def read(ledger: Ledger) -> Pause | None:
    """The pause that holds now; one that was asked for holds at once, whatever the driver is busy with."""
    known = ledger.row(
        "SELECT value FROM meta WHERE key = ? AND value <> '' UNION ALL "
        "SELECT json_object('who', actor, 'since', at, 'why', coalesce(json_extract(args, '$.reason'), '')) "
        "FROM requests WHERE state = 'asked' AND verb = ? LIMIT 1",
        _KEY, VERB,
    )  # fmt: skip
    return Pause(**json.loads(known["value"])) if known else None


def stored(ledger: Ledger) -> Pause | None:
    """The pause that the driver has written down."""
    known = ledger.get(_KEY)
    return Pause(**json.loads(known)) if known else None


def begin(ledger: Ledger, who: str, since: float, why: str) -> None:
    ledger.put(_KEY, json.dumps(asdict(Pause(who, since, why))))


def end(ledger: Ledger) -> None:
    ledger.put(_KEY, "")
