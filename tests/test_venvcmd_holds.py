"""What venvcmd puts into the environment, and what runs in it, is what is pinned, whatever the variables say."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.venvcmd_project import UV, Project, demo_wheel


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path)
    made.python()
    made.program("uv", UV)
    return made


@pytest.mark.parametrize("pinned", ["", f" --hash=sha256:{'0' * 64}"])
def test_pip_installs_no_pin_without_its_hash(project: Project, pinned: str) -> None:
    (project.bin / "uv").unlink()
    wheel, _ = demo_wheel(project)
    (project.dir / ".ci/requirements.txt").write_text(f"{wheel}{pinned}\n")
    ran = project.run("demo", PIP_REQUIRE_HASHES="0", PIP_NO_DEPS="1")
    assert ran.returncode == 1
    assert "hash" in ran.stderr.lower()
    assert not list(project.dir.glob(".venv/lib/*/site-packages/demo.py"))


def test_uv_is_told_to_want_hashes_whatever_the_variables_say(project: Project) -> None:
    asked = project.base / "asked"
    project.program("uv", UV.replace("    pip)\n", f'    pip)\n        echo "$UV_NO_VERIFY_HASHES|$*" >{asked}\n'))
    assert project.run("greet", UV_NO_VERIFY_HASHES="1").returncode == 3
    assert asked.read_text().startswith("|pip install ")
    assert " --require-hashes " in asked.read_text()


@pytest.mark.parametrize("command", ["greet", "python"])
def test_what_the_environment_holds_is_not_shadowed(project: Project, tmp_path: Path, command: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for module in ("greeting", "json", "sitecustomize"):
        (elsewhere / f"{module}.py").write_text("print('shadow')\n")
    assert project.run("python", "-c", "").returncode == 0  # it is built
    code = ["-c", "import greeting, json"] if command == "python" else []
    ran = project.run(command, *code, PYTHONPATH=f"{elsewhere}:", PYTHONHOME=str(elsewhere))
    assert (ran.stdout, ran.stderr) == ("" if code else "hello\n", "")
