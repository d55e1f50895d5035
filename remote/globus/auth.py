"""Who the console is for Globus: a token read from a file (sandbox), or the stored login of a person."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from remote.globus.errors import RemoteError, calling
from remote.globus.limits import ANSWER_SECONDS, repeatable_options

if TYPE_CHECKING:
    from globus_sdk import UserApp
    from globus_sdk.authorizers import GlobusAuthorizer

APP_NAME = "frib-flow-console"
FLOWS, TRANSFER, COMPUTE = "flows.globus.org", "transfer.api.globus.org", "funcx_service"


class TokenFileLogin:
    """The same token for every service, read once from a file that only its owner may read."""

    def __init__(self, token_file: Path) -> None:
        """Raises RemoteError (operator) when the file is missing, empty, or open to others."""
        self._token = read_token(token_file)

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
        self._lock = threading.Lock()
        self._store = token_store
        with calling("auth", "open the stored login"):
            self._app = _user_app(client_id, token_store, list(flow_ids), list(mapped_collections))

    def authorizer(self, resource_server: str) -> GlobusAuthorizer:
        return _app_authorizer(self._app, resource_server, self._lock)

    def expires_at(self) -> float | None:
        """Unix time at which the first token ends that cannot renew itself; None when all can, 0 without tokens."""
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
        token = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as exc:
        raise _no_token(f"the token file {path} cannot be read ({type(exc).__name__})") from None
    if not token or len(token.split()) != 1:
        raise _no_token(f"the token file {path} does not hold one token")
    return token


def _refuse_if_open_to_others(path: Path) -> None:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        return
    except OSError as exc:
        raise _no_token(f"the token file {path} cannot be looked at ({type(exc).__name__})") from None
    if mode & 0o077:
        raise RemoteError(
            "operator",
            "auth",
            "read token",
            f"others may read the token file {path} (mode {mode:04o})",
            f"chmod 600 {path}",
        )


def _no_token(cause: str) -> RemoteError:
    next_step = "start the sandbox again, or log in again (console login)"
    return RemoteError("operator", "auth", "read token", cause, next_step, login=True)


def _user_app(client_id: str, token_store: Path, flow_ids: list[str], collections: list[str]) -> UserApp:
    from globus_sdk import GlobusAppConfig, NativeAppAuthClient, UserApp
    from globus_sdk.scopes import ComputeScopes, FlowsScopes, GCSCollectionScopes, SpecificFlowScopes, TransferScopes
    from globus_sdk.token_storage import JSONTokenStorage

    # Optional dependencies ("*") can be revoked and given back one by one, as the web app and the SDK do it.
    access = [GCSCollectionScopes(c).data_access.with_optional(True) for c in collections]
    transfer = TransferScopes.all.with_dependencies(access)
    scopes: dict[str, Any] = {FLOWS: [FlowsScopes.all], TRANSFER: [transfer], COMPUTE: [ComputeScopes.all]}
    for flow_id in flow_ids:
        scopes[flow_id] = [SpecificFlowScopes(flow_id).user.with_dependency(transfer.with_optional(True))]
    config = GlobusAppConfig(
        token_storage=JSONTokenStorage(token_store),
        request_refresh_tokens=True,
        token_validation_error_handler=None,
        auto_redrive_gares=False,
    )
    # The app's own client for consents takes its time limit from here only; the default is a minute.
    os.environ.setdefault("GLOBUS_SDK_HTTP_TIMEOUT", str(ANSWER_SECONDS))
    login_client = NativeAppAuthClient(client_id, app_name=APP_NAME, **repeatable_options())
    return UserApp(APP_NAME, login_client=login_client, scope_requirements=scopes, config=config)


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
