"""What identities have allowed clients to do: a forest, as scopes depend on others. Not locked: its owner is."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from remote.sandbox.auth.scopes import Scope

Document = dict[str, Any]


@dataclass(frozen=True)
class Consent:
    """`path`: the ids from the root to this one. `optional`: it can be withdrawn by itself."""

    path: tuple[int, ...]
    identity: str
    client: str
    scope: str
    optional: bool
    created: float

    def document(self) -> Document:
        moment = datetime.fromtimestamp(self.created, timezone.utc).isoformat(timespec="microseconds")
        return {
            "id": self.path[-1],
            "dependency_path": list(self.path),
            "scope": str(uuid.uuid5(uuid.NAMESPACE_URL, self.scope)),
            "scope_name": self.scope,
            "client": self.client,
            "effective_identity": self.identity,
            "status": "approved",
            "allows_refresh": True,
            "auto_approved": False,
            "atomically_revocable": self.optional,
            "created": moment,
            "updated": moment,
            "last_used": moment,
        }


class Consents:
    def __init__(self) -> None:
        self._given: list[Consent] = []
        self._last = 0

    def give(
        self, identity: str, client: str, scopes: Iterable[Scope], now: float, above: tuple[int, ...] = ()
    ) -> None:
        """Those that were given before stay, with their ids."""
        for scope in scopes:
            consent = self._find(identity, client, scope.name, above)
            if consent is None:
                self._last += 1
                consent = Consent((*above, self._last), identity, client, scope.name, scope.optional, now)
                self._given.append(consent)
            self.give(identity, client, scope.dependencies, now, consent.path)

    def withdraw(self, consent: Consent) -> None:
        """With all that depend on it."""
        self._given = [one for one in self._given if consent.path[-1] not in one.path]

    def of(self, identity: str, client: str | None = None) -> list[Consent]:
        """Those for this client, or for all."""
        return [one for one in self._given if one.identity == identity and client in (None, one.client)]

    def chains(self, identity: str, client: str | None = None) -> set[tuple[str, ...]]:
        """What was allowed, as the names of the scopes from a root on."""
        given = self.of(identity, client)
        names = {one.path[-1]: one.scope for one in given}
        return {tuple(names[number] for number in one.path) for one in given}

    def _find(self, identity: str, client: str, scope: str, above: tuple[int, ...]) -> Consent | None:
        return next((one for one in self.of(identity, client) if one.scope == scope and one.path[:-1] == above), None)
