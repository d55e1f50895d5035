"""The driver's login: when it ends, and whether somebody has given another one. Then what waits for it goes on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from console.context import Context
from console.ledger import attempts, logins, resumes
from remote.globus.auth import StoredLogin
from remote.globus.login_flow import person

LOOK_SECONDS, NAME_SECONDS = 1.0, 60.0
SEEN = "login_seen"  # in the ledger's meta: which login the last look saw, also that of a driver before


class LoginWatch:
    """`hurry` makes what has paused after a failure due at once. `real`: no sandbox."""

    def __init__(self, ctx: Context, hurry: Callable[[], None], *, real: bool) -> None:
        self._ctx = ctx
        self._hurry = hurry
        self._real = real
        self._named: str | None = None  # the login whose name is known

    def look(self) -> None:
        """Raises RemoteError when the login cannot be read."""
        ledger, login = self._ctx.ledger, self._ctx.remote.login
        logins.record(ledger, login, real=self._real)
        now = _digest(login.grants())
        if now == ledger.get(SEEN):
            return
        ledger.put(SEEN, now)
        if now:
            self._resume()
        self._hurry()

    def name(self) -> None:
        """Whose login it is, for the screens. Raises RemoteError when Globus cannot be asked."""
        ledger, login = self._ctx.ledger, self._ctx.remote.login
        now = _digest(login.grants())
        if now == self._named:
            return
        name = person(login).name if now and isinstance(login, StoredLogin) else ""
        if ledger.get(logins.WHO) != name:
            ledger.put(logins.WHO, name)
        self._named = now

    def _resume(self) -> None:
        """Flow runs that wait for a consent or a login: which do is asked then, and may not be known yet."""
        for attempt in attempts.open_attempts(self._ctx.ledger):
            if attempt.flow_run is not None and attempt.cancel_at is None:
                resumes.add(self._ctx.ledger, attempt.attempt, "driver")


def _digest(grants: frozenset[str]) -> str:
    return hashlib.sha256("\n".join(sorted(grants)).encode()).hexdigest()[:16] if grants else ""
