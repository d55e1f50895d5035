"""--read-only is obeyed by commands: what acts is refused, what looks makes nothing on disk."""

from __future__ import annotations

import pytest

from console.cli.commands import COMMANDS, LOOKING
from console.cli.parser import main
from tests.driver_fixture import experiment_in
from tests.ledger_fixture import demo_ledger

ARGUMENTS = {
    "completion": [["bash"]],
    "status": [[], ["1217"], ["--json"]],
    "launch": [["105"], ["105", "--anyway"]],
    "retry": [["1214"], ["1214", "--dry-run"], ["1214", "--all"]],
    "waive": [["1214", "7", "--reason", "noise"], ["1214", "7", "--undo"]],
    "accept": [["1214", "7", "--reason", "noise"], ["1214", "7", "--undo"]],
    "preview": [["1215"]],
    "note": [["1214", "trap was open"]],
    "claim": [["1214"], ["1214", "--undo"]],
    "reprocess": [["1205"], ["1205", "--dry-run"]],
    "cancel": [["1217"]],
    "flows update": [["transfer"]],
    "pause": [["--reason", "noise"]],
    "hold": [["1217"]],
    "release": [["1217"]],
    "stream": [["1217"]],
    "unstream": [["1217"]],
    "auto": [["on"]],
    "bring-back": [["1217"]],
    "sandbox fault": [["clear"]],
    "site test-fit": [["--run", "1217", "--segments", "0"]],
    "site endpoints": [["create"], ["stop"], ["pin", "fit=x"], ["delete", "--yes"]],
}
# There is no Globus to ask, nothing is registered, and no result lies on the disk.
ASKING = ("preview", "endpoints status", "flows show", "flows diff", "functions check")


@pytest.fixture
def experiment(tmp_path):
    with experiment_in(tmp_path / "e") as made:
        demo_ledger(made.ledger).ledger.close()
        yield made


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home"))


def files(directory):
    return {path: (path.lstat().st_mtime_ns, path.lstat().st_size) for path in directory.rglob("*")}


def given(name, experiment, arguments):
    return main(["--read-only", "--profile", str(experiment.profile), *name.split(), *arguments])


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in (*LOOKING, "dossier")])
def test_a_command_that_does_something_is_refused_and_makes_nothing(tmp_path, experiment, name, capsys):
    before = files(tmp_path)
    for arguments in ARGUMENTS.get(name, [[]]):
        assert given(name, experiment, arguments) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err == f"console: --read-only: this console only looks, and {name} does something\n"
    assert files(tmp_path) == before
    assert experiment.present() is None


@pytest.mark.parametrize("name", LOOKING)
def test_a_command_that_looks_makes_nothing_on_disk(tmp_path, experiment, name, capsys):
    before = files(tmp_path)
    for arguments in ARGUMENTS.get(name, [[]]):
        code = given(name, experiment, arguments)
        assert code == (1 if name in ASKING else 0), capsys.readouterr()
    assert files(tmp_path) == before


def test_endpoints_are_listed_by_who_only_looks(experiment, capsys):
    assert given("site endpoints", experiment, ["list"]) == 2
    assert "is not on this machine" in capsys.readouterr().err


def test_a_launch_that_is_only_tried_makes_nothing_on_disk(tmp_path, experiment, capsys):
    before = files(tmp_path)
    assert given("launch", experiment, ["1218", "--dry-run"]) == 2
    assert "compute.fit.function is not set" in capsys.readouterr().err  # it got as far as the input document
    assert files(tmp_path) == before


@pytest.mark.parametrize("option", [["--read-only"], []], ids=["only looks", "status"])
def test_who_looks_before_anything_was_recorded_makes_no_ledger(tmp_path, option, capsys):
    with experiment_in(tmp_path / "e") as made:
        before = files(tmp_path)
        for name in ("status", "launch --dry-run 1"):
            assert main([*option, "--profile", str(made.profile), *name.split()]) == 1
            assert "nothing was recorded for this experiment yet" in capsys.readouterr().err
        assert files(tmp_path) == before


def test_status_of_ones_own_ledger_leaves_nothing_either(tmp_path, experiment):
    before = files(tmp_path)
    assert main(["--profile", str(experiment.profile), "status"]) == 0
    assert files(tmp_path) == before
