"""Flow runs of the sandbox, driven by the real SDK clients: watching, acting, roles.

Each reply must have the keys and types of the fixture that globus_sdk registers for the call.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import globus_sdk
import pytest

from remote.sandbox.flows.service import FlowsService
from tests.flows_fakes import OWNER, FakeCompute, FakeTransfer
from tests.flows_server import (
    COMPUTE,
    GROUP,
    OTHER,
    URN,
    Service,
    assert_like,
    assert_run,
    fixture,
    refusal,
    until,
)


@pytest.fixture(scope="module")
def running() -> Iterator[Service]:
    service = Service()
    yield service
    service.close()


@pytest.fixture
def service(running: Service) -> Service:
    running.identity = OWNER
    running.compute.outcomes.clear()
    return running


# Watching


def test_get_run_with_flow_description(service: Service) -> None:
    run_id = service.start(service.deploy())
    service.wait(run_id)
    plain, asked = (service.client.get_run(run_id, include_flow_description=flag) for flag in (False, True))
    assert "flow_description" not in plain.data
    assert_run(asked.data, fixture("get_run", index=2))


def test_log_in_pages_both_ways(service: Service) -> None:
    states = {f"S{n}": {"Type": "Pass", "Next": f"S{n + 1}"} for n in range(15)} | {
        "S15": {"Type": "Pass", "End": True}
    }
    run_id = service.start(service.deploy({"StartAt": "S0", "States": states}), {"x": 1})
    service.wait(run_id)
    first = service.client.get_run_logs(run_id)
    assert_like(first.data, fixture("get_run_logs", "paginated"), open_at=("input",))
    assert (first["limit"], len(first["entries"]), first["entries"][0]["code"]) == (10, 10, "FlowStarted")
    pages = service.client.paginated.get_run_logs(run_id, limit=7)
    forward = [(entry["code"], entry["details"].get("state_name")) for entry in pages.items()]
    assert forward[:2] == [("FlowStarted", None), ("PassStarted", "S0")]
    assert forward[-1] == ("FlowSucceeded", None)
    assert len(forward) == 2 + 2 * 16
    pages = service.client.paginated.get_run_logs(run_id, limit=7, reverse_order=True)
    assert [(entry["code"], entry["details"].get("state_name")) for entry in pages.items()] == forward[::-1]
    for limit in (0, 101):
        assert refusal(lambda limit=limit: service.client.get_run_logs(run_id, limit=limit)).http_status == 422


def test_an_active_run_shows_its_action(service: Service) -> None:
    run_id = service.start(service.deploy(COMPUTE))
    until(lambda: "action_statuses" in service.client.get_run(run_id)["details"])
    run = service.client.get_run(run_id).data
    (status,) = run["details"]["action_statuses"]
    assert (status["state_name"], status["status"]) == ("Fit", "ACTIVE")
    service.compute.finish({"rc": 0})
    assert service.wait(run_id)["details"]["output"]["Fit"]["details"]["result"] == [{"rc": 0}]
    codes = [entry["code"] for entry in service.client.get_run_logs(run_id, limit=100)]
    assert codes[:2] == ["FlowStarted", "ActionStarted"]
    assert set(codes[2:-2]) == {"ActionPolled"}
    assert codes[-2:] == ["ActionCompleted", "FlowSucceeded"]
    completed = fixture("get_run_logs")["entries"][2]
    assert_like(service.client.get_run_logs(run_id, limit=100)["entries"][-2], completed, open_at=("details",))


def test_list_runs_filters(service: Service) -> None:
    alpha, beta = service.deploy(), service.deploy(COMPUTE)
    before = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()) + "+00:00"
    done = [service.start(alpha, label=f"Run {n}") for n in range(3)]
    for run_id in done:
        service.wait(run_id)
    active = service.start(beta, label="other")

    def ids(*flows: str, **params: Any) -> list[str]:
        reply = service.client.list_runs(filter_flow_id=flows or (alpha, beta), query_params=params)
        assert_run(reply.data, {**fixture("list_runs"), "runs": [fixture("run_flow") | {"details": {}}]})
        return [run["run_id"] for run in reply]

    assert ids() == [active, *done[::-1]]
    assert ids(alpha, orderby="start_time ASC") == done
    assert ids(beta) == [active]
    assert set(ids(filter_status="SUCCEEDED,FAILED")) == set(ids(filter_status="ENDED")) == set(done)
    assert ids(filter_status="ACTIVE") == [active]
    assert ids(filter_label="OTHER,nothing") == [active]
    assert ids(filter_label="run 1") == [done[1]]
    assert len(ids(filter_start_time=f"{before},")) == 4
    assert ids(filter_start_time=f",{before}") == []
    assert set(ids(filter_completion_time=before)) == set(done)
    assert ids(orderby="status DESC,start_time ASC") == [*done, active]
    assert ids(orderby="completion_time DESC") == [*done[::-1], active]
    assert_run(service.client.list_runs(filter_flow_id=alpha).data, fixture("list_runs"))
    for bad in (
        {"filter_status": "LOST"},
        {"orderby": "age"},
        {"filter_start_time": "today"},
        {"filter_roles": "king"},
    ):
        assert refusal(lambda bad=bad: ids(**bad)).http_status == 422
    service.client.cancel_run(active)


def test_list_runs_in_pages_that_new_runs_do_not_shift(service: Service) -> None:
    flow_id = service.deploy()
    runs = {service.start(flow_id) for _ in range(25)}
    first = service.client.list_runs(filter_flow_id=flow_id)
    assert (first["limit"], first["has_next_page"], len(first["runs"])) == (20, True, 20)
    late = service.start(flow_id)
    # Beside a marker everything else is ignored, as the service documents it.
    second = service.client.list_runs(marker=first["marker"], query_params={"filter_status": "FAILED", "per_page": 1})
    found = [run["run_id"] for page in (first, second) for run in page]
    assert len(found) == 25
    assert set(found) == runs
    assert late not in found
    assert (second["has_next_page"], second["marker"]) == (False, None)
    whole = service.client.paginated.list_runs(filter_flow_id=flow_id, query_params={"per_page": 7})
    assert len([run["run_id"] for run in whole.items()]) == 26
    assert refusal(lambda: service.client.list_runs(marker="forged")).http_status == 422


# Acting


def test_cancel(service: Service) -> None:
    run_id = service.start(service.deploy(COMPUTE))
    reply = service.client.cancel_run(run_id)
    assert reply.http_status == 202
    assert_run(reply.data, fixture("cancel_run"))
    assert (reply["status"], reply["details"]["code"]) == ("FAILED", "FlowCanceled")
    again = service.client.cancel_run(run_id)
    assert (again.http_status, again["details"]) == (202, reply["details"])


def test_resume_is_a_hint_to_poll() -> None:
    service = Service(speed=0.001)  # the first poll would come in a quarter of an hour
    try:
        flow_id = service.deploy(COMPUTE)
        run_id = service.start(flow_id)
        until(lambda: "action_statuses" in service.client.get_run(run_id)["details"])
        service.compute.finish({"rc": 0})
        assert_run(service.flow(flow_id).resume_run(run_id).data, fixture("resume_run") | {"details": {}})
        service.wait(run_id)
    finally:
        service.close()


def test_update_and_release(service: Service) -> None:
    run_id = service.start(service.deploy(COMPUTE), label="old", tags=["a"])
    updated = service.client.update_run(run_id, label="new", tags=["b", "c"], run_monitors=[GROUP])
    assert_run(updated.data, {**fixture("update_run"), "details": {}})
    assert (updated["label"], updated["tags"], updated["run_monitors"]) == ("new", ["b", "c"], [GROUP])
    conflict = refusal(lambda: service.client.delete_run(run_id))
    assert (conflict.http_status, conflict.code) == (409, "STATE_CONFLICT")
    assert_like(conflict.raw_json, fixture("delete_run", "conflict"))
    service.client.cancel_run(run_id)
    released = service.client.delete_run(run_id)
    assert_run(released.data, {**fixture("delete_run"), "details": {}})
    assert refusal(lambda: service.client.get_run(run_id)).http_status == 404


# Roles


def test_roles_decide_what_another_operator_sees_and_may_do(service: Service) -> None:
    shared, private = service.deploy(COMPUTE, run_managers=[URN + OTHER]), service.deploy(COMPUTE)
    of_flow = service.start(shared)
    managed = service.start(private, run_managers=[URN + OTHER])
    monitored = service.start(private, run_monitors=[URN + OTHER])
    hidden = service.start(private)
    client = service.client
    service.identity = OTHER

    def seen(*roles: str) -> set[str]:
        reply = client.list_runs(filter_flow_id=[shared, private], filter_roles=roles or globus_sdk.MISSING)
        return {run["run_id"] for run in reply}

    assert seen() == set()  # without a filter only one's own
    assert seen("run_manager") == {managed}
    assert seen("run_managers", "run_monitors") == {managed, monitored}
    everything = ("run_owner", "run_manager", "run_monitor", "flow_run_manager", "flow_run_monitor")
    assert seen(*everything) == {of_flow, managed, monitored}
    assert client.get_run(of_flow)["user_role"] == "flow_run_manager"
    assert client.get_run(managed)["run_managers"] == [URN + OTHER]
    assert client.get_run(monitored)["run_monitors"] == []
    assert refusal(lambda: client.get_run(hidden)).http_status == 404
    assert refusal(lambda: client.cancel_run(monitored)).http_status == 404
    assert refusal(lambda: service.flow(shared).resume_run(of_flow)).http_status == 404
    assert client.cancel_run(of_flow)["status"] == "FAILED"
    assert client.cancel_run(managed)["status"] == "FAILED"
    forbidden = refusal(lambda: service.flow(shared).run_flow({}))
    assert (forbidden.http_status, forbidden.code) == (403, "FORBIDDEN")
    assert_like(forbidden.raw_json, fixture("validate_run", "not_a_flow_starter"))
    assert refusal(lambda: client.update_flow(shared, title="mine")).http_status == 403
    assert refusal(lambda: client.get_flow(private)).http_status == 404
    service.identity = OWNER
    for run_id in (monitored, hidden):
        client.cancel_run(run_id)


def test_bodies_that_are_no_objects_are_refused(service: Service) -> None:
    error = refusal(lambda: service.client.post("/flows", data="[1]"))
    assert (error.http_status, error.code) == (422, "UNPROCESSABLE_ENTITY")


def test_many_flow_runs_need_one_thread_and_close_ends_it() -> None:
    compute = FakeCompute()
    before = set(threading.enumerate())
    flows = FlowsService(FakeTransfer(), compute, speed=100.0)
    caller = URN + OWNER
    flow = flows.create_flow(caller, {"title": "many", "definition": COMPUTE})
    runs = [flows.start_run(caller, flow["id"], {"body": {}})["run_id"] for _ in range(200)]
    until(lambda: len(compute.calls) == 200)
    assert [thread.name for thread in set(threading.enumerate()) - before] == ["flows-scheduler"]
    compute.finish()
    statuses = {"filter_status": "SUCCEEDED", "per_page": "100"}
    until(lambda: flows.list_runs(caller, statuses)["has_next_page"])
    for run_id in runs:
        until(lambda run_id=run_id: flows.get_run(caller, run_id, {})["status"] == "SUCCEEDED")
    flows.close()
    assert set(threading.enumerate()) <= before
