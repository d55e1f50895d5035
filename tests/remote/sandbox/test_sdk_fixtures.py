"""Every reply that globus_sdk registers for its own tests, of a call that our clients make: the sandbox's is like it.

A fixture is SERVICE.CALL or, where it is not the default, SERVICE.CALL/CASE; one without a call of its own in
tests/sdk_calls.py is compared with the default's.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any

import pytest
from globus_sdk.testing import get_response_set

from tests.sandbox_fixture import start_sandbox
from tests.sdk_calls import CALLS, Clients
from tests.sdk_fixtures import assert_like

OPEN = ("definition", "input_schema", "output", "input", "results", "tasks", "loc")
"""What is below these keys depends on the flow, or is by id."""
DIFFERS = (
    *("flows.cancel_run", "flows.delete_run", "flows.resume_run", "flows.update_run"),
    "flows.get_run_logs/paginated",
)
"""What is below `details` depends on how far the flow run is, or which entry comes first."""

LEFT_OUT = {
    "auth.create_child_client": "no client of ours makes it",
    "auth.create_client": "no client of ours makes it",
    "auth.create_policy": "no client of ours makes it",
    "auth.create_project": "no client of ours makes it",
    "auth.create_scope": "no client of ours makes it",
    "auth.delete_client_credential": "no client of ours makes it",
    "auth.delete_policy": "no client of ours makes it",
    "auth.delete_project": "no client of ours makes it",
    "auth.delete_scope": "no client of ours makes it",
    "auth.get_client": "no client of ours makes it",
    "auth.get_identity_providers": "no client of ours makes it",
    "auth.get_polic": "no client of ours makes it",
    "auth.get_project": "no client of ours makes it",
    "auth.get_scope": "no client of ours makes it",
    "auth.oauth2_get_dependent_tokens": "services make it, not clients",
    "auth.update_": "no client of ours makes it",
    "auth.userinfo/forbidden": "a token without openid; the sandbox's userinfo answers 401",
    "flows.get_registered_api": "the sandbox has no registered APIs",
    "flows.list_registered_apis": "the sandbox has no registered APIs",
    "flows.get_web_input/auth_policy_required": "the sandbox's flows have no authentication policy",
    "flows.respond_to_web_input/auth_policy_required": "the sandbox's flows have no authentication policy",
    "transfer.create_tunnel": "no client of ours makes it",
    "transfer.delete_tunnel": "no client of ours makes it",
    "transfer.get_tunnel": "no client of ours makes it",
    "transfer.list_tunnels": "no client of ours makes it",
    "transfer.update_": "no client of ours makes it",
    "transfer.get_stream_access_point": "no client of ours makes it",
    "transfer.set_subscription": "the sandbox has no subscriptions",
    "transfer.endpoint_manager_task_list": "no client of ours makes it",
    "compute.v2.register_endpoint": "endpoints make it by v3",
    "compute.v2.submit": "the clients of today make it by v3",
    "compute.v3.register_endpoint": "of older agents; today's is in tests/remote/sandbox/compute/test_managers.py",
    "compute.v3.update_endpoint": "of older agents; today's is in tests/remote/sandbox/compute/test_managers.py",
    "compute.v2.get_endpoint_status": "with counts of workers: tests/remote/sandbox/compute/test_compute_contract.py",
}
"""Beginnings of names, with the reason."""


def registered() -> Iterator[tuple[str, list[Any]]]:
    """Each fixture with its documents."""
    for package in ("auth", "flows", "transfer", "compute.v2", "compute.v3"):
        modules = pkgutil.iter_modules(importlib.import_module(f"globus_sdk.testing.data.{package}").__path__)
        for name in (f"{package}.{module.name}" for module in modules if module.name not in ("_common", "v2")):
            responses = get_response_set(name)
            for case in responses.cases():
                found = responses.lookup(case)
                documents = [
                    (one.metadata or {}).get("response", one.json) for one in getattr(found, "responses", [found])
                ]
                yield (name if case == "default" else f"{name}/{case}"), documents


FIXTURES = dict(registered())
COMPARED = [name for name in FIXTURES if not name.startswith(tuple(LEFT_OUT))]


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clients]:
    with start_sandbox(tmp_path_factory.mktemp("sandbox"), "--speed", "20") as sandbox:
        yield Clients(sandbox)


@pytest.mark.parametrize("name", COMPARED)
def test_the_sandbox_answers_as_the_fixture_does(clients: Clients, name: str) -> None:
    call = CALLS.get(name) or CALLS[name.partition("/")[0]]
    reply = call(clients)
    for example in FIXTURES[name]:
        assert_like(getattr(reply, "data", reply), example, open_at=(*OPEN, "details") if name in DIFFERS else OPEN)


def test_what_is_left_out_is_there_and_has_a_reason(capsys: pytest.CaptureFixture[str]) -> None:
    assert [one for one in LEFT_OUT if not any(name.startswith(one) for name in FIXTURES)] == []
    assert [call for call in CALLS if call not in COMPARED] == []
    with capsys.disabled():
        print(f"\n{len(COMPARED)} of {len(FIXTURES)} fixtures")
