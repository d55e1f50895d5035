"""The clients against a service that answers with documents in the shapes of Globus."""

from __future__ import annotations

import os

import pytest
from globus_compute_sdk.serialize import ComputeSerializer, JSONData

from remote.globus.compute import Compute, TaskStatus, read_result
from remote.globus.errors import RemoteError
from remote.globus.limits import Budget
from remote.globus.transfer import RemoteFile
from tests.remote_fixture import connected
from tests.scripted_service import RESET, Reply, ScriptedService

__all__ = ["connected"]

FLOW = "babd88e5-d31d-48c7-b3a0-b765389b5c22"
OTHER_FLOW = "47557a0b-75ba-4df1-8a85-f5fb556c31a4"
ENDPOINT = "ff16dcd1-0632-4fdd-8b0c-d239d4f1b889"
TASK = "7a3cd9d2-0a4c-4b3c-9a0a-000000000001"
DTN = "9656eff2-8105-445c-8501-154dfe1d88e5"


@pytest.fixture
def service():
    service = ScriptedService()
    yield service
    service.close()


@pytest.fixture
def remote(service, connected):
    return connected(service.url)


def run_document(number: int, start: str, *tags: str, **more: object) -> dict[str, object]:
    return {"run_id": f"run-{number}", "flow_id": FLOW, "status": "ACTIVE", "label": "a label", "tags": list(tags),
            "start_time": start, "details": {"code": "FlowStarting"}} | more  # fmt: skip


def log_document(second: int, code: str) -> dict[str, object]:
    return {"time": f"2026-11-23T10:00:{second:02d}.000000+00:00", "code": code, "description": "", "details": {}}


# ---- flows -----------------------------------------------------------------------------------------------------


def test_start_sends_what_identifies_the_attempt(service, remote):
    service.will("POST", f"/flows/{FLOW}/run", Reply(run_document(1, "2026-11-23T10:00:00+00:00", "tag-1"), 201))
    run = remote.flows.start(FLOW, {"run": 7}, "a label", ["tag-1"], run_monitors=["urn:globus:groups:id:x"])
    (request,) = service.asked("POST", f"/flows/{FLOW}/run")
    assert request.body["body"] == {"run": 7}
    assert request.body["tags"] == ["tag-1"]
    assert request.body["run_monitors"] == ["urn:globus:groups:id:x"]
    assert (run.id, run.tags, run.completed, run.cancelled) == ("run-1", ("tag-1",), None, False)


def test_runs_follow_the_markers_and_ask_for_every_role(service, remote):
    first = {"runs": [run_document(2, "2026-11-23T12:00:00+00:00")], "has_next_page": True, "marker": "m"}
    last = {"runs": [run_document(1, "2026-11-23T11:00:00+00:00", details=None),
                     run_document(0, "2026-11-22T11:00:00+00:00")], "has_next_page": False}  # fmt: skip
    service.will("GET", "/runs", first, last)
    runs = remote.flows.runs([FLOW, OTHER_FLOW], since="2026-11-23T00:00:00+00:00")
    assert [r.id for r in runs] == ["run-2", "run-1"], "run-0 is older, whatever the service filters"
    query = service.asked("GET", "/runs")[0].query
    assert query["filter_flow_id"] == f"{FLOW},{OTHER_FLOW}"
    assert set(query["filter_roles"].split(",")) >= {"run_owner", "run_manager", "run_monitor"}
    assert query["filter_start_time"].startswith("2026-11-23T00:00:00+00:00,")
    assert service.asked("GET", "/runs")[1].query["marker"] == "m"


def test_no_flows_are_not_any_flow(service, remote):
    assert remote.flows.runs([]) == []
    assert service.requests == []


def test_a_tag_is_found_although_the_clocks_differ(service, remote):
    runs = [run_document(1, "2026-11-23T09:59:00+00:00", "other"), run_document(2, "2026-11-23T09:58:00Z", "mine")]
    service.will("GET", "/runs", {"runs": runs, "has_next_page": False})
    found = remote.flows.find_by_tag(FLOW, "mine", since="2026-11-23T10:00:00+00:00")
    assert [r.id for r in found] == ["run-2"]


