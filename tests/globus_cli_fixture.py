"""The globus-cli that people have, in an environment of its own, at a running sandbox: `globus("flows", "list")`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.sandbox_fixture import PROJECT, RunningSandbox
from tests.waiting import HANGS_AFTER

PINS = PROJECT / ".ci/requirements-globus-cli.txt"
SERVICES = ("AUTH", "FLOWS", "TRANSFER", "GROUPS", "SEARCH", "TIMERS", "COMPUTE")


def service_addresses(sandbox: RunningSandbox) -> dict[str, str]:
    """Variables that send globus_sdk, and whatever is made with it, to the sandbox."""
    return {f"GLOBUS_SDK_SERVICE_URL_{service}": sandbox.url for service in SERVICES}


def installed(directory: Path) -> Path:
    """The program `globus`, of the pinned version, in a new environment."""
    plain = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    python, pins = str(directory / "bin/python"), ["--require-hashes", "-r", str(PINS)]
    if uv := shutil.which("uv"):  # where this is, Python may come without ensurepip
        commands = [[uv, "venv", "-p", sys.executable, str(directory)], [uv, "pip", "install", "-p", python, *pins]]
    else:
        commands = [[sys.executable, "-m", "venv", str(directory)], [python, "-m", "pip", "install", "-q", *pins]]
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, env=plain, timeout=10 * HANGS_AFTER)
        assert done.returncode == 0, done.stderr
    return directory / "bin/globus"


@dataclass(frozen=True)
class Globus:
    """As its client the sandbox knows whoever has its token as the secret."""

    program: Path
    sandbox: RunningSandbox
    home: Path

    def run(self, *words: object, secret: str | None = None) -> subprocess.CompletedProcess[str]:
        environment = {
            "HOME": str(self.home),
            "PATH": os.environ["PATH"],
            "GLOBUS_CLI_CLIENT_ID": str(self.sandbox.info["identity"]),
            "GLOBUS_CLI_CLIENT_SECRET": secret or self.sandbox.token,
            **service_addresses(self.sandbox),
        }
        command = [str(self.program), *map(str, words)]
        return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=HANGS_AFTER)

    def __call__(self, *words: object) -> str:
        """What it prints for people; it must have gone well."""
        done = self.run(*words)
        assert done.returncode == 0, f"globus {words}: {done.stdout}{done.stderr}"
        return done.stdout

    def json(self, *words: object) -> Any:
        return json.loads(self(*words, "-F", "json"))
