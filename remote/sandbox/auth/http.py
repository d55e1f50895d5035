"""Globus Auth over HTTP: the routes that globus_sdk's apps and clients, and globus-cli, call; and one of the sandbox.

    DELETE /sandbox/logins[/access|/refresh]  {"ended": number}

ends every token that Auth has given, or every access or refresh token, as when a login is revoked. It wants the
sandbox's own token, which stays good.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, g, jsonify, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from remote.sandbox.auth import page
from remote.sandbox.auth.errors import Refusal
from remote.sandbox.auth.identities import PEOPLE
from remote.sandbox.auth.service import CODE_PAGE, EVERYWHERE, ISSUER, AuthService, Token
from remote.sandbox.error_documents import error_document

TOKEN_ROUTE = "/v2/oauth2/token"
REVOKE_ROUTE = f"{TOKEN_ROUTE}/revoke"
INTROSPECT_ROUTE = f"{TOKEN_ROUTE}/introspect"
AUTHORIZE_ROUTE = "/v2/oauth2/authorize"
CONFIGURATION_ROUTE = "/.well-known/openid-configuration"
KEYS_ROUTE = "/jwk.json"
VALIDATE_ROUTE = f"{TOKEN_ROUTE}/validate"
CLIENTS_ROUTE = "/v2/api/clients"
_OPEN = (
    *(TOKEN_ROUTE, REVOKE_ROUTE, INTROSPECT_ROUTE, VALIDATE_ROUTE),
    *(AUTHORIZE_ROUTE, CONFIGURATION_ROUTE, KEYS_ROUTE, CLIENTS_ROUTE),
)

Document = dict[str, Any]


def is_open(path: str) -> bool:
    """Whether the route is not guarded by a bearer token: what is sent there is a token, or what it is given for."""
    return path in _OPEN or path.startswith(f"{CLIENTS_ROUTE}/")


def blueprint(auth: AuthService) -> Blueprint:
    """All Auth routes. The caller is the token `flask.g.token`."""
    routes = Blueprint("auth", __name__)
    _add_logins(routes, auth)
    _add_tokens(routes, auth)
    _add_clients(routes, auth)
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
        if not target.endswith(CODE_PAGE):
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
            "introspection_endpoint": here + INTROSPECT_ROUTE,
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
        client, _ = _client(auth)
        auth.revoke(request.form.get("token", ""), client)
        return {"active": False}

    @routes.post(INTROSPECT_ROUTE)
    def introspect() -> Document:
        _, trusted = _client(auth)
        if not trusted:
            raise Refusal(401, "invalid_client", "introspection is for clients that have a secret")
        token = auth.find(request.form.get("token", ""))
        return {"active": False} if token is None else _introspected(token, request.form.get("include", "").split(","))

    @routes.post(VALIDATE_ROUTE)
    def validate() -> Document:
        _client(auth)
        return {"active": auth.is_good(request.form.get("token", ""))}


def _add_clients(routes: Blueprint, auth: AuthService) -> None:
    @routes.post(CLIENTS_ROUTE)
    def make() -> tuple[Document, int]:
        """Of a template, which is all that anybody may do who has not logged in."""
        body = request.get_json(silent=True)
        wanted = body.get("client") if isinstance(body, dict) else None
        given = wanted if isinstance(wanted, dict) else {}
        if not isinstance(given.get("template_id"), str) or not isinstance(given.get("name"), str):
            raise Refusal(403, "FORBIDDEN", "the sandbox makes clients of a template only: template_id, name")
        return auth.instances.make(given["template_id"], given["name"]).document(), 201

    @routes.delete(f"{CLIENTS_ROUTE}/<client>")
    def delete(client: str) -> Document:
        asking, trusted = _client(auth)
        gone = auth.delete_instance(client) if trusted and asking == client else None
        if gone is None:
            raise Refusal(404, "NOT_FOUND", f"no client {client} that may be deleted by whoever asks")
        return {"client": gone.document()["client"]}


def _add_people(routes: Blueprint, auth: AuthService) -> None:
    @routes.get("/v2/api/identities")
    def identities() -> Document:
        asked = {*request.args.get("ids", "").split(","), *request.args.get("usernames", "").split(",")}
        return {"identities": [one.document() for one in auth.identities() if asked & {one.id, one.username}]}

    @routes.get("/v2/api/identities/<identity>/consents")
    def consents(identity: str) -> Document:
        """Those for the client that asks; `all`, which the SDK sends as Python writes it: for every client."""
        client = None if request.args.get("all", "").lower() in ("true", "1") else g.token.client
        _require_owner(identity)
        return {"consents": [one.document() for one in auth.consents(identity, client)]}

    @routes.delete("/v2/api/identities/<identity>/consents/<int:number>")
    def withdraw(identity: str, number: int) -> Document:
        _require_owner(identity)
        auth.withdraw(identity, number)
        return {"consents": [one.document() for one in auth.consents(identity, None)]}

    @routes.route("/v2/oauth2/userinfo", methods=["GET", "POST"])
    def userinfo() -> Document:
        token: Token = g.token
        return token.identity.userinfo(token.session.authenticated if token.session else None)


def logins(auth: AuthService) -> Blueprint:
    """What ends logins."""
    routes = Blueprint("logins", __name__)

    @routes.delete("/logins")
    @routes.delete("/logins/<any(access, refresh):kind>")
    def end(kind: str | None = None) -> Document:
        return {"ended": auth.end(kind)}

    return routes


def _require_owner(identity: str) -> None:
    """Raises Refusal: whoever asks is another, and has not the sandbox's own token."""
    token: Token = g.token
    if token.server != EVERYWHERE and token.identity.id != identity:
        raise Refusal(403, "FORBIDDEN", "the consents of somebody else")


def _introspected(token: Token, include: list[str]) -> Document:
    document: Document = {
        "active": True,
        "token_type": "Bearer",
        "scope": " ".join(token.scopes),
        "client_id": token.client,
        **token.identity.linked(),
        "iat": int(token.issued),
        "nbf": int(token.issued),
        "exp": int(token.ends),
        "aud": [token.server, token.client],
        "iss": ISSUER,
    }
    if "identity_set" in include:
        document["identity_set"] = [token.identity.linked()]
    if "session_info" in include:
        document["session_info"] = token.session.document() if token.session else {"authentications": {}}
    return document


def _client(auth: AuthService) -> tuple[str, bool]:
    """Who asks, and whether it has shown its secret. Raises Refusal when it has shown another."""
    basic = request.authorization
    client = (basic.username if basic else request.form.get("client_id")) or ""
    secret = basic.password if basic else request.form.get("client_secret")
    if secret is not None and not (auth.is_secret(secret) or auth.instances.is_secret(client, secret)):
        raise Refusal(401, "invalid_client", "the credentials are not those of this sandbox")
    return client, secret is not None


def _refused(refusal: Refusal) -> tuple[Response, int]:
    """As OAuth has it, or, of the API, as all of Auth's errors are."""
    document: Document = {"error": refusal.error, "error_description": refusal.description}
    if request.path.startswith("/v2/api/"):
        document = error_document(request.path, refusal.status, refusal.error, refusal.description)
    return jsonify(document), refusal.status
