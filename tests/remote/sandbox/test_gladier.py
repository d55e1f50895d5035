"""A client of gladier works with the sandbox: it registers its function, deploys its flow, runs it, has the result."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from remote.sandbox.compute.environment import environment
from remote.sandbox.ids import ENDPOINTS
from tests.globus_cli_fixture import service_addresses
from tests.sandbox_fixture import PROJECT, RunningSandbox, sandbox
from tests.waiting import HANGS_AFTER

__all__ = ["sandbox"]

PINS = PROJECT / ".ci/requirements-gladier.txt"
CLIENT = PROJECT / "tests/gladier_client.py"


@pytest.fixture(scope="module")
def python() -> Path:
    """Of the environment that has gladier, kept for the next time."""
    return environment(lambda _: None, PINS) / "bin/python"


def ran(python: Path, sandbox: RunningSandbox, home: Path, client: Path, *numbers: int) -> Any:
    """What the client has printed: its flow, its flow run and the details of the one state."""
    variables = {
        "HOME": str(home),
        "PATH": os.environ["PATH"],
        "GLADIER_CLIENT_ID": str(sandbox.info["identity"]),
        "GLADIER_CLIENT_SECRET": sandbox.token,
        **service_addresses(sandbox),
    }
    command = [python, client, sandbox.url, ENDPOINTS["frib-analysis"], *map(str, numbers)]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=HANGS_AFTER)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_client_of_gladier_runs_its_function_by_a_flow(python: Path, sandbox: RunningSandbox, tmp_path: Path) -> None:
    first = ran(python, sandbox, tmp_path, CLIENT, 1, 2, 3)
    assert first["run"]["status"] == "SUCCEEDED"
    assert (first["run"]["label"], first["run"]["flow_title"]) == ("of gladier", "Adding flow")
    assert first["details"]["details"]["result"] == [{"sum": 6, "worker": True}]

    second = ran(python, sandbox, tmp_path, CLIENT, 4, 5)
    assert second["details"]["details"]["result"][0]["sum"] == 9
    assert second["flow"] == first["flow"], "what has not changed is not deployed again"
    assert function_of(second) == function_of(first)

    changed = tmp_path / "changed.py"
    changed.write_text(CLIENT.read_text().replace("sum(numbers)", "max(numbers)"))
    third = ran(python, sandbox, tmp_path, changed, 4, 5)
    assert third["details"]["details"]["result"][0]["sum"] == 5
    assert function_of(third) != function_of(first)

    failed = ran(python, sandbox, tmp_path, CLIENT)
    assert failed["run"]["status"] == "SUCCEEDED", "gladier's flows go on after a task that failed"
    assert failed["details"]["status"] == "FAILED"
    assert "nothing to add" in failed["details"]["details"]["results"][0]["exception"]


def function_of(ran: Any) -> str:
    return str(ran["run"]["details"]["output"]["input"]["add_up_function_id"])
