"""Confidential clients that a native one makes for each installation, as globus-cli does when somebody logs in."""

from __future__ import annotations

import hmac
import secrets
import uuid
from dataclasses import dataclass
from typing import Any

Document = dict[str, Any]


@dataclass(frozen=True)
class Instance:
    """`template`: the client that made it."""

    id: str
    name: str
    template: str
    secret: str

    def document(self) -> Document:
        """As the client's maker is told of it, once; what the sandbox does not have is null, false or empty."""
        nothing = ("required_idp", "preselect_idp", "project")
        client = {
            "id": self.id,
            "name": self.name,
            "parent_client": self.template,
            "client_type": "confidential_client",
            "public_client": False,
            "grant_types": ["authorization_code", "client_credentials", "refresh_token"],
            "userinfo_from_effective_identity": True,
            "prompt_for_named_grant": False,
            "links": {"privacy_policy": None, "terms_and_conditions": None},
            "visibility": "private",
            **{key: [] for key in ("fqdns", "scopes", "redirect_uris")},
            **dict.fromkeys(nothing),
        }
        about = {"name": "Auto-created at client creation", "id": str(uuid.uuid4())}
        return {
            "client": client,
            "included": {"client_credential": {**about, "client": self.id, "secret": self.secret}},
        }


class Instances:
    """Each method is one operation on a dict, which needs no lock."""

    def __init__(self) -> None:
        self._made: dict[str, Instance] = {}

    def make(self, template: str, name: str) -> Instance:
        instance = Instance(str(uuid.uuid4()), name, template, secrets.token_urlsafe(32))
        self._made[instance.id] = instance
        return instance

    def find(self, client: str) -> Instance | None:
        return self._made.get(client)

    def is_secret(self, client: str, text: str) -> bool:
        instance = self.find(client)
        return instance is not None and hmac.compare_digest(text.encode(), instance.secret.encode())

    def delete(self, client: str) -> Instance | None:
        return self._made.pop(client, None)
