"""The rig for tests: the sandbox with the unmodified endpoints in blocks of a real Slurm, and the driver beside it.

`from tests.rig_fixture import rig` (module scope), and `slurm` with it. Fits can be held while something happens.
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

FIT = "frib-fit-mpi"
# A fit says in which block it is, then waits for a file to go.
HELD = """\
#!/bin/bash
echo "$SLURM_JOB_ID" >>{began}
while [[ -e {hold} ]]; do sleep 0.1; done
exec {program} "$@"
"""
# So that the stories take minutes: a block that is silent for 15 s is lost (the engine alone waits for two minutes),
# and one that has no work is kept for the next story.
QUICK = {
    "engine:\n": "engine:\n  heartbeat_period: 3\n  heartbeat_threshold: 15\n",
    "max_idletime: 30": "max_idletime: 900",
}
ONE_IN_A_BLOCK = {"workers_per_node | default(2)": "workers_per_node | default(1)", "max_blocks: 1": "max_blocks: 2"}
# A container of bubblewrap whose temporary files are on a file system of 1 MB.
SMALL = 'CONTAINER=(bwrap --dev-bind / / --size 1048576 --tmpfs "{disk}")\nexport TMPDIR="{disk}"\n'


class Rig:
    def __init__(self, pipeline: Pipeline, slurm: Slurm) -> None:
        self.pipeline, self.slurm = pipeline, slurm
        self.directory = pipeline.sandbox.directory
        self.site = self.directory / "site"
        self._home = self.directory / "home" / ".globus_compute"
        self._conf = self.site / "kit" / "site.conf"
        self._hold, self._began = self.directory / "hold", self.directory / "began"
        program = self.directory / "fakes" / "EventEditor"
        program.parent.mkdir()
        program.write_text(HELD.format(began=self._began, hold=self._hold, program=TOOLS / program.name))
        program.chmod(0o755)
        self._conf.write_text(f"{self._conf.read_text()}PATH={program.parent}:$PATH\n")
        for name in ENDPOINTS:
            template = self._home / name / "user_config_template.yaml.j2"
            text = template.read_text()
            for before, after in {**QUICK, **(ONE_IN_A_BLOCK if name == FIT else {})}.items():
                assert before in text
                text = text.replace(before, after, 1)
            template.write_text(text)

    # ---- what happens

    def deliver(self, run: int, segments: int = 1) -> None:
        self.pipeline.deliver(self.pipeline.take(run, segments=segments, events=20))

    @contextmanager
    def fits_held(self) -> Iterator[None]:
        """Each program that fits waits until this ends."""
        self._hold.touch()
        self._began.unlink(missing_ok=True)
        try:
            yield
        finally:
            self._hold.unlink()

    @contextmanager
    def small_disk(self) -> Iterator[None]:
        """Jobs have too little room for their temporary files."""
        before = self._conf.read_text()
        self._conf.write_text(before + SMALL.format(disk=self.directory / "tmp"))
        try:
            yield
        finally:
            self._conf.write_text(before)

    @contextmanager
    def partition_drained(self) -> Iterator[None]:
        """sbatch refuses every job."""
        self.slurm.run("scontrol", "update", "PartitionName=main", "State=DRAIN")
        try:
            yield
        finally:
            self.slurm.run("scontrol", "update", "PartitionName=main", "State=UP")

    def kill_child(self) -> None:
        """SIGKILL for the user endpoint of fit, and for nothing below it."""
        title = re.compile(rf"Globus Compute Endpoint \(\S+, uep\.{ENDPOINTS[FIT]}\.")
        [child] = [process for process, command in self._processes() if title.match(command)]
        os.kill(child, signal.SIGKILL)

    def let_next_child_start(self) -> None:
        """A child refuses to start ("Another instance of this endpoint is running") for 90 s, three heartbeats, after
        one that was killed: the time of its PID file is set back by so much."""
        [pid_file] = self._home.glob(f"uep.{ENDPOINTS[FIT]}.*/daemon.pid")
        before = pid_file.stat().st_mtime - 90
        os.utime(pid_file, (before, before))

    def console(self, *words: str | int) -> str:
        """What `console ...` prints."""
        command = [sys.executable, "-m", "console", "--profile", str(self.pipeline.profile), *map(str, words)]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=HANGS_AFTER)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    # ---- what is seen

    def blocks(self, count: int = 1) -> list[int]:
        """Waits until so many fits have begun since they are held; the block of each."""

        def begun() -> list[int]:
            blocks = [int(line) for line in self._began.read_text().split()] if self._began.exists() else []
            return blocks if len(blocks) >= count else []

        return until(begun, every=0.1, told=self.told)

    def sees(self, run: int, *sentences: str) -> None:
        """Waits until all of these are in the status of the run."""

        def seen() -> bool:
            text = self.console("status", run)
            return all(words in text for words in sentences)

        until(seen, every=0.5, told=lambda: f"{sentences}\n{self.told()}\n{self.console('status', run)}")

    def is_done(self, run: int, segments: int = 1, attempts_made: int = 1) -> None:
        """The run comes home, in so many attempts, and nothing of it is lost, double or half made."""
        self.pipeline.wait_for(run, RunState.DONE)
        assert len(attempts.attempts(self.pipeline.ledger, run)) == attempts_made
        made = [f"run-{run:04d}-{s:02d}-fitted.{kind}" for s in range(segments) for kind in ("evt", "root")]
        assert self.of_run("fitted", run) + self.of_run("converted", run) == sorted(made, key=lambda n: n[-4:])
        reports = [f"{stage}-{s:02d}.json" for stage in ("convert", "fit") for s in range(segments)]
        assert [name for name in self.of_run("logs", run) if name.endswith(".json")] == ["analyze.json", *reports]
        assert len(list(self.pipeline.settings.dtn.results.glob(f"run-{run:04d}-sorted.root*"))) == 1
        assert self.programs(run) == []

    def of_run(self, folder: str, run: int) -> list[str]:
        """The names of the files of a run at the site, hidden ones too."""
        return sorted(path.name for path in (self.site / folder / f"run{run}").glob("*"))

    def programs(self, run: int) -> list[str]:
        """The command lines at the rig that are about a run."""
        return [line for line in processes_of(self.directory) if f"run-{run:04d}" in line]

    def jobs(self) -> dict[int, str]:
        """The state of each block that is under way, by its number."""
        listed = [line.split() for line in self.slurm.run("squeue", "--noheader", "--format=%i %T").stdout.splitlines()]
        return {int(number): state for number, state in listed if state in UNDER_WAY}

    def told(self) -> str:
        """For whoever reads why a test failed."""
        return self.slurm.run("squeue", "--all").stdout

    def _processes(self) -> Iterator[tuple[int, str]]:
        """Those that have their working directory at the rig, as a title hides the environment of daemons; the command
        line of each."""
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):  # gone, or another account's
                if (process / "cwd").readlink().is_relative_to(self.directory / "home"):
                    command = (process / "cmdline").read_bytes().replace(b"\0", b" ")
                    yield int(process.name), command.decode(errors="replace")


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory, slurm: Slurm) -> Iterator[Rig]:
    """Nothing is left of it afterwards."""
    directory = tmp_path_factory.mktemp("rig") / "sandbox"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLURM_CONF", slurm.environment["SLURM_CONF"])
        with running_pipeline(directory, provider="slurm", speed=10.0) as pipeline:
            rig = Rig(pipeline, slurm)
            pipeline.start_driver()
            yield rig
    until(lambda: not processes_of(directory), told=lambda: str(processes_of(directory)))
    until(lambda: not rig.jobs(), told=rig.told)
