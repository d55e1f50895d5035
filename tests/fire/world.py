"""The world that burns: a sandbox, screens in terminals of their own, and whoever of them is the driver.

The programs at the site are replaced by ones that copy: it is the console that is under fire, not the fit.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from console.ledger.presence import Presence
from tests.driver_fixture import driving
from tests.pipeline_fixture import Pipeline
from tests.recording import Recording
from tests.sandbox_fixture import PROJECT
from tests.waiting import HANGS_AFTER

PROGRAMS = {
    "EventEditor": 'for a; do case $last in -s) i=$a;; -S) o=$a;; esac; last=$a; done\ncp "${i#*//}" "${o#*//}"\n',
    "eeconverter": 'for a; do case $last in -f) out=$a;; esac; last=$a; done\nroot_file >"$out"\n',
    "betasort": 'printf -v out "%s/run-%04d-sorted.root" "$2" "$3"\nroot_file >"$out"\n',
}
FAULTS = f"[[ -z $FRIB_SANDBOX_FAULT ]] || . '{PROJECT}/remote/sandbox/tools/bin/fault.sh'\n"
# The header of a ROOT file of 400 bytes, closed as it should be: nothing else of it is looked at.
ROOT = struct.pack(">4s7iB3i", b"root", 62_400, 100, 400, 350, 50, 1, 58, 4, 1, 300, 50).ljust(400, b"\0")
HEAD = (
    f"#!/bin/bash\nset -e\nlast=\nroot_file() {{ printf %s {base64.b64encode(ROOT).decode()} | base64 -d; }}\n" + FAULTS
)


class World(Pipeline):
    """Runs of one segment without events: they take as little of the machine as can be."""

    def __init__(self, directory: Path, *, streaming: bool = False, **options: Any) -> None:
        super().__init__(directory, speed=10.0, **options)  # Flows looks often: nothing here is about its patience
        self.runs: list[int] = []
        self.cancelled: set[int] = set()  # these are to have no result
        text = self.profile.read_text()
        for slow, quick in (
            ("poll_interval = 1.0", "poll_interval = 0.7\nsettle = 0.1"),
            (
                "look_interval = 1.0",
                f"look_interval = 0.3\nstreaming = {str(streaming).lower()}\nstreaming_segments = 2",
            ),
        ):
            assert slow in text
            text = text.replace(slow, quick)
        self.profile.write_text(text)
        kit = self.sandbox.directory / "site" / "kit"
        self._programs = kit / "bin"
        self._programs.mkdir(exist_ok=True)
        self.quick(True)
        self.hold_file = self._programs / "hold"
        with (kit / "site.conf").open("a") as conf:
            conf.write(f'export PATH="{kit}/bin:$PATH"\n')

    def quick(self, on: bool) -> None:
        """Otherwise the stand-ins of the sandbox are at work, which really fit."""
        for name, text in PROGRAMS.items():
            program = self._programs / name
            if on:
                program.write_text(HEAD + 'while [[ -e "${0%/*}/hold" ]]; do sleep 0.1; done\n' + text)
                program.chmod(0o755)
            else:
                program.unlink(missing_ok=True)

    def hold(self, on: bool) -> None:
        """While held, every program at the site waits."""
        if on:
            self.hold_file.touch()
        else:
            self.hold_file.unlink(missing_ok=True)

    @contextlib.contextmanager
    def broken(self, name: str) -> Iterator[None]:
        """While broken, a program aborts."""
        program = self.hold_file.with_name(name)
        good = program.read_text()
        program.write_text("#!/bin/bash\nexit 134\n")
        try:
            yield
        finally:
            program.write_text(good)

    def new_run(self, segments: int = 1) -> int:
        run = self.runs[-1] + 1 if self.runs else 101
        self.deliver(self.take(run, segments=segments, events=0))
        self.runs.append(run)
        return run

    def record(self, segments: int) -> Recording:
        """A run of which all but the end is recorded. It has events, as a segment without any is empty: that asks for
        programs that fit, not for quick ones."""
        run = self.runs[-1] + 1 if self.runs else 101
        recording = Recording(self.sandbox.directory / "daq", self.settings.dtn.runs, run, segments, events=2)
        recording.write_but_for_the_end()
        self.runs.append(run)
        return recording

    def driver(self) -> Presence | None:
        return driving(self.settings.ledger)


class Screen:
    """A console on a terminal of its own, which somebody reads."""

    def __init__(self, profile: Path) -> None:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 0, 0))
        self._terminal = ours
        self.process = subprocess.Popen(
            [sys.executable, "-m", "screens", "--profile", str(profile)],
            stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
            env={**os.environ, "TERM": "xterm-256color"},
        )  # fmt: skip
        os.close(theirs)
        threading.Thread(target=self._read, daemon=True).start()

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process.pid, signal.SIGCONT)
            os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait(HANGS_AFTER)

    def _read(self) -> None:
        with contextlib.suppress(OSError):
            while os.read(self._terminal, 65536):
                pass
        os.close(self._terminal)
