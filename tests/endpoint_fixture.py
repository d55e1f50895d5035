"""A login node in a directory: its home, a copy of the kit, and an environment in which the package is a stand-in.

The three heartbeats of kit and stand-in are made three seconds.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.site_fixture import KIT
from tests.waiting import HANGS_AFTER

STAND_INS = Path(__file__).parent / "stand_ins"
HEARTBEATS = 3.0  # s
NAMES = ("frib-fit-mpi", "frib-convert", "frib-analysis")


class LoginNode:
    def __init__(self, root: Path) -> None:
        self.home, self.kit = root / "home", root / "kit"
        self.endpoints = self.home / ".globus_compute"
        self.home.mkdir()
        shutil.copytree(KIT, self.kit, ignore=shutil.ignore_patterns("__pycache__"))
        for module, name in (("endpoint_processes.py", "HEARTBEATS_SECONDS"), ("endpoint_logs.py", "DEAD_SECONDS")):
            self.change(module, rf"^{name} = 90.0", f"{name} = {HEARTBEATS}")
        self.change("endpoint_processes.py", "^LOOK_SECONDS = 1.0", "LOOK_SECONDS = 0.05")
        self.environment = root / "gce"
        program = self.environment / "bin/globus-compute-endpoint"
        program.parent.mkdir(parents=True)
        program.write_text(f'#!/bin/bash\nexec "{sys.executable}" "{STAND_INS}/globus_compute_endpoint.py" "$@"\n')
        program.chmod(0o755)
        python = self.environment / "bin/python"
        python.write_text(f'#!/bin/bash\nexec "{sys.executable}" "{STAND_INS}/compute_python.py" "$@"\n')
        python.chmod(0o755)
        shutil.copy(self.kit / "endpoints.conf.example", self.kit / "endpoints.conf")
        self.change("endpoints.conf", "^environment = .*$", f"environment = {self.environment}")
        self.variables = {**os.environ, "HOME": str(self.home), "GCE_STALE": str(HEARTBEATS)}

    def change(self, file: str, pattern: str, to: str) -> None:
        """A line of a file of the kit."""
        text, count = re.subn(pattern, lambda _: to, (self.kit / file).read_text(), flags=re.M)
        assert count == 1, f"{file}: {count} times {pattern}"
        (self.kit / file).write_text(text)

    def gce(self, *words: str, **options: Any) -> subprocess.CompletedProcess[str]:
        return self.run([str(self.kit / "gce"), *words], **options)

    def run(self, command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        options = {"env": self.variables, "stdin": subprocess.DEVNULL, "timeout": HANGS_AFTER, **options}
        return subprocess.run(command, capture_output=True, text=True, **options)

    def did(self, *words: str) -> str:
        """What a command said that went well."""
        done = self.gce(*words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def refused(self, *words: str) -> str:
        """What one said that did not, in one line."""
        done = self.gce(*words)
        assert done.returncode == 1, done.stdout + done.stderr
        (line,) = done.stderr.splitlines()
        return line.removeprefix("gce: ")

    def calls(self) -> list[str]:
        """What the package was asked for that has an effect, by command and endpoint."""
        file = self.home / "calls"
        calls = file.read_text().splitlines() if file.exists() else []
        return [call for call in calls if not call.startswith(("render", "run"))]

    def crash(self, name: str) -> None:
        os.kill(int((self.endpoints / name / "daemon.pid").read_text()), signal.SIGKILL)

    def close(self) -> None:
        pids = self.endpoints / "stand-in.pids"
        for pid in pids.read_text().split() if pids.exists() else []:
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
