"""A compute site in a directory: the kit, the sandbox's tools, or tools that misbehave."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import remote.sandbox.tools
import remote.site
from tests.synthetic_run import FIT_CONFIG, ordinary_events, segment
from tests.waiting import HANGS_AFTER

KIT = Path(remote.site.__file__).parent / "kit"
TOOLS = Path(remote.sandbox.tools.__file__).parent / "bin"
ABSENT = ("squeue", "showquota", "myquota", "quota", "sbatch")


def path_without_slurm(directory: Path) -> Path:
    """A directory for PATH with all programs of this machine's but those of Slurm and of quotas."""
    directory.mkdir()
    for folder in os.environ["PATH"].split(os.pathsep):
        for program in Path(folder).iterdir() if Path(folder).is_dir() else ():
            if program.name not in ABSENT and not (directory / program.name).exists():
                (directory / program.name).symlink_to(program)
    return directory


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class Site:
    """A site in a directory with a hostile name: its kit is a copy whose site.conf a test may write."""

    def __init__(self, root: Path) -> None:
        self.top = root / "top $(touch pwned) 'q' \"d\" %s ü"
        self.kit, self.fakes, self.node_local = self.top / "kit", root / "fakes", root / "node"
        for directory in (self.kit, self.fakes, self.node_local):
            directory.mkdir(parents=True)
        self.accepted: list[int] = []  # segments, told to each fit
        shutil.copytree(KIT, self.kit, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        (self.kit / "fit.conf").write_text(FIT_CONFIG)
        self.environment = {
            **os.environ,
            "PATH": f"{self.fakes}:{TOOLS}:{os.environ['PATH']}",
            "FRIB_PYTHON": sys.executable,
            "TMPDIR": str(self.node_local),
        }

    def fake(self, program: str, body: str) -> None:
        path = self.fakes / program
        path.write_text("#!/bin/bash\n" + body)
        path.chmod(0o755)

    def add_raw(self, run: int, number: int, data: bytes | None = None) -> Path:
        path = self.top / "rawdata" / f"run{run}" / f"run-{run:04d}-{number:02d}.evt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(segment(ordinary_events(3), run) if data is None else data)
        return path

    def request(self, stage: str, run: int, number: int | list[int]) -> dict[str, Any]:
        inputs = {"fit": "rawdata", "convert": "fitted", "analyze": "converted"}[stage]
        outputs = {"fit": f"fitted/run{run}", "convert": f"converted/run{run}", "analyze": "analyzed"}[stage]
        accepted = {"accepted": self.accepted} if stage == "fit" else {}
        return accepted | {
            "kit": str(self.kit),
            "run": run,
            "expected" if stage == "analyze" else "segment": number,
            "input_dir": str(self.top / inputs / f"run{run}"),
            "output_dir": str(self.top / outputs),
            "log_dir": str(self.top / "logs" / f"run{run}"),
            "marker": str(self.marker(run)),
        }

    def marker(self, run: int) -> Path:
        """The directory that says: this attempt is cancelled."""
        return self.top / "logs" / f"run{run}" / "cancelled" / f"frib-{run}-1-0af3"

    def start(
        self, stage: str, run: int, number: int | list[int], *, without: str | None = None
    ) -> subprocess.Popen[str]:
        """A job with its request, but for the key `without`."""
        request = {key: value for key, value in self.request(stage, run, number).items() if key != without}
        job = subprocess.Popen(
            [sys.executable, str(self.kit / "job.py"), stage],
            env=self.environment,
            cwd=self.node_local,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert job.stdin is not None
        job.stdin.write(json.dumps(request))
        job.stdin.close()
        job.stdin = None
        return job

    def run(self, stage: str, run: int, number: int | list[int], *, without: str | None = None) -> dict[str, Any]:
        job = self.start(stage, run, number, without=without)
        said, _ = job.communicate(timeout=HANGS_AFTER)
        assert job.returncode == 0
        last = said.splitlines()[-1]
        assert len(last) <= 400
        reply: dict[str, Any] = json.loads(last)
        return reply

    @staticmethod
    def printable(path: Path) -> str:
        """As replies and reports have it."""
        return "".join(c if " " <= c <= "~" else "?" for c in str(path))

    def log(self, run: int, name: str) -> str:
        return (self.top / "logs" / f"run{run}" / name).read_text()

    def report(self, run: int, name: str) -> dict[str, Any]:
        report: dict[str, Any] = json.loads(self.log(run, name))
        return report
