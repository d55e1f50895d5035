"""`console status | head`: whoever reads has seen enough. The command ends as if all had been read."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.ledger_fixture import demo_ledger
from tests.waiting import HANGS_AFTER

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    demo_ledger(home / "frib-flow-console/e21062/ledger.db")
    return home


def console(home: Path, *arguments: str, profile: bool = True, **streams: int) -> subprocess.CompletedProcess[bytes]:
    environ = {"PYTHONPATH": str(ROOT), "HOME": str(home), "XDG_STATE_HOME": str(home)}
    if profile:
        environ["FRIB_CONSOLE_PROFILE"] = str(ROOT / "docs/profiles/e21062.toml")
    given = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams}
    return subprocess.run([sys.executable, "-m", "screens", *arguments], env=environ, timeout=HANGS_AFTER, **given)


@pytest.fixture
def gone() -> int:
    """A pipe of which nobody reads the other end."""
    reading, writing = os.pipe()
    os.close(reading)
    yield writing
    os.close(writing)


@pytest.mark.parametrize(
    "arguments", ["status", "status --json", "sandbox --help", "--version", "--help", "launch --help"]
)
def test_a_command_whose_reader_has_gone_is_silent_and_good(home: Path, gone: int, arguments: str) -> None:
    ran = console(home, *arguments.split(), stdout=gone)
    assert (ran.returncode, ran.stderr) == (0, b"")


@pytest.mark.parametrize(("arguments", "code"), [("driver status", 0), ("status 999999", 1), ("status x", 2)])
def test_it_keeps_the_exit_code_that_it_has_with_a_reader(home: Path, gone: int, arguments: str, code: int) -> None:
    assert console(home, *arguments.split()).returncode == code
    ran = console(home, *arguments.split(), stdout=gone)
    assert (ran.returncode, bool(ran.stderr)) == (code, code != 0)
    assert console(home, *arguments.split(), stdout=gone, stderr=gone).returncode == code


def test_a_reader_that_goes_in_the_middle_is_no_trouble(home: Path) -> None:
    reading, writing = os.pipe()
    started = subprocess.Popen(
        [sys.executable, "-c", "import sys\nfrom console.cli.output import readers_may_go\n"
         "with readers_may_go():\n    for n in range(100_000): print(n)\n    print('to its end', file=sys.stderr)"],
        env={"PYTHONPATH": str(ROOT)}, stdout=writing, stderr=subprocess.PIPE,
    )  # fmt: skip
    os.close(writing)
    assert os.read(reading, 2) == b"0\n"
    os.close(reading)
    _, said = started.communicate(timeout=HANGS_AFTER)
    assert (started.returncode, said) == (0, b"to its end\n")


def test_what_cannot_be_written_for_another_reason_is_told(home: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        ran = console(home, "status", stdout=full.fileno())
    assert ran.returncode == 1
    assert ran.stderr.decode().splitlines() == [
        "console: the output cannot be written: [Errno 28] No space left on device"
    ]
