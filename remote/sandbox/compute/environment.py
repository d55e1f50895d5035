"""The Python environment of the real compute endpoint, built on first use or by this module as a program.

It is apart from the console's, which must not have its pins, and lies in the cache of the account: once for each
Python and each .ci/requirements-endpoint.txt, pinned and hashed like all else.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

PINS = Path(__file__).parents[3] / ".ci" / "requirements-endpoint.txt"
_WHOLE = "whole"  # a file in an environment; one without it was interrupted
_SAY_EVERY = 10  # packages


class EnvironmentProblem(Exception):
    """It cannot be built; says why."""


def environment(say: Callable[[str], None], pins: Path = PINS) -> Path:
    """The environment's directory, with bin/globus-compute-endpoint. Several that ask at once build it once.

    Raises EnvironmentProblem.
    """
    try:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "frib-flow-console"
        place = cache / f"endpoint-{_digest(pins)}"
        if (place / _WHOLE).exists():
            return place
        cache.mkdir(parents=True, exist_ok=True)
        with _locked(place.with_suffix(".lock"), say):
            if not (place / _WHOLE).exists():
                say(f"building the environment of globus-compute-endpoint in {place} (once; a minute or two)")
                shutil.rmtree(place, ignore_errors=True)
                _build(place, pins, say)
                (place / _WHOLE).touch()
    except OSError as error:
        raise EnvironmentProblem(f"the environment of globus-compute-endpoint cannot be built: {error}") from None
    return place


def _digest(pins: Path) -> str:
    """Of what decides what it holds, and which Python it takes."""
    made_of = [pins.read_bytes(), sys.version.encode(), os.fsencode(os.path.realpath(sys.base_prefix))]
    return hashlib.sha256(b"\0".join(made_of)).hexdigest()[:16]


@contextlib.contextmanager
def _locked(path: Path, say: Callable[[str], None]) -> Iterator[None]:
    """The lock goes with its holder, however that ends."""
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another console builds the environment of globus-compute-endpoint: waiting")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(place: Path, pins: Path, say: Callable[[str], None]) -> None:
    """By uv where there is one, as venvcmd does; an environment made by uv has no pip."""
    uv = shutil.which("uv")
    python = str(place / "bin" / "python")
    if uv:
        _run([uv, "venv", "--quiet", "--no-project", "--python", sys.executable, str(place)], say)
        _run([uv, "pip", "install", "--require-hashes", "--python", python, "-r", str(pins)], say)
    else:
        _run([sys.executable, "-m", "venv", str(place)], say)
        install = [python, "-m", "pip", "install", "--disable-pip-version-check", "--require-hashes", "-r", str(pins)]
        _run(install, say)


def _run(command: list[str], say: Callable[[str], None]) -> None:
    """Say how far it is as pip goes through the packages. Raises EnvironmentProblem with its last line."""
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    ran = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    )
    assert ran.stdout is not None  # noqa: S101 (PIPE was asked for)
    last, packages = "no output", 0
    for line in ran.stdout:
        last = line.strip() or last
        packages += line.startswith("Collecting ")
        if line.startswith("Collecting ") and packages % _SAY_EVERY == 0:
            say(f"{packages} packages are there")
    if ran.wait():
        raise EnvironmentProblem(f"{' '.join(command[:4])} ended with return code {ran.returncode}: {last}")


def main() -> int:
    try:
        print(environment(lambda text: print(text, file=sys.stderr, flush=True)))
    except EnvironmentProblem as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
