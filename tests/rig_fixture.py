"""The rig for tests: the sandbox with the unmodified endpoints in blocks of a real Slurm, and the driver beside it.

`from tests.rig_fixture import rig` (module scope), and `slurm` with it. Programs of the site can be held.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from console.ledger import attempts
from flowspec.states import RunState
from remote.sandbox.ids import ENDPOINTS
from remote.sandbox.server import TOOLS
from tests.e2e.test_engine_endpoint import processes_of
from tests.pipeline_fixture import Pipeline, running_pipeline
from tests.slurm_fixture import UNDER_WAY, Slurm, slurm
from tests.waiting import HANGS_AFTER, until

__all__ = ["Rig", "rig", "slurm"]

# A fit says in which block it is, then waits for a file to go.
HELD = """\
#!/bin/bash
echo "$SLURM_JOB_ID" >>{began}
while [[ -e {hold} ]]; do sleep 0.1; done
exec {program} "$@"
"""


class Rig:
    def __init__(self, pipeline: Pipeline, slurm: Slurm) -> None:
        self.pipeline, self.slurm = pipeline, slurm
        self.directory = pipeline.sandbox.directory
        self.site = self.directory / "site"
        self._hold, self._began = self.directory / "hold", self.directory / "began"
        fakes = self.directory / "fakes"
        fakes.mkdir()
        program = fakes / "EventEditor"
        program.write_text(HELD.format(began=self._began, hold=self._hold, program=TOOLS / program.name))
        program.chmod(0o755)
        conf = self.site / "kit" / "site.conf"
        conf.write_text(conf.read_text() + f"PATH={fakes}:$PATH\n")

    @contextmanager
    def fits_held(self) -> Iterator[None]:
        """Each program that fits waits until this ends."""
        self._hold.touch()
        self._began.unlink(missing_ok=True)
        try:
            yield
        finally:
            self._hold.unlink()

    def blocks(self, count: int = 1) -> list[int]:
        """Waits until so many fits have begun since they are held; the block of each."""

        def begun() -> list[int]:
            blocks = [int(line) for line in self._began.read_text().split()] if self._began.exists() else []
            return blocks if len(blocks) >= count else []

        return until(begun, every=0.1, told=self.told)

    @contextmanager
    def full_disk(self) -> Iterator[None]:
        """Jobs have their temporary files on a file system of 1 MB."""
        conf, disk = self.site / "kit" / "site.conf", self.directory / "disk"
        before = conf.read_text()
        disk.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk]).returncode:
            pytest.skip("no file system can be mounted here")
        conf.write_text(f"{before}export TMPDIR={disk}\n")
        try:
            yield
        finally:
            conf.write_text(before)
            subprocess.run(["umount", "--lazy", disk], check=True)

    def deliver(self, run: int, segments: int = 1) -> None:
        self.pipeline.deliver(self.pipeline.take(run, segments=segments, events=20))

    def console(self, *words: str | int) -> str:
        """What `console ...` prints."""
        command = [sys.executable, "-m", "console", "--profile", str(self.pipeline.profile), *map(str, words)]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=HANGS_AFTER)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    def sees(self, run: int, *sentences: str) -> str:
        """Waits until all of these are in the status of the run."""

        def seen() -> str:
            text = self.console("status", run)
            return text if all(words in text for words in sentences) else ""

        return until(seen, every=0.5, told=lambda: f"{sentences}\n{self.told()}\n{self.console('status', run)}")

    def is_done(self, run: int, attempts_made: int = 1) -> None:
        """The run comes home, in so many attempts, and nothing of it is double or half made."""
        self.pipeline.wait_for(run, RunState.DONE)
        assert len(attempts.attempts(self.pipeline.ledger, run)) == attempts_made
        assert self.unfinished(run) == []
        assert len(list(self.pipeline.settings.dtn.results.glob(f"run-{run:04d}-sorted.root*"))) == 1

    def reports(self, run: int, stage: str) -> list[str]:
        return sorted(path.name for path in (self.site / "logs" / f"run{run}").glob(f"{stage}-*.json"))

    def unfinished(self, run: int) -> list[Path]:
        """Hidden files below the site: of outputs on their way."""
        return [path for path in self.site.rglob(".*") if f"run-{run:04d}" in path.name]

    def programs(self, word: str) -> list[str]:
        """Command lines at the rig with this word in them."""
        return [line for line in processes_of(self.directory) if word in line]

    def kill_child(self, endpoint: str) -> None:
        """SIGKILL for the user endpoint that the manager of this name has started, and for nothing below it."""
        title = re.compile(rf"Globus Compute Endpoint \(\S+, uep\.{ENDPOINTS[endpoint]}\.")
        [child] = [process for process, command in self._processes() if title.match(command)]
        os.kill(child, signal.SIGKILL)

    def let_next_child_start(self, endpoint: str) -> None:
        """A child refuses to start ("Another instance of this endpoint is running") for 90 s, three heartbeats, after
        one that was killed: the time of its PID file is set back by so much."""
        [pid_file] = (self.directory / "home" / ".globus_compute").glob(f"uep.{ENDPOINTS[endpoint]}.*/daemon.pid")
        before = pid_file.stat().st_mtime - 90
        os.utime(pid_file, (before, before))

    def _processes(self) -> Iterator[tuple[int, str]]:
        """Those that have their working directory at the rig, as a title hides the environment of daemons; the command
        line of each."""
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):  # gone, or another account's
                if (process / "cwd").readlink().is_relative_to(self.directory / "home"):
                    command = (process / "cmdline").read_bytes().replace(b"\0", b" ")
                    yield int(process.name), command.decode(errors="replace")

    def told(self) -> str:
        """For whoever reads why a test failed."""
        return self.slurm.run("squeue", "--all").stdout

    @contextmanager
    def partition(self, state: str) -> Iterator[None]:
        """The partition in DRAIN takes no job, in DOWN it starts none."""
        self.slurm.run("scontrol", "update", "PartitionName=main", f"State={state}")
        try:
            yield
        finally:
            self.slurm.run("scontrol", "update", "PartitionName=main", "State=UP")

    def jobs(self) -> dict[str, str]:
        """The state of each block that is under way, by its number."""
        listed = self.slurm.run("squeue", "--noheader", "--format=%i %T").stdout.split("\n")
        return {number: state for number, _, state in (line.partition(" ") for line in listed) if state in UNDER_WAY}


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory, slurm: Slurm) -> Iterator[Rig]:
    """Looks often: how long the console waits until it speaks is counted in looks."""
    directory = tmp_path_factory.mktemp("rig") / "sandbox"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLURM_CONF", slurm.environment["SLURM_CONF"])
        patch.setenv("FRIB_CONSOLE__POLICY__POLL_INTERVAL", "0.25")
        with running_pipeline(directory, provider="slurm") as pipeline:
            rig = Rig(pipeline, slurm)
            pipeline.start_driver()
            yield rig
    until(lambda: not processes_of(directory), told=lambda: str(processes_of(directory)))
    until(lambda: not rig.jobs(), told=rig.told)
