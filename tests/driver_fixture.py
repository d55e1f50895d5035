"""Real driver processes of an experiment that has no other end: for what they do with lock, ledger and each other."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from console.driver.process import driver_log, spawn_driver
from console.driver.supervisor import Supervisor
from console.ledger.presence import Presence, driver
from console.ledger.store import Ledger
from console.settings.profiles import write_sandbox_profile
from tests.waiting import until


def driving(ledger: Path) -> Presence | None:
    """The driver, once it has said which process it is: before that its pid is 0, and a signal to that is one to the
    whole group of whoever sends it."""
    found = driver(ledger)
    return found if found is not None and found.pid else None


class Experiment:
    """A profile whose Globus answers nothing. `ledger` is a path, as for whoever looks."""

    def __init__(self, directory: Path) -> None:
        self.runs = directory / "dtn" / "runs"
        self.runs.mkdir(parents=True)
        self.runs.with_name("results").mkdir()
        self.profile, self.ledger = directory / "profile.toml", directory / "ledger.db"
        ids = {"id": str(uuid4())}
        endpoints = dict.fromkeys(("frib-fit-mpi", "frib-convert", "frib-analysis"), str(uuid4()))
        remote = {"url": "http://127.0.0.1:9", "token": "none", "kit": "/kit", "endpoints": endpoints}
        write_sandbox_profile(self.profile, remote | {"collections": {"dtn": ids, "site": ids}}, directory)
        self._processes: list[subprocess.Popen[bytes]] = []
        self._supervisors: list[Supervisor] = []

    def start(self) -> subprocess.Popen[bytes]:
        """A driver of its own accord; whether it becomes the driver is another matter."""
        process = spawn_driver(self.ledger, self.profile, lifeline=True)
        self._processes.append(process)
        return process

    def started(self) -> subprocess.Popen[bytes]:
        """A driver at work: with an epoch."""
        process = self.start()
        until(lambda: (there := self.present()) is not None and there.pid == process.pid and there.epoch)
        return process

    def supervise(self) -> Supervisor:
        supervisor = Supervisor(self.ledger, self.profile, lifeline=True)
        self._supervisors.append(supervisor)
        supervisor.start()
        return supervisor

    def present(self) -> Presence | None:
        return driver(self.ledger)

    def successor(self, of: Presence | None = None) -> Presence:
        """The next driver, as soon as it has its epoch."""
        epoch = of.epoch if of else 0

        def there() -> Presence | None:
            now = self.present()
            return now if now is not None and now.epoch > epoch and not now.hung else None

        found = until(there, every=0.01)
        assert found is not None
        return found

    def events(self) -> list[str]:
        ledger = Ledger(self.ledger)
        try:
            return [row["text"] for row in ledger.rows("SELECT text FROM events ORDER BY event")]
        finally:
            ledger.close()

    def log(self) -> str:
        return driver_log(self.ledger).read_text()

    def close(self) -> None:
        for supervisor in self._supervisors:
            supervisor.close()
        for process in self._processes:
            process.kill()
            process.wait()
        left = driving(self.ledger)
        if left is not None and left.pid != os.getpid():
            with contextlib.suppress(ProcessLookupError):
                os.kill(left.pid, signal.SIGKILL)


@contextmanager
def experiment_in(directory: Path) -> Iterator[Experiment]:
    made = Experiment(directory)
    try:
        yield made
    finally:
        made.close()
