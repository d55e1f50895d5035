"""The script that renews the pins: what it prints of two files, and what it does with what uv gives."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
_SPEC = importlib.util.spec_from_file_location("renew_pins", ROOT / ".ci/renew_pins.py")
assert _SPEC
assert _SPEC.loader
renew_pins = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(renew_pins)

A, B, C, D = (digit * 64 for digit in "abcd")
OLD = f"""# a comment
flask==3.1.0 \\
    --hash=sha256:{A} \\
    --hash=sha256:{B}
gone==1.0 ; sys_platform == 'win32' \\
    --hash=sha256:{A}
numpy==2.2.6 ; python_full_version < '3.11' \\
    --hash=sha256:{A}
numpy==2.4.6 ; python_full_version >= '3.11' \\
    --hash=sha256:{B}
rich==14.2.0 \\
    --hash=sha256:{A}
"""
NEW = f"""flask==3.1.0 \\
    --hash=sha256:{A} \\
    --hash=sha256:{C} \\
    --hash=sha256:{D}
new==0.1 \\
    --hash=sha256:{A}
numpy==2.2.6 ; python_full_version < '3.11' \\
    --hash=sha256:{A}
numpy==2.5.0 ; python_full_version >= '3.11' \\
    --hash=sha256:{C}
rich==14.2.0 \\
    --hash=sha256:{A}
"""
CHANGES = [
    "flask 3.1.0: 1 files removed, 2 added",
    "gone 1.0 -> (none)",
    "new (none) -> 0.1",
    "numpy 2.2.6, 2.4.6 -> 2.2.6, 2.5.0",
]


class Project:
    """A project with the old pins, and a stand-in uv that writes `resolved` where it is told to."""

    def __init__(self, base: Path) -> None:
        self.dir = base / "project"
        self.files = [self.dir / path for path in renew_pins.REQUIREMENTS]
        self.resolved = base / "resolved"
        self.arguments = base / "arguments"
        self.bin = base / "bin"
        (self.dir / ".ci").mkdir(parents=True)
        for pins in self.files:
            pins.write_text(OLD)
        self.bin.mkdir()
        uv = self.bin / "uv"
        uv.write_text(
            f"""#!/bin/sh
            echo "$@" >>"{self.arguments}"
            while [ "$1" != -o ]; do shift; done
            exec cp "{self.resolved}" "$2"
            """
        )
        uv.chmod(0o755)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    project = Project(tmp_path)
    monkeypatch.setenv("PATH", str(project.bin), prepend=":")
    return project


def test_changes_are_versions_names_and_files() -> None:
    assert list(renew_pins.changes(renew_pins.read_pins(OLD), renew_pins.read_pins(NEW))) == CHANGES


@pytest.mark.parametrize("path", renew_pins.REQUIREMENTS)
def test_every_pin_of_ours_is_read(path: str) -> None:
    text = (ROOT / path).read_text()
    pins = renew_pins.read_pins(text)
    assert sum(len(pin.versions) for pin in pins.values()) == len(re.findall(r"^[a-z0-9]", text, re.M))
    assert sum(len(pin.hashes) for pin in pins.values()) == text.count("--hash=sha256:")


def test_new_pins_are_written_and_printed(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    project.resolved.write_text(NEW)
    assert renew_pins.main(project.dir) == 0
    assert [pins.read_text() for pins in project.files] == [NEW] * len(renew_pins.REQUIREMENTS)
    told = [line for path in renew_pins.REQUIREMENTS for line in (f"{path}:", *CHANGES)]
    assert capsys.readouterr().out.splitlines() == told
    console, *others = (line.split() for line in project.arguments.read_text().splitlines())
    for needed in ("--universal", "--all-extras", "--generate-hashes", "pyproject.toml"):
        assert needed in console
    for other, group in zip(others, ("alerts", "endpoint", "globus-cli", "gladier"), strict=True):
        for needed in ("--universal", "--generate-hashes", "--group", f"pyproject.toml:{group}"):
            assert needed in other
        assert "--all-extras" not in other


def test_the_same_pins_again(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    project.resolved.write_text(OLD)
    assert renew_pins.main(project.dir) == 0
    assert capsys.readouterr().out == "no pin has changed\n"


@pytest.mark.parametrize(
    "line",
    ["--index-url https://pypi.example/simple", "--find-links /opt/wheels", "a @ file:///opt/a.whl", "#    -o /tmp/x"],
)
def test_pins_with_an_index_a_host_or_a_path_are_refused(
    line: str, project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    project.resolved.write_text(f"{NEW}{line}\n")
    assert renew_pins.main(project.dir) == 1
    assert [pins.read_text() for pins in project.files] == [OLD] * len(renew_pins.REQUIREMENTS)
    assert "line 13 of the new .ci/requirements.txt" in capsys.readouterr().err


def test_without_a_resolution_the_pins_stay(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    assert renew_pins.main(project.dir) == 1  # nothing to copy: uv fails
    assert [pins.read_text() for pins in project.files] == [OLD] * len(renew_pins.REQUIREMENTS)
    assert "the pins stay as they are" in capsys.readouterr().err


def test_pins_serve_from_the_oldest_python_on() -> None:
    requires = re.search(r'^requires-python = ">=([\d.]+),', (ROOT / "pyproject.toml").read_text(), re.M)
    assert requires
    assert requires[1] == renew_pins.OLDEST_PYTHON
