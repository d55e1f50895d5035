"""Two processes, a driver and who logs in, with the SDK's UserApp as it is: the driver is never started again."""

from __future__ import annotations

import time
from itertools import takewhile
from pathlib import Path

import globus_sdk
import pytest

from console.connect import remote
from console.ledger import events, logins, runs, sources
from console.ledger.presence import driver
from console.settings.profiles import load
from flowspec.states import RunState
from remote.globus.auth import AUTH, COMPUTE, FLOWS, TRANSFER, StoredLogin
from remote.globus.login_flow import LoginFlow
from remote.sandbox.ids import DTN_COLLECTION, IDENTITY, SITE_COLLECTION
from tests.auth_fixture import authorize
from tests.pipeline_fixture import Pipeline, running_pipeline
from tests.sandbox_records import ask, records, set_fault
from tests.tmux import Terminal, terminal
from tests.waiting import until

CLIENT = "59f19e1e-f1ce-4cb1-973c-8d893e89c0a9"
SEEN_SECONDS = 10.0


@pytest.fixture
def pipeline(tmp_path: Path):
    """Its profile has the sandbox's address and a person's login, and not the sandbox's own token."""
    with running_pipeline(tmp_path / "sandbox", auto_launch=True) as pipeline:
        lines = pipeline.profile.read_text().splitlines()
        login = (
            f'client_id = "{CLIENT}"\ntoken_store = "{tmp_path / "tokens.json"}"\n'
            f'mapped_collections = ["{DTN_COLLECTION}", "{SITE_COLLECTION}"]'
        )
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


def withdraw(pipeline: Pipeline, scope: str) -> None:
    """As its owner does it in the web app."""
    login = remote(load(pipeline.profile)).login
    auth = globus_sdk.AuthClient(authorizer=login.authorizer(AUTH), base_url=pipeline.settings.globus.service_url)
    consents = [one for one in auth.get_consents(IDENTITY)["consents"] if one["scope_name"] == scope]
    assert consents
    for one in consents:
        auth.delete(f"/v2/api/identities/{IDENTITY}/consents/{one['id']}")


def started(pipeline: Pipeline) -> int:
    return len(records(pipeline.sandbox.directory).flow_runs)


def asks_for_a_login(pipeline: Pipeline) -> bool:
    return any(source.login for source in sources.read(pipeline.ledger))


def shown_address(window: Terminal) -> str:
    """That stands on the terminal, from edge to edge, whole; '' for none."""
    lines = window.text().splitlines()
    begin = next((place for place, line in enumerate(lines) if line.startswith("http://")), len(lines))
    address = "".join(takewhile(lambda line: line and not line.startswith(" "), lines[begin:]))
    return address if "The code: _" in window.text() else ""


def test_whoever_loses_the_login_gets_it_back_on_the_screen_and_the_driver_goes_on(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    log_in(pipeline)
    with terminal(tmp_path / "window", "--profile", str(pipeline.profile), size=(80, 24)) as window:
        pipeline.deliver(pipeline.take(7))
        window.wait_for("7 done")
        drives = driver(pipeline.settings.ledger)
        ask(pipeline.sandbox.directory, "DELETE", "logins")  # the refresh tokens are revoked
        pipeline.deliver(pipeline.take(8))
        window.wait_for("LOGIN needed", "8 STUCK")

        window.press("L")
        window.wait_for("Open this address in a browser", "The code: _")
        window.press("Escape")
        window.wait_for("nobody has logged in: L tries again", "LOGIN needed")
        window.press("L")
        address = until(lambda: shown_address(window))
        window.press("nonsense")
        window.wait_for("The code: nonsense_")
        window.press("Enter")
        window.wait_for("Globus does not take this code", "open the address again for another")
        code = authorize(address)
        window.paste(code)
        window.wait_for(f"The code: {code}_")
        window.press("Enter")
        window.wait_for("logged in as operator@sandbox: what waited for it goes on")
        at = time.monotonic()
        until(lambda: started(pipeline) == 2)
        assert time.monotonic() - at < SEEN_SECONDS
        window.wait_for("8 done")
        now = driver(pipeline.settings.ledger)
        assert now is not None
        assert drives is not None
        assert now.pid == drives.pid, "it was started again"
        window.press("q")
        assert window.wait_for_end() == 0


def test_a_login_that_is_missing_or_revoked_holds_runs_until_somebody_has_logged_in(pipeline: Pipeline) -> None:
    pipeline.start_driver()
    pipeline.deliver(pipeline.take(7))
    until(lambda: logins.tokens_end(pipeline.ledger) == 0.0 and asks_for_a_login(pipeline))
    assert started(pipeline) == 0
    log_in(pipeline)
    pipeline.wait_for(7, RunState.DONE)
    assert logins.tokens_end(pipeline.ledger) is None

    ask(pipeline.sandbox.directory, "DELETE", "logins")  # revoked, all of them
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
    set_fault(pipeline.sandbox.directory, "short-login", token="access", seconds=65)  # the SDK renews a minute before
    log_in(pipeline)
    before = remote(load(pipeline.profile)).login.store().get_token_data_by_resource_server()
    pipeline.start_driver()
    pipeline.deliver(pipeline.take(7))
    pipeline.wait_for(7, RunState.DONE)
    after = remote(load(pipeline.profile)).login.store().get_token_data_by_resource_server()
    for server in (FLOWS, TRANSFER, COMPUTE):
        assert before[server].access_token != after[server].access_token
    assert not [event for event in events.newest(pipeline.ledger, 1000) if event.level == "bad"]


def test_a_flow_run_that_waits_for_a_consent_is_resumed_by_the_login_that_gives_it(pipeline: Pipeline) -> None:
    log_in(pipeline)
    pipeline.start_driver()
    pipeline.deliver(pipeline.take(7))
    until(lambda: started(pipeline) == 1)
    withdraw(pipeline, f"https://auth.globus.org/scopes/{SITE_COLLECTION}/data_access")
    until(lambda: records(pipeline.sandbox.directory).flow_runs[0]["status"] == "INACTIVE")
    until(lambda: "required_scopes" in logins.demands(pipeline.ledger))
    log_in(pipeline)
    pipeline.wait_for(7, RunState.DONE)


def test_what_a_service_demands_of_a_login_is_asked_for_by_the_next_one(pipeline: Pipeline) -> None:
    log_in(pipeline)
    set_fault(pipeline.sandbox.directory, "session-required", service="flows", demand="mfa")
    pipeline.start_driver()
    pipeline.deliver(pipeline.take(7))
    until(lambda: logins.demands(pipeline.ledger).get("session_required_mfa") and asks_for_a_login(pipeline))
    log_in(pipeline)
    pipeline.wait_for(7, RunState.DONE)
