"""Globus Auth as a whole: codes, tokens, and what they were given for. All in memory, as all of a sandbox but files."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from remote.sandbox.auth import scopes
from remote.sandbox.auth.consents import Consent, Consents
from remote.sandbox.auth.errors import Refusal
from remote.sandbox.auth.identities import OPERATOR, PEOPLE, Identity, of_client
from remote.sandbox.auth.instances import Instance, Instances
from remote.sandbox.auth.sessions import Session, log_in
from remote.sandbox.auth.signing import Signer
from remote.sandbox.faults import Faults

Document = dict[str, Any]
ISSUER = "https://auth.globus.org"
CODE_SECONDS = 600.0
ACCESS_SECONDS = 172_800.0
REFRESH_SECONDS = 182 * 86_400.0  # without being used
EVERYWHERE = "*"
# As redirect_uri: show the code to be copied. Only its end, as the SDK writes `http://HOST:PORTv2/...` where the
# address of Auth that it was given has no slash at its end.
CODE_PAGE = "v2/web/auth-code"


_OWN_SCOPES = (scopes.TRANSFER_ALL, scopes.FLOWS_ALL, scopes.COMPUTE_ALL)


@dataclass(frozen=True)
class Token:
    """An access token, or the refresh token of one resource server: `server` is its audience, EVERYWHERE that of the
    sandbox's own. `session` is None when nobody has logged in for it (a service account). Times are Unix times."""

    text: str
    refreshes: bool
    client: str
    identity: Identity
    server: str
    scopes: tuple[str, ...]
    issued: float
    ends: float
    session: Session | None

    def of_one_login(self, other: Token) -> bool:
        return (self.client, self.session, self.server) == (other.client, other.session, other.server)


@dataclass(frozen=True)
class _Code:
    client: str
    redirect_uri: str
    challenge: str
    scopes: list[scopes.Scope]
    offline: bool
    session: Session
    nonce: str | None
    ends: float


