"""Flow runs on the sandbox's real Transfer and Compute: files are copied, functions execute in worker processes."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from globus_compute_sdk.serialize import ComputeSerializer, PureSourceTextInspect

from remote.sandbox.compute.endpoints import Endpoint
from remote.sandbox.compute.service import ComputeService
from remote.sandbox.flows.service import FlowsService
from remote.sandbox.transfer.collection import Collection
from remote.sandbox.transfer.service import TransferService
from tests.flows_fakes import COLLECTIONS, ENDPOINT, OWNER
from tests.waiting import until

CALLER = f"urn:globus:auth:identity:{OWNER}"
DEFINITION = {
    "StartAt": "Transfer",
    "States": {
        "Transfer": {
            "Type": "Action",
            "ActionUrl": "https://transfer.actions.globus.org/transfer",
            "Parameters": {
                "source_endpoint": COLLECTIONS[0],
                "destination_endpoint": COLLECTIONS[1],
                "sync_level": 3,
                "verify_checksum": True,
                "DATA.=": "[{'source_path': '/in/' + n, 'destination_path': '/out/' + n} for n in names]",
            },
            "ResultPath": "$.Transfer",
            "WaitTime": 60,
            "ExceptionOnActionFailure": True,
            "Next": "Measure",
        },
        "Measure": {
            "Type": "Action",
            "ActionUrl": "https://compute.actions.globus.org/v3",
            "Parameters": {
                "endpoint_id": ENDPOINT,
                "tasks.=": "[{'function_id': function, 'kwargs': {'path': folder + '/' + n}} for n in measured]",
            },
            "ResultPath": "$.Measure",
            "WaitTime": 60,
            "ExceptionOnActionFailure": True,
            "End": True,
        },
    },
}


def measure(path: str) -> dict[str, int]:
    from pathlib import Path

    return {"rc": 0, "bytes": Path(path).stat().st_size}


@dataclass(frozen=True)
class Services:
    flows: FlowsService
    compute: ComputeService


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    """The real Flows on the real Transfer and Compute."""
    for name in ("dtn/in", "site", "log"):
        (tmp_path / name).mkdir(parents=True)
    collections = {
        collection: Collection(tmp_path / name, tmp_path / name, name)
        for collection, name in zip(COLLECTIONS, ("dtn", "site"), strict=True)
    }
    project = str(Path(__file__).parents[4])
    compute = ComputeService(
        endpoints={ENDPOINT: Endpoint("test", 1)},
        now=time.time,
        run_dir=tmp_path / "log",
        environment={**os.environ, "PYTHONPATH": project},
    )
    transfer = TransferService(collections, now=time.time, owner_id=OWNER)
    flows = FlowsService(transfer, compute, speed=20.0)
    yield Services(flows, compute)
    flows.close()
    transfer.close()
    compute.close()


def run(services: Services, tmp_path: Path, *, names: list[str], measured: list[str]) -> dict[str, Any]:
    """The document of a flow run that has ended."""
    serializer = ComputeSerializer(strategy_code=PureSourceTextInspect())  # workers cannot import this module
    packed = serializer.pack_buffers([serializer.serialize(measure)])
    flows, compute = services.flows, services.compute
    function = compute.register_function({"function_name": "measure", "function_code": packed})["function_uuid"]
    flow = flows.create_flow(CALLER, {"title": "t", "definition": DEFINITION})["id"]
    body = {"names": names, "measured": measured, "function": function, "folder": str(tmp_path / "site/out")}
    run_id = flows.start_run(CALLER, flow, {"body": body})["run_id"]
    until(lambda: flows.get_run(CALLER, run_id, {})["status"] != "ACTIVE")
    return flows.get_run(CALLER, run_id, {})


def test_files_are_copied_and_measured(services: Services, tmp_path: Path) -> None:
    for name, size in (("a.evt", 10), ("b.evt", 20)):
        (tmp_path / "dtn/in" / name).write_bytes(b"x" * size)
    document = run(services, tmp_path, names=["a.evt", "b.evt"], measured=["a.evt", "b.evt"])
    assert document["status"] == "SUCCEEDED", document["details"]
    output = document["details"]["output"]
    assert output["Measure"]["details"]["result"] == [{"rc": 0, "bytes": 10}, {"rc": 0, "bytes": 20}]
    task = output["Transfer"]["details"]
    assert (task["DATA_TYPE"], task["status"], task["files_transferred"]) == ("task", "SUCCEEDED", 2)
    assert isinstance(task["event_list"], list)


def test_a_function_that_raises_fails_the_flow_run_with_its_words(services: Services, tmp_path: Path) -> None:
    (tmp_path / "dtn/in/a.evt").write_bytes(b"x")
    document = run(services, tmp_path, names=["a.evt"], measured=["a.evt", "missing.evt"])
    assert document["status"] == "FAILED"
    failure = document["details"]["details"]
    assert (failure["state_name"], failure["exception"]) == ("Measure", "ActionFailedException")
    assert "FileNotFoundError" in failure["cause"]
    assert "1 of 2 tasks failed" in failure["cause"]
