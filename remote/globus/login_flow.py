"""A person logs in: at an address, in whatever browser, which gives a code; and logs out."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from remote.globus.auth import APP_NAME, AUTH, StoredLogin
from remote.globus.credentials import know
from remote.globus.errors import RemoteError, calling, clean
from remote.globus.limits import once_options, repeatable_options

if TYPE_CHECKING:
    from globus_sdk import OAuthTokenResponse

_OF_SESSION = ("session_required_identities", "session_required_single_domain", "session_required_policies",
               "session_required_mfa", "session_message")  # fmt: skip


@dataclass(frozen=True)
class Person:
    """An identity of Globus: its id, and what people call it."""

    id: str
    name: str


class LoginFlow:
    """One login: `address` is to be opened in a browser, `exchange` takes the code that is shown there.

    Nothing is stored before `keep`; `give_back` ends what was given.
    """

    def __init__(self, login: StoredLogin, asked: Mapping[str, Any]) -> None:
        """`asked` is what Globus has demanded of it (`remote.globus.errors.demanded`)."""
        import globus_sdk
        from globus_sdk.scopes import ScopeParser

        self._path = login.path
        self._answer: OAuthTokenResponse | None = None
        self._person: Person | None = None
        url = login.service_url  # the SDK puts the page that shows the code right behind it
        with calling("auth", "begin the login"):
            self._client = globus_sdk.NativeAppAuthClient(
                login.client_id, app_name=APP_NAME, base_url=url and f"{url}/", **once_options()
            )
            wanted = [*asked.get("required_scopes", ()), "openid", "profile", "email"]
            own = [scope for of_server in login.scopes().values() for scope in of_server]
            scopes = ScopeParser.merge_scopes(own, [each for text in wanted for each in ScopeParser.parse(text)])
            self._client.oauth2_start_flow(
                scopes, refresh_tokens=True, prefill_named_grant=f"{APP_NAME} on {platform.node()}"
            )
            session = {name: asked[name] for name in _OF_SESSION if name in asked}
            if asked.get("prompt") == "login":
                session["prompt"] = "login"
            self.address = self._client.oauth2_get_authorize_url(**session)

    def exchange(self, code: str) -> Person:
        """Who has logged in. Raises RemoteError; a code that is not taken is the operator's."""
        import globus_sdk
        import jwt

        know(code)
        with calling("auth", "login", repeatable=False):
            try:
                self._answer = self._client.oauth2_exchange_code_for_tokens(code)
                know(*_secrets(self._answer))
                self._person = _person(self._answer.decode_id_token())
            except globus_sdk.AuthAPIError as error:
                if error.http_status not in (400, 401, 403):
                    raise
                raise _refused(f"Globus does not take this code: {error.message or error.http_reason}") from None
            except jwt.PyJWTError as error:
                raise _refused(f"who logged in is not signed by Globus ({type(error).__name__})") from None
        return self._person

    def keep(self) -> None:
        """Store it in place of the login before. Raises RemoteError."""
        from globus_sdk.token_storage import TokenStorageData

        from remote.globus.token_store import TokenStore

        if self._answer is None or self._person is None:
            raise ValueError("no code was exchanged")
        data = {
            server: TokenStorageData(
                server, self._person.id, tokens["scope"], tokens["access_token"], tokens.get("refresh_token"),
                tokens["expires_at_seconds"], tokens.get("token_type"),
            )
            for server, tokens in self._answer.by_resource_server.items()
        }  # fmt: skip
        TokenStore(self._path).replace(data)

    def give_back(self) -> None:
        """Revoke what was given. Raises RemoteError."""
        for token in _secrets(self._answer) if self._answer is not None else ():
            with calling("auth", "give the login back"):
                self._client.oauth2_revoke_token(token)


def person(login: StoredLogin) -> Person:
    """Who the login is of, as Globus says now. Raises RemoteError."""
    import globus_sdk

    with calling("auth", "whoami"):
        client = globus_sdk.AuthClient(
            authorizer=login.authorizer(AUTH), base_url=login.service_url, **repeatable_options()
        )
        return _person(client.userinfo().data)


def log_out(login: StoredLogin) -> bool:
    """Revoke all tokens and forget them; False when there were none. Raises RemoteError: then nothing is forgotten."""
    import globus_sdk

    store = login.store()
    tokens = store.get_token_data_by_resource_server().values()
    with calling("auth", "logout"):
        client = globus_sdk.NativeAppAuthClient(
            login.client_id, app_name=APP_NAME, base_url=login.service_url, **repeatable_options()
        )
        for token in [secret for each in tokens for secret in (each.refresh_token, each.access_token) if secret]:
            client.oauth2_revoke_token(token)
    store.remove()
    return bool(tokens)


def _person(said: Mapping[str, Any]) -> Person:
    return Person(str(said["sub"]), clean(str(said.get("preferred_username") or said.get("name") or said["sub"])))


def _secrets(answer: OAuthTokenResponse) -> list[str]:
    tokens = answer.by_resource_server.values()
    return [each[kind] for each in tokens for kind in ("refresh_token", "access_token") if each.get(kind)]


def _refused(cause: str) -> RemoteError:
    again = "begin again with console login: a code serves once, and for some minutes"
    return RemoteError("operator", "auth", "login", cause, again, login=True)
