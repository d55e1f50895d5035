"""Whether a service takes an access token: whom it is for, and what it allows."""

from __future__ import annotations

import re
from collections.abc import Callable

from remote.sandbox.auth import scopes
from remote.sandbox.auth.errors import Refusal
from remote.sandbox.auth.service import EVERYWHERE, Token

_SERVERS = {"auth": scopes.AUTH, "transfer": scopes.TRANSFER, "compute": scopes.COMPUTE, "flows": scopes.FLOWS}
_BY_FLOW = re.compile(r"/flows/([^/]+)/(?:run|validate_run)")
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


def _flow(service: str | None, path: str, flow_of: Callable[[str], str | None]) -> str | None:
    if service != "flows":
        return None
    if match := _BY_FLOW.fullmatch(path):
        return match[1]
    match = _BY_RUN.fullmatch(path)
    return flow_of(match[1]) if match else None
