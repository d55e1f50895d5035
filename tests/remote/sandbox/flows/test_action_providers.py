"""Action providers, each run by a flow: today's forms and the older ones."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.flows_bench import CATCH, Bench, action
from tests.flows_fakes import COLLECTIONS, ENDPOINT, FUNCTION

HOST = "https://transfer.actions.globus.org"
TRANSFER = f"{HOST}/transfer"


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_compute_action_holds_outputs_twice_and_names_the_task_group(bench: Bench) -> None:
    tasks = "[{'function_id': f, 'args': [], 'kwargs': {'segment': s}} for s in segments]"
    parameters = {"endpoint_id": ENDPOINT, "tasks.=": tasks}
    run = bench.run({"Fit": action(Parameters=parameters)}, {"segments": [0, 7], "f": FUNCTION})
    assert run.status == "ACTIVE"
    assert bench.compute.calls == [(ENDPOINT, FUNCTION, [], {"segment": s}) for s in (0, 7)]
    status = run.details["action_statuses"][0]
    assert (status["state_name"], status["status"], status["action_id"][:3]) == ("Fit", "ACTIVE", "tg_")
    bench.compute.finish({"segment": 0, "rc": 0}, {"segment": 7, "rc": 1})
    bench.go(run, 2)
    details = run.data["Fit"]["details"]
    assert run.status == "SUCCEEDED"
    assert details["result"] == [{"segment": 0, "rc": 0}, {"segment": 7, "rc": 1}]
    assert [r["output"] for r in details["results"]] == details["result"]
    assert [r["task_id"] for r in details["results"]] == list(bench.compute.outcomes)


def test_a_failed_task_fails_the_action_and_is_named(bench: Bench) -> None:
    run = bench.run({"Fit": action(ExceptionOnActionFailure=True)})
    (task_id,) = bench.compute.outcomes
    bench.compute.finish(ValueError("worker lost"))
    bench.go(run, 2)
    failure = run.details["details"]
    assert (run.status, failure["state_name"], failure["exception"]) == ("FAILED", "Fit", "ActionFailedException")
    cause = json.loads(failure["cause"])
    assert task_id in cause["details"]["description"]
    assert cause["details"]["results"] == [{"task_id": task_id, "exception": "worker lost"}]


def test_a_refused_transfer_is_unable_to_run(bench: Bench) -> None:
    parameters = {"source_endpoint": "nowhere", "destination_endpoint": COLLECTIONS[1], "DATA": [{"source_path": "/a"}]}
    run = bench.run({"Move": action(ActionUrl=TRANSFER, Parameters=parameters)})
    assert run.details["details"]["exception"] == "ActionUnableToRun"
    assert json.loads(run.details["details"]["cause"])["code"] == "EndpointNotFound"


@pytest.mark.parametrize(
    "host", ["https://actions.globus.org/transfer", "https://actions.automate.globus.org/transfer"]
)
def test_older_transfer_forms(bench: Bench, host: str) -> None:
    move = {
        "source_endpoint_id": COLLECTIONS[0],
        "destination_endpoint_id": COLLECTIONS[1],
        "transfer_items": [{"source_path": "/a", "destination_path": "/b", "recursive": True}],
    }
    delete = {"endpoint_id": COLLECTIONS[1], "items": ["/b"], "recursive": True}
    run = bench.run({"Move": action(ActionUrl=f"{host}/transfer/", Parameters=move)})
    assert run.status == "SUCCEEDED"
    run = bench.run({"Delete": action(ActionUrl=f"{host}/delete", Parameters=delete)})
    assert run.status == "SUCCEEDED"
    moved, deleted = bench.transfer.documents.values()
    assert (moved["source_endpoint"], moved["destination_endpoint"]) == COLLECTIONS
    assert moved["DATA"] == [
        {"DATA_TYPE": "transfer_item", "source_path": "/a", "destination_path": "/b", "recursive": True}
    ]
    assert deleted["DATA"] == [{"DATA_TYPE": "delete_item", "path": "/b"}]
    assert deleted["endpoint"] == COLLECTIONS[1]


def test_directory_actions_are_done_at_once(bench: Bench) -> None:
    def at(kind: str, path: str, following: dict[str, Any]) -> dict[str, Any]:
        url = f"https://transfer.actions.globus.org/{kind}"
        parameters = {"endpoint_id": COLLECTIONS[0], "path": path}
        fields = action(ActionUrl=url, Parameters=parameters, ResultPath=f"$.{kind}")
        del fields["End"]
        return {**fields, **following}

    run = bench.run(
        {
            "Mkdir": at("mkdir", "/runs/run1", {"Next": "Ls"}),
            "Ls": at("ls", "/runs", {"Next": "Stat"}),
            "Stat": at("stat", "/runs/run1", {"Next": "Again"}),
            "Again": at("mkdir", "/runs/run1", {"End": True, "Catch": [{**CATCH, "Next": "End"}]}),
            "End": {"Type": "Pass", "End": True},
        }
    )
    assert run.status == "SUCCEEDED"
    assert run.data["ls"]["details"]["DATA"] == [{"name": "run1", "type": "dir"}]
    assert run.data["stat"]["details"]["type"] == "dir"
    assert run.data["Error"]["Error"] == "ActionUnableToRun"


@pytest.mark.parametrize("url", ["https://compute.actions.globus.org", "https://compute.actions.globus.org/fxap"])
@pytest.mark.parametrize(
    "parameters",
    [
        {"endpoint": ENDPOINT, "function": FUNCTION, "args": "[1]", "kwargs": '{"run": 1217}'},
        {"endpoint": ENDPOINT, "function": FUNCTION, "args": 1, "payload": {"run": 1217}},
        {"tasks": [{"endpoint": ENDPOINT, "function": FUNCTION, "args": [1], "payload": {"run": 1217}}]},
    ],
)
def test_older_compute_forms(bench: Bench, url: str, parameters: dict[str, Any]) -> None:
    run = bench.run({"Fit": action(ActionUrl=url, Parameters=parameters)})
    assert bench.compute.calls == [(ENDPOINT, FUNCTION, [1], {"run": 1217})]
    bench.compute.finish(5)
    bench.go(run, 2)
    assert run.data["Fit"]["details"]["result"] == [5]


def test_a_result_that_is_not_json_is_a_failure(bench: Bench) -> None:
    run = bench.run({"Fit": action(ExceptionOnActionFailure=True)})
    bench.compute.finish({1, 2})
    bench.go(run, 2)
    assert "not JSON" in run.details["details"]["cause"]


def test_ls_hands_on_what_it_is_asked_for(bench: Bench) -> None:
    asked = {"limit": 5, "offset": 2, "orderby": "name DESC", "filter": "name:~*.evt"}
    ls = action(ActionUrl=f"{HOST}/ls", Parameters={"endpoint_id": COLLECTIONS[0], "path": "/", **asked})
    assert bench.run({"Ls": ls}).status == "SUCCEEDED"
    assert bench.transfer.wanted == {"limit": 5, "offset": 2, "orderby": "name DESC", "filters": ("name:~*.evt",)}
    for wrong in ("5", -1, True):
        ls["Parameters"]["limit"] = wrong
        assert "limit must be a whole number" in bench.run({"Ls": ls}).details["details"]["cause"]


@pytest.mark.parametrize("asked", [True, False])
def test_that_nothing_is_at_a_path_is_the_status_of_stat(bench: Bench, asked: bool) -> None:
    parameters = {"endpoint_id": COLLECTIONS[0], "path": "/none"}
    run = bench.run({"Stat": action(ActionUrl=f"{HOST}/stat", Parameters=parameters, ExceptionOnActionFailure=asked)})
    if asked:
        assert run.details["details"]["exception"] == "ActionFailedException"
    else:
        assert run.data["Fit"]["status"] == "FAILED"
        assert set(run.data["Fit"]["details"]) == {"code", "message", "request_id", "resource"}
        assert run.data["Fit"]["details"]["code"] == "NotFound"


def test_hello_world_echoes_and_takes_its_time(bench: Bench) -> None:
    hello = action(ActionUrl="https://actions.globus.org/hello_world", Parameters={"echo_string": "sync!"})
    assert bench.run({"Hello": hello}).data["Fit"]["details"] == {"Hello": "World", "hello": "sync!"}
    run = bench.run({"Hello": {**hello, "Parameters": {"sleep_time": 60}}})
    assert run.status == "ACTIVE"
    assert bench.go(run, 130).data["Fit"]["details"] == {"Hello": "World"}


def test_effects_are_written_down_and_nobody_selects_an_option(bench: Bench) -> None:
    hosts = ("search/delete", "notification/notify", "weboption/wait_for_option")
    runs = [
        bench.run({"Do": action(ActionUrl=f"https://actions.globus.org/{path}", Parameters={"n": n}, WaitTime=60)})
        for n, path in enumerate(hosts)
    ]
    assert [run.status for run in runs] == ["SUCCEEDED", "SUCCEEDED", "ACTIVE"]
    assert [effect["body"] for effect in bench.providers.effects] == [{"n": 0}, {"n": 1}, {"n": 2}]
    assert bench.go(runs[2], 120).details["details"]["exception"] == "ActionTimeout"
