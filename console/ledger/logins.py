"""When the login of the driver expires, and its web app, recorded for the screens: they hold no token."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.ledger.store import Ledger

if TYPE_CHECKING:
    from remote.globus.auth import Login

ENDS, WEB_APP = "tokens_end", "web_app"  # in the ledger's meta
CHECK_SECONDS = 60.0
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