def test_the_log_is_read_back_to_what_is_known(service, remote):
    pages = [
        {"entries": [log_document(s, f"E{s}") for s in (9, 8, 7)], "has_next_page": True, "marker": "a"},
        {"entries": [log_document(s, f"E{s}") for s in (6, 5, 4)], "has_next_page": True, "marker": "b"},
        {"entries": [log_document(s, f"E{s}") for s in (3, 2, 1)], "has_next_page": False},
    ]
    service.will("GET", "/runs/r/log", pages[0], pages[1], *pages)
    known = remote.flows.log("r", after="2026-11-23T10:00:05.000000+00:00")
    assert [e.code for e in known] == ["E6", "E7", "E8", "E9"]
    assert len(service.requests) == 2, "the third page holds only what is known"
    assert [e.code for e in remote.flows.log("r")] == [f"E{s}" for s in range(1, 10)]
    assert service.requests[0].query["reverse_order"].lower() == "true"


def test_entries_of_the_same_time_keep_the_order_of_the_service(service, remote):
    entries = [log_document(1, "Completed"), log_document(1, "Started")]
    service.will("GET", "/runs/r/log", {"entries": entries, "has_next_page": False})
    assert [e.code for e in remote.flows.log("r")] == ["Started", "Completed"]


def test_a_flow_is_created_once_and_updated_in_place(service, remote):
    service.will("POST", "/flows", Reply({"error": {"code": "X", "message": "m"}}, 503))
    with pytest.raises(RemoteError) as caught:
        remote.flows.deploy("title", {}, {})
    assert caught.value.ambiguous
    assert len(service.asked("POST", "/flows")) == 1
    service.will("PUT", f"/flows/{FLOW}", RESET, {"id": FLOW})
    assert remote.flows.deploy("title", {}, {}, flow_id=FLOW, run_managers=["urn:x"]) == FLOW
    assert service.asked("PUT", f"/flows/{FLOW}")[-1].body["run_managers"] == ["urn:x"]


def test_a_refused_input_tells_the_path_in_it(service, remote):
    detail = [{"loc": ["body", "run"], "msg": "'x' is not of type 'integer' at $.run", "type": "value_error"}]
    error = {"error": {"code": "FLOW_INPUT_ERROR", "detail": detail, "message": "1 error"}}
    service.will("POST", f"/flows/{FLOW}/validate_run", Reply(error, 400))
    with pytest.raises(RemoteError, match=r"body\.run: .*\$\.run") as caught:
        remote.flows.validate_run(FLOW, {"run": "x"})
    assert caught.value.kind == "bug"


def test_cancel_and_resume_are_sent_once(service, remote):
    service.will("GET", "/runs/r", run_document(1, "2026-11-23T10:00:00+00:00"))
    for verb in ("cancel", "resume"):
        service.will("POST", f"/runs/r/{verb}", RESET)
        with pytest.raises(RemoteError) as caught:
            getattr(remote.flows, verb)("r")
        assert caught.value.ambiguous
        assert len(service.asked("POST", f"/runs/r/{verb}")) == 1


def test_a_resume_that_knows_the_flow_is_one_request(service, remote):
    document = run_document(1, "2026-11-23T10:00:00+00:00")
    service.will("POST", "/runs/r/resume", document)
    remote.flows.resume("r", document["flow_id"])
    assert len(service.asked("POST", "/runs/r/resume")) == 1
    assert service.asked("GET", "/runs/r") == []


# ---- transfer --------------------------------------------------------------------------------------------------


