"""The environment of the real compute endpoint: built once, whole or not at all, and told why not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from remote.sandbox.compute import environment
from remote.sandbox.compute.environment import EnvironmentProblem
from tests.waiting import HANGS_AFTER

NOTHING = "# no package\n"
ASK = """
import sys
from pathlib import Path
from remote.sandbox.compute.environment import environment
print(environment(lambda text: print(text, file=sys.stderr, flush=True), Path(sys.argv[1])))
"""


@pytest.fixture
def pins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of nothing, which needs no network; the cache is this test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    pins = tmp_path / "requirements.txt"
    pins.write_text(NOTHING)
    return pins


def ask(pins: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", ASK, str(pins)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_two_that_ask_at_once_build_one_environment(pins: Path) -> None:
    answers = [asked.communicate(timeout=HANGS_AFTER) for asked in [ask(pins), ask(pins)]]
    places = {out.strip() for out, _ in answers}
    assert len(places) == 1, answers
    told = "".join(err for _, err in answers)
    assert told.count("building the environment") == 1
    python = Path(places.pop()) / "bin" / "python"
    assert subprocess.run([python, "-c", "import globus_compute_endpoint"], capture_output=True).returncode == 1


def test_one_that_is_there_is_taken_as_it_is_and_other_pins_have_another(pins: Path) -> None:
    said: list[str] = []
    place = environment.environment(said.append, pins)
    (place / "mine").touch()
    assert len(said) == 1
    assert environment.environment(said.append, pins) == place
    assert ((place / "mine").exists(), len(said)) == (True, 1)
    pins.write_text(NOTHING + "# other\n")
    assert environment.environment(said.append, pins) != place


def test_one_whose_build_was_interrupted_is_built_anew(pins: Path) -> None:
    place = environment.environment(lambda _: None, pins)
    (place / "whole").unlink()  # it is written last
    (place / "half").touch()
    assert environment.environment(lambda _: None, pins) == place
    assert not (place / "half").exists()


def test_what_has_no_hash_is_not_installed_and_the_next_call_tries_again(pins: Path) -> None:
    package = pins.parent / "package"
    package.mkdir()
    (package / "pyproject.toml").write_text('[project]\nname = "package"\nversion = "1"\n')
    pins.write_text(f"{package.as_uri()}\n")
    said: list[str] = []
    for attempt in (1, 2):
        with pytest.raises(EnvironmentProblem, match="ended with return code 1"):
            environment.environment(said.append, pins)
        assert len(said) == attempt


def test_a_cache_that_cannot_be_written_is_named(pins: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(pins))
    with pytest.raises(EnvironmentProblem, match="Not a directory"):
        environment.environment(lambda _: None, pins)
