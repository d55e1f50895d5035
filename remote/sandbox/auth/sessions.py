"""How somebody has logged in, and what may be demanded of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from remote.sandbox.auth.errors import Refusal
from remote.sandbox.auth.identities import PEOPLE, Identity
from remote.sandbox.ids import IDENTITY

Document = dict[str, Any]
_DEMANDS = ("session_required_identities", "session_required_single_domain", "session_required_policies")


@dataclass(frozen=True)
class Session:
    """Who has authenticated, Unix time, whether with several factors, the policies that were satisfied, and whether
    the login was a fresh one (prompt=login)."""

    identity: Identity
    authenticated: float
    mfa: bool = False
    policies: frozenset[str] = frozenset()
    prompted: bool = False

    def document(self) -> Document:
        """As introspection has it."""
        how = {"auth_time": int(self.authenticated), "idp": IDENTITY, "amr": ["mfa"] if self.mfa else None, "acr": None}
        return {"session_id": None, "authentications": {self.identity.id: how}}

    def satisfies(self, demand: Mapping[str, Any]) -> bool:
        """The demand as a service has it: a document of authorization parameters."""
        identities, domains, policies = (set(demand.get(name, ())) for name in _DEMANDS)
        return (
            (not identities or bool({self.identity.id, self.identity.username} & identities))
            and (not domains or self.identity.domain in domains)
            and policies <= self.policies
            and (self.mfa or not demand.get("session_required_mfa"))
            and (self.prompted or demand.get("prompt") != "login")
        )


def log_in(query: Mapping[str, str], now: float) -> Session:
    """The session that comes of what an address for logging in asks for. `identity` (the page's links) and else
    `login_hint` choose who; without these it is the first who satisfies what is demanded. Raises Refusal."""
    identities, domains, policies = (_listed(query.get(name, "")) for name in _DEMANDS)
    mfa = query.get("session_required_mfa", "").lower() in ("true", "1")
    wanted = query.get("identity") or query.get("login_hint")
    chosen = [who for who in PEOPLE if wanted in (None, "", who.id, who.username)]
    for who in chosen:
        session = Session(who, now, mfa, frozenset(policies), query.get("prompt") == "login")
        if session.satisfies({_DEMANDS[0]: identities, _DEMANDS[1]: domains}):
            return session
    raise Refusal(403, "access_denied", "nobody who can log in here is what the login asks for")


def _listed(text: str) -> list[str]:
    return [part for part in text.split(",") if part]
