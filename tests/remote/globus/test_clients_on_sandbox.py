"""The clients against the sandbox: the same SDK over real HTTP as against Globus."""

from __future__ import annotations

import uuid
from datetime import datetime, timezone
from pathlib import Path

import pytest

from remote.globus.connection import Remote
from remote.globus.errors import RemoteError
from remote.globus.flows import FlowRun
from remote.globus.transfer import Collection, RemoteFile
from remote.sandbox.ids import GUEST_COLLECTION
from tests.remote_fixture import connected_in
from tests.sandbox_fixture import RunningSandbox, sandbox
from tests.waiting import until

__all__ = ["sandbox"]


@pytest.fixture(scope="module")
def remote(sandbox: RunningSandbox, tmp_path_factory) -> Remote:
    return connected_in(tmp_path_factory.mktemp("login"), sandbox.url, sandbox.token)


def action(url: str, parameters: dict[str, object]) -> dict[str, object]:
    """A flow of this one action."""
    state = {"Type": "Action", "ActionUrl": url, "Parameters": parameters, "ResultPath": "$.Result", "WaitTime": 60,
             "ExceptionOnActionFailure": True, "End": True,
             }  # fmt: skip
    return {"StartAt": "Do", "States": {"Do": state}}


def ended(remote: Remote, run: FlowRun) -> FlowRun:
    return until(lambda: now if (now := remote.flows.run(run.id)).status in ("SUCCEEDED", "FAILED") else None)


