"""While venvcmd builds, it says how far it is: nobody waits for silence."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.venvcmd_project import PYTHON, UV, Project
from tests.waiting import HANGS_AFTER

# Makes an environment whose Python runs the program `pip` instead of the module.
MAKE_ENVIRONMENT = f"""#!{PYTHON}
import pathlib, sys
python = pathlib.Path(sys.argv[1], "bin/python")
python.parent.mkdir(parents=True)
python.write_text("#!/bin/sh\\nexec pip\\n")
python.chmod(0o755)
"""
PIP = """#!/bin/sh
for n in 1 2 3; do echo Collecting p$n; done
while [ -e "$UV_LOG.hold" ]; do sleep 0.02; done
echo no network >&2
exit 1
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path)
    made.python()
    made.program("uv", UV)
    return made


def test_while_it_installs_it_says_how_far_it_is(project: Project) -> None:
    (project.dir / ".ci/requirements.txt").write_text("one==1 --hash=sha256:0\ntwo==2 \\\n    --hash=sha256:0\n")
    held = project.hold()
    first = project.start("python", "-c", "print(1)")
    assert first.stderr is not None
    said = iter(first.stderr.readline, "")
    assert any(line == "venvcmd: installing, 0 of 2 packages (4 s)\n" for line in said)
    held.unlink()
    assert first.communicate(timeout=HANGS_AFTER)[0] == "1\n"


def test_of_pip_it_is_told_what_it_has_fetched_and_why_it_fails(project: Project) -> None:
    (project.bin / "uv").unlink()
    project.program("make-environment", MAKE_ENVIRONMENT)
    project.program("pip", PIP)
    itself, made = '*ensurepip*) echo "$0"; exit ;;', '"-m venv "*) exec make-environment "$3" ;;'
    project.python(before=f'case "$*" in {itself} {made} esac')
    (project.dir / ".ci/requirements.txt").write_text("one==1\ntwo==2\nthree==3\nfour==4\n")
    held = project.hold()
    first = project.start("python", "-c", "")
    assert first.stderr is not None
    said = iter(first.stderr.readline, "")
    assert any(line == "venvcmd: fetching, 3 of 4 packages (4 s)\n" for line in said)
    held.unlink()
    assert "no network\nvenvcmd: installing failed" in first.communicate(timeout=HANGS_AFTER)[1]
