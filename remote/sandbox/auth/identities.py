"""Who can log in at a sandbox, and the documents that tell of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from remote.sandbox.ids import IDENTITY, OTHER_IDENTITIES

Document = dict[str, Any]
_PROVIDERS = {"sandbox": "Sandbox", "msu.example": "Michigan State (sandbox)", "clients.auth.globus.org": "Globus Auth"}


@dataclass(frozen=True)
class Identity:
    id: str
    username: str
    name: str

    @property
    def domain(self) -> str:
        return self.username.partition("@")[2]

    def document(self) -> Document:
        """As /v2/api/identities has it."""
        return {
            "id": self.id,
            "username": self.username,
            "name": self.name,
            "email": self._email,
            "organization": "FRIB",
            "identity_provider": IDENTITY,
            "identity_type": "login",
            "status": "used",
        }

    def linked(self) -> Document:
        """As one of an identity set, which is this one alone."""
        return {"sub": self.id, "username": self.username, "name": self.name, "email": self._email}

    def userinfo(self, authenticated: float | None) -> Document:
        return {
            "sub": self.id,
            "preferred_username": self.username,
            "name": self.name,
            "email": self._email,
            "identity_provider": IDENTITY,
            "identity_provider_display_name": _PROVIDERS[self.domain],
            "organization": "FRIB",
            "last_authentication": None if authenticated is None else int(authenticated),
            "identity_set": [self.linked()],
        }

    @property
    def _email(self) -> str:
        return f"{self.username.partition('@')[0]}@sandbox.invalid"


OPERATOR = Identity(IDENTITY, "operator@sandbox", "Sandbox operator")
PEOPLE = (
    OPERATOR,
    Identity(OTHER_IDENTITIES[0], "anna@msu.example", "Anna of another domain"),
    Identity(OTHER_IDENTITIES[1], "manager@sandbox", "Sandbox manager"),
)
"""The first is who logs in when nothing says otherwise."""


def of_client(client: str) -> Identity:
    """Whom a client acts as that has logged in with the sandbox's token as its secret: the operator's, the operator;
    any other a service account of its own."""
    if client == OPERATOR.id:
        return OPERATOR
    return Identity(client, f"{client}@clients.auth.globus.org", "A service account")


def find(text: str) -> Identity | None:
    """By id or username."""
    return next((one for one in PEOPLE if text in (one.id, one.username)), None)