class AuthService:
    """Thread-safe. `secret` is the sandbox's token: the secret of every client, and good everywhere. `instances` have
    a further one each."""

    def __init__(self, secret: str, now: Callable[[], float], faults: Faults) -> None:
        self._own = Token(
            secret, False, OPERATOR.id, OPERATOR, EVERYWHERE, _OWN_SCOPES, now(), now() + REFRESH_SECONDS, None
        )
        self._now = now
        self._faults = faults
        self._lock = threading.RLock()
        self._signer = Signer()
        self._codes: dict[str, _Code] = {}
        self._tokens: dict[str, Token] = {}
        self._consents = Consents()
        self.instances = Instances()
        self._sessions: dict[str, Session] = {}  # the newest of each identity
        self._flow_users: set[str] = set()  # identities that have logged in for a flow, with another client
        # Whoever has the secret has allowed its client everything that a console asks for.
        access = tuple(scopes.Scope(scopes.data_access(one), True) for one in scopes.MAPPED)
        given = [scopes.Scope(name, dependencies=access if name == scopes.TRANSFER_ALL else ()) for name in _OWN_SCOPES]
        self._consents.give(OPERATOR.id, OPERATOR.id, given, now())

    def is_secret(self, text: str) -> bool:
        return hmac.compare_digest(text.encode(), self._own.text.encode())

    # ---- getting tokens

    def authorize(self, query: Mapping[str, str]) -> tuple[str, Identity]:
        """A code for what a login asks for, all consents given, and who has logged in. Raises Refusal."""
        if query.get("response_type") != "code":
            raise Refusal(400, "unsupported_response_type", "response_type must be code")
        challenge, method = query.get("code_challenge", ""), query.get("code_challenge_method", "")
        if bool(challenge) != (method == "S256"):
            raise Refusal(400, "invalid_request", "code_challenge goes with code_challenge_method S256")
        if not query.get("client_id") or not _is_target(query.get("redirect_uri", "")):
            raise Refusal(400, "invalid_request", "client_id is needed, and a redirect_uri on this machine")
        asked = scopes.parse(query.get("scope", ""))
        now = self._now()
        session = log_in(query, now)
        code = secrets.token_urlsafe(22)
        offline = query.get("access_type") == "offline"
        with self._lock:
            self._sessions[session.identity.id] = session
            self._allow(session.identity, query["client_id"], asked)
            self._codes[code] = _Code(
                query["client_id"], query["redirect_uri"], challenge, asked, offline, session, query.get("nonce"),
                now + CODE_SECONDS,
            )  # fmt: skip
        return code, session.identity

    def exchange(self, text: str, client: str, redirect_uri: str, verifier: str, *, trusted: bool) -> Document:
        """The reply for a code; it is good once. `trusted`: the client has shown its secret. Raises Refusal."""
        with self._lock:
            code = self._codes.pop(text, None)
            if code is None or self._now() > code.ends or (code.client, code.redirect_uri) != (client, redirect_uri):
                raise Refusal(401, "invalid_grant", "the code is wrong, used or expired")
            if not (_challenge(verifier) == code.challenge if code.challenge else trusted):
                raise Refusal(401, "invalid_grant", "the code was given to somebody else")
            return self._reply(client, code.session.identity, code.session, code.scopes, code.offline, code.nonce)

    def client_credentials(self, client: str, asked: str) -> Document:
        """The reply for a client that has shown its secret. Raises Refusal."""
        wanted = scopes.parse(asked)
        with self._lock:
            who = of_client(client)
            self._allow(who, client, wanted)
            return self._reply(client, who, None, wanted, offline=False)

    def refresh(self, text: str, client: str) -> Document:
        """The reply for a refresh token: one access token, of its resource server. Raises Refusal."""
        with self._lock:
            token = self._alive(text)
            if token is None or not token.refreshes or token.client != client:
                raise Refusal(400, "invalid_grant", "the refresh token is wrong, revoked or expired")
            self._tokens[text] = replace(token, ends=self._ends("refresh"))
            access = self._give(token.client, token.identity, token.session, token.server, token.scopes, "access")
            return self._document(access, token.text)

    def _reply(
        self, client: str, identity: Identity, session: Session | None, asked: list[scopes.Scope], offline: bool,
        nonce: str | None = None,
    ) -> Document:  # fmt: skip
        documents = []
        for server, names in scopes.by_server(asked).items():
            access = self._give(client, identity, session, server, tuple(names), "access")
            refresh = self._give(client, identity, session, server, tuple(names), "refresh").text if offline else None
            documents.append(self._document(access, refresh))
            if "openid" in names:
                documents[-1]["id_token"] = self._signer.sign(self._claims(access, nonce), access.text)
        documents.sort(key=lambda document: "id_token" not in document)  # on top, in whatever order
        return {**documents[0], "other_tokens": documents[1:]}

    def _give(
        self, client: str, identity: Identity, session: Session | None, server: str, names: tuple[str, ...], kind: str
    ) -> Token:
        text = secrets.token_urlsafe(36)
        now = self._now()
        token = Token(text, kind == "refresh", client, identity, server, names, now, self._ends(kind), session)
        self._tokens[text] = token
        return token

    def _ends(self, kind: str) -> float:
        short = self._faults.strike("short-login", token=kind)
        usual = REFRESH_SECONDS if kind == "refresh" else ACCESS_SECONDS
        return self._now() + (short["seconds"] if short else usual)

    def _document(self, access: Token, refresh: str | None) -> Document:
        return {
            "access_token": access.text,
            "scope": " ".join(access.scopes),
            "resource_server": access.server,
            "expires_in": int(access.ends - access.issued),
            "token_type": "Bearer",
            "refresh_token": refresh,
            "state": "_default",
            "other_tokens": [],
        }

    def _claims(self, access: Token, nonce: str | None) -> Document:
        since = access.session.authenticated if access.session else access.issued
        claims = {
            **access.identity.userinfo(since),
            "iss": ISSUER,
            "aud": access.client,
            "iat": int(access.issued),
            "exp": int(access.ends),
            "auth_time": int(since),
        }
        return claims if nonce is None else {**claims, "nonce": nonce}

    def keys(self) -> Document:
        with self._lock:
            return self._signer.keys()

    # ---- what is known of them

    def find(self, text: str) -> Token | None:
        """The access token that is good now."""
        if self.is_secret(text):
            return self._own
        with self._lock:
            token = self._alive(text)
            return None if token is None or token.refreshes else token

    def is_good(self, text: str) -> bool:
        """Whether it is an access or a refresh token that is good now."""
        with self._lock:
            return self._alive(text) is not None

    def identities(self) -> list[Identity]:
        """Everybody who can log in, and the service accounts that have."""
        with self._lock:
            used = [token.identity for token in self._tokens.values()]
        return list(dict.fromkeys([*PEOPLE, *used]))

    def _alive(self, text: str) -> Token | None:
        token = self._tokens.get(text)
        return None if token is None or self._now() >= token.ends else token

    # ---- the end of them

    def revoke(self, text: str, client: str) -> None:
        """Of a refresh token all that was given with it goes. What is no token of this client stays as it is."""
        with self._lock:
            token = self._tokens.get(text)
            if token is None or not self._may_revoke(client, token):
                return
            del self._tokens[text]
            if token.refreshes:
                self._drop(lambda other: other.of_one_login(token))

    def delete_instance(self, client: str) -> Instance | None:
        """With all its tokens."""
        with self._lock:
            self._drop(lambda token: token.client == client)
            return self.instances.delete(client)

    def _may_revoke(self, client: str, token: Token) -> bool:
        """Its own client, and the one that has made that: globus-cli's logout."""
        instance = self.instances.find(token.client)
        return client == token.client or (instance is not None and client == instance.template)

    def end(self, kind: str | None) -> int:
        """Every token is over, or every `access` or every `refresh` token. Returns how many."""
        with self._lock:
            return self._drop(lambda token: kind in (None, "refresh" if token.refreshes else "access"))

    def _drop(self, chosen: Callable[[Token], bool]) -> int:
        kept = {text: token for text, token in self._tokens.items() if not chosen(token)}
        dropped, self._tokens = len(self._tokens) - len(kept), kept
        return dropped

    # ---- consents

    def consents(self, identity: str, client: str | None) -> list[Consent]:
        with self._lock:
            return self._consents.of(identity, client)

    def _allow(self, identity: Identity, client: str, asked: list[scopes.Scope]) -> None:
        self._consents.give(identity.id, client, asked, self._now())
        if client != OPERATOR.id and any(scopes.is_flow(one.name) for one in asked):
            self._flow_users.add(identity.id)

    def withdraw(self, identity: str, number: int) -> None:
        """The consent and all that depend on it; with a root go its tokens. Raises Refusal when there is none."""
        with self._lock:
            gone = next((one for one in self._consents.of(identity) if one.path[-1] == number), None)
            if gone is None:
                raise Refusal(404, "NOT_FOUND", f"{identity} has given no consent {number}")
            self._consents.withdraw(gone)
            if len(gone.path) == 1:
                of_root = (identity, gone.client)
                self._drop(lambda one: (one.identity.id, one.client) == of_root and gone.scope in one.scopes)

    def lacks_access(self, token: Token, collection: str) -> bool:
        """Whether Transfer, called with this token, lacks a consent for the data of a collection."""
        with self._lock:
            chain = (scopes.TRANSFER_ALL, scopes.data_access(collection))
            return token.server != EVERYWHERE and chain not in self._consents.chains(token.identity.id, token.client)

    def session_of(self, creator: str) -> Session | None:
        """The newest login of a principal: that with which the flow run of a principal is resumed."""
        with self._lock:
            return self._sessions.get(creator.rpartition(":")[2])

    def flows_lack_access(self, creator: str, collection: str) -> bool:
        """Whether the flow runs of a principal lack one. Those of somebody who has never logged in for a flow are
        started with the sandbox's token or by the client that has it as its secret, which lack nothing."""
        identity = creator.rpartition(":")[2]
        wanted = (scopes.TRANSFER_ALL, scopes.data_access(collection))
        with self._lock:
            if identity not in self._flow_users or collection not in scopes.MAPPED:
                return False
            return not any(one[1:] == wanted and scopes.is_flow(one[0]) for one in self._consents.chains(identity))


def _is_target(redirect_uri: str) -> bool:
    try:
        parts = urlsplit(redirect_uri)
        here = parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost", "::1") and parts.port != 0
    except ValueError:
        here = False
    return here or redirect_uri.endswith(CODE_PAGE)


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
