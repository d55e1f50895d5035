"""What people have of Globus works with the sandbox: globus-cli, and scripts with the SDK and its variables."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest

from flowspec import definition
from remote.sandbox.ids import DTN_COLLECTION, GUEST_COLLECTION, IDENTITY, SITE_COLLECTION
from tests.globus_cli_fixture import Globus, installed, service_addresses
from tests.sandbox_fixture import PROJECT, start_sandbox
from tests.waiting import HANGS_AFTER, until

TRANSFER = definition.FOLDER / "transfer.json"
SCHEMA = definition.FOLDER / "transfer.schema.json"
NOWHERE = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def globus(tmp_path_factory):
    program = installed()
    with start_sandbox(tmp_path_factory.mktemp("sandbox"), "--speed", "20") as sandbox:
        yield Globus(program, sandbox, tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def flow(globus):
    return globus.json("flows", "create", "FRIB transfer", TRANSFER, "--input-schema", SCHEMA)["id"]


@pytest.fixture
def input_document(globus, tmp_path):
    """Of the transfer flow, for one file that is at the site."""
    (globus.sandbox.site_root / "analyzed/run-1217-sorted.root").write_bytes(b"root" * 100)
    path = tmp_path / "input.json"
    source = {"collection": SITE_COLLECTION, "path": f"{globus.sandbox.site_root}/analyzed/"}
    target = {"collection": DTN_COLLECTION, "path": "/results/"}
    path.write_text(json.dumps({"label": "x", "source": source, "destination": target, "include": ["*.root"]}))
    return path


def refused(done, *words):
    assert done.returncode != 0, done.stdout
    said = done.stdout + done.stderr
    assert [word for word in words if word not in said] == [], said
    assert "Traceback" not in said
    return True


# ---- who


def test_its_client_logs_in_with_the_token_and_with_nothing_else(globus):
    assert globus("whoami").strip() == "operator@sandbox"
    assert globus("get-identities", "operator@sandbox").strip() == IDENTITY
    assert globus.json("get-identities", NOWHERE)["identities"] == []
    other = Globus(globus.program, globus.sandbox, globus.home / "other")
    assert refused(other.run("whoami", secret="wrong"), "401")
    assert "revoked" in globus("logout", "--yes")
    assert globus("whoami").strip() == "operator@sandbox"


# ---- flows


def test_flows_are_listed_shown_and_changed(globus, flow):
    assert [found["id"] for found in globus.json("flows", "list")["flows"]] == [flow]
    assert flow in globus("flows", "list", "--filter-role", "flow_owner")
    shown = globus.json("flows", "show", flow)
    assert shown["definition"] == definition.transfer().definition
    assert shown["input_schema"] == definition.transfer().schema
    assert "Owner:                    operator@sandbox" in globus("flows", "show", flow)
    assert globus.json("flows", "update", flow, "--subtitle", "of 2026")["subtitle"] == "of 2026"
    assert "transfer.api.globus.org:all" in globus("flows", "validate", TRANSFER, "--input-schema", SCHEMA)
    assert refused(globus.run("flows", "show", NOWHERE), "404", "FLOW_NOT_FOUND")


def test_a_flow_run_is_started_followed_and_found(globus, flow, input_document):
    words = ("--input", f"file:{input_document}", "--label", "by hand", "--tag", "one", "--tag", "two")
    started = globus.json("flows", "start", flow, *words)
    run = started["run_id"]
    assert (started["label"], started["tags"]) == ("by hand", ["one", "two"])
    until(lambda: globus.json("flows", "run", "show", run)["status"] == "SUCCEEDED")
    assert (globus.sandbox.dir / "dtn/results/run-1217-sorted.root").read_bytes() == b"root" * 100
    assert "FRIB transfer" in globus("flows", "run", "show", run)
    listed = globus.json("flows", "run", "list", "--filter-flow-id", flow)["runs"]
    assert [found["run_id"] for found in listed] == [run]
    assert run in globus("flows", "run", "list")
    codes = [entry["code"] for entry in globus.json("flows", "run", "show-logs", run)["entries"]]
    assert (codes[0], codes[-1]) == ("FlowStarted", "FlowSucceeded")
    assert globus.json("flows", "run", "show-definition", run)["definition"] == definition.transfer().definition
    assert globus.json("flows", "run", "update", run, "--label", "done")["label"] == "done"
    assert globus.json("flows", "run", "delete", run)["run_id"] == run
    assert globus.json("flows", "run", "list")["runs"] == []


def test_an_input_document_that_does_not_fit_is_refused_in_the_words_of_the_schema(globus, flow, tmp_path):
    path = tmp_path / "input.json"
    path.write_text('{"label": "x"}')
    assert refused(globus.run("flows", "start", flow, "--input", f"file:{path}"), "400", "FLOW_INPUT_ERROR")
    assert globus.json("flows", "run", "list")["runs"] == []


# ---- transfers


def test_a_transfer_is_submitted_waited_for_and_shown(globus):
    kit = globus.sandbox.site_root / "kit"
    words = (f"{SITE_COLLECTION}:{kit}/", f"{DTN_COLLECTION}:/results/kit/", "--recursive", "--label", "the kit")
    assert "Recursive" in globus("transfer", *words, "--dry-run")
    task = globus.json("transfer", *words, "--sync-level", "checksum")["task_id"]
    globus("task", "wait", task)
    shown = globus.json("task", "show", task)
    files = [path for path in kit.rglob("*") if path.is_file()]
    assert (shown["status"], shown["label"], shown["files"]) == ("SUCCEEDED", "the kit", len(files))
    assert "Source Endpoint:              Compute site (sandbox)" in globus("task", "show", task)
    pairs = globus.json("task", "show", "--successful-transfers", task)["DATA"]
    assert {pair["source_path"] for pair in pairs} == {str(path) for path in files}
    assert task in {found["task_id"] for found in globus.json("task", "list", "--filter-status", "SUCCEEDED")["DATA"]}
    assert "SUCCEEDED" in globus("task", "event-list", task)
    assert "completed before" in globus("task", "cancel", task)
    assert refused(globus.run("task", "show", NOWHERE), "404", "TaskNotFound")


def test_the_files_of_a_collection_are_listed_made_renamed_and_deleted(globus):
    (globus.sandbox.dir / "dtn/results/old.root").write_bytes(b"root")
    assert "old.root" in globus("ls", f"{DTN_COLLECTION}:/results/").split()
    assert globus.json("stat", f"{DTN_COLLECTION}:/results/old.root")["size"] == 4
    globus("mkdir", f"{DTN_COLLECTION}:/results/some")
    globus("rename", DTN_COLLECTION, "/results/old.root", "/results/some/new.root")
    assert "some/" in globus("ls", f"{DTN_COLLECTION}:/results/")
    assert refused(globus.run("rm", f"{DTN_COLLECTION}:/results/some/*"), "400", "interpret_globs")
    globus("rm", f"{DTN_COLLECTION}:/results/some/new.root")
    task = globus.json("delete", "--recursive", f"{DTN_COLLECTION}:/results/some")["task_id"]
    globus("task", "wait", task)
    assert not (globus.sandbox.dir / "dtn/results/some").exists()
    assert refused(globus.run("ls", f"{DTN_COLLECTION}:/results/some"), "404", "NotFound")


def test_collections_are_found_and_shown(globus):
    (found,) = globus.json("endpoint", "search", "DTN")["DATA"]
    assert (found["id"], found["display_name"]) == (DTN_COLLECTION, "FRIB DTN (sandbox)")
    assert SITE_COLLECTION in globus("endpoint", "search", "sandbox", "--filter-entity-type", "GCSv5_mapped_collection")
    assert globus.json("endpoint", "search", "nothing like it")["DATA"] == []
    assert "FRIB DTN (sandbox)" in globus("endpoint", "show", "--skip-endpoint-type-check", DTN_COLLECTION)
    # As at Globus: a mapped collection is not what this command shows. The other command asks its own server by https.
    assert refused(globus.run("endpoint", "show", DTN_COLLECTION), f"globus gcs collection show {DTN_COLLECTION}")
    assert refused(globus.run("endpoint", "show", NOWHERE), "404", "EndpointNotFound")


def test_a_tree_is_listed_and_the_errors_of_a_task_are_shown(globus):
    tree = globus.sandbox.dir / "dtn/results/tree/below"
    tree.mkdir(parents=True)
    (tree / "a.root").write_bytes(b"root")
    words = globus("ls", "-r", f"{DTN_COLLECTION}:/results/tree/").split()
    assert words == ["below/", "below/a.root"]
    assert "Size" in globus("stat", f"{DTN_COLLECTION}:/results/tree/below/a.root")
    task = globus.json("delete", f"{DTN_COLLECTION}:/results/tree")["task_id"]
    until(lambda: globus.json("task", "show", task)["status"] == "FAILED")
    assert "IS_A_DIRECTORY" in globus("task", "event-list", task, "--filter-errors")
    assert refused(globus.run("mkdir", f"{DTN_COLLECTION}:/results/tree"), "502", "MkdirFailed.Exists")


def test_a_guest_collection_shows_its_permissions(globus):
    (found,) = globus.json("endpoint", "search", "Results")["DATA"]
    assert (found["id"], found["entity_type"]) == (GUEST_COLLECTION, "GCSv5_guest_collection")
    assert globus.json("endpoint", "permission", "list", GUEST_COLLECTION)["DATA"] == []


# ---- people are asked

ASKING = {
    "StartAt": "Ask",
    "States": {
        "Ask": {
            "Type": "CreateWebInput",
            "Parameters": {
                "InputType": "Selection",
                "Context": {"PresentationStyle": "Text", "Title": "Go on?", "Text": "There are `files`."},
                "Options": [{"Value": "yes", "Label": "Go on"}],
                "RespondentUrns": [f"urn:globus:auth:identity:{IDENTITY}"],
            },
            "ResultPath": "$.asked",
            "Next": "Hear",
        },
        "Hear": {
            "Type": "AwaitWebInput",
            "Parameters": {"web_input_id.$": "$.asked.web_input_id"},
            "ResultPath": "$.heard",
            "End": True,
        },
    },
}


def test_a_flow_run_that_asks_people_waits_and_is_cancelled(globus, tmp_path):
    path = tmp_path / "asking.json"
    path.write_text(json.dumps(ASKING))
    flow = globus.json("flows", "create", "Asking", path)["id"]
    run = globus.json("flows", "start", flow)["run_id"]
    until(lambda: globus.json("flows", "run", "show", run)["blocking_web_input_id"])
    assert globus.json("flows", "run", "cancel", run)["status"] == "FAILED"
    assert "FlowCanceled" in globus("flows", "run", "show-logs", run, "--limit", "100")
    assert flow in globus("flows", "delete", flow)


# ---- what the page for developers says


def test_the_commands_of_the_documentation_are_good(globus):
    text = (PROJECT / "docs/developers.md").read_text().partition("### Clients of Globus's at a sandbox")[2]
    commands = re.findall("^globus (.+)$", text.partition("## Tests")[0], re.MULTILINE)
    assert len(commands) == 3
    for command in commands:
        globus(*command.split())


# ---- a script with the SDK


SCRIPT = """
import sys
from globus_sdk import AuthClient, ClientApp, FlowsClient, SpecificFlowClient, TransferClient
app = ClientApp("a script", client_id=sys.argv[1], client_secret=sys.argv[2])
flows = FlowsClient(app=app)
flow = flows.create_flow("of a script", {"StartAt": "Go", "States": {"Go": {"Type": "Pass", "End": True}}}, {})
run = SpecificFlowClient(flow["id"], app=app).run_flow({}, label="of a script")
print(run["flow_id"] == flow["id"], [r["label"] for r in flows.list_runs(filter_flow_id=flow["id"])["runs"]])
flows.delete_flow(flow["id"])
print(TransferClient(app=app).get_endpoint(sys.argv[3])["display_name"])
"""


def test_a_script_with_the_sdk_needs_the_variables_and_the_token_only(globus):
    sandbox = globus.sandbox
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, IDENTITY, sandbox.token, DTN_COLLECTION],
        env={"PATH": os.environ["PATH"], "HOME": str(globus.home), **service_addresses(sandbox)},
        capture_output=True,
        text=True,
        timeout=HANGS_AFTER,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["True ['of a script']", "FRIB DTN (sandbox)"]