def test_a_transfer_task_with_and_without_trouble(service, remote):
    task = {"task_id": TASK, "status": "FAILED", "label": None, "files": 3, "files_transferred": 1, "files_skipped": 1,
            "bytes_transferred": 10, "effective_bytes_per_second": 5, "faults": 2, "nice_status": "PERMISSION_DENIED",
            "fatal_error": {"code": "PERMISSION_DENIED", "description": "no"}, "request_time": "t"}  # fmt: skip
    service.will("GET", f"/v0.10/task/{TASK}", task)
    seen = remote.transfer.task(TASK)
    assert (seen.label, seen.rate, seen.fatal_error, seen.completed) == ("", 5.0, "PERMISSION_DENIED: no", None)


def test_successful_transfers_are_paged(service, remote):
    def page(name: str, marker: str | None) -> dict[str, object]:
        return {"DATA": [{"source_path": f"/a/{name}", "destination_path": f"/b/{name}"}], "next_marker": marker}

    service.will("GET", f"/v0.10/task/{TASK}/successful_transfers", page("1", "m"), page("2", None))
    assert remote.transfer.successful(TASK) == [("/a/1", "/b/1"), ("/a/2", "/b/2")]


def test_an_empty_directory_is_not_a_missing_one(service, remote):
    path = f"/v0.10/operation/endpoint/{DTN}/ls"
    entry = {"name": "run-1217-00.evt", "type": "file", "size": 12}
    missing = Reply({"code": "ClientError.NotFound", "message": "no such directory", "request_id": "r"}, 404)
    no_collection = Reply({"code": "EndpointNotFound", "message": "no such endpoint", "request_id": "r"}, 404)
    service.will("GET", path, {"DATA": []}, {"DATA": [entry]}, missing, no_collection)
    assert remote.transfer.ls(DTN, "/x") == {}
    assert remote.transfer.ls(DTN, "/x") == {"run-1217-00.evt": RemoteFile("file", 12)}
    assert remote.transfer.ls(DTN, "/x") is None
    with pytest.raises(RemoteError) as caught:
        remote.transfer.ls(DTN, "/x")
    assert caught.value.kind == "operator"


def test_stat_and_mkdir(service, remote):
    root = f"/v0.10/operation/endpoint/{DTN}"
    service.will(
        "GET", f"{root}/stat", {"name": "x", "type": "dir", "size": 0}, Reply({"code": "NotFound", "message": ""}, 404)
    )
    assert remote.transfer.stat(DTN, "/x") == RemoteFile("dir", 0)
    assert remote.transfer.stat(DTN, "/x") is None
    exists = Reply({"code": "ExternalError.MkdirFailed.Exists", "message": "there", "request_id": "r"}, 502)
    service.will("POST", f"{root}/mkdir", {"code": "DirectoryCreated"}, exists)
    assert remote.transfer.mkdir(DTN, "/x") is True
    assert remote.transfer.mkdir(DTN, "/x") is False


# ---- compute ---------------------------------------------------------------------------------------------------


def packed(value: object) -> str:
    return ComputeSerializer().serialize(value)


def test_failed_tasks_do_not_vanish(service, remote):
    results = {
        "good": {
            "task_id": "good",
            "status": "success",
            "result": packed({"segment": 7, "rc": 0}),
            "completion_t": "1",
        },
        "bad": {"task_id": "bad", "status": "failed", "exception": "Traceback...\nManagerLost", "completion_t": "1"},
        "odd": {"task_id": "odd", "status": "failed", "reason": "no such function"},
        "queued": {"task_id": "queued", "status": "waiting-for-nodes"},
        "busy": {"task_id": "busy", "status": "running"},
    }
    service.will("POST", "/v2/batch_status", {"response": "batch", "results": results})
    seen = remote.compute.batch_status(["good", "bad", "odd", "queued", "busy", "unknown"])
    assert seen["good"] == TaskStatus("good", "success", {"segment": 7, "rc": 0})
    assert seen["bad"].exception.endswith("ManagerLost")
    assert [seen[i].status for i in seen] == ["success", "failed", "failed", "pending", "running", "pending"]
    assert "does not mention" in seen["unknown"].exception
    assert len(service.requests) == 1


