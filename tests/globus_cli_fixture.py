"""The globus-cli that people have, in an environment of its own, at a running sandbox: `globus("flows", "list")`."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from remote.sandbox.compute.environment import environment
from remote.sandbox.ids import IDENTITY
from tests.official_shapes import HEAR
from tests.sandbox_fixture import PROJECT, RunningSandbox, start_sandbox
from tests.waiting import HANGS_AFTER

PINS = PROJECT / ".ci/requirements-globus-cli.txt"
SERVICES = ("AUTH", "FLOWS", "TRANSFER", "GROUPS", "SEARCH", "TIMERS", "COMPUTE")

ASKING = {
    "StartAt": "Ask",
    "States": {
        "Ask": {
            "Type": "CreateWebInput",
            "Parameters": {
                "InputType": "Selection",
                "Context": {"PresentationStyle": "Text", "Title": "Go on?", "Text": "There are `files`."},
                "Options": [{"Value": "yes", "Label": "Go on"}],
                "RespondentUrns": [f"urn:globus:auth:identity:{IDENTITY}"],
            },
            "ResultPath": "$.asked",
            "Next": "Hear",
        },
        "Hear": {**HEAR, "End": True},
    },
}
"""A flow that asks people whether to go on."""


def service_addresses(sandbox: RunningSandbox) -> dict[str, str]:
    """Variables that send globus_sdk, and whatever is made with it, to the sandbox."""
    return {f"GLOBUS_SDK_SERVICE_URL_{service}": sandbox.url for service in SERVICES}


def installed() -> Path:
    """The program `globus`, of the pinned version, in an environment of its own that is kept for the next time."""
    return environment(lambda _: None, PINS) / "bin/globus"


@dataclass(frozen=True)
class Globus:
    """As its client the sandbox knows whoever has its token as the secret."""

    program: Path
    sandbox: RunningSandbox
    home: Path

    def variables(self, secret: str | None) -> dict[str, str]:
        return {
            "HOME": str(self.home),
            "PATH": os.environ["PATH"],
            "GLOBUS_CLI_CLIENT_ID": str(self.sandbox.info["identity"]),
            "GLOBUS_CLI_CLIENT_SECRET": secret or self.sandbox.token,
            **service_addresses(self.sandbox),
        }

    def run(self, *words: object, secret: str | None = None, given: str = "") -> subprocess.CompletedProcess[str]:
        command = [str(self.program), *map(str, words)]
        return subprocess.run(
            command, input=given, capture_output=True, text=True, env=self.variables(secret), timeout=HANGS_AFTER
        )

    def __call__(self, *words: object) -> str:
        """What it prints for people; it must have gone well."""
        done = self.run(*words)
        assert done.returncode == 0, f"globus {words}: {done.stdout}{done.stderr}"
        return done.stdout

    def json(self, *words: object) -> Any:
        return json.loads(self(*words, "-F", "json"))


@pytest.fixture(scope="module")
def globus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Globus]:
    program = installed()
    with start_sandbox(tmp_path_factory.mktemp("sandbox"), "--speed", "20") as sandbox:
        yield Globus(program, sandbox, tmp_path_factory.mktemp("home"))
