"""Who the console is for Globus: a token from a file (sandbox), a person's stored login, a service account."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from remote.globus import secret_file
from remote.globus.credentials import know
from remote.globus.errors import calling
from remote.globus.limits import ANSWER_SECONDS, repeatable_options

if TYPE_CHECKING:
    from globus_sdk import GlobusApp, Scope, UserApp
    from globus_sdk.authorizers import GlobusAuthorizer
    from globus_sdk.token_storage import TokenStorage, TokenStorageData

    from remote.globus.token_store import TokenStore

APP_NAME = "frib-flow-console"
AUTH, FLOWS, TRANSFER, COMPUTE = "auth.globus.org", "flows.globus.org", "transfer.api.globus.org", "funcx_service"
# Globus ends a refresh token that is not used for six months. It is used when an access token, of two days, begins.
_UNUSED_SECONDS, _ACCESS_SECONDS = 182 * 86400.0, 2 * 86400.0
Scopes = dict[str, list["Scope"]]


class TokenFileLogin:
    """The same token for every service, read once from a file that only its owner may read."""

    def __init__(self, token_file: Path) -> None:
        """Raises RemoteError (operator) when the file is missing, empty, or open to others."""
        next_step = "start the sandbox again, or log in again (console login)"
        self._token = secret_file.read(token_file, "token file", next_step)

    def authorizer(self, resource_server: str) -> GlobusAuthorizer:
        import globus_sdk

        return globus_sdk.AccessTokenAuthorizer(self._token)

    def expires_at(self) -> float | None:
        return None

    def grants(self) -> frozenset[str]:
        return frozenset()


class _AppLogin(ABC):
    """A login by one of the SDK's apps, which are not thread safe: hence the lock. It is made when it is first used,
    and anew when what it was made from has changed or was refused."""

    def __init__(
        self, client_id: str, flow_ids: Iterable[str], mapped_collections: Iterable[str], service_url: str | None
    ) -> None:
        self.client_id = client_id
        self._needs = (tuple(flow_ids), tuple(mapped_collections))
        self.service_url = service_url
        self._lock = threading.Lock()
        self._made: GlobusApp | None = None

    def authorizer(self, resource_server: str) -> GlobusAuthorizer:
        from globus_sdk.authorizers import GlobusAuthorizer

        def using(what: Callable[[GlobusAuthorizer], Any]) -> Any:
            with self._using() as app:
                return what(app.get_authorizer(resource_server))

        class OneAtATime(GlobusAuthorizer):
            def get_authorization_header(self) -> str | None:
                header: str | None = using(lambda authorizer: authorizer.get_authorization_header())
                return header

            def handle_missing_authorization(self) -> bool:
                return bool(using(lambda authorizer: authorizer.handle_missing_authorization()))

        return OneAtATime()

    @abstractmethod
    def expires_at(self) -> float | None:
        """Unix time at which the first token ends that cannot renew itself; None when all can, 0 without tokens.
        Raises RemoteError."""

    @abstractmethod
    def grants(self) -> frozenset[str]:
        """What the login lives from: another one has others, a renewed one has not. Raises RemoteError."""

    @abstractmethod
    def _app(self) -> GlobusApp:
        """Under the lock; raises RemoteError."""

    @contextmanager
    def _using(self) -> Iterator[GlobusApp]:
        import globus_sdk

        with self._lock:
            try:
                yield self._app()
            except globus_sdk.AuthAPIError:  # what was refused may have been replaced: read anew by who asks next
                self._forget()
                raise

    def _forget(self) -> None:
        if self._made is not None:
            self._made.close()
            self._made = None

    def scopes(self) -> Scopes:
        """What the console needs at each resource server."""
        return _scopes(*self._needs)


class StoredLogin(_AppLogin):
    """A person's login from the token store, renewed by itself and never asked for in the middle of a call.

    `mapped_collections` are those whose data_access consent the flows and the listings need (mapped collections only:
    Globus refuses to know that scope for guest collections). Another process may log in at any time: what it stores is
    used from the next call on.
    """

    def __init__(
        self,
        client_id: str,
        token_store: Path,
        flow_ids: Iterable[str],
        mapped_collections: Iterable[str],
        service_url: str | None = None,
    ) -> None:
        super().__init__(client_id, flow_ids, mapped_collections, service_url)
        self.path = token_store
        self._store: TokenStore | None = None

    def expires_at(self) -> float | None:
        tokens = self._tokens()
        if not tokens:
            return 0.0
        ends = [each.expires_at_seconds for each in tokens.values() if each.refresh_token is None]
        return float(min(ends)) if ends else None

    def grants(self) -> frozenset[str]:
        return frozenset(each.refresh_token or each.access_token for each in self._tokens().values())

    def unused_until(self) -> float | None:
        """Unix time before which the login does not end when nobody uses it; None where it does not renew itself."""
        renewed = [each.expires_at_seconds for each in self._tokens().values() if each.refresh_token is not None]
        return min(renewed) - _ACCESS_SECONDS + _UNUSED_SECONDS if renewed else None

    def missing(self) -> list[str]:
        """The resource servers for which the login does not serve: no token, or no consent. Raises RemoteError."""
        from globus_sdk.token_storage import TokenValidationError

        found = []
        with calling("auth", "look at the login"), self._using() as app:
            for server in app.scope_requirements:
                try:
                    app.get_authorizer(server)
                except TokenValidationError:
                    found.append(server)
        return found

    def store(self) -> TokenStore:
        """As the file is now. Raises RemoteError."""
        with self._lock:
            return self._current()

    def _tokens(self) -> Mapping[str, TokenStorageData]:
        return self.store().get_token_data_by_resource_server()

    def _current(self) -> TokenStore:
        from remote.globus.token_store import TokenStore

        if self._store is None or not self._store.is_current():
            self._store = None
            self._forget()
            self._store = TokenStore(self.path)
        return self._store

    def _app(self) -> GlobusApp:
        store = self._current()
        if self._made is None:
            with calling("auth", "open the stored login"):
                self._made = _user_app(self.client_id, store, self.scopes(), self.service_url)
        return self._made

    def _forget(self) -> None:
        super()._forget()
        self._store = None


class ServiceLogin(_AppLogin):
    """A service account: what it may do needs nobody's login, and its tokens are kept nowhere.

    `secret` is asked for whenever the app is made; it may raise RemoteError.
    """

    def __init__(
        self,
        client_id: str,
        secret: Callable[[], str],
        flow_ids: Iterable[str],
        mapped_collections: Iterable[str],
        service_url: str | None = None,
    ) -> None:
        super().__init__(client_id, flow_ids, mapped_collections, service_url)
        self._secret = secret

    def expires_at(self) -> float | None:
        return None

    def grants(self) -> frozenset[str]:
        return frozenset({self._secret()})

    def _app(self) -> GlobusApp:
        from globus_sdk import ClientApp, ConfidentialAppAuthClient

        if self._made is None:
            secret = self._secret()
            know(secret)
            with calling("auth", "use the service account"):
                client = ConfidentialAppAuthClient(
                    self.client_id, secret, app_name=APP_NAME, base_url=self.service_url, **repeatable_options()
                )
                app = ClientApp(
                    APP_NAME, login_client=client, scope_requirements=self.scopes(), config=_config(_memory())
                )
                _limit(app, self.service_url)
                app._resources_to_close.append(client)
                self._made = app
        return self._made


Login = TokenFileLogin | StoredLogin | ServiceLogin


def _scopes(flow_ids: Iterable[str], collections: Iterable[str]) -> Scopes:
    from globus_sdk.scopes import ComputeScopes, FlowsScopes, GCSCollectionScopes, SpecificFlowScopes, TransferScopes

    # Optional dependencies ("*") can be revoked and given back one by one, as the web app and the SDK do it.
    access = [GCSCollectionScopes(c).data_access.with_optional(True) for c in collections]
    transfer = TransferScopes.all.with_dependencies(access)
    needed: Scopes = {FLOWS: [FlowsScopes.all], TRANSFER: [transfer], COMPUTE: [ComputeScopes.all]}
    for flow_id in flow_ids:
        needed[flow_id] = [SpecificFlowScopes(flow_id).user.with_dependency(transfer.with_optional(True))]
    return needed


def _user_app(client_id: str, store: TokenStore, needed: Scopes, url: str | None) -> UserApp:
    from globus_sdk import NativeAppAuthClient, UserApp

    client = NativeAppAuthClient(client_id, app_name=APP_NAME, base_url=url, **repeatable_options())
    app = UserApp(APP_NAME, login_client=client, scope_requirements=needed, config=_config(store))
    _limit(app, url)
    app._resources_to_close.append(client)
    return app


def _memory() -> TokenStorage:
    from globus_sdk.token_storage import MemoryTokenStorage

    class Known(MemoryTokenStorage):
        def store_token_data_by_resource_server(self, data: Mapping[str, TokenStorageData]) -> None:
            know(*(tokens.access_token for tokens in data.values()))
            super().store_token_data_by_resource_server(data)

    return Known()


def _config(storage: TokenStorage) -> Any:
    from globus_sdk import GlobusAppConfig

    return GlobusAppConfig(
        token_storage=storage,
        request_refresh_tokens=True,
        token_validation_error_handler=None,
        auto_redrive_gares=False,
    )


def _limit(app: GlobusApp, url: str | None) -> None:
    """The app's own client for consents is made without our limits, and for Globus itself."""
    from globus_sdk import AuthClient

    from remote.globus.transport import Transport

    for part in app._resources_to_close:
        if isinstance(part, AuthClient):
            part.transport = Transport(ANSWER_SECONDS)
            part.retry_config.max_retries, part.retry_config.max_sleep = 1, 2
            part.base_url = url or part.base_url