def test_endpoints_and_groups(service, remote):
    status = {"status": "online", "details": {"total_workers": 4, "idle_workers": 1}}
    service.will("GET", f"/v2/endpoints/{ENDPOINT}/status", status, {"status": "offline"})
    named = {"name": "a", "display_name": "frib-fit-mpi", "endpoint_version": "4.19.0"}
    service.will("GET", f"/v2/endpoints/{ENDPOINT}", named, {"name": "a"})
    service.will("GET", "/v2/taskgroup/g", {"taskgroup_id": "g", "tasks": [{"id": "t2"}, {"id": "t1"}]})
    assert remote.compute.endpoint_status(ENDPOINT).details["total_workers"] == 4
    offline = remote.compute.endpoint_status(ENDPOINT)
    assert (offline.online, offline.details) == (False, {})
    found = [remote.compute.endpoint_name_and_version(ENDPOINT) for _ in "ab"]
    assert found == [("frib-fit-mpi", "4.19.0"), ("a", "")]
    assert remote.compute.task_group("g") == ["t2", "t1"]


def double(value):
    return {"rc": 0, "value": 2 * value}


def test_a_function_is_registered_as_source_text(service, remote):
    service.will("POST", "/v3/functions", {"function_uuid": TASK})
    assert remote.compute.register_function(double, "doubles") == TASK
    (request,) = service.requests
    assert request.body["function_name"] == "double"
    assert request.body["description"] == "doubles"
    (buffer,) = ComputeSerializer.unpack_buffers(request.body["function_code"])
    assert "return {" in buffer, "readable, and independent of the minor version of Python"
    assert ComputeSerializer().deserialize(buffer)(4) == {"rc": 0, "value": 8}


@pytest.mark.parametrize("value", [{"segment": 7, "rc": 134, "cause": "é\n", "x": [1.5, None, True]}, 2**70, "", []])
def test_results_are_read_from_both_serializations(value):
    assert read_result(packed(value)) == value
    assert read_result(ComputeSerializer(strategy_data=JSONData()).serialize(value)) == value


class Malicious:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_a_result_that_is_a_program_is_not_executed(tmp_path):
    trap = tmp_path / "trap"
    with pytest.raises(ValueError, match="mkdir, not plain data"):
        read_result(packed(Malicious(str(trap))))
    assert not trap.exists()


@pytest.mark.parametrize("text", ["00\n###", "11\n{", "99\nx", "", "{}"])
def test_results_that_cannot_be_read_are_an_error_of_value(text):
    with pytest.raises(ValueError, match=r"serialization|Error"):
        read_result(text)


def test_no_more_requests_than_the_service_allows():
    now = [100.0]
    budget = Budget(20, 10.0, clock=lambda: now[0], sleep=lambda s: now.__setitem__(0, now[0] + s))
    times = []
    for _ in range(100):
        budget.spend()
        times.append(now[0])
        now[0] += 0.1
    for start in times:
        assert sum(start <= t < start + 10.0 - 1e-9 for t in times) <= 20
    assert times[19] - times[0] < 2.5, "a burst within the budget does not wait"
    assert times[-1] - times[0] < 45, "and nobody waits longer than needed"


def test_what_is_left_of_the_budget_can_be_spent_without_waiting():
    now = [100.0]
    budget = Budget(3, 10.0, clock=lambda: now[0], sleep=lambda s: None)
    assert budget.spare() == 3
    budget.spend()
    now[0] += 6
    budget.spend()
    assert budget.spare() == 1
    now[0] += 5
    assert budget.spare() == 2
    assert [budget.spend(), budget.spend(), budget.spare()] == [0.0, 0.0, 0]
    assert budget.spend() == 5.0


def test_compute_spends_from_its_budget(service, tmp_path):
    waits: list[float] = []
    budget = Budget(2, 10.0, clock=lambda: 0.0, sleep=waits.append)
    compute = Compute(None, service.url, budget)
    service.will("GET", "/v2/taskgroup/g", {"tasks": []})
    for _ in range(5):
        compute.task_group("g")
    assert waits == [10.0, 10.0, 20.0]
