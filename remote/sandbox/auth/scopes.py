"""Scopes as clients write them: `transfer:all[*https://.../data_access] openid`, and whose each of them is."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from remote.sandbox.auth.errors import Refusal
from remote.sandbox.ids import DTN_COLLECTION, SITE_COLLECTION

AUTH, FLOWS, TRANSFER, COMPUTE = "auth.globus.org", "flows.globus.org", "transfer.api.globus.org", "funcx_service"
TRANSFER_ALL = "urn:globus:auth:scope:transfer.api.globus.org:all"
FLOWS_ALL = "https://auth.globus.org/scopes/eec9b274-0c81-4334-bdc2-54e90e689b9a/all"
COMPUTE_ALL = "https://auth.globus.org/scopes/facd7ccc-c5f4-42aa-916b-a0e270e2c2a9/all"
_SERVERS = {"eec9b274-0c81-4334-bdc2-54e90e689b9a": FLOWS, "facd7ccc-c5f4-42aa-916b-a0e270e2c2a9": COMPUTE}
MAPPED = (DTN_COLLECTION, SITE_COLLECTION)
"""The collections whose data wants a consent; that of a guest collection does not."""

_OF_OPENID = ("openid", "profile", "email", "offline_access")
_DEEPEST = 10


@dataclass(frozen=True)
class Scope:
    """`optional`: a dependency that can be given and withdrawn by itself."""

    name: str
    optional: bool = False
    dependencies: tuple[Scope, ...] = ()


def data_access(collection: str) -> str:
    return f"https://auth.globus.org/scopes/{collection}/data_access"


def with_access(collections: Iterable[str]) -> str:
    """Transfer's scope with the data of collections, as a consent that is missing is told."""
    return f"{TRANSFER_ALL}[{' '.join('*' + data_access(one) for one in collections)}]"


def is_flow(scope: str) -> bool:
    """Whether it is what starts the flow runs of a flow."""
    return re.fullmatch(r"https://auth\.globus\.org/scopes/[^/]+/flow_\w+_user", scope) is not None


def parse(text: str) -> list[Scope]:
    """Raises Refusal: no scope, brackets that do not match, or a scope of nobody."""
    parts = re.findall(r"[\[\]*]|[^\s\[\]*]+", text)
    found = _read(parts, 0)
    if parts:
        raise Refusal(400, "invalid_scope", "brackets do not match")
    if not found:
        raise Refusal(400, "invalid_scope", "no scope was requested")
    return found


def _read(parts: list[str], depth: int) -> list[Scope]:
    """Takes what it reads off the beginning of `parts`, and stops before a bracket that it has not opened."""
    found: list[Scope] = []
    while parts and parts[0] != "]":
        optional = parts[0] == "*"
        name = parts.pop(int(optional)) if len(parts) > int(optional) else "*"
        if optional and parts:
            parts.pop(0)
        resource_server(name)
        dependencies: list[Scope] = []
        if parts[:1] == ["["] and depth < _DEEPEST:
            parts.pop(0)
            dependencies = _read(parts, depth + 1)
            if not dependencies or not parts:
                raise Refusal(400, "invalid_scope", "brackets do not match")
            parts.pop(0)
        found.append(Scope(name, optional, tuple(dependencies)))
    return found


def resource_server(scope: str) -> str:
    """Raises Refusal for what is no scope."""
    if scope in _OF_OPENID or scope.startswith("urn:globus:auth:scope:auth.globus.org:"):
        return AUTH
    if match := re.fullmatch(r"urn:globus:auth:scope:([^:]+):\w+", scope):
        return match[1]
    if match := re.fullmatch(r"https://auth\.globus\.org/scopes/([^/]+)/\w+", scope):
        return _SERVERS.get(match[1], match[1])
    raise Refusal(400, "UNKNOWN_SCOPE_ERROR", f"unknown scope {scope}")


def by_server(scopes: Iterable[Scope]) -> dict[str, list[str]]:
    """The names of scopes by resource server, each once, in the order in which they were asked for."""
    found: dict[str, list[str]] = {}
    for scope in scopes:
        names = found.setdefault(resource_server(scope.name), [])
        if scope.name not in names:
            names.append(scope.name)
    return found
