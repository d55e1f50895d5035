"""The clients with a token of the test's own, connected to a service that a test plays.

`from tests.remote_fixture import connected`; `connected_in` for other directories and tokens.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from remote.globus.connection import Remote, connect
from remote.globus.errors import RemoteError

TOKEN = "s3cr3t-t0ken-of-the-test"
RUN = "11111111-2222-4333-8444-555555555555"


def connected_in(directory: Path, url: str | None, token: str = TOKEN) -> Remote:
    token_file = directory / "token"
    token_file.touch(0o600)
    token_file.write_text(token + "\n")
    return connect(token_file=token_file, service_url=url)


@pytest.fixture
def connected(tmp_path: Path) -> Callable[..., Remote]:
    """Clients of the service at a URL; without one, those of Globus."""

    def connected(url: str | None = None) -> Remote:
        return connected_in(tmp_path, url)

    return connected


def failure(remote: Remote) -> RemoteError:
    """What is told when the flow run RUN cannot be asked for."""
    with pytest.raises(RemoteError) as caught:
        remote.flows.run(RUN)
    return caught.value
