"""Who the console is for Globus: a token read from a file (sandbox), or the stored login of a person."""

from __future__ import annotations

import json
import stat
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from remote import plainfile
from remote.globus.credentials import know
from remote.globus.errors import RemoteError, calling
from remote.globus.limits import ANSWER_SECONDS, repeatable_options

if TYPE_CHECKING:
    from globus_sdk import UserApp
    from globus_sdk.authorizers import GlobusAuthorizer

APP_NAME = "frib-flow-console"
_TOKEN_BYTES, _STORE_BYTES = 10_000, 1_000_000
FLOWS, TRANSFER, COMPUTE = "flows.globus.org", "transfer.api.globus.org", "funcx_service"


class TokenFileLogin:
    """The same token for every service, read once from a file that only its owner may read."""

    def __init__(self, token_file: Path) -> None:
        """Raises RemoteError (operator) when the file is missing, empty, or open to others."""
        self._token = read_token(token_file)
        know(self._token)

    def authorizer(self, resource_server: str) -> GlobusAuthorizer:
        import globus_sdk

        return globus_sdk.AccessTokenAuthorizer(self._token)

    def expires_at(self) -> float | None:
        return None


class StoredLogin:
    """A person's login from the token store of the SDK, renewed by itself and never asked for in the middle of a call.

    `mapped_collections` are those whose data_access consent the flows and the listings need (mapped collections only:
    Globus refuses to know that scope for guest collections). GlobusApp is not thread safe, hence the lock.
    """

    def __init__(
        self, client_id: str, token_store: Path, flow_ids: Iterable[str], mapped_collections: Iterable[str]
    ) -> None:
        _refuse_if_open_to_others(token_store)
        _refuse_unless_usable(token_store)
        self._lock = threading.Lock()
        self._store = token_store
        with calling("auth", "open the stored login"):
            self._app = _user_app(client_id, token_store, list(flow_ids), list(mapped_collections))

    def authorizer(self, resource_server: str) -> GlobusAuthorizer:
        return _app_authorizer(self._app, resource_server, self._lock)

    def expires_at(self) -> float | None:
        """Unix time at which the first token ends that cannot renew itself; None when all can, 0 without tokens."""
        _refuse_unless_usable(self._store)
        with self._lock, calling("auth", "read the stored login"):
            tokens = self._app.token_storage.token_storage.get_token_data_by_resource_server()
        if not tokens:
            return 0.0
        ends = [t.expires_at_seconds for t in tokens.values() if t.refresh_token is None]
        return float(min(ends)) if ends else None

    def login(self) -> None:
        """Ask for the login in this terminal (prints an address, reads a code): for a command, never for a screen."""
        self._store.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._lock, calling("auth", "login"):
            self._app.login(force=True)


Login = TokenFileLogin | StoredLogin


def read_token(path: Path) -> str:
    """The token in `path`. Raises RemoteError (operator) when it is missing, empty, or open to others."""
    _refuse_if_open_to_others(path)
    try:
        token = plainfile.read(path, _TOKEN_BYTES).decode("ascii").strip()
    except OSError as exc:
        raise _no_token(f"the token file {path} cannot be read ({exc.strerror})") from None
    except UnicodeDecodeError:
        raise _no_token(f"the token file {path} cannot be read (not ASCII)") from None
    if not token or len(token.split()) != 1:
        raise _no_token(f"the token file {path} does not hold one token")
    return token


def _refuse_if_open_to_others(path: Path) -> None:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        return
    except OSError as exc:
        raise _no_token(f"the token file {path} cannot be looked at ({exc.strerror})") from None
    if mode & 0o077:
        raise RemoteError(
            "operator",
            "auth",
            "read token",
            f"others may read the token file {path} (mode {mode:04o})",
            f"chmod 600 {path}",
        )


def _refuse_unless_usable(store: Path) -> None:
    """Raises RemoteError (operator) when a token store is there, and is none. What is in it is known from now on."""
    try:
        document = json.loads(plainfile.read(store, _STORE_BYTES))
        namespaces = document["data"].values() if document["format_version"] == "2.0" else [document["by_rs"]]
        for tokens in [tokens for some in namespaces for tokens in some.values()]:
            know(tokens["access_token"], tokens.get("refresh_token"))
    except FileNotFoundError:
        return
    except OSError as exc:
        cause = f"the token store {store} cannot be read ({exc.strerror})"
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as exc:
        cause = f"the token store {store} is damaged ({type(exc).__name__})"
    else:
        return
    next_step = f"move {store} away and log in again (console login)"
    raise RemoteError("operator", "auth", "read the stored login", cause, next_step, login=True)


def _no_token(cause: str) -> RemoteError:
    next_step = "start the sandbox again, or log in again (console login)"
    return RemoteError("operator", "auth", "read token", cause, next_step, login=True)


def _user_app(client_id: str, token_store: Path, flow_ids: list[str], collections: list[str]) -> UserApp:
    from globus_sdk import AuthClient, GlobusAppConfig, NativeAppAuthClient, UserApp
    from globus_sdk.scopes import ComputeScopes, FlowsScopes, GCSCollectionScopes, SpecificFlowScopes, TransferScopes
    from globus_sdk.token_storage import JSONTokenStorage, TokenStorageData

    from remote.globus.transport import Transport

    # Optional dependencies ("*") can be revoked and given back one by one, as the web app and the SDK do it.
    access = [GCSCollectionScopes(c).data_access.with_optional(True) for c in collections]
    transfer = TransferScopes.all.with_dependencies(access)
    scopes: dict[str, Any] = {FLOWS: [FlowsScopes.all], TRANSFER: [transfer], COMPUTE: [ComputeScopes.all]}
    for flow_id in flow_ids:
        scopes[flow_id] = [SpecificFlowScopes(flow_id).user.with_dependency(transfer.with_optional(True))]

    class Storage(JSONTokenStorage):
        """What is renewed becomes known before anything can say it."""

        def store_token_data_by_resource_server(self, data: Mapping[str, TokenStorageData]) -> None:
            for tokens in data.values():
                know(tokens.access_token, tokens.refresh_token)
            super().store_token_data_by_resource_server(data)

    config = GlobusAppConfig(
        token_storage=Storage(token_store),
        request_refresh_tokens=True,
        token_validation_error_handler=None,
        auto_redrive_gares=False,
    )
    login_client = NativeAppAuthClient(client_id, app_name=APP_NAME, **repeatable_options())
    app = UserApp(APP_NAME, login_client=login_client, scope_requirements=scopes, config=config)
    for part in app._resources_to_close:
        if isinstance(part, AuthClient):  # the app's own for consents, which is made without our limits
            part.transport = Transport(ANSWER_SECONDS)
            part.retry_config.max_retries, part.retry_config.max_sleep = 1, 2
    return app


def _app_authorizer(app: UserApp, resource_server: str, lock: threading.Lock) -> GlobusAuthorizer:
    from globus_sdk.authorizers import GlobusAuthorizer

    class OneAtATime(GlobusAuthorizer):
        def get_authorization_header(self) -> str | None:
            with lock:
                return app.get_authorizer(resource_server).get_authorization_header()

        def handle_missing_authorization(self) -> bool:
            with lock:
                return bool(app.get_authorizer(resource_server).handle_missing_authorization())

    return OneAtATime()
