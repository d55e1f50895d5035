# ruff: noqa: UP006, UP035, B905
"""The processes of the compute endpoints: whether one runs, and the package's own program, which starts and stops them.

Standard library only, Python 3.6 or newer, as job.py.
"""

import contextlib
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, NamedTuple, Tuple

from endpoint_files import Problem, Wanted, endpoint_id, home
from logs import printable

PROGRAM = "globus-compute-endpoint"
HEARTBEATS_SECONDS = 90.0  # three: as long, daemon.pid of an endpoint that has crashed keeps another from starting
LOOK_SECONDS = 1.0
ALREADY_THERE = 73  # EX_CANTCREAT: "Another instance of this endpoint is running"
STOP_SECONDS = 120.0
START_SECONDS = 300.0
SETTLE_SECONDS = 60.0


class State(NamedTuple):
    """`running`: here or on `host`. `crashed`: it does not run, and cannot be started before `wait` s have passed."""

    running: bool
    crashed: bool = False
    host: str = ""
    pid: int = 0
    wait: float = 0.0


def state(name: str, entry: Dict[str, Any]) -> State:
    """By daemon.pid, whose time the endpoint renews every 15 s, also for those on other login nodes with this home."""
    file = home() / name / "daemon.pid"
    try:
        age = time.time() - file.stat().st_mtime
        pid = int(file.read_text(encoding="ascii").split()[0])
    except FileNotFoundError:
        return State(False)
    except (OSError, ValueError, IndexError):
        raise Problem(f"{file} cannot be understood: is {name} starting at this moment?") from None
    host = str(entry.get("host") or "")
    here = host in ("", socket.gethostname())
    if age > HEARTBEATS_SECONDS:
        return State(False)
    if here and not _alive(pid):
        return State(False, crashed=True, wait=HEARTBEATS_SECONDS - age)
    return State(True, host=host or socket.gethostname(), pid=pid)


def _alive(pid: int) -> bool:
    with contextlib.suppress(OSError), open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        return file.read().rpartition(")")[2].split()[0] != "Z"
    return False


def here_only(name: str, entry: Dict[str, Any]) -> State:
    """Its state; Problem when it runs on another machine: there its pid is that of somebody else's process."""
    found = state(name, entry)
    if found.running and found.host != socket.gethostname():
        raise Problem(f"{name} runs on {found.host}: do it there")
    return found


def start(endpoint: Wanted, say: Callable[[str], None]) -> None:
    """Start it, after a crash as soon as it can be. Raises Problem with what the package said."""
    rc, said = call(endpoint, ["start", "--detach", endpoint.name], START_SECONDS)
    if rc == ALREADY_THERE:
        wait = max(0.0, HEARTBEATS_SECONDS - state_age(endpoint.name))
        say(f"{endpoint.name}: another instance was there less than three heartbeats ago: waiting {wait:.0f} s")
        end = time.monotonic() + HEARTBEATS_SECONDS + 2 * LOOK_SECONDS
        while time.monotonic() < end and state_age(endpoint.name) <= HEARTBEATS_SECONDS:
            time.sleep(LOOK_SECONDS)
        rc, said = call(endpoint, ["start", "--detach", endpoint.name], START_SECONDS)
    if rc == ALREADY_THERE:
        raise Problem(f"{endpoint.name} runs already, perhaps on another login node: {said}")
    if rc != 0:
        hint = f"; log in first: {endpoint.environment}/bin/{PROGRAM} login" if "Authorization Code" in said else ""
        raise Problem(f"{endpoint.name} was not started: {said}{hint}")
    # It goes on in the background: the id comes from Globus, and daemon.pid a moment later.
    end = time.monotonic() + SETTLE_SECONDS
    while endpoint_id(endpoint.name) is None or state_age(endpoint.name) > HEARTBEATS_SECONDS:
        if time.monotonic() > end:
            log = home() / endpoint.name / "endpoint.log"
            raise Problem(
                f"{endpoint.name} was started, but shows no sign of life after {SETTLE_SECONDS:.0f} s: see {log}"
            )
        time.sleep(LOOK_SECONDS)


def state_age(name: str) -> float:
    """Seconds since the last sign of life; infinite when there is no daemon.pid."""
    try:
        return time.time() - (home() / name / "daemon.pid").stat().st_mtime
    except OSError:
        return float("inf")


def stop(endpoint: Wanted) -> None:
    rc, said = call(endpoint, ["stop", endpoint.name], STOP_SECONDS)
    if rc != 0:
        raise Problem(f"{endpoint.name} was not stopped: {said}")


def delete(endpoint: Wanted) -> None:
    rc, said = call(endpoint, ["delete", endpoint.name, "--yes"], STOP_SECONDS)
    if rc != 0 or (home() / endpoint.name).exists():
        raise Problem(f"{endpoint.name} was not deleted: {said or 'its directory is still there'}")


def configure(endpoint: Wanted, files: Dict[str, Path]) -> None:
    options = ["--core-config", "--template-config", "--schema-config"]
    given = [word for pair in zip(options, map(str, files.values())) for word in pair]
    rc, said = call(endpoint, ["configure", "--multi-user", "false", *given, endpoint.name], STOP_SECONDS)
    if rc != 0:
        raise Problem(f"{endpoint.name} was not configured: {said}")


def check_template(endpoint: Wanted, template: Path, schema: Path) -> None:
    """Let the package render what it will render at each start of work. Raises Problem with what it says."""
    rc, said = call(endpoint, ["render-user-config", "-t", str(template), "-s", str(schema)], STOP_SECONDS)
    if rc != 0:
        raise Problem(f"{endpoint.name}: its {template.name} does not render: {said}")


def call(endpoint: Wanted, words: List[str], limit: float) -> Tuple[int, str]:
    """Return code of the package's program, and the last lines that it said. On a terminal it may ask for a login."""
    program = endpoint.environment / "bin" / PROGRAM
    if not os.access(str(program), os.X_OK):
        install = f"python3 -m venv {endpoint.environment} && {endpoint.environment}/bin/pip install {PROGRAM}"
        raise Problem(f"{endpoint.name}: there is no {program}: {install}")
    asks = sys.stdin is not None and sys.stdin.isatty()
    try:
        done = subprocess.run(
            [str(program), *words],
            stdin=None if asks else subprocess.DEVNULL,
            stdout=None if asks else subprocess.PIPE,
            stderr=None if asks else subprocess.STDOUT,
            timeout=None if asks else limit,
        )
    except subprocess.TimeoutExpired:
        return 1, f"no end after {limit:.0f} s"
    lines = (done.stdout or b"").decode("utf-8", "replace").splitlines()
    told = [printable(line.strip()) for line in lines if line.strip()]
    return done.returncode, " | ".join(told[-2:])[-400:] or f"return code {done.returncode}"
