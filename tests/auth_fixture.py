"""Logins at a sandbox: `code = authorize(address)` plays the browser; `started` is a client of the SDK that logs in."""

from __future__ import annotations

import re
import urllib.request
from typing import Any
from urllib.parse import urlencode

import globus_sdk
import pytest
from globus_sdk.scopes import AuthScopes, TransferScopes

from tests.sandbox_fixture import RunningSandbox
from tests.waiting import HANGS_AFTER

CLIENT = "59f19e1e-f1ce-4cb1-973c-8d893e89c0a9"


def authorize(url: str, identity: str | None = None, **session: str) -> str:
    """The code on the page at the address that a login printed. `identity`: id or username of who logs in, else the
    page's choice; `session`: further parameters, such as session_required_mfa="true". Raises HTTPError when refused."""
    added = urlencode({**session, **({"identity": identity} if identity else {})})
    with urllib.request.urlopen(f"{url}&{added}" if added else url, timeout=HANGS_AFTER) as reply:
        found = re.search(r'<code id="code"[^>]*>([^<]+)</code>', reply.read().decode())
    assert found, "the page shows no code"
    return found[1]


def started(*scopes: Any, **options: Any) -> tuple[globus_sdk.NativeAppAuthClient, str]:
    """A client that has begun to log in, and the address. Needs `services`."""
    client = globus_sdk.NativeAppAuthClient(CLIENT)
    client.oauth2_start_flow(list(scopes) or [AuthScopes.openid, TransferScopes.all], **options)
    return client, client.oauth2_get_authorize_url()


@pytest.fixture
def services(sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK's clients find their services at the sandbox."""
    for service in ("AUTH", "TRANSFER", "FLOWS"):
        monkeypatch.setenv(f"GLOBUS_SDK_SERVICE_URL_{service}", sandbox.url)
