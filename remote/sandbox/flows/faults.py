"""Faults of Flows: actions for which a consent is missing, and actions that are polled late."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from remote.sandbox.auth.scopes import COMPUTE_ALL, TRANSFER_ALL
from remote.sandbox.compute.errors import ComputeError
from remote.sandbox.compute.service import ComputeService
from remote.sandbox.faults import Faults
from remote.sandbox.flows.action_bodies import Document
from remote.sandbox.flows.provider import Provider
from remote.sandbox.transfer.faults import run_and_segment, stage_of

_SERVICES = {TRANSFER_ALL: "transfer", COMPUTE_ALL: "compute"}
_COLLECTIONS = ("source_endpoint", "destination_endpoint", "endpoint", "endpoint_id")


def late(interval: Callable[[int], float], faults: Faults, speed: float) -> Callable[[int], float]:
    """The same polling intervals (`speed` divides them afterwards), longer while Flows is late."""

    def lengthened(polls: int) -> float:
        args = faults.strike("flows-late")
        return max(interval(polls), args["seconds"] * speed) if args else interval(polls)

    return lengthened


class Consent:
    """Stands before a provider. While the consent is missing, or another login is demanded, an action is INACTIVE and
    has started nothing; when Flows polls it after that (it does so when the flow run is resumed), it starts."""

    def __init__(
        self,
        url: str,
        provider: Provider,
        compute: ComputeService,
        faults: Faults,
        lacks_access: Callable[[str, str], bool],
        demanded: Callable[[str, str, str], Document],
    ) -> None:
        self.scope = provider.scope
        self._url = url
        self._provider = provider
        self._compute = compute
        self._faults = faults
        self._lacks_access = lacks_access
        self._demanded = demanded
        self._held: dict[str, tuple[Document, str]] = {}  # action id -> body and creator

    def run(self, body: Any, creator: str) -> Document:
        action_id = secrets.token_urlsafe(9)
        if not (wanted := self._wanted(action_id, body, creator)):
            return self._provider.run(body, creator)
        self._held[action_id] = (body, creator)
        return _inactive(action_id, creator, wanted)

    def status(self, action_id: str) -> Document:
        if action_id not in self._held:
            return self._provider.status(action_id)
        body, creator = self._held[action_id]
        if wanted := self._wanted(action_id, body, creator):
            return _inactive(action_id, creator, wanted)
        begun = self._provider.run(body, creator)
        del self._held[action_id]
        return begun

    def cancel(self, action_id: str) -> Document:
        if action_id not in self._held:
            return self._provider.cancel(action_id)
        _, creator = self._held.pop(action_id)
        return _inactive(action_id, creator, {"code": "Canceled"})

    def _wanted(self, action_id: str, body: Any, creator: str) -> Document:
        """What keeps the action from being started, as its details; else nothing."""
        service = _SERVICES.get(self.scope)
        if service and (demand := self._demanded(creator, service, f"POST {self._url}")):
            about = {"code": "AuthorizationParameters", "description": demand["session_message"]}
            return {**about, "authorization_parameters": demand}
        return self._consent(body, creator) if self._missing(action_id, body, creator) else {}

    def _missing(self, action_id: str, body: Any, creator: str) -> bool:
        if self._lacking(body, creator):
            return True
        if not self._faults.is_set("consent-missing"):
            return False
        event = self._event(body)
        return self._faults.strike("consent-missing", action_id, service="flows", **event) is not None

    def _lacking(self, body: Any, creator: str) -> list[str]:
        """The collections whose data the creator has not allowed to be touched."""
        named = [body.get(key) for key in _COLLECTIONS] if isinstance(body, dict) else []
        return [one for one in named if isinstance(one, str) and self._lacks_access(creator, one)]

    def _event(self, body: Document) -> Document:
        """Stage and run of an action of ours; nothing of another."""
        try:
            if "DATA" in body:
                run, _ = run_and_segment(body["DATA"][0]["source_path"])
                return {"stage": stage_of(body["destination_endpoint"]), "run": run}
            call = body["tasks"][0]
            function = self._compute.function(call["function_id"])
            return {"stage": function["function_name"], "run": call["kwargs"].get("run")}
        except (KeyError, IndexError, TypeError, AttributeError, ComputeError):
            return {}

    def _consent(self, body: Document, creator: str) -> Document:
        scope = self.scope
        lacking = self._lacking(body, creator) or [body[key] for key in _COLLECTIONS[:1] if key in body]
        if lacking:
            access = [f"*https://auth.globus.org/scopes/{one}/data_access" for one in lacking]
            scope += f"[{' '.join(access)}]"
        about = {"code": "ConsentRequired", "description": "Missing required consent"}
        return {**about, "required_scope": scope, "resolution_url": None}


def _inactive(action_id: str, creator: str, details: Document) -> Document:
    status = {"status": "INACTIVE", "display_status": "INACTIVE"}
    return {"action_id": action_id, **status, "creator_id": creator, "details": details}
