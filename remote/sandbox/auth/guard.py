"""Whether a service takes an access token: whom it is for, and what it allows."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from remote.sandbox.auth import scopes
from remote.sandbox.auth.errors import Refusal
from remote.sandbox.auth.service import EVERYWHERE, AuthService, Token
from remote.sandbox.auth.sessions import Session
from remote.sandbox.faults import Faults
from remote.sandbox.ids import OTHER_IDENTITIES, POLICY

Document = dict[str, Any]

_SERVERS = {"auth": scopes.AUTH, "transfer": scopes.TRANSFER, "compute": scopes.COMPUTE, "flows": scopes.FLOWS}
_BY_FLOW = re.compile(r"/flows/([^/]+)/(?:run|validate_run)")
_OF_COLLECTION = re.compile(r"/v0\.10/operation/endpoint/([^/]+)/\w+")
_BY_RUN = re.compile(r"/runs/([^/]+)/resume")


def admitted(token: Token | None, service: str | None, path: str, flow_of: Callable[[str], str | None]) -> Token:
    """The token, when it is good for this path of the service: `service` None wants the sandbox's own, and what starts
    or resumes a flow run a token of its flow. `flow_of` has that of a flow run, None when there is no such run.

    Raises Refusal, in the words of the services.
    """
    if token is not None and token.server == EVERYWHERE:
        return token
    flow = _flow(service, path, flow_of)
    if token is None or service is None or token.server not in (_SERVERS[service], flow):
        raise Refusal(401, "AUTHENTICATION_ERROR", "Expired or invalid Bearer token")
    if flow is not None and token.server != flow:
        raise Refusal(403, "MISSING_SCOPE", f"The token has no scope of the flow {flow}")
    return token


def missing_consents(auth: AuthService, token: Token, path: str, body: object) -> Document:
    """What Transfer adds to its error when the token lacks a consent for the data of a collection; else nothing."""
    named = [match[1]] if (match := _OF_COLLECTION.fullmatch(path)) else []
    if path in ("/v0.10/transfer", "/v0.10/delete") and isinstance(body, dict):
        named = [body.get(key) for key in ("source_endpoint", "destination_endpoint", "endpoint")]
    lacking = [one for one in scopes.MAPPED if one in named and auth.lacks_access(token, one)]
    return {"required_scopes": [scopes.with_access(lacking)]} if lacking else {}


def demanded(faults: Faults, session: Session | None, service: str, route: str) -> Document:
    """The authorization parameters that the service demands of the login for this request, and it has not satisfied;
    else nothing. What was not got by logging in satisfies nothing."""
    args = faults.strike("session-required", service=service, path=route)
    if args is None:
        return {}
    demand = _PARAMETERS[args["demand"]](args["value"])
    if session is not None and session.satisfies(demand):
        return {}
    return {**demand, "session_message": f"The {service} service demands another login"}


_PARAMETERS: dict[str, Callable[[str | None], Document]] = {
    "domain": lambda value: {"session_required_single_domain": [value or "msu.example"]},
    "identity": lambda value: {"session_required_identities": [value or OTHER_IDENTITIES[0]]},
    "policy": lambda value: {"session_required_policies": [value or POLICY]},
    "mfa": lambda _: {"session_required_mfa": True},
    "login": lambda _: {"prompt": "login"},
}


def _flow(service: str | None, path: str, flow_of: Callable[[str], str | None]) -> str | None:
    if service != "flows":
        return None
    if match := _BY_FLOW.fullmatch(path):
        return match[1]
    match = _BY_RUN.fullmatch(path)
    return flow_of(match[1]) if match else None
