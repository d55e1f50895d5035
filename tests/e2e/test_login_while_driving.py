"""Two processes, a driver and who logs in, with the SDK's UserApp as it is: the driver is never started again."""

from __future__ import annotations

import time
import urllib.request
from pathlib import Path

import pytest

from console.connect import remote
from console.ledger import logins, runs, sources
from console.settings.profiles import load
from flowspec.states import RunState
from remote.globus.auth import StoredLogin
from remote.globus.login_flow import LoginFlow
from tests.auth_fixture import authorize
from tests.pipeline_fixture import Pipeline, running_pipeline
from tests.sandbox_records import records
from tests.waiting import until

CLIENT = "59f19e1e-f1ce-4cb1-973c-8d893e89c0a9"
SEEN_SECONDS = 10.0


@pytest.fixture
def pipeline(tmp_path: Path):
    """Its profile has the sandbox's address and a person's login, and not the sandbox's own token."""
    with running_pipeline(tmp_path / "sandbox", auto_launch=True) as pipeline:
        lines = pipeline.profile.read_text().splitlines()
        login = f'client_id = "{CLIENT}"\ntoken_store = "{tmp_path / "tokens.json"}"'
        pipeline.profile.write_text(
            "\n".join(login if line.startswith("token_file") else line for line in lines) + "\n"
        )
        yield pipeline


def log_in(pipeline: Pipeline) -> None:
    login = remote(load(pipeline.profile)).login
    assert isinstance(login, StoredLogin)
    flow = LoginFlow(login, logins.demands(pipeline.ledger))
    flow.exchange(authorize(flow.address))
    flow.keep()


def revoke(pipeline: Pipeline, kind: str = "") -> None:
    """End the tokens that Auth has given; `kind` as the sandbox's route has it."""
    settings = pipeline.settings.globus
    assert settings.token_file is not None
    token = settings.token_file.read_text().strip()
    request = urllib.request.Request(
        f"{settings.service_url}/sandbox/logins{kind}", method="DELETE", headers={"Authorization": f"Bearer {token}"}
    )
    with urllib.request.urlopen(request, timeout=30) as reply:
        assert reply.status == 200


def started(pipeline: Pipeline) -> int:
    return len(records(pipeline.sandbox.directory).flow_runs)


def asks_for_a_login(pipeline: Pipeline) -> bool:
    return any(source.login for source in sources.read(pipeline.ledger))


def test_a_login_that_is_missing_or_revoked_holds_runs_until_somebody_has_logged_in(pipeline: Pipeline) -> None:
    pipeline.start_driver()
    pipeline.deliver(pipeline.take(7))
    until(lambda: logins.tokens_end(pipeline.ledger) == 0.0 and asks_for_a_login(pipeline))
    assert started(pipeline) == 0
    log_in(pipeline)
    pipeline.wait_for(7, RunState.DONE)
    assert logins.tokens_end(pipeline.ledger) is None

    revoke(pipeline)
    pipeline.deliver(pipeline.take(8))
    until(lambda: asks_for_a_login(pipeline) and runs.run(pipeline.ledger, 8) is not None)
    assert started(pipeline) == 1
    log_in(pipeline)
    at = time.monotonic()
    until(lambda: started(pipeline) == 2)
    assert time.monotonic() - at < SEEN_SECONDS
    pipeline.wait_for(8, RunState.DONE)
    until(lambda: not asks_for_a_login(pipeline))


def test_tokens_that_end_in_the_middle_of_a_run_are_renewed_by_themselves(pipeline: Pipeline) -> None:
    log_in(pipeline)
    pipeline.start_driver()
    pipeline.deliver(pipeline.take(7))
    until(lambda: started(pipeline) == 1)
    revoke(pipeline, "/access")
    pipeline.wait_for(7, RunState.DONE)
    assert not asks_for_a_login(pipeline)
