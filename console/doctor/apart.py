"""The doctor or a preflight in a process of its own, whose findings come one by one: a screen waits for nothing."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

from console.doctor.finding import Finding
from console.driver.process import CHILD_DIRECTORY, python

Came = Callable[[Finding], object]
Over = Callable[[int], object]


class Apart:
    """Begins at once. `came` and `over` (with its return code) are called on a thread of their own.

    It ends, and cleans up, when it is told to, and when this process ends.
    """

    def __init__(self, check: str, profile: Path, came: Came, over: Over) -> None:
        """Raises OSError."""
        self._process = subprocess.Popen(
            python("console.doctor", check, str(profile)), text=True, cwd=CHILD_DIRECTORY, start_new_session=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        threading.Thread(target=self._read, args=(came, over), name=check, daemon=True).start()

    def end(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()

    def _read(self, came: Came, over: Over) -> None:
        for line in self._process.stdout or ():
            if line.endswith("\n"):  # else it was killed while it wrote
                came(Finding.of(json.loads(line)))
        over(self._process.wait())
