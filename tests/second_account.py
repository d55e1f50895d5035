"""The console as another account of the machine runs it: a process of root that has become that account.

Whatever it could need is imported before, as the environment and this repository may lie where only root may read.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import pkgutil
import pwd
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

LOOKER = "console-looker"
ROOT = Path(__file__).parents[1]


class Outcome(NamedTuple):
    code: int
    out: str
    err: str


def looker() -> int:
    """The uid of the second account; a test that needs it is skipped by name, which .ci/run takes for a failure."""
    if os.geteuid() != 0:
        pytest.skip(f"needs root, which becomes the account {LOOKER} (.ci/run as root makes it)")
    try:
        return pwd.getpwnam(LOOKER).pw_uid
    except KeyError:
        pytest.skip(f"needs the account {LOOKER}: useradd --no-create-home {LOOKER} (.ci/run makes it)")


def run_as(uid: int, profile: Path, *commands: Sequence[str]) -> list[Outcome]:
    """What these commands of the console do and say when that account gives them."""
    done = subprocess.run(
        command_as(uid, profile),
        input=json.dumps(commands),
        capture_output=True,
        text=True,
        env=environment(),
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    return [Outcome(*outcome) for outcome in json.loads(done.stdout)]


def command_as(uid: int, profile: Path, *arguments: str) -> list[str]:
    """A command line for root: with arguments it is this one console, else it takes a list of commands on stdin."""
    return [sys.executable, "-m", "tests.second_account", str(uid), str(profile), *arguments]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def _main(uid: int, profile: Path, arguments: list[str]) -> int:
    from console.cli import parser
    from console.settings.profiles import load

    for package in ("flowspec", "remote.globus", "console", *(["screens", "textual"] if arguments else [])):
        _import_all(package)
    load(profile)
    os.chdir("/")
    os.setgroups([])
    os.setgid(pwd.getpwuid(uid).pw_gid)
    os.setuid(uid)
    os.environ["HOME"] = os.environ["XDG_STATE_HOME"] = "/nonexistent"
    os.environ["USER"] = os.environ["LOGNAME"] = pwd.getpwuid(uid).pw_name
    if arguments:
        from screens.__main__ import open_screen

        return parser.main(["--profile", str(profile), *arguments], open_screen=open_screen)
    print(json.dumps([_outcome(["--profile", str(profile), *command]) for command in json.load(sys.stdin)]))
    return 0


def _outcome(command: list[str]) -> Outcome:
    from console.cli import parser

    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = parser.main(command)
    return Outcome(code, out.getvalue(), err.getvalue())


def _import_all(package: str) -> None:
    module = importlib.import_module(package)
    for found in pkgutil.walk_packages(module.__path__, f"{package}."):
        if not found.name.endswith("__main__"):
            with contextlib.suppress(ImportError):  # a few of Textual's are for other systems
                importlib.import_module(found.name)


if __name__ == "__main__":
    sys.exit(_main(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]))
