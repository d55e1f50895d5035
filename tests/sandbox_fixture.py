"""A real sandbox process for tests: `from tests.sandbox_fixture import sandbox` (session scope), or `start_sandbox`.

It runs with `--lifeline`, so that it ends with the test process however that dies.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.waiting import HANGS_AFTER, until

PROJECT = Path(__file__).parents[1]


@dataclass(frozen=True)
class RunningSandbox:
    """`info` is the content of sandbox.json."""

    dir: Path
    info: dict[str, Any]
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return str(self.info["url"])

    @property
    def token(self) -> str:
        return str(self.info["token"])

    @property
    def dtn(self) -> str:
        return str(self.info["collections"]["dtn"]["id"])

    @property
    def site(self) -> str:
        return str(self.info["collections"]["site"]["id"])

    @property
    def site_root(self) -> Path:
        return Path(self.info["collections"]["site"]["root"])


@contextmanager
def start_sandbox(directory: Path, *options: str) -> Iterator[RunningSandbox]:
    """A sandbox in `directory`, ready to answer; ended by the end of its stdin when the block is left."""
    command = [sys.executable, "-m", "remote.sandbox", "--dir", str(directory), "--lifeline", *options]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    announcement = directory / "sandbox.json"
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, cwd=directory, env=environment)
    assert process.stdin is not None
    assert process.stderr is not None
    try:
        until(lambda: announcement.exists() or process.poll() is not None)
        assert process.poll() is None, f"the sandbox ended: {process.stderr.read().decode()}"
        yield RunningSandbox(directory, json.loads(announcement.read_text()), process)
    finally:
        process.stdin.close()
        process.wait(HANGS_AFTER)
        process.stderr.close()


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    """One sandbox for all tests of a session. Its speed makes the request limit's window half a second."""
    with start_sandbox(tmp_path_factory.mktemp("sandbox"), "--speed", "20") as running:
        yield running
