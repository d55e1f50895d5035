"""A real sandbox process for tests: `from tests.sandbox_fixture import sandbox` (session scope), or `start_sandbox`.

It runs with `--lifeline`, so that it ends with the test process however that dies.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest

T = TypeVar("T")

PROJECT = Path(__file__).parents[1]
READY_SECONDS = 20.0


def until(condition: Callable[[], T], seconds: float = 10.0, every: float = 0.02) -> T:
    """The first true value of `condition`; fails the test when there is none in time."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, f"not so within {seconds} s: {condition}"
        time.sleep(every)
    return value


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
        until(lambda: announcement.exists() or process.poll() is not None, READY_SECONDS)
        assert process.poll() is None, f"the sandbox ended: {process.stderr.read().decode()}"
        yield RunningSandbox(directory, json.loads(announcement.read_text()), process)
    finally:
        process.stdin.close()
        process.wait(timeout=10)
        process.stderr.close()


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    """One sandbox for all tests of a session. Its speed makes the request limit's window half a second."""
    with start_sandbox(tmp_path_factory.mktemp("sandbox"), "--speed", "20") as running:
        yield running
