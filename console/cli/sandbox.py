"""The sandbox as a console uses it: the other end, a DAQ that takes runs, and a profile for them, in one directory.

The processes hang on pipes held by this one, so that they end with it, however it ends.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from console.cli.deployment import deploy_flows, register_functions
from console.driver.process import CHILD_DIRECTORY, ProcessProblem, last_line, open_log, python
from console.settings.model import Settings
from console.settings.private import make_directory
from console.settings.profiles import load, write_sandbox_profile

READY_SECONDS = 30.0
ENDPOINT_SECONDS = 150.0  # until real endpoints are online too
END_SECONDS = 5.0


class Sandbox:
    """A running sandbox in `directory` (a temporary one, removed afterwards, when None).

    `rate` limits its transfers, in bytes per second; `workers`: of each endpoint. `polling`: how its Flows spaces the
    looks at an action (quick or real), `speed` times as fast; `hints`: whether it looks at once when told to.
    `provider`: its endpoints are the real ones, whose blocks are started by this (local or slurm).
    `worker_counts`: whether its endpoints tell how many workers they have.
    """

    def __init__(
        self,
        directory: Path | None = None,
        *,
        port: int = 0,
        rate: int | None = None,
        workers: int | None = None,
        auto_launch: bool = True,
        polling: str = "quick",
        speed: float = 1.0,
        hints: bool = True,
        provider: str | None = None,
        worker_counts: bool = False,
    ) -> None:
        self._temporary = directory is None
        self.directory = Path(directory or tempfile.mkdtemp(prefix="frib-sandbox-")).resolve()
        self.profile = self.directory / "profile.toml"
        self.taken: dict[int, float] = {}  # run -> when its last segment was whole on the DTN (seconds since the epoch)
        self._auto_launch = auto_launch
        self._provider = provider
        self._options = ["--port", str(port), "--flows-polling", polling, "--speed", str(speed)]
        self._options += ["--rate", str(rate)] if rate else []
        self._options += ["--workers", str(workers)] if workers else []
        self._options += [] if hints else ["--ignore-hints"]
        self._options += ["--worker-counts"] if worker_counts else []
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._ending = False

    def start(self, say: Callable[[str], None]) -> Settings:
        """Start the other end and deploy to it; returns the settings to use it with."""
        make_directory(self.directory)
        real = self._endpoint_options(say)
        ready = self.directory / "sandbox.json"
        ready.unlink(missing_ok=True)
        say("starting the loopback Globus")
        server = self._spawn(
            "sandbox", python("remote.sandbox", "--dir", str(self.directory), "--lifeline", *self._options, *real)
        )
        until = time.monotonic() + (ENDPOINT_SECONDS if real else READY_SECONDS)
        while not ready.exists():
            if server.poll() is not None or time.monotonic() > until:
                raise ProcessProblem(f"the sandbox did not start: {last_line(self._log('sandbox'))}")
            time.sleep(0.02)
        policy = {"auto_launch": self._auto_launch, "poll_interval": 1.0, "look_interval": 1.0, "retry_pause": 2.0}
        write_sandbox_profile(self.profile, json.loads(ready.read_text()), self.directory, **policy)
        settings = load(self.profile)
        say("registering the functions, deploying the flows")
        register_functions(settings)
        deploy_flows(settings)
        return load(self.profile)

    def _endpoint_options(self, say: Callable[[str], None]) -> list[str]:
        """Those of the other end for real endpoints, whose environment is there then; none for its own workers."""
        if self._provider is None:
            return []
        if self._provider == "slurm" and not shutil.which("sbatch"):
            raise ProcessProblem(
                "there is no sbatch in PATH: --provider slurm needs a Slurm (SLURM_CONF says of which)"
            )
        from remote.sandbox.compute import environment  # for nobody else

        try:
            place = environment.environment(say)
        except environment.EnvironmentProblem as problem:
            raise ProcessProblem(str(problem)) from None
        say("starting the compute endpoints")
        return ["--endpoint-environment", str(place), "--provider", self._provider]

    def take_runs(self, runs: int, segments: int, events: int, **pace: float) -> None:
        """Let the DAQ take runs (0: for ever), each of so many segments of so many events."""
        options = {"runs": runs, "segments": segments, "events": events, **pace}
        command = python("remote.sandbox.daq", "--daq", str(self.directory / "daq"))
        command += ["--dtn", str(self.directory / "dtn" / "runs"), "--lifeline"]
        for name, value in options.items():
            command += [f"--{name}", str(value)]
        daq = self._spawn("daq", command, stdout=subprocess.PIPE)
        threading.Thread(target=self._read_daq, args=(daq.stdout,), daemon=True).start()

    def problem(self) -> str | None:
        """What ended that should not have."""
        for name, child in self._children.items():
            code = child.poll()
            if code is not None and not self._ending and not (name == "daq" and code == 0):
                return f"the {name} process ended ({_how(code)}): {last_line(self._log(name))}"
        return None

    def ended(self) -> bool:
        """True when the loopback Globus is gone: nothing can go on without it."""
        return self._children["sandbox"].poll() is not None

    def close(self, *, leave_results: bool = False) -> None:
        """End the processes and, when the directory is temporary, remove it (or all of it but the results)."""
        self._ending = True
        for child in self._children.values():
            if child.stdin is not None:
                child.stdin.close()
        for child in self._children.values():
            try:
                child.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)
                child.wait()
        if self._temporary:
            _remove(self.directory, leave_results=leave_results)

    def _spawn(self, name: str, command: list[str], stdout: int | None = None) -> subprocess.Popen[bytes]:
        with open_log(self._log(name)) as log:
            child = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=log if stdout is None else stdout, stderr=log,
                cwd=CHILD_DIRECTORY, start_new_session=True,
            )  # fmt: skip
        self._children[name] = child
        return child

    def _log(self, name: str) -> Path:
        return self.directory / "log" / f"{name}.log"

    def _read_daq(self, output: Iterable[bytes]) -> None:
        """Until its end, whatever it writes: a pipe that nobody reads would hold up the DAQ."""
        for line in output:
            with contextlib.suppress(ValueError, KeyError, TypeError):
                told = json.loads(line)
                self.taken[told["run"]] = told["ended_at"]


def _remove(directory: Path, *, leave_results: bool) -> None:
    """Remove a sandbox's directory. Finished run directories are read-only, as the DAQ leaves them."""
    for folder, _, _ in os.walk(directory):
        Path(folder).chmod(0o700)
    if not leave_results:
        shutil.rmtree(directory)
        return
    for child in (*directory.iterdir(), *(directory / "dtn").iterdir()):
        if child.name in ("dtn", "results"):
            continue
        if child.is_dir():
            shutil.rmtree(child)
        else:
            child.unlink()


def _how(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
