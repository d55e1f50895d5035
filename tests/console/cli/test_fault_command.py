"""`console sandbox fault` and scenario files: what they ask of a running sandbox, and what they refuse."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.cli import parser
from console.cli.faults import RunningSandbox, Scenario
from console.settings.profiles import write_sandbox_profile
from remote.sandbox.faults import FAULTS, FaultError
from tests import documents
from tests.sandbox_fixture import sandbox
from tests.sandbox_records import ask, clear_faults
from tests.waiting import until

__all__ = ["sandbox"]


class Command:
    """`console sandbox fault ...` for one sandbox, in this process."""

    def __init__(self, profile: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.profile, self._capsys = profile, capsys

    def __call__(self, *words: str, sandbox: tuple[str, ...] | None = None) -> tuple[int, str, str]:
        where = ("--profile", str(self.profile)) if sandbox is None else sandbox
        code = parser.main(["sandbox", "fault", *words, *where])
        return code, *self._capsys.readouterr()


@pytest.fixture
def fault(sandbox, tmp_path, capsys) -> Iterator[Command]:
    write_sandbox_profile(tmp_path / "profile.toml", sandbox.info, sandbox.dir)
    yield Command(tmp_path / "profile.toml", capsys)
    clear_faults(sandbox.dir)


def test_a_fault_is_set_listed_and_taken_back(fault, sandbox):
    assert fault("--list") == (0, "no fault is set\n", "")
    assert fault("function-crash", "--run", "7", "--stage", "fit", "--times", "2") == (
        0,
        "set: function-crash --stage fit --run 7: struck 0, 2 left\n",
        "",
    )
    assert fault("clock-skew", "--seconds", "-1800")[0] == 0
    assert fault()[1].splitlines() == [
        "function-crash --stage fit --run 7: struck 0, 2 left",
        "clock-skew --seconds -1800.0: struck 0, until cleared",
    ]
    assert fault("--clear", "clock-skew")[1] == "taken back: 1\n"
    assert [f["name"] for f in ask(sandbox.dir, "GET", "faults")["faults"]] == ["function-crash"]
    assert fault("--clear")[1] == "taken back: 1\n"
    assert ask(sandbox.dir, "GET", "faults")["faults"] == []


def test_json_has_the_documents_of_the_sandbox(fault):
    _, out, _ = fault("http-503", "--service", "flows", "--json")
    args = {"service": "flows", "moment": "before", "times": 1}
    document = {"name": "http-503", "args": args, "struck": 0, "left": 1}
    assert json.loads(out) == {"schema": 1, "set": document}
    assert json.loads(fault("--json")[1]) == {"schema": 1, "faults": [document]}
    assert json.loads(fault("--clear", "--json")[1]) == {"schema": 1, "cleared": 1}


def test_the_sandbox_is_found_by_its_directory(fault, sandbox):
    assert fault("--list", sandbox=("--dir", str(sandbox.dir))) == (0, "no fault is set\n", "")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["function-crahs"], "did you mean function-crash?"),
        (["--clear", "nothing"], "there is no fault 'nothing'"),
        (["function-crash", "--run", "x"], "function-crash --run 'x': expected a whole number"),
        (["function-crash", "--service", "flows"], "function-crash takes no 'service'"),
        (["--run", "7"], "give the NAME of a fault"),
        (["--list", "function-crash"], "give the NAME of a fault"),
        (["--clear", "function-crash", "--run", "7"], "give the NAME of a fault"),
    ],
)
def test_bad_use_is_refused_in_one_line(fault, sandbox, words, sentence):
    code, out, said = fault(*words)
    assert (code, out, said.count("\n")) == (2, "", 1)
    assert sentence in said
    assert ask(sandbox.dir, "GET", "faults")["faults"] == []


def test_without_a_sandbox_it_says_so(fault, sandbox, tmp_path):
    code, _, said = fault(sandbox=("--dir", str(tmp_path)))
    assert (code, said) == (1, f"console: no sandbox is running in {tmp_path}: it has no sandbox.json\n")
    (tmp_path / "sandbox.json").write_text(json.dumps({"url": "http://127.0.0.1:9", "token": "x"}))
    code, _, said = fault(sandbox=("--dir", str(tmp_path)))
    assert (code, said) == (1, "console: no sandbox answers at http://127.0.0.1:9: has it ended?\n")
    (tmp_path / "sandbox.json").write_text(json.dumps({"url": sandbox.url, "token": "another"}))
    code, _, said = fault(sandbox=("--dir", str(tmp_path)))
    assert (code, "answers 401" in said, "another" not in said.split("is it")[0]) == (1, True, True)
    code, _, said = fault(sandbox=("--profile", str(documents.DOCS / "profiles/e21062.toml")))
    assert (code, "faults are for sandboxes only" in said) == (2, True)


def test_help_tells_every_fault(capsys):
    with pytest.raises(SystemExit):
        parser.main(["sandbox", "fault", "--help"])
    told = capsys.readouterr().out
    assert [name for name in FAULTS if f"\n  {name} " not in told] == []


# ---- scenarios


def test_the_scenario_of_the_documentation_is_played(sandbox, tmp_path):
    file = tmp_path / "scenario.toml"
    file.write_text(documents.fenced(documents.DOCS / "faults.md", "toml")[0])
    scenario, there, said = Scenario.read(file), RunningSandbox.at(sandbox.dir), []
    names = lambda: [fault["name"] for fault in there.faults()]  # noqa: E731
    try:
        scenario.advance(4.9, {1217}, there, said.append)
        assert names() == []
        scenario.advance(5.0, {1217}, there, said.append)
        assert names() == ["endpoint-offline"]
        scenario.advance(6.0, {1217, 1218}, there, said.append)
        assert names() == ["endpoint-offline", "function-crash"]
        scenario.advance(25.0, {1217, 1218}, there, said.append)
        assert names() == ["function-crash"]
        assert said[0] == "fault set: endpoint-offline --endpoint frib-convert: struck 0, until cleared"
        assert said[-1] == "fault taken back: endpoint-offline"
    finally:
        clear_faults(sandbox.dir)


def test_a_scenario_is_played_by_the_clock(sandbox, tmp_path):
    (tmp_path / "s.toml").write_text('[[fault]]\nname = "flows-late"\nseconds = 5\nafter = 0.3\n')
    there, began = RunningSandbox.at(sandbox.dir), time.monotonic()
    Scenario.read(tmp_path / "s.toml").play(there, {}, lambda _: None)
    until(there.faults)
    assert time.monotonic() - began >= 0.3
    clear_faults(sandbox.dir)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("x", "cannot be read as TOML"),
        ("", r"expected \[\[fault\]\] tables"),
        ("fault = 3", r"expected \[\[fault\]\] tables"),
        ("[[fault]]", "fault 1: there is no fault ''"),
        ('[[fault]]\nname = "http-500"\n[[fault]]\nname = "http-503"\nrun = 3', "fault 2: http-503 takes no 'run'"),
        ('[[fault]]\nname = "http-503"\nafter = "now"', "fault 1: after = 'now': expected seconds"),
        ('[[fault]]\nname = "http-503"\nfor = -1', "fault 1: for = -1: expected seconds"),
        ('[[fault]]\nname = "http-503"\nwhen = "later"', "fault 1: when = 'later': expected \"run N\""),
    ],
)
def test_a_scenario_that_cannot_be_played_is_refused_before_anything_starts(tmp_path, capsys, text, sentence):
    file = tmp_path / "scenario.toml"
    file.write_text(text)
    with pytest.raises(FaultError, match=sentence):
        Scenario.read(file)
    assert parser.main(["sandbox", "--scenario", str(file), "--keep", str(tmp_path / "kept")]) == 2
    assert capsys.readouterr().err.startswith(f"console: {file}: ")
    assert not (tmp_path / "kept").exists()
