"""Globus Auth over HTTP, as far as globus_sdk's apps and clients need it: tokens, consents, userinfo.

The client secret, and the refresh token up to its "/", is the sandbox's token; so is every access token it gives.
"""

from __future__ import annotations

import hmac
import re
from typing import Any

from flask import Blueprint, Response, jsonify, request

from remote.sandbox.ids import DTN_COLLECTION, SITE_COLLECTION

TOKEN_ROUTE = "/v2/oauth2/token"
REVOKE_ROUTE = f"{TOKEN_ROUTE}/revoke"
OWN_CREDENTIALS = (TOKEN_ROUTE, REVOKE_ROUTE)
"""The routes that are not guarded by the bearer token: what is sent there is the token, or what it is given for."""

_TRANSFER_SCOPE = "urn:globus:auth:scope:transfer.api.globus.org:all"
_LIFETIME_SECONDS = 172800
_SCOPE_IDS = {
    "eec9b274-0c81-4334-bdc2-54e90e689b9a": "flows.globus.org",
    "facd7ccc-c5f4-42aa-916b-a0e270e2c2a9": "funcx_service",
}
_USERNAME, _NAME, _EMAIL = "operator@sandbox", "Sandbox operator", "operator@sandbox.invalid"
_CREATED = "2024-01-01T00:00:00+00:00"


class _Refusal(Exception):
    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(description)
        self.status = status
        self.error = error
        self.description = description


def blueprint(secret: str, identity: str) -> Blueprint:
    routes = Blueprint("auth", __name__)

    @routes.post(TOKEN_ROUTE)
    def token() -> Response:
        scope = _granted_scope(secret)
        by_server: dict[str, list[str]] = {}
        for one in _split_scopes(scope):
            by_server.setdefault(_resource_server(one), []).append(one)
        with_refresh = request.form.get("grant_type") == "refresh_token"
        tokens = [_token(secret, server, scopes, with_refresh) for server, scopes in by_server.items()]
        return jsonify({**tokens[0], "other_tokens": tokens[1:]})

    @routes.post(REVOKE_ROUTE)
    def revoke() -> Response:
        """As Globus says it, of any token; the sandbox has one, which is good as long as it lives."""
        return jsonify({"active": False})

    @routes.get("/v2/api/identities")
    def identities() -> Response:
        asked = {*request.args.get("ids", "").split(","), *request.args.get("usernames", "").split(",")}
        found = [_identity(identity)] if asked & {identity, _USERNAME} else []
        return jsonify({"identities": found})

    @routes.get("/v2/api/identities/<identity>/consents")
    def consents(identity: str) -> Response:
        return jsonify({"consents": _consents(identity)})

    @routes.get("/v2/oauth2/userinfo")
    @routes.post("/v2/oauth2/userinfo")
    def userinfo() -> Response:
        who = {
            "sub": identity,
            "preferred_username": _USERNAME,
            "name": _NAME,
            "email": _EMAIL,
            "identity_provider": identity,
            "identity_provider_display_name": "Sandbox",
            "organization": "FRIB",
        }
        one = {"sub": who["sub"], "username": who["preferred_username"], "name": who["name"], "email": who["email"]}
        return jsonify({**who, "last_authentication": None, "identity_set": [one]})

    routes.register_error_handler(_Refusal, _refused)
    return routes


def _granted_scope(secret: str) -> str:
    """The scope a token request may have; raises _Refusal for wrong credentials or another grant."""
    form = request.form
    if form.get("grant_type") == "client_credentials":
        given = (request.authorization.password if request.authorization else form.get("client_secret")) or ""
        scope = form.get("scope", "")
    elif form.get("grant_type") == "refresh_token":
        given, _, scope = form.get("refresh_token", "").partition("/")
    else:
        raise _Refusal(400, "unsupported_grant_type", "the sandbox knows client_credentials and refresh_token")
    if not hmac.compare_digest(given.encode(), secret.encode()):
        raise _Refusal(401, "invalid_client", "the credentials are not those of this sandbox")
    if not scope:
        raise _Refusal(400, "invalid_scope", "no scope was requested")
    return scope


def _identity(identity: str) -> dict[str, Any]:
    return {
        "id": identity,
        "username": _USERNAME,
        "name": _NAME,
        "email": _EMAIL,
        "organization": "FRIB",
        "identity_provider": identity,
        "identity_type": "login",
        "status": "used",
    }


def _split_scopes(text: str) -> list[str]:
    """Top-level scopes of a scope string, each without its dependencies: `a[b *c[d]] e` is a and e."""
    while "[" in text:
        text, changes = re.subn(r"\[[^\[\]]*\]", "", text)
        if not changes:
            raise _Refusal(400, "invalid_scope", "brackets do not match")
    return text.split()


def _resource_server(scope: str) -> str:
    if scope in ("openid", "profile", "email", "offline_access") or scope.startswith("urn:globus:auth:scope:auth."):
        return "auth.globus.org"
    if match := re.fullmatch(r"urn:globus:auth:scope:([^:]+):\w+", scope):
        return match[1]
    if match := re.fullmatch(r"https://auth\.globus\.org/scopes/([^/]+)/\w+", scope):
        return _SCOPE_IDS.get(match[1], match[1])
    raise _Refusal(400, "UNKNOWN_SCOPE_ERROR", f"unknown scope {scope}")


def _token(secret: str, server: str, scopes: list[str], with_refresh: bool) -> dict[str, Any]:
    scope = " ".join(scopes)
    return {
        "access_token": secret,
        "scope": scope,
        "resource_server": server,
        "expires_in": _LIFETIME_SECONDS,
        "token_type": "Bearer",
        "refresh_token": f"{secret}/{scope}" if with_refresh else None,
        "other_tokens": [],
    }


def _consents(identity: str) -> list[dict[str, Any]]:
    """Everything a console asks for is approved: Transfer with data_access to both collections, Flows, Compute."""
    top = [_TRANSFER_SCOPE, *(f"https://auth.globus.org/scopes/{scope_id}/all" for scope_id in _SCOPE_IDS)]
    data_access = [f"https://auth.globus.org/scopes/{c}/data_access" for c in (DTN_COLLECTION, SITE_COLLECTION)]
    paths = [([number], scope) for number, scope in enumerate(top, start=1)]
    paths += [([1, number], scope) for number, scope in enumerate(data_access, start=len(top) + 1)]
    return [
        {
            "id": path[-1],
            "dependency_path": path,
            "scope": identity,
            "scope_name": scope,
            "client": identity,
            "effective_identity": identity,
            "status": "approved",
            "allows_refresh": True,
            "auto_approved": False,
            "atomically_revocable": len(path) > 1,
            "created": _CREATED,
            "updated": _CREATED,
            "last_used": _CREATED,
        }
        for path, scope in paths
    ]


def _refused(refusal: _Refusal) -> Response:
    reply = jsonify({"error": refusal.error, "error_description": refusal.description})
    reply.status_code = refusal.status
    return reply
