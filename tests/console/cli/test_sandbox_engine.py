"""`console sandbox --engine endpoint` where it cannot be: one line, before anything is built or started."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.waiting import HANGS_AFTER


def sandbox(tmp_path: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "console", "sandbox", "--keep", str(tmp_path / "kept"), *options]
    environment = {**os.environ, "PATH": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    return subprocess.run(command, capture_output=True, text=True, timeout=HANGS_AFTER, env=environment)


def test_slurm_is_not_asked_for_where_there_is_none(tmp_path: Path) -> None:
    done = sandbox(tmp_path, "--engine", "endpoint", "--provider", "slurm")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "console: there is no sbatch in PATH: --provider slurm needs a Slurm (SLURM_CONF says of which)"
    ]
    assert not (tmp_path / "cache").exists()


def test_a_provider_without_real_endpoints_is_bad_use(tmp_path: Path) -> None:
    done = sandbox(tmp_path, "--provider", "slurm")
    assert (done.returncode, "--engine endpoint" in done.stderr) == (2, True)
    assert not (tmp_path / "kept").exists()


def test_a_cache_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("not a directory")
    done = sandbox(tmp_path, "--engine", "endpoint")
    assert done.returncode == 1
    assert "the environment of globus-compute-endpoint cannot be built" in done.stderr