def halve(value):
    if value % 2:
        raise ValueError(f"{value} is odd")
    return {"segment": value, "rc": 0, "half": value // 2}


def test_from_deployment_to_the_results_of_each_task(remote, sandbox):
    endpoint = sandbox.info["endpoints"]["frib-fit-mpi"]
    assert remote.compute.endpoint_status(endpoint).online
    name, version = remote.compute.endpoint_name_and_version(endpoint)
    assert name == "frib-fit-mpi"
    assert version
    function = remote.compute.register_function(halve, "halves even numbers")
    tasks = f"[{{'function_id': '{function}', 'kwargs': {{'value': v}}}} for v in values]"
    definition = action("https://compute.actions.globus.org/v3", {"endpoint_id": endpoint, "tasks.=": tasks})
    schema = {"type": "object", "properties": {"values": {"type": "array", "items": {"type": "integer"}}},
              "required": ["values"], "additionalProperties": False}  # fmt: skip
    remote.flows.validate_flow(definition, schema)
    flow = remote.flows.deploy("halves", definition, schema)
    assert remote.flows.deploy("halves, again", definition, schema, flow_id=flow) == flow
    assert remote.flows.get_flow(flow)["title"] == "halves, again"
    remote.flows.validate_run(flow, {"values": [1]})
    with pytest.raises(RemoteError, match="values") as refused:
        remote.flows.validate_run(flow, {"values": ["x"]})
    assert refused.value.kind == "bug"

    since = datetime.now(timezone.utc).isoformat()
    tag = f"attempt-{uuid.uuid4()}"
    assert remote.flows.find_by_tag(flow, tag, since) == []
    run = remote.flows.start(flow, {"values": [2, 3, 4]}, "a label", [tag, "FRIB"])
    assert [r.id for r in remote.flows.find_by_tag(flow, tag, since)] == [run.id]
    done = ended(remote, run)
    assert (done.label, done.flow_id, done.completed is None) == ("a label", flow, False)
    assert [r.id for r in remote.flows.runs([flow], since)] == [run.id]

    log = remote.flows.log(run.id)
    assert log[0].code == "FlowStarted"
    assert remote.flows.log(run.id, after=log[-1].time) == []
    group = next(e.details for e in log if "tg_" in str(e.details))
    group_id = str(group).split("tg_")[1][:36]
    statuses = remote.compute.batch_status(remote.compute.task_group(group_id))
    assert sorted((s.status, s.value and s.value["half"]) for s in statuses.values() if s.value) == [
        ("success", 1),
        ("success", 2),
    ]
    (failed,) = [s for s in statuses.values() if s.status == "failed"]
    assert "3 is odd" in failed.exception


def test_files_go_there_and_are_seen_there(remote, sandbox):
    (sandbox.dir / "dtn" / "runs" / "run5").mkdir(parents=True)
    (sandbox.dir / "dtn" / "runs" / "run5" / "a.evt").write_bytes(b"x" * 1000)
    top = str(sandbox.site_root)
    assert remote.transfer.ls(sandbox.site, f"{top}/rawdata/run5") is None
    assert remote.transfer.mkdir(sandbox.site, f"{top}/somewhere") is True
    assert remote.transfer.mkdir(sandbox.site, f"{top}/somewhere") is False
    assert remote.transfer.ls(sandbox.site, f"{top}/somewhere") == {}
    parameters = {
        "source_endpoint": sandbox.dtn, "destination_endpoint": sandbox.site, "sync_level": 3, "verify_checksum": True,
        "DATA": [{"source_path": "/runs/run5/a.evt", "destination_path": f"{top}/somewhere/a.evt", "recursive": False}],
    }  # fmt: skip
    flow = remote.flows.deploy("moves", action("https://transfer.actions.globus.org/transfer", parameters), {})
    run = ended(remote, remote.flows.start(flow, {}, "moves", ["t"]))
    assert run.status == "SUCCEEDED", run.details
    (output,) = [e.details["output"] for e in remote.flows.log(run.id) if e.code == "ActionCompleted"]
    task = remote.transfer.task(output["details"]["task_id"])
    assert (task.status, task.files, task.files_transferred, task.bytes_transferred) == ("SUCCEEDED", 1, 1, 1000)
    assert remote.transfer.successful(task.id) == [("/runs/run5/a.evt", f"{top}/somewhere/a.evt")]
    assert any(e.code == "SUCCEEDED" for e in remote.transfer.events(task.id))
    assert remote.transfer.stat(sandbox.site, f"{top}/somewhere/a.evt") == RemoteFile("file", 1000)
    assert remote.transfer.stat(sandbox.site, f"{top}/somewhere/b.evt") is None
    with pytest.raises(RemoteError) as denied:
        remote.transfer.ls(sandbox.site, "/etc")
    assert denied.value.kind == "operator"


def test_collections_are_found_by_id_and_by_words(remote, sandbox):
    assert remote.transfer.collection(sandbox.dtn) == Collection(sandbox.dtn, "FRIB DTN (sandbox)", mapped=True)
    assert not remote.transfer.collection(GUEST_COLLECTION).mapped
    assert [each.id for each in remote.transfer.search("frib dtn")] == [sandbox.dtn]
    assert remote.transfer.search("nobody has called one so") == []


def test_directories_are_made_with_their_parents(remote, sandbox):
    path = f"{sandbox.site_root}/logs/run9/cancelled/frib-9-1-0af3"
    for _ in range(2):
        remote.transfer.make_directories(sandbox.site, path)
        assert Path(path).is_dir()
    with pytest.raises(RemoteError) as denied:
        remote.transfer.make_directories(sandbox.site, "/etc/frib/cancelled")
    assert denied.value.kind == "operator"


def test_tasks_under_way_are_found_by_their_label_and_cancelled(remote, sandbox):
    source = sandbox.dir / "dtn" / "runs" / "run6"
    source.mkdir(parents=True)
    parameters = {
        "source_endpoint": sandbox.dtn, "destination_endpoint": sandbox.site, "label": "one label",
        "DATA": [{"source_path": "/runs/run6/not-there.evt", "destination_path": f"{sandbox.site_root}/x"}],
    }  # fmt: skip
    flow = remote.flows.deploy("tries", action("https://transfer.actions.globus.org/transfer", parameters), {})
    remote.flows.start(flow, {}, "tries", ["t"])
    (task,) = until(lambda: remote.transfer.under_way("one label"))
    assert remote.transfer.under_way("one") == []
    remote.transfer.cancel(task.id)
    assert remote.transfer.task(task.id).status == "FAILED"
    assert remote.transfer.under_way("one label") == []


def test_a_cancelled_flow_run_says_so(remote):
    wait = {
        "StartAt": "Wait",
        "States": {"Wait": {"Type": "Wait", "Seconds": 3600, "Next": "End"}, "End": {"Type": "Pass", "End": True}},
    }
    run = remote.flows.start(remote.flows.deploy("waits", wait, {}), {}, "waits", [])
    assert not remote.flows.run(run.id).cancelled
    remote.flows.cancel(run.id)
    assert ended(remote, run).cancelled


def test_what_is_not_there_is_the_operators(remote):
    nothing = str(uuid.uuid4())
    for call in (
        lambda: remote.flows.run(nothing),
        lambda: remote.flows.start(nothing, {}, "x", []),
        lambda: remote.transfer.task(nothing),
        lambda: remote.transfer.ls(nothing, "/"),
        lambda: remote.transfer.collection(nothing),
        lambda: remote.compute.endpoint_status(nothing),
        lambda: remote.compute.task_group(nothing),
    ):
        with pytest.raises(RemoteError) as caught:
            call()
        assert (caught.value.kind, caught.value.ambiguous) == ("operator", False)


def test_a_wrong_token_is_refused(sandbox, tmp_path):
    stranger = connected_in(tmp_path, sandbox.url, "wrong")
    for call in (lambda: stranger.flows.runs([str(uuid.uuid4())]), lambda: stranger.transfer.ls(sandbox.dtn, "/"),
                 lambda: stranger.compute.task_group(str(uuid.uuid4()))):  # fmt: skip
        with pytest.raises(RemoteError) as caught:
            call()
        assert caught.value.kind == "operator"
        assert "log in" in caught.value.next_step
