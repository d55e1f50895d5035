"""What is known of the driver's login: when it expires, its web app, what Globus asks of the next one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from console.ledger.store import Ledger

if TYPE_CHECKING:
    from remote.globus.auth import Login

# In the ledger's meta; WHO is the name of a person's login, as Globus has it.
ENDS, WEB_APP, DEMAND, WHO = "tokens_end", "web_app", "login_demand", "login_who"
_MOST_ASKED = 50  # of each kind: it comes from outside
GLOBUS_WEB_APP = "https://app.globus.org/runs/"


def record(ledger: Ledger, login: Login, *, real: bool) -> None:
    """Record when the tokens expire, and where a flow run can be viewed: nowhere when this is not Globus but a sandbox.

    Raises RemoteError when the stored login cannot be read.
    """
    ends = login.expires_at()
    for key, value in ((ENDS, "" if ends is None else str(ends)), (WEB_APP, GLOBUS_WEB_APP if real else "")):
        if ledger.get(key) != value:
            ledger.put(key, value)


def tokens_end(ledger: Ledger) -> float | None:
    """Unix time; 0 when there are no tokens, None when they are renewed by themselves, or nothing is known."""
    known = ledger.get(ENDS)
    return float(known) if known else None


def demand(ledger: Ledger, asked: Mapping[str, Any] | None) -> None:
    """Globus asks this of a login (`remote.globus.errors.demanded`): the next one does it as well."""
    if not asked:
        return
    known = demands(ledger)
    for name, value in asked.items():
        before = known.get(name)
        if isinstance(value, list) and isinstance(before, list):
            value = list(dict.fromkeys([*before, *value]))[:_MOST_ASKED]
        known[name] = value
    if known != demands(ledger):
        ledger.put(DEMAND, json.dumps(known))


def demands(ledger: Ledger) -> dict[str, Any]:
    """All that Globus has asked of a login since the last one."""
    found: dict[str, Any] = json.loads(ledger.get(DEMAND, "{}"))
    return found


def met(ledger: Ledger) -> None:
    """A login was given that does all of it."""
    ledger.put(DEMAND, "{}")
