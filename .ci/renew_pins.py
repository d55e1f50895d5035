"""Resolves what pyproject.toml asks for anew, writes the pins of all environments and prints what changed.

    ./venvcmd .ci/renew_pins

One resolution serves all Pythons of `requires-python`, which only uv can do; without a uv in PATH, pip fetches one for
the moment. Both take the package index that they are configured with; the file never names it.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
OLDEST_PYTHON = "3.10"
REQUIREMENTS = {
    ".ci/requirements.txt": ["--all-extras", "pyproject.toml"],
    ".ci/requirements-alerts.txt": ["--group", "pyproject.toml:alerts"],
    ".ci/requirements-endpoint.txt": ["--group", "pyproject.toml:endpoint"],
    ".ci/requirements-globus-cli.txt": ["--group", "pyproject.toml:globus-cli"],
    ".ci/requirements-gladier.txt": ["--group", "pyproject.toml:gladier"],
}
"""What uv is given for each file of pins."""
_PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*)==(\S+)")
_HASH = re.compile(r"--hash=(sha256:[0-9a-f]{64})")
_LOCATION = re.compile(r"://|^-|file:|(?:^|\s)/", re.M)


class Pin(NamedTuple):
    """Several versions when not all Pythons get the same one."""

    versions: tuple[str, ...]
    hashes: frozenset[str]


def read_pins(text: str) -> dict[str, Pin]:
    """The pins of a requirements file, by name."""
    pins: dict[str, Pin] = {}
    name = ""
    for line in text.splitlines():
        if found := _PIN.match(line):
            name = found[1]
            versions, hashes = pins.get(name, Pin((), frozenset()))
            pins[name] = Pin((*versions, found[2]), hashes)
        elif hashed := _HASH.search(line):
            versions, hashes = pins[name]
            pins[name] = Pin(versions, hashes | {hashed[1]})
    return pins


def changes(old: Mapping[str, Pin], new: Mapping[str, Pin]) -> Iterator[str]:
    """A line for each name that changed: `name old -> new`. The same version with other files is a change too."""
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name), new.get(name)
        if before is None or after is None or before.versions != after.versions:
            yield f"{name} {_versions(before)} -> {_versions(after)}"
        elif before.hashes != after.hashes:
            removed, added = len(before.hashes - after.hashes), len(after.hashes - before.hashes)
            yield f"{name} {_versions(after)}: {removed} files removed, {added} added"


def _versions(pin: Pin | None) -> str:
    return ", ".join(pin.versions) if pin else "(none)"


def resolve(project: Path) -> dict[str, str]:
    """The texts of the requirements files, by path, with the newest versions that pyproject.toml allows."""
    with TemporaryDirectory() as scratch:
        uv = shutil.which("uv") or _fetch_uv(scratch)
        output = Path(scratch) / "requirements.txt"
        command = [uv, "pip", "compile", "--quiet", "--universal", "--python-version", OLDEST_PYTHON]
        command += ["--generate-hashes", "--no-annotate", "--custom-compile-command", "./venvcmd .ci/renew_pins"]
        texts = {}
        for path, wanted in REQUIREMENTS.items():
            subprocess.run([*command, "-o", str(output), *wanted], cwd=project, check=True)
            texts[path] = output.read_text()
            output.unlink()  # uv would keep what it finds there
        return texts


def _fetch_uv(folder: str) -> str:
    subprocess.run([sys.executable, "-m", "pip", "install", "-qq", "--target", folder, "uv"], check=True)
    return f"{folder}/bin/uv"


def main(project: Path = ROOT) -> int:
    try:
        texts = resolve(project)
    except (OSError, subprocess.CalledProcessError) as error:
        return _refuse(f"the pins stay as they are: {error}")
    for path, text in texts.items():
        if location := _LOCATION.search(text):
            line = text[: location.start()].count("\n") + 1
            told = f"line {line} of the new {path} names an index, a host or a path"
            return _refuse(f"the pins stay as they are: {told}")
    told: list[str] = []
    for path, text in texts.items():
        changed = list(changes(read_pins((project / path).read_text()), read_pins(text)))
        told += [f"{path}:", *changed] if changed else []
        (project / path).write_text(text)
    print("\n".join(told) or "no pin has changed")
    return 0


def _refuse(reason: str) -> int:
    print(f"renew_pins: {reason}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
