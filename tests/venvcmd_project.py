"""A project of one file with a copy of venvcmd, and a PATH that holds only what a test puts there.

The stand-in `uv` makes real environments (without pip) and can be held up in the middle of installing.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTHON = os.path.realpath(sys.executable)
TOOLS = ["sh", "cksum", "cat", "find", "ls", "mkdir", "mv", "readlink", "rm", "sleep", "touch"]

UV = f"""#!/bin/sh
case $1 in
    --version) echo uv 0 ;;
    venv)
        for home; do :; done
        exec {PYTHON} -m venv --without-pip "$home"
        ;;
    pip)
        while [ "$1" != --python ]; do shift; done
        echo install >>"$UV_LOG"
        touch "${{2%/*}}/half"
        while [ -e "$UV_LOG.hold" ]; do sleep 0.02; done
        [ ! -e "$UV_LOG.fail" ] || {{ echo "no network" >&2; exit 1; }}
        rm "${{2%/*}}/half"
        # What the linking needs of the requirements: tomli, where Python has no tomllib.
        "$2" -c 'import sys, sysconfig; open(sysconfig.get_path("purelib") + "/outer.pth", "w").write(sys.argv[1])' \\
            {sysconfig.get_path("purelib")}
        ;;
esac
"""
PYPROJECT = """
[project]
name = "frib-stub"
version = "1.2"
scripts = {greet = "greeting:main"}
"""
GREETING = "def main():\n    print('hello')\n    return 3\n"


class Project:
    """A project directory with a copy of venvcmd, and the bin directory that is its PATH."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.bin = base / "bin"
        self.dir = base / "a project"
        self.log = base / "installs"
        self.bin.mkdir()
        (self.dir / ".ci").mkdir(parents=True)
        shutil.copy2(ROOT / "venvcmd", self.dir)
        (self.dir / ".ci/requirements.txt").write_text("# none\n")
        (self.dir / "pyproject.toml").write_text(PYPROJECT)
        (self.dir / "greeting.py").write_text(GREETING)
        for tool in TOOLS:
            (self.bin / tool).symlink_to(str(shutil.which(tool)))

    def program(self, name: str, text: str) -> Path:
        path = self.bin / name
        path.write_text(text)
        path.chmod(0o755)
        return path

    def python(self, name: str = "python3", before: str = "") -> Path:
        return self.program(name, f'#!/bin/sh\n{before}\nexec {PYTHON} "$@"\n')

    def environ(self, **more: str) -> dict[str, str]:
        return {"PATH": str(self.bin), "HOME": str(self.base), "UV_LOG": str(self.log), **more}

    def start(self, *args: str, cwd: Path | None = None, **env: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(self.dir / "venvcmd"), *args],
            env=self.environ(**env),
            cwd=cwd or self.base,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(
        self, *args: str, program: Path | None = None, cwd: Path | None = None, stdin: str = "", **env: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(program or self.dir / "venvcmd"), *args],
            env=self.environ(**env),
            cwd=cwd or self.base,
            input=stdin,
            capture_output=True,
            text=True,
        )

    def installs(self) -> int:
        return len(self.log.read_text().splitlines()) if self.log.exists() else 0

    def hold(self) -> Path:
        """Keeps the installer waiting as long as the file is there."""
        held = Path(f"{self.log}.hold")
        held.touch()
        return held


def demo_wheel(project: Project) -> tuple[Path, str]:
    """A wheel with a command `demo`, and its SHA-256."""
    wheel = project.base / "demo-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("demo.py", GREETING)
        archive.writestr("demo-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n")
        archive.writestr("demo-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("demo-1.0.dist-info/entry_points.txt", "[console_scripts]\ndemo = demo:main\n")
        archive.writestr("demo-1.0.dist-info/RECORD", "")
    return wheel, hashlib.sha256(wheel.read_bytes()).hexdigest()
