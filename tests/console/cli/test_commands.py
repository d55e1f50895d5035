"""The command line: exit codes, one clear line for a fault, JSON where it reports. Against a sandbox where it acts."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys

import pytest

from console.cli import commands
from console.ledger import attempts
from console.ledger import runs as run_rows
from console.settings.constants import EXIT_INTERNAL
from flowspec.states import RunState
from tests.pipeline_fixture import running_pipeline
from tests.waiting import HANGS_AFTER, until

CONSOLE = [sys.executable, "-m", "screens"]


def console(*arguments, profile=None, **environment):
    names = {name: value for name, value in os.environ.items() if not name.startswith("FRIB_CONSOLE")}
    given = [*CONSOLE, *(["--profile", str(profile)] if profile else []), *map(str, arguments)]
    return subprocess.run(
        given, capture_output=True, text=True, timeout=HANGS_AFTER, stdin=subprocess.DEVNULL, env=names | environment
    )


def refused(done, code, *words):
    """One clear line on stderr with these words, nothing on stdout."""
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    (line,) = done.stderr.strip().splitlines()
    for word in words:
        assert word in line
    return True


def test_a_fault_of_our_own_is_told_without_secrets(monkeypatch, capsys):
    def broken(_):
        raise RuntimeError("refused: Bearer AgZx93kd8Q7wPq2LmN5vTt1YbC6hJ4")

    monkeypatch.setitem(commands.COMMANDS, "status", broken)
    assert commands.run(argparse.Namespace(command="status", read_only=False)) == EXIT_INTERNAL
    told = capsys.readouterr().err
    assert told.startswith("console: internal error\nTraceback")
    assert "RuntimeError: refused" in told
    assert "AgZx93kd8Q7wPq2LmN5vTt1YbC6hJ4" not in told


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory):
    with running_pipeline(tmp_path_factory.mktemp("cli") / "sandbox", auto_launch=False) as pipeline:
        pipeline.start_driver()
        pipeline.deliver(pipeline.take(1217, segments=2))
        cut = pipeline.settings.dtn.runs / "run1218"
        cut.mkdir()
        whole = (pipeline.settings.dtn.runs / "run1217" / "run-1217-01.evt").read_bytes()
        (cut / "run-1218-01.evt").write_bytes(whole[:-7])
        until(lambda: pipeline.state(1217) is RunState.READY and pipeline.state(1218))
        yield pipeline


def test_without_a_terminal_the_screen_says_so_and_names_the_commands():
    assert refused(console(), 2, "needs a terminal", "console status", "sandbox")


def test_without_a_profile_a_command_says_what_to_give():
    assert refused(console("status"), 2, "--profile FILE", "FRIB_CONSOLE_PROFILE", "--sandbox")


@pytest.mark.parametrize(
    "arguments", [["fly"], ["retry"], ["retry", "twelve"], ["sandbox", "--runs", "0"], ["driver"], ["flows", "drop"]]
)
def test_bad_use_is_exit_code_2_and_one_line(arguments):
    done = console(*arguments)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.endswith("--help)\n")


@pytest.mark.parametrize(
    "command",
    [[], ["status"], ["launch"], ["retry"], ["cancel"], ["watch"], ["login"], ["sandbox"]]
    + [["driver", action] for action in ("status", "start", "stop")]
    + [["flows", action] for action in ("validate", "deploy", "update", "show", "diff")]
    + [["bring-back"], ["functions", "register"], ["endpoints", "status"]],
    ids=" ".join,
)
def test_every_command_has_help(command):
    done = console(*command, "--help")
    assert done.returncode == 0
    assert "usage: console" in done.stdout


def test_a_profile_with_a_fault_is_refused_by_file_key_and_what_was_expected(tmp_path, pipeline):
    text = pipeline.profile.read_text()
    wrong_key, wrong_path = tmp_path / "key.toml", tmp_path / "path.toml"
    wrong_key.write_text(text.replace("results =", "resluts ="))
    done = console("status", profile=wrong_key)
    assert done.returncode == 2
    assert f"{wrong_key}: dtn.resluts: unknown key; did you mean 'results'?" in done.stderr
    ledger, runs = str(pipeline.settings.ledger), str(pipeline.settings.dtn.runs)
    elsewhere = text.replace(ledger, str(tmp_path / "ledger.db")).replace(f'"{runs}"', f'"{tmp_path}/nowhere"')
    wrong_path.write_text(elsewhere)
    assert refused(
        console("driver", "start", profile=wrong_path), 2, str(wrong_path), "dtn.runs", "expected a directory"
    )
    assert refused(console("status", profile=tmp_path / "none.toml"), 2, "none.toml", "cannot be read")


def test_status_tells_of_all_runs_and_of_one(pipeline):
    document = json.loads(console("status", "--json", profile=pipeline.profile).stdout)
    assert document["schema"] == 1
    assert {run["run"]: run["state"] for run in document["runs"]}.keys() == {1217, 1218}
    one = json.loads(console("status", "1217", "--json", profile=pipeline.profile).stdout)
    assert [segment["segment"] for segment in one["run"]["segments"]] == [0, 1]
    assert "1217" in console("status", profile=pipeline.profile).stdout
    assert refused(console("status", 99, profile=pipeline.profile), 1, "run 99 is not known")


def test_the_environment_names_the_profile_too(pipeline):
    assert console("driver", "status", FRIB_CONSOLE_PROFILE=str(pipeline.profile)).returncode == 0


def test_a_cut_segment_is_shown_with_its_reason_and_not_launched(pipeline):
    run = run_rows.run(pipeline.ledger, 1218)
    assert run.state in (RunState.ARRIVING, RunState.INCOMPLETE)
    assert refused(console("launch", 1218, profile=pipeline.profile), 1, "run 1218 is", "run-1218-0")
    assert attempts.attempts(pipeline.ledger, 1218) == []


def test_a_dry_run_validates_here_and_at_flows_and_starts_nothing(pipeline):
    done = console("launch", 1217, "--dry-run", profile=pipeline.profile)
    assert done.returncode == 0
    assert "transfer 2, fit 2, convert 2, analyze, return; the input document is valid here and at Flows" in done.stdout
    assert attempts.attempts(pipeline.ledger, 1217) == []


def test_deploying_validating_and_looking_at_the_endpoints(pipeline):
    for command, words in [
        (["flows", "validate"], "both definitions are valid"),
        (["flows", "deploy"], "flow analysis: "),
        (["functions", "register"], "function fit: "),
        (["endpoints", "status"], "online"),
        (["driver", "status"], "driven by"),
    ]:
        done = console(*command, profile=pipeline.profile)
        assert (done.returncode, words in done.stdout) == (0, True), done.stderr
        assert json.loads(console(*command, "--json", profile=pipeline.profile).stdout)["schema"] == 1
    deployed = json.loads(pipeline.settings.ledger.with_name("deployed.json").read_text())
    assert set(deployed) == {"compute", "flows"}


def test_flows_validate_works_without_a_profile():
    done = console("flows", "validate")
    assert done.returncode == 0
    assert "Flows was not asked: no profile" in done.stdout


def test_login_is_not_for_the_sandbox(pipeline):
    assert refused(console("login", profile=pipeline.profile), 2, "needs no login")


def test_a_directory_is_launched_and_its_run_comes_home(pipeline, tmp_path):
    assert refused(console("launch", tmp_path, profile=pipeline.profile), 2, "expected a run number, or a directory")
    assert refused(console("retry", 1217, profile=pipeline.profile), 1, "run 1217 is ready")
    done = console("launch", pipeline.settings.dtn.runs / "run1217", profile=pipeline.profile)
    assert (done.returncode, done.stdout) == (0, "run 1217 is queued\n")
    until(lambda: pipeline.state(1217) is RunState.DONE)
    assert refused(console("cancel", 1217, profile=pipeline.profile), 1, "nothing to cancel")


def test_only_one_watches(pipeline):
    assert refused(console("watch", profile=pipeline.profile), 3, "drives this experiment already")
