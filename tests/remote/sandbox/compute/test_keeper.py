"""The keeper of a daemon: nothing that the daemon started outlives whoever started the keeper."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from remote.sandbox.compute.processes import MARK
from tests.waiting import HANGS_AFTER, until

# As the real daemon: a child in a session of its own, without any environment, whose own child goes on without it.
DAEMON = """
import os, subprocess, sys, time
if sys.argv[1:] == ["child"]:
    orphan = "import os, sys, time; os.mkdir(sys.argv[1] + '/orphan-lives'); time.sleep(1000)"
    subprocess.Popen([sys.executable, "-c", orphan, os.environ["PIDS"]], env={}, start_new_session=True)
    time.sleep(1000)
child = subprocess.Popen([sys.executable, __file__, "child"], env={"PIDS": os.environ["PIDS"]}, start_new_session=True)
if sys.argv[1:] == ["ends"]:
    while not os.path.exists(os.environ["PIDS"] + "/orphan-lives"):
        time.sleep(0.01)
    sys.exit(7)
time.sleep(1000)
"""


def keeper(folder: Path, *arguments: str, take_back: tuple[str, ...] = ()) -> subprocess.Popen[bytes]:
    daemon = folder / "daemon.py"
    daemon.write_text(DAEMON)
    command = [sys.executable, "-m", "remote.sandbox.compute.keeper", *take_back, "--", sys.executable, str(daemon)]
    environment = {**os.environ, MARK: str(folder), "PIDS": str(folder)}
    return subprocess.Popen([*command, *arguments], stdin=subprocess.PIPE, env=environment)


def alive(folder: Path) -> list[str]:
    """The command lines of the daemon, its child, and the orphan, as far as they live."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "cmdline").read_bytes()
        except OSError:  # gone
            continue
        if str(folder).encode() in line and b"remote.sandbox.compute.keeper" not in line:
            found.append(line.replace(b"\0", b" ").decode())
    return found


def test_all_that_a_daemon_started_ends_with_the_keepers_stdin(tmp_path: Path) -> None:
    kept = keeper(tmp_path)
    until(lambda: len(alive(tmp_path)) == 3, told=lambda: str(alive(tmp_path)))
    assert kept.stdin is not None
    kept.stdin.close()
    kept.wait(HANGS_AFTER)
    assert alive(tmp_path) == []


def test_all_that_a_daemon_left_ends_when_it_has_ended_and_its_return_code_is_told(tmp_path: Path) -> None:
    kept = keeper(tmp_path, "ends")
    assert kept.wait(HANGS_AFTER) == 7
    assert alive(tmp_path) == []


def test_what_waits_elsewhere_is_taken_back(tmp_path: Path) -> None:
    kept = keeper(tmp_path, take_back=("touch", str(tmp_path / "taken-back")))
    until(lambda: len(alive(tmp_path)) == 3)
    assert not (tmp_path / "taken-back").exists()
    assert kept.stdin is not None
    kept.stdin.close()
    kept.wait(HANGS_AFTER)
    assert (tmp_path / "taken-back").exists()
