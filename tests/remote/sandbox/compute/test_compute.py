"""The Compute service in process: functions are really executed, in worker processes."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from globus_compute_sdk.sdk.client import FunctionRegistrationData
from globus_compute_sdk.serialize import ComputeSerializer, PureSourceTextInspect

from remote.sandbox.compute.endpoints import Endpoint
from remote.sandbox.compute.errors import ComputeError
from remote.sandbox.compute.http import RequestLimit
from remote.sandbox.compute.service import ComputeService, Outcome
from remote.sandbox.compute.workers import TRIES
from tests.sandbox_fixture import PROJECT
from tests.waiting import until

ENDPOINT = "8c1e8aee-9c1b-4a37-a6a5-9d9ef0a4e001"


@pytest.fixture(scope="module")
def compute(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ComputeService]:
    service = ComputeService(
        endpoints={ENDPOINT: Endpoint("test", workers=2)},
        now=time.time,
        run_dir=tmp_path_factory.mktemp("workers"),
        environment={**os.environ, "PYTHONPATH": str(PROJECT), "COLOUR": "green"},
        speed=200.0,
        worker_counts=True,
    )
    yield service
    service.close()


def register(compute: ComputeService, function: Any) -> str:
    serializer = ComputeSerializer(strategy_code=PureSourceTextInspect())
    document = FunctionRegistrationData(function=function, serializer=serializer).to_dict()
    return compute.register_function(document)["function_uuid"]


def call(compute: ComputeService, function: Any, *args: Any, **kwargs: Any) -> str:
    _, [task_id] = compute.submit_calls(ENDPOINT, [(register(compute, function), list(args), kwargs)])
    return task_id


def outcome(compute: ComputeService, task_id: str) -> Outcome:
    until(lambda: compute.outcome(task_id).status != "pending")
    return compute.outcome(task_id)


def add(a: int, b: int = 0) -> dict:
    return {"sum": a + b}


def fail(text: str) -> None:
    raise ValueError(text)


def the_sdk() -> dict:
    import sys

    before = "globus_compute_sdk.sdk" in sys.modules
    from globus_compute_sdk import Client

    return {"before": before, "asked for": Client.__name__}


def surroundings() -> dict:
    import os
    import sys

    print("this goes to the log")
    os.system("echo so does this")
    return {
        "colour": os.environ["COLOUR"],
        "leader": os.getpid() == os.getsid(0) == os.getpgid(0),
        "stdin": sys.stdin.read(),
        "pid": os.getpid(),
    }


def import_project() -> None:
    import flowspec.names  # noqa: F401


def big(size: int) -> str:
    return "x" * size


def unpackable() -> object:
    return (number for number in range(3))


def wait_for(path: str) -> int:
    import os
    import time

    while not os.path.exists(path):  # noqa: PTH110
        time.sleep(0.01)
    return os.getpid()


def test_a_worker_has_all_of_the_sdk_but_imports_it_for_who_asks(compute: ComputeService) -> None:
    assert outcome(compute, call(compute, the_sdk)).value == {"before": False, "asked for": "Client"}


def test_a_call_is_executed_elsewhere(compute: ComputeService) -> None:
    result = outcome(compute, call(compute, add, 2, b=3))
    assert result == Outcome("success", {"sum": 5})
    pid = outcome(compute, call(compute, surroundings)).value["pid"]
    assert pid != os.getpid()


def test_a_worker_is_a_place_of_its_own(compute: ComputeService) -> None:
    value = outcome(compute, call(compute, surroundings)).value
    assert value["colour"] == "green"
    assert value["leader"]
    assert value["stdin"] == ""
    logs = "".join(path.read_text() for path in compute_logs(compute))
    assert "this goes to the log" in logs
    assert "so does this" in logs


def compute_logs(compute: ComputeService) -> list[Path]:
    return list(compute._endpoints._pools[ENDPOINT]._run_dir.glob("test-*.log"))


def test_the_project_is_not_at_the_site(compute: ComputeService) -> None:
    assert "not installed at the site" in (outcome(compute, call(compute, import_project)).exception or "")


@pytest.mark.parametrize(
    ("function", "args", "expected"),
    [
        (fail, ["boom [red]"], "ValueError: boom [red]"),
        (add, ["a", 1], "TypeError"),
        (unpackable, [], "SerializationError"),
    ],
)
def test_a_failure_is_told_with_its_traceback(compute: ComputeService, function: Any, args: Any, expected: str) -> None:
    result = outcome(compute, call(compute, function, *args))
    assert result.status == "failed"
    assert (result.exception or "").startswith("Traceback")
    assert expected in (result.exception or "")


@pytest.mark.parametrize("how", ["vanish", "leave"])
def test_a_worker_that_ends_itself_is_replaced_and_its_task_has_failed_after_three_tries(
    compute: ComputeService, tmp_path: Path, how: str
) -> None:
    lost = outcome(compute, call(compute, end_worker, str(tmp_path), how))
    assert lost.status == "failed"
    assert re.search(r"WorkerLost: Task failure due to loss of worker [01] on host \S+$", lost.exception or "")
    assert len(list(tmp_path.iterdir())) == TRIES
    assert outcome(compute, call(compute, add, 1)).value == {"sum": 1}
    until(lambda: compute.endpoint_status(ENDPOINT)["details"]["idle_workers"] == 2)


def end_worker(directory: str, how: str) -> None:
    """Leaves a file each time."""
    import os
    import sys
    import uuid
    from pathlib import Path

    Path(directory, str(uuid.uuid4())).touch()
    if how == "leave":
        sys.exit(3)
    os._exit(3)


def test_a_result_that_is_too_large_is_told_with_its_size(compute: ComputeService) -> None:
    result = outcome(compute, call(compute, big, 11 * 1024 * 1024))
    assert result.status == "failed"
    found = re.fullmatch(r"MaxResultSizeExceeded\((\d+), 10485760\)", result.exception or "")
    assert found
    assert int(found[1]) > 11 * 1024 * 1024


def test_states_and_worker_counts(compute: ComputeService, tmp_path: Path) -> None:
    until(lambda: compute.endpoint_status(ENDPOINT)["details"]["idle_workers"] == 2)
    function = register(compute, wait_for)
    calls = [(function, [str(tmp_path / str(n))], {}) for n in range(5)]
    group, task_ids = compute.submit_calls(ENDPOINT, calls)

    def states() -> list[str]:
        return [document["status"] for document in compute.batch_status(task_ids).values()]

    until(lambda: states() == ["running"] * 2 + ["waiting-for-nodes"] * 3)
    assert compute.endpoint_status(ENDPOINT) == {
        "status": "online",
        "details": {
            "heartbeat_period": 5.0,
            "total_workers": 2,
            "idle_workers": 0,
            "pending_tasks": 3,
            "outstanding_tasks": 5,
            "managers": 1,
        },
    }
    assert {compute.outcome(task_id).status for task_id in task_ids} == {"pending"}
    (tmp_path / "1").touch()
    until(lambda: states() == ["running", "success", "running"] + ["waiting-for-nodes"] * 2)
    for n in range(5):
        (tmp_path / str(n)).touch()
    pids = [outcome(compute, task_id).value for task_id in task_ids]
    assert len(set(pids)) == 2
    assert [task["id"] for task in compute.task_group(group)["tasks"]] == task_ids


def test_a_new_task_is_received_while_a_worker_is_idle(compute: ComputeService) -> None:
    until(lambda: compute.endpoint_status(ENDPOINT)["details"]["idle_workers"] == 2)
    seen = compute.batch_status([call(compute, add, 1)])
    assert {document["status"] for document in seen.values()} <= {"received", "running", "success"}


def test_a_task_group_can_grow(compute: ComputeService) -> None:
    function = register(compute, add)
    group, first = compute.submit_calls(ENDPOINT, [(function, [1], {})])
    again, second = compute.submit_calls(ENDPOINT, [(function, [2], {}), (function, [3], {})], group)
    assert again == group
    assert [task["id"] for task in compute.task_group(group)["tasks"]] == first + second
    assert [outcome(compute, task_id).value["sum"] for task_id in first + second] == [1, 2, 3]


def test_what_is_unknown_is_refused(compute: ComputeService) -> None:
    function = register(compute, add)
    for code, act in [
        ("ENDPOINT_NOT_FOUND", lambda: compute.submit_calls("elsewhere", [(function, [], {})])),
        ("FUNCTION_NOT_FOUND", lambda: compute.submit_calls(ENDPOINT, [(function, [], {}), ("nothing", [], {})])),
        ("TASK_NOT_FOUND", lambda: compute.outcome("nothing")),
        ("TASK_GROUP_NOT_FOUND", lambda: compute.task_group("nothing")),
        ("SEMANTICALLY_INVALID", lambda: compute.submit(ENDPOINT, {"tasks": {}})),
        ("SEMANTICALLY_INVALID", lambda: compute.register_function({"function_name": "f"})),
    ]:
        with pytest.raises(ComputeError, match=code):
            act()
    assert compute.batch_status(["nothing"])["nothing"]["status"] == "failed"


def test_a_payload_that_is_none_fails_its_task_only(compute: ComputeService) -> None:
    function = register(compute, add)
    reply = compute.submit(ENDPOINT, {"tasks": {function: ["rubbish"]}})
    [task_id] = reply["tasks"][function]
    assert outcome(compute, task_id).status == "failed"
    assert outcome(compute, call(compute, add, 1)).value == {"sum": 1}


def test_a_locked_endpoint_is_offline_for_a_minute(tmp_path: Path) -> None:
    clock = [1000.0]
    service = ComputeService(
        endpoints={ENDPOINT: Endpoint("test", workers=0)}, now=lambda: clock[0], run_dir=tmp_path, environment={}
    )
    function = register(service, add)
    service.lock_endpoint(ENDPOINT)
    assert service.endpoint_status(ENDPOINT) == {"status": "offline"}
    with pytest.raises(ComputeError) as error:
        service.submit_calls(ENDPOINT, [(function, [1], {})])
    assert error.value.status == 423
    clock[0] += 61
    assert service.endpoint_status(ENDPOINT)["status"] == "online"
    service.submit_calls(ENDPOINT, [(function, [1], {})])


def test_a_manager_tells_no_worker_counts(tmp_path: Path) -> None:
    service = ComputeService(
        endpoints={ENDPOINT: Endpoint("test", workers=0)}, now=time.time, run_dir=tmp_path, environment={}
    )
    assert service.endpoint_status(ENDPOINT) == {"status": "online", "details": {"heartbeat_period": 5.0}}


def test_the_request_limit_is_a_sliding_window() -> None:
    clock = [0.0]
    limit = RequestLimit(3, 10.0, lambda: clock[0])
    assert [limit.admit("one") for _ in range(3)] == [0.0] * 3
    clock[0] = 4.0
    assert limit.admit("one") == 6.0
    clock[0] = 10.0
    assert limit.admit("one") == 0.0
    assert limit.admit("one") == 0.0


def test_the_worker_runs_this_python(compute: ComputeService) -> None:
    task_id = call(compute, add, 1)
    outcome(compute, task_id)
    details = compute.task(task_id)["details"]
    assert details["python_version"] == sys.version.split()[0]
    assert details["endpoint_id"] == ENDPOINT
    assert details["task_transitions"]["execution-start"] <= details["task_transitions"]["execution-end"]
