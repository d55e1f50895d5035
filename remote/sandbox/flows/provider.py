"""What every action provider can do."""

from __future__ import annotations

from typing import Any, Protocol

from remote.sandbox.flows.action_bodies import Document


class Provider(Protocol):
    scope: str

    def run(self, body: Any, creator: str) -> Document: ...
    def status(self, action_id: str) -> Document: ...
    def cancel(self, action_id: str) -> Document: ...
