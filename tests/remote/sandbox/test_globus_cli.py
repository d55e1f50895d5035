"""What people have of Globus works with the sandbox: globus-cli, and scripts with the SDK and its variables."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest

from flowspec import definition
from remote.sandbox.ids import DTN_COLLECTION, IDENTITY, SITE_COLLECTION
from tests.globus_cli_fixture import ASKING, Globus, globus, service_addresses  # noqa: F401  (fixture)
from tests.sandbox_fixture import PROJECT
from tests.waiting import HANGS_AFTER, until

TRANSFER = definition.FOLDER / "transfer.json"
SCHEMA = definition.FOLDER / "transfer.schema.json"


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


# ---- what the table of commands (test_globus_cli_table.py) cannot say


def test_its_client_logs_in_with_the_token_and_with_nothing_else(globus):
    other = Globus(globus.program, globus.sandbox, globus.home / "other")
    assert refused(other.run("whoami", secret="wrong"), "401")
    assert globus("whoami").strip() == "operator@sandbox"
    assert "revoked" in globus("logout", "--yes")
    assert globus("whoami").strip() == "operator@sandbox", "a client logs in again"


def test_a_flow_run_is_started_followed_and_found(globus, flow, input_document):
    assert "transfer.api.globus.org:all" in globus("flows", "validate", TRANSFER, "--input-schema", SCHEMA)
    run = globus.json("flows", "start", flow, "--input", f"file:{input_document}")["run_id"]
    until(lambda: globus.json("flows", "run", "show", run)["status"] == "SUCCEEDED")
    assert (globus.sandbox.dir / "dtn/results/run-1217-sorted.root").read_bytes() == b"root" * 100
    assert run in globus("flows", "run", "list")
    assert globus.json("flows", "run", "show-definition", run)["definition"] == definition.transfer().definition


def test_a_transfer_brings_every_file_of_a_tree(globus):
    kit = globus.sandbox.site_root / "kit"
    words = (f"{SITE_COLLECTION}:{kit}/", f"{DTN_COLLECTION}:/results/kit/", "--recursive")
    task = globus.json("transfer", *words, "--sync-level", "checksum")["task_id"]
    globus("task", "wait", task)
    files = [path for path in kit.rglob("*") if path.is_file()]
    pairs = globus.json("task", "show", "--successful-transfers", task)["DATA"]
    assert {(pair["source_path"], pair["size"]) for pair in pairs} == {
        (str(path), path.stat().st_size) for path in files
    }


def test_a_directory_is_deleted_only_when_that_is_asked_for(globus):
    (globus.sandbox.dir / "dtn/results/tree").mkdir(parents=True)
    task = globus.json("delete", f"{DTN_COLLECTION}:/results/tree")["task_id"]
    until(lambda: globus.json("task", "show", task)["status"] == "FAILED")
    assert "IS_A_DIRECTORY" in globus("task", "event-list", task, "--filter-errors")
    globus("rm", "-r", f"{DTN_COLLECTION}:/results/tr*")
    assert not (globus.sandbox.dir / "dtn/results/tree").exists()


def test_a_flow_run_that_asks_people_goes_on_when_they_have_answered(globus, tmp_path):
    path = tmp_path / "asking.json"
    path.write_text(json.dumps(ASKING))
    flow = globus.json("flows", "create", "Asking", path)["id"]
    run = globus.json("flows", "start", flow)["run_id"]
    question = until(lambda: globus.json("flows", "run", "show", run)["blocking_web_input_id"])
    (option,) = globus.json("flows", "web-input", "show", question)["options"]
    assert globus.json("flows", "web-input", "respond", question, option["option_id"]) == {"status": "ok"}
    until(lambda: globus.json("flows", "run", "show", run)["status"] == "SUCCEEDED")


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
