"""Globus Auth over HTTP: the routes that globus_sdk's apps and clients, and globus-cli, call."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode, urlsplit

from flask import Blueprint, Response, g, jsonify, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from remote.sandbox.auth import page
from remote.sandbox.auth.errors import Refusal
from remote.sandbox.auth.identities import OPERATOR, PEOPLE
from remote.sandbox.auth.service import ISSUER, AuthService, Token

TOKEN_ROUTE = "/v2/oauth2/token"
REVOKE_ROUTE = f"{TOKEN_ROUTE}/revoke"
AUTHORIZE_ROUTE = "/v2/oauth2/authorize"
CONFIGURATION_ROUTE = "/.well-known/openid-configuration"
KEYS_ROUTE = "/jwk.json"
OPEN_ROUTES = (TOKEN_ROUTE, REVOKE_ROUTE, AUTHORIZE_ROUTE, CONFIGURATION_ROUTE, KEYS_ROUTE)
"""The routes that are not guarded by a bearer token: what is sent there is a token, or what it is given for."""

_CODE_PAGE = "/v2/web/auth-code"  # as redirect_uri: show the code to be copied
Document = dict[str, Any]


def blueprint(auth: AuthService) -> Blueprint:
    """All Auth routes. The caller is the token `flask.g.token`, None for the sandbox's own."""
    routes = Blueprint("auth", __name__)
    _add_logins(routes, auth)
    _add_tokens(routes, auth)
    _add_people(routes, auth)
    routes.register_error_handler(Refusal, _refused)
    return routes


def _add_logins(routes: Blueprint, auth: AuthService) -> None:
    @routes.get(AUTHORIZE_ROUTE)
    def authorize() -> AnyResponse:
        query = request.args.to_dict()
        try:
            code, who = auth.authorize(query)
        except Refusal as refusal:
            return Response(page.refused(refusal.description), refusal.status)
        target = query["redirect_uri"]
        if urlsplit(target).path != _CODE_PAGE:
            sent = urlencode({"code": code, "state": query.get("state", "")})
            return redirect(f"{target}{'&' if '?' in target else '?'}{sent}")
        others = [one for one in PEOPLE if one != who]
        return Response(page.code(code, who, query.get("session_message", ""), others, query))

    @routes.get(CONFIGURATION_ROUTE)
    def configuration() -> Document:
        here = request.host_url.rstrip("/")
        return {
            "issuer": ISSUER,
            "authorization_endpoint": here + AUTHORIZE_ROUTE,
            "token_endpoint": here + TOKEN_ROUTE,
            "revocation_endpoint": here + REVOKE_ROUTE,
            "userinfo_endpoint": f"{here}/v2/oauth2/userinfo",
            "jwks_uri": here + KEYS_ROUTE,
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            "scopes_supported": ["openid", "email", "profile"],
            "code_challenge_methods_supported": ["S256"],
        }

    @routes.get(KEYS_ROUTE)
    def keys() -> Document:
        return auth.keys()


def _add_tokens(routes: Blueprint, auth: AuthService) -> None:
    @routes.post(TOKEN_ROUTE)
    def token() -> Document:
        form = request.form
        client, trusted = _client(auth)
        grant = form.get("grant_type")
        if grant == "authorization_code":
            given = (form.get("code", ""), client, form.get("redirect_uri", ""), form.get("code_verifier", ""))
            return auth.exchange(*given, trusted=trusted)
        if grant == "refresh_token":
            return auth.refresh(form.get("refresh_token", ""), client)
        if grant != "client_credentials":
            known = "authorization_code, refresh_token and client_credentials"
            raise Refusal(400, "unsupported_grant_type", f"the sandbox knows {known}")
        if not trusted:
            raise Refusal(401, "invalid_client", "a client without a secret has no credentials")
        return auth.client_credentials(client, form.get("scope", ""))

    @routes.post(REVOKE_ROUTE)
    def revoke() -> Document:
        """As Globus says it, of any token."""
        return {"active": False}


def _add_people(routes: Blueprint, auth: AuthService) -> None:
    @routes.get("/v2/api/identities")
    def identities() -> Document:
        asked = {*request.args.get("ids", "").split(","), *request.args.get("usernames", "").split(",")}
        return {"identities": [one.document() for one in auth.identities() if asked & {one.id, one.username}]}

    @routes.get("/v2/api/identities/<identity>/consents")
    def consents(identity: str) -> Document:
        """Those for the client that asks; `all`, which the SDK sends as Python writes it: for every client."""
        token: Token | None = g.token
        client = None if request.args.get("all", "").lower() in ("true", "1") else _client_of(token)
        return {"consents": [one.document() for one in auth.consents(identity, client)]}

    @routes.route("/v2/oauth2/userinfo", methods=["GET", "POST"])
    def userinfo() -> Document:
        token: Token | None = g.token
        if token is None:
            return OPERATOR.userinfo(None)
        return token.identity.userinfo(token.session.authenticated if token.session else None)


def _client_of(token: Token | None) -> str:
    return OPERATOR.id if token is None else token.client


def _client(auth: AuthService) -> tuple[str, bool]:
    """Who asks, and whether it has shown its secret. Raises Refusal when it has shown another."""
    basic = request.authorization
    client = (basic.username if basic else request.form.get("client_id")) or ""
    secret = basic.password if basic else request.form.get("client_secret")
    if secret is not None and not auth.is_secret(secret):
        raise Refusal(401, "invalid_client", "the credentials are not those of this sandbox")
    return client, secret is not None


def _refused(refusal: Refusal) -> tuple[Response, int]:
    return jsonify({"error": refusal.error, "error_description": refusal.description}), refusal.status
