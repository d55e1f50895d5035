"""`console flows ...`: definitions of ours and of anybody, here and at a running sandbox."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from flowspec import definition
from tests.console.cli.test_commands import console, refused
from tests.pipeline_fixture import running_pipeline

TRANSFER = definition.FOLDER / "transfer.json"
SCHEMA = definition.FOLDER / "transfer.schema.json"
NOWHERE = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory):
    with running_pipeline(tmp_path_factory.mktemp("flows") / "sandbox", auto_launch=False) as pipeline:
        yield pipeline


@pytest.fixture
def flows(pipeline):
    """Runs `console flows ...` on the sandbox; what was changed of the transfer flow is made good again."""
    yield lambda *words: console("flows", *words, profile=pipeline.profile)
    assert console("flows", "deploy", profile=pipeline.profile).returncode == 0


def document(done):
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def own(flows, title: str) -> str:
    words = ("--definition", TRANSFER, "--schema", SCHEMA, "--title", title)
    return str(document(flows("deploy", *words, "--json"))["flow"])


def changed(directory: Path, **fields) -> Path:
    """The transfer definition with other fields in its one action."""
    states = definition.transfer().definition["States"]
    path = directory / "mine.json"
    action = {**states["Transfer"], **fields}
    path.write_text(json.dumps({"StartAt": "Transfer", "States": {**states, "Transfer": action}}))
    return path


# ---- anybody's definition, without a profile


def test_a_file_is_checked_without_profile_and_network():
    done = console("flows", "validate", TRANSFER, "--schema", SCHEMA)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{TRANSFER}: valid, as far as can be told without Globus\n"


def test_each_fault_of_a_file_is_a_line_with_its_place(tmp_path):
    path = changed(tmp_path, Next="Nowhere", WaitTime="1 h")
    schema = tmp_path / "schema.json"
    schema.write_text('{"type": "objekt"}')
    done = console("flows", "validate", path, "--schema", schema, "--json")
    assert (done.returncode, done.stderr) == (1, "")
    report = json.loads(done.stdout)
    assert not report["valid"]
    places = {(Path(f["file"]).name, f["path"]) for f in report["findings"] if f["severity"] == "error"}
    assert places >= {
        ("mine.json", "States.Transfer.Next"),
        ("mine.json", "States.Transfer.WaitTime"),
        ("schema.json", "type"),
    }
    told = console("flows", "validate", path).stdout
    assert "error: States.Transfer.Next: there is no state 'Nowhere'" in told
    assert told.endswith("mine.json: not valid\n")


def test_names_that_no_terminal_can_show_are_told_all_the_same(tmp_path):
    path = tmp_path / "odd.json"
    path.write_text(r'{"StartAt": "\ud800\u001b[31m", "States": {"\ud800\u001b[31m": {"Type": "Pass\u0007"}}}')
    done = console("flows", "validate", path)
    assert done.returncode == 1
    assert "unknown type" in done.stdout
    assert "\x1b" not in done.stdout


def test_what_is_no_small_plain_file_is_told_and_not_read(tmp_path):
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "large.json").write_bytes(b" " * 3_000_000)
    for name, why in (("none.json", "No such file"), ("pipe.json", "not a plain file"), ("large.json", "too large")):
        assert refused(console("flows", "validate", tmp_path / name), 1, name, "cannot be read", why)


def test_a_schema_alone_is_not_validated():
    assert refused(console("flows", "validate", "--schema", SCHEMA), 2, "FILE --schema FILE")


# ---- a flow of one's own


def test_a_flow_of_ones_own_is_deployed_once_and_updated_in_place(flows, tmp_path):
    flow = own(flows, "Mine")
    again = flows("deploy", "--definition", TRANSFER, "--schema", SCHEMA, "--title", "Mine")
    assert refused(again, 1, "'Mine' already", f"console flows update {flow}")
    path = changed(tmp_path, WaitTime=60)
    differs = flows("diff", flow, "--definition", path, "--schema", SCHEMA)
    assert differs.returncode == 1
    assert f"{flow}: $.definition.States.Transfer.WaitTime: here 60, deployed 172800" in differs.stdout
    assert document(flows("update", flow, "--definition", path, "--title", "Other", "--json")) == {
        "schema": 1,
        "flow": flow,
    }
    assert flows("diff", flow, "--definition", path, "--schema", SCHEMA, "--title", "Other").returncode == 0
    (shown,) = document(flows("show", flow, "--json"))["flows"]
    assert (shown["id"], shown["title"]) == (flow, "Other")
    assert shown["definition"]["States"]["Transfer"]["WaitTime"] == 60
    assert shown["input_schema"] == definition.transfer().schema


def test_what_the_lint_refuses_is_not_sent(flows, tmp_path):
    flow = own(flows, "Never changed")
    path = changed(tmp_path, ActionUrl="https://actions.globus.org/transfer/transfer")
    assert refused(flows("update", flow, "--definition", path), 1, "States.Transfer.ActionUrl", "switched off")
    refused(flows("deploy", "--definition", path, "--schema", SCHEMA, "--title", "New"), 1, "switched off")
    assert flows("diff", flow, "--definition", TRANSFER).returncode == 0


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["deploy", "--definition", TRANSFER], "--schema FILE and --title TEXT"),
        (["update", NOWHERE], "nothing to change"),
        (["update", "analyse"], "neither analysis nor transfer nor the id of a flow"),
        (["diff", "--definition", TRANSFER], "FLOW is missing"),
        (["diff", NOWHERE], "--definition FILE"),
    ],
)
def test_half_a_wish_is_bad_use(flows, words, what):
    assert refused(flows(*words), 2, what)


def test_a_flow_that_is_not_there_is_told_with_the_words_of_globus(flows):
    assert refused(flows("show", NOWHERE), 1, "404")


# ---- ours


def test_ours_differ_when_somebody_has_changed_them_and_not_after_an_update(flows, pipeline):
    assert flows("diff").stdout == "analysis: deployed as it is here\ntransfer: deployed as it is here\n"
    flow = pipeline.settings.flows.transfer
    assert flows("update", flow, "--title", "Changed by hand").returncode == 0
    done = flows("diff", "--json")
    assert done.returncode == 1
    analysis, transfer = json.loads(done.stdout)["flows"]
    assert analysis["differences"] == []
    assert (transfer["flow"], transfer["id"]) == ("transfer", flow)
    assert transfer["differences"] == [{"path": "$.title", "here": "FRIB-Transfer", "deployed": "Changed by hand"}]
    assert document(flows("update", "transfer", "--json"))["flow"] == flow
    assert flows("diff", "transfer").returncode == 0
    assert flow in flows("show").stdout


def test_a_console_that_only_looks_shows_and_compares_but_deploys_nothing(pipeline):
    for action in (["show"], ["diff"], ["validate", TRANSFER]):
        assert console("--read-only", "flows", *action, profile=pipeline.profile).returncode == 0
    for action in (["deploy"], ["update", "transfer"]):
        assert refused(console("--read-only", "flows", *action, profile=pipeline.profile), 2, "--read-only")
