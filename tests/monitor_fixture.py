"""A login node with endpoints and the monitor of the kit, whose minutes are moments."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.endpoint_fixture import LoginNode
from tests.waiting import HANGS_AFTER, until

FIT = "frib-fit-mpi"
ID = "3f0d6a52-6f0e-4f5e-9a55-0f6c7f1f2f1{}"


class Watched(LoginNode):
    """A login node with endpoints that were made there; the monitor's minutes are moments."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        (self.kit / "site.conf").write_text(f'TOP="{root}/top"\n')
        self.file = root / "top/logs/monitor.json"
        self.change("monitor.py", "^ROUND_SECONDS = 60.0", "ROUND_SECONDS = 0.2")
        self.change(
            "endpoint_watch.py", "^FIRST_PAUSE, LONGEST_PAUSE = 60.0, 3600.0", "FIRST_PAUSE, LONGEST_PAUSE = 0.2, 0.5"
        )
        self.change("endpoint_watch.py", "^OFFLINE_SECONDS = 600.0", "OFFLINE_SECONDS = 1.0")
        self.change("endpoint_watch.py", "^LATE_SECONDS = 1800.0", "LATE_SECONDS = 0.5")
        self.variables["PATH"] = "/usr/bin:/bin:" + self.variables["PATH"]

    def make(self, *names: str, pinned: bool = True) -> None:
        self.did("create", *names)
        if pinned:
            functions = ("fit", "convert", "analyze", "canary")
            self.did("pin", *(f"{name}={ID.format(n)}" for n, name in enumerate(functions)))

    def says(self, **answers: Any) -> None:
        """What Globus Compute says from now on."""
        arriving = self.home / "arriving"
        arriving.write_text(json.dumps(answers))
        arriving.rename(self.home / "compute.json")

    @contextmanager
    def monitor(self, *options: str) -> Iterator[subprocess.Popen[str]]:
        with self.out.open("a") as out:
            command = [sys.executable, str(self.kit / "monitor.py"), *options]
            process = subprocess.Popen(command, env=self.variables, stdout=out, stderr=out, text=True)
        try:
            yield process
        finally:
            process.terminate()
            process.wait(HANGS_AFTER)

    def asks(self, name: str, **words: str) -> Path:
        """Somebody elsewhere asks that an endpoint is restarted."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        path, arriving = self.file.with_name(f"restart-{name}.json"), self.home / "asked.json"
        arriving.write_text(json.dumps({"by": "anna@daq1", "reason": "the night stands still", **words}))
        return arriving.rename(path)

    @property
    def out(self) -> Path:
        return self.home / "monitor.out"

    def said(self, pattern: str) -> bool:
        return re.search(pattern, self.out.read_text()) is not None

    def seen(self, name: str = FIT) -> dict[str, Any]:
        """What monitor.json has of an endpoint; {} before there is anything."""
        found = json.loads(self.file.read_text()).get("endpoints", []) if self.file.exists() else []
        return next((each for each in found if each["name"] == name), {})

    def wait_for(self, pattern: str) -> None:
        until(lambda: self.said(pattern), told=self.out.read_text)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Watched]:
    node = Watched(tmp_path)
    yield node
    node.close()
