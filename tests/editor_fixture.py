"""EventEditor's stand-in as a process: how it ends, or that it does not, and what it leaves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from flowspec.ddas import decode_event
from remote.sandbox.tools import eventeditor
from remote.sandbox.tools.hits import walk
from tests.synthetic_run import FIT_CONFIG, ordinary_events, segment
from tests.waiting import HANGS_AFTER, until

LAUNCHER = Path(eventeditor.__file__).parent / "bin" / "EventEditor"
SERVICES = "# three services\n1 tcp://127.0.0.1:4001\n\n 2 tcp://127.0.0.1:4002 \n3 ipc://@frib-3\n"
_STILL = 5  # looks in a row at which it sleeps and has used no more of the processor


def contents(data: bytes) -> tuple[int, int]:
    """Events and hits of an event file, whose sizes all agree."""
    items = list(walk(data))
    assert sum(item.size for item in items) == len(data)
    events = [decode_event(data[item.body : item.start + item.size]) for item in items if item.type == 30]
    return len(events), sum(map(len, events))


class Program:
    """EventEditor with its files in a directory of its own. Over MPI it is the first of four ranks."""

    def __init__(self, directory: Path) -> None:
        self.config, self.services = directory / "fit.conf", directory / "services"
        self.source, self.sink = directory / "in put.evt", directory / "out.evt"
        self.told = directory / "stderr"
        self.config.write_text(FIT_CONFIG)
        self.services.write_text(SERVICES)
        self.source.write_bytes(segment(ordinary_events(3)))
        self.environment = {
            **os.environ,
            "FRIB_PYTHON": sys.executable,
            "FIT_CONFIGFILE": str(self.config),
            "HOME": str(directory),
            "ZMQ_SERVICES": str(self.services),
            "OMPI_COMM_WORLD_SIZE": "4",
        }

    def run(self, *more: str) -> subprocess.CompletedProcess[str]:
        # Through a shell, as in a job script: only a shell turns a signal into a return code.
        command = ["bash", "-c", '"$@"; exit $?', "bash", *self._command(*more)]
        with subprocess.Popen(
            command,
            env=self.environment,
            cwd=self.sink.parent,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                said, errors = process.communicate(timeout=HANGS_AFTER)
            except BaseException:
                os.killpg(process.pid, signal.SIGKILL)  # with the program, which may hang in earnest
                raise
        return subprocess.CompletedProcess(command, process.returncode, said, errors)

    def start(self, *more: str) -> subprocess.Popen[bytes]:
        """What it says on stderr goes to the file `told`."""
        with self.told.open("wb") as stderr:
            return subprocess.Popen(self._command(*more), env=self.environment, cwd=self.sink.parent, stderr=stderr)

    def _command(self, *more: str) -> list[str]:
        files = ["-s", f"file://{self.source}", "-S", f"file://{self.sink}"]
        return [str(LAUNCHER), *files, "-l", "lib.so", "-c", "2000", *(more or ("-n", "1", "-p", "threaded"))]


def wait_until_still(process: subprocess.Popen[bytes]) -> None:
    """Until it is there, sleeps and uses no processor; fails when it ends."""
    seen: list[tuple[str, ...]] = []

    def still() -> bool:
        assert process.poll() is None, f"it ended with return code {process.returncode}"
        numbers = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
        seen.append((numbers[0], numbers[11], numbers[12]))  # state, user and system time
        return seen[-1][0] == "S" and len(seen) >= _STILL and len(set(seen[-_STILL:])) == 1

    until(still, every=0.1)


def kill(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait(HANGS_AFTER)
