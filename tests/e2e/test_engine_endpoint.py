"""The pipeline through the unmodified globus-compute-endpoint: registration, commands, tasks, results, heartbeats.

Its environment is built on first use; `.ci/run` has it built before the tests.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.waiting import HANGS_AFTER, until

SEGMENTS = 3


def run_home(directory: Path, provider: str, environment: dict[str, str]) -> list[dict[str, Any]]:
    """Have one run computed by real endpoints and come home; the job reports, by stage and segment."""
    command = [sys.executable, "-m", "console", "sandbox", "--engine", "endpoint", "--provider", provider]
    command += ["--runs", "1", "--segments", str(SEGMENTS), "--events", "50", "--until-done", "--json"]
    done = subprocess.run(
        [*command, "--keep", str(directory)], capture_output=True, text=True, timeout=HANGS_AFTER, env=environment
    )
    assert done.returncode == 0, done.stderr + logs(directory)
    outcome = json.loads(done.stdout)
    assert outcome["ok"] is True
    [run] = outcome["runs"]
    assert (run["state"], run["segments"], run["attempts"], run["verified"]) == ("done", SEGMENTS, 1, True)
    reports = sorted((directory / "site" / "logs" / f"run{run['run']}").glob("*.json"))
    return [json.loads(report.read_text()) for report in reports]


def logs(directory: Path) -> str:
    """What endpoints and their children wrote, for whoever reads why a test failed."""
    found = [*(directory / "log").glob("*.log"), *(directory / "home").glob(".globus_compute/*/endpoint.log")]
    return "".join(f"\n--- {log}\n{log.read_text(errors='replace')[-3000:]}" for log in found)


def processes_of(directory: Path) -> list[str]:
    """Whatever runs in the throw-away HOME, in whatever session or block; a title hides the environment of some."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # gone, or another account's
            at_home = (process / "cwd").readlink().is_relative_to(directory / "home")
            told = f"HOME={directory / 'home'}".encode() in (process / "environ").read_bytes().split(b"\0")
            if at_home or told:
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return found


def assert_all_is_judged(reports: list[dict[str, Any]]) -> None:
    stages = {(report["stage"], report.get("segment")) for report in reports}
    assert stages == {("analyze", None), *((stage, s) for stage in ("fit", "convert") for s in range(SEGMENTS))}
    assert [report["rc"] for report in reports] == [0] * len(reports)


def test_the_real_endpoint_brings_a_run_home_and_leaves_no_process(tmp_path: Path) -> None:
    assert_all_is_judged(run_home(tmp_path / "kept", "local", dict(os.environ)))
    home = tmp_path / "kept" / "home" / ".globus_compute"
    assert len(list(home.glob("uep.*"))) == 3  # each manager had its child
    template = (home / "frib-fit-mpi" / "user_config_template.yaml.j2").read_text()
    assert template.startswith("# How the endpoint frib-fit-mpi asks for nodes")  # as the kit makes it for a site
    until(lambda: not processes_of(tmp_path / "kept"), told=lambda: str(processes_of(tmp_path / "kept")))
