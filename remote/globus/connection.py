"""The other end as the driver holds it: one client per service, made once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from remote.globus.auth import COMPUTE, FLOWS, TRANSFER, Login, ServiceLogin, StoredLogin, TokenFileLogin
from remote.globus.compute import Compute
from remote.globus.credentials import know_environment
from remote.globus.flows import Flows
from remote.globus.transfer import Transfer


@dataclass(frozen=True)
class Remote:
    """Clients that may be shared by threads; every method raises RemoteError and nothing else."""

    flows: Flows
    transfer: Transfer
    compute: Compute
    login: Login


def connect(
    *,
    client_id: str | None = None,
    token_store: Path | None = None,
    token_file: Path | None = None,
    client_secret: Callable[[], str] | None = None,
    service_url: str | None = None,
    flow_ids: Iterable[str] = (),
    mapped_collections: Iterable[str] = (),
) -> Remote:
    """The clients for one profile; no request is made here.

    `token_file` (sandbox), or `client_id` with `token_store` (a person's login) or `client_secret` (a service account;
    called when it is needed). `service_url` is the sandbox's address, None for Globus itself. `flow_ids` and
    `mapped_collections` name the consents that a login must include.

    Raises RemoteError (operator) when the token file cannot be used; of the others the first call tells.
    """
    know_environment()
    login: Login
    if token_file is not None:
        login = TokenFileLogin(token_file)
    elif client_id is not None and client_secret is not None:
        login = ServiceLogin(client_id, client_secret, flow_ids, mapped_collections, service_url)
    elif client_id is not None and token_store is not None:
        login = StoredLogin(client_id, token_store, flow_ids, mapped_collections, service_url)
    else:
        raise ValueError("connect needs a token file, or a client id and a token store or a secret")
    return Remote(
        flows=Flows(login.authorizer(FLOWS), login.authorizer, service_url),
        transfer=Transfer(login.authorizer(TRANSFER), service_url),
        compute=Compute(login.authorizer(COMPUTE), service_url),
        login=login,
    )
