"""The house: which way imports point, what is packaged, what the quick commands may load, how long a file may be."""

from __future__ import annotations

import functools
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from console.settings.validated import screen_settings
from tests.benchmarks.terminal import running
from tests.ledger_fixture import demo_ledger

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]
HOUSE = ["flowspec", "remote", "console", "screens"]
LONGEST_MODULE = 350  # lines


@functools.cache
def pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def modules(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def test_imports_point_one_way() -> None:
    # A process of its own: in ours it would switch off every logger there is.
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([lint, "--config", ROOT / "pyproject.toml"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_module_is_too_long() -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in modules(*HOUSE, "tests")}
    assert {str(path): n for path, n in lengths.items() if n > LONGEST_MODULE} == {}


def test_packages_on_disk_are_those_that_are_distributed() -> None:
    folders = {path.parent.relative_to(ROOT) for path in modules(*HOUSE)}
    # The kit is carried to the site as files; its programs are data here.
    kit = Path("remote/site/kit")
    found = {".".join(folder.parts) for folder in folders if folder != kit and kit not in folder.parents}
    assert found == set(pyproject()["tool"]["setuptools"]["packages"])
    assert {name for name in found if not (ROOT / name.replace(".", "/") / "__init__.py").is_file()} == set()


def test_files_that_are_no_modules_are_distributed_too() -> None:
    setuptools = pyproject()["tool"]["setuptools"]
    distributed = {
        path
        for package, patterns in setuptools["package-data"].items()
        for pattern in patterns
        for path in (ROOT / package.replace(".", "/")).glob(pattern)
    }
    present = {
        path
        for folder in HOUSE
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and path.suffix not in {".py", ".pyc"} and "/." not in str(path.relative_to(ROOT))
    }
    assert present - distributed == set()
    assert {ROOT / package / "py.typed" for package in HOUSE} <= distributed, "type checkers ignore the annotations"


def test_distribution_and_scripts() -> None:
    project = pyproject()["project"]
    assert project["name"] == "frib-flow-console"
    assert project["scripts"] == dict.fromkeys(["console", "frib-console"], "screens.__main__:main")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--version"],
        ["--help"],
        ["status", "--help"],
        ["status"],
        ["status", "--json"],
        ["events", "--run", "1217"],
        ["report"],
        ["driver", "status"],
    ],
    ids=" ".join,
)
def test_quick_commands_load_neither_textual_nor_the_globus_sdks(arguments: list[str], tmp_path: Path) -> None:
    demo_ledger(tmp_path / "frib-flow-console/e21062/ledger.db")
    code = """if True:
        import sys
        from screens.__main__ import main
        try:
            code = main()
        except SystemExit as exit:
            code = exit.code
        heavy = {"textual", "globus_sdk", "globus_compute_sdk", "flask", "numpy", "uproot"} & set(sys.modules)
        print(code or 0, sorted(heavy), file=sys.stderr)
    """
    environ = {
        "PYTHONPATH": str(ROOT),
        "HOME": str(tmp_path),
        "XDG_STATE_HOME": str(tmp_path),
        "FRIB_CONSOLE_PROFILE": str(ROOT / "docs/profiles/e21062.toml"),
    }
    command = [sys.executable, "-c", code, *arguments]
    ran = subprocess.run(command, cwd=tmp_path, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert ran.stdout, ran.stderr
    exit_code, loaded = ran.stderr.splitlines()[-1].split(" ", 1)
    assert loaded == "[]", ran.stderr
    if arguments != ["driver", "status"]:  # which fails: nobody drives
        assert exit_code == "0", ran.stderr


# What validates, speaks to Globus, judges files, or is only for commands and for screens that are opened later.
NOT_BEFORE_THE_FIRST_PAINT = (
    "pydantic", "pydantic_settings", "tomllib", "tomli", "jsonschema", "importlib.metadata",
    "globus_sdk", "globus_compute_sdk", "requests", "urllib3", "remote.globus", "remote.sandbox", "remote.site",
    "flowspec.readiness", "flowspec.ringitems", "flowspec.itemwalk", "flowspec.ddas", "flowspec.inputs",
    "console.settings.model", "console.settings.profiles", "console.reading.detail", "console.cli.commands",
    "console.cli.faults", "console.actions", "console.evidence",
    "screens.detail_screen", "screens.events_screen", "screens.report_screen", "screens.preview_screen",
    "screens.help_screen", "screens.palette_screen",
)  # fmt: skip


def test_the_screen_loads_only_what_its_first_paint_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, profile, seen = tmp_path / "home", tmp_path / "profile.toml", tmp_path / "modules"
    demo_ledger(tmp_path / "ledger.db").ledger.close()
    text = (ROOT / "docs/profiles/e21062.toml").read_text()
    profile.write_text(f'ledger = "{tmp_path / "ledger.db"}"\n{text}')
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    screen_settings(profile, keep=True)  # as the console before did
    code = f"""if True:
        import pathlib, sys
        from screens import app
        painted = app.ConsoleApp._painted
        def note(self):
            pathlib.Path({str(seen)!r}).write_text(" ".join(sys.modules))
            painted(self)
        app.ConsoleApp._painted = note
        from screens.__main__ import main
        sys.exit(main())
    """
    command = [sys.executable, "-c", code, "--profile", str(profile), "--read-only"]
    with running(command, os.environ | {"TERM": "xterm-256color", "PYTHONPATH": str(ROOT)}) as terminal:
        terminal.wait_for("of 1214")  # read after the first paint
        terminal.send(b"q")
        assert terminal.wait_for_exit() == 0, terminal.text()
    loaded = seen.read_text().split()
    assert "screens.main_screen" in loaded
    assert [
        name for name in loaded if any(name == no or name.startswith(f"{no}.") for no in NOT_BEFORE_THE_FIRST_PAINT)
    ] == []


def test_console_version_is_the_distributions() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "screens", "--version"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ran.stdout.split()[-1] == pyproject()["project"]["version"]


def test_every_direct_requirement_is_pinned_and_hashed() -> None:
    text = (ROOT / ".ci/requirements.txt").read_text()
    entries = [
        Requirement(entry.split(" --hash=")[0])
        for entry in re.sub(r"\\\n\s*", " ", text).splitlines()
        if not entry.startswith("#") and "--hash=sha256:" in entry
    ]
    assert len(entries) == len(re.findall(r"^[a-z0-9]", text, re.M)), "a requirement without a hash"
    assert not re.search(r"://|^-|file:|(^|\s)/", text, re.M), "an index, a host or a path"
    project = pyproject()["project"]
    direct = project["dependencies"] + [r for extra in project["optional-dependencies"].values() for r in extra]
    for requirement in map(Requirement, direct):
        pins = [entry for entry in entries if entry.name.lower() == requirement.name.lower()]
        assert pins, f"{requirement.name} is not pinned: ./venvcmd .ci/renew_pins"
        for pin in pins:
            (version,) = (specifier.version for specifier in pin.specifier)
            assert requirement.specifier.contains(version), f"{pin} is not what pyproject.toml asks for"


def test_tests_have_names_of_their_own() -> None:
    names = [path.name for path in modules("tests") if path.name.startswith("test_")]
    assert sorted(set(names)) == sorted(names)
