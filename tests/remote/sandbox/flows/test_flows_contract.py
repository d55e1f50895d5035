"""Flows of the sandbox, driven by the real SDK clients: deploying, validating, starting.

Each reply must have the keys and types of the fixture that globus_sdk registers for the call.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from globus_sdk.testing import get_response_set

from tests.flows_fakes import OWNER
from tests.flows_server import (
    COMPUTE,
    CREATE,
    HOPS,
    OTHER,
    PASS,
    URN,
    Service,
    assert_flow,
    assert_like,
    assert_run,
    fixture,
    refusal,
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


# Flows


def test_create_get_update_delete(service: Service) -> None:
    created = service.client.create_flow(**CREATE)
    assert created.http_status == 201
    assert_flow(created.data, fixture("create_flow"))
    assert {key: created[key] for key in CREATE} == CREATE
    flow_id = created["id"]
    assert_flow(service.client.get_flow(flow_id).data, fixture("get_flow"))

    changes = get_response_set("flows.update_flow").metadata["params"]
    updated = service.client.update_flow(flow_id, **changes)
    assert_flow(updated.data, fixture("update_flow"))
    assert {key: updated[key] for key in changes} == changes
    assert (updated["title"], updated["definition"]) == (CREATE["title"], CREATE["definition"])

    assert_flow(service.client.delete_flow(flow_id).data, fixture("delete_flow"))
    assert refusal(lambda: service.client.get_flow(flow_id)).http_status == 404


def test_list_flows_in_pages(service: Service) -> None:
    ids = {service.deploy(keywords=["pages"]) for _ in range(45)}
    reply = service.client.list_flows(filter_fulltext="pages")
    assert_flow(reply.data, fixture("list_flows", "paginated"))
    assert (reply["limit"], reply["has_next_page"], len(reply["flows"])) == (20, True, 20)
    pages = service.client.paginated.list_flows(filter_fulltext="pages", orderby=("title ASC", "created_at DESC"))
    found = [flow["id"] for flow in pages.items()]
    assert len(found) == 45
    assert set(found) == ids


def test_validate_flow(service: Service) -> None:
    cases = get_response_set("flows.validate_flow")
    good = service.client.validate_flow(definition=cases.metadata["success"])
    assert good.data == fixture("validate_flow")
    error = refusal(lambda: service.client.validate_flow(definition=cases.metadata["invalid"]))
    expected = fixture("validate_flow", "definition_error")
    assert error.http_status == 422
    assert_like(error.raw_json, expected)
    assert error.raw_json["error"] == expected["error"]


@pytest.mark.parametrize(
    ("fields", "loc"),
    [
        ({"definition": {"StartAt": "B", "States": PASS["States"]}}, ["definition", "StartAt"]),
        ({"input_schema": {"type": "nonsense"}}, ["input_schema", "type"]),
        ({"title": ""}, ["title"]),
        ({"run_managers": ["somebody"]}, ["run_managers", 0]),
    ],
)
def test_bad_flows_are_refused_on_create_and_update(service: Service, fields: dict[str, Any], loc: list[Any]) -> None:
    given: dict[str, Any] = {"title": "x", "definition": PASS, "input_schema": {}} | fields
    flow_id = service.deploy()
    for call in (lambda: service.client.create_flow(**given), lambda: service.client.update_flow(flow_id, **fields)):
        error = refusal(call)
        assert (error.http_status, error.code) == (422, "UNPROCESSABLE_ENTITY")
        assert [entry["loc"] for entry in error.raw_json["error"]["detail"]] == [loc]
        assert_like(error.raw_json, fixture("create_flow", "bad_admin_principal_error"))


def test_an_action_provider_that_the_sandbox_does_not_have_is_missed_when_it_is_to_run(service: Service) -> None:
    url = "https://ap.example.org"
    definition = {"StartAt": "Fit", "States": {"Fit": COMPUTE["States"]["Fit"] | {"ActionUrl": url}}}
    assert service.client.validate_flow(definition)["scopes"] == {"User": []}
    ended = service.wait(service.start(service.deploy(definition)), "FAILED")["details"]["details"]
    assert ended["exception"] == "ActionUnableToRun"
    assert f"no action provider at {url}" in ended["cause"]


def test_an_administrator_takes_a_flow_over_and_gives_it_to_nobody(service: Service) -> None:
    flow_id = service.deploy(flow_administrators=[URN + OTHER])
    with_owner = {"flow_owner": URN + OTHER}
    given = refusal(lambda: service.client.update_flow(flow_id, additional_fields=with_owner))
    assert (given.http_status, given.raw_json["error"]["detail"][0]["loc"]) == (422, ["flow_owner"])
    service.identity = OTHER
    assert service.client.update_flow(flow_id, additional_fields=with_owner)["flow_owner"] == URN + OTHER


# Starting


def test_run_flow_succeeds(service: Service) -> None:
    flow_id = service.client.create_flow(**CREATE)["id"]
    given = get_response_set("flows.run_flow").metadata["request_params"] | {"body": HOPS}
    started = service.flow(flow_id).run_flow(**given)
    assert started.http_status == 201
    assert_run(started.data, fixture("run_flow"))
    assert started["details"]["code"] == "FlowStarting"
    assert {key: started[key] for key in given if key != "body"} == {k: v for k, v in given.items() if k != "body"}
    finished = service.wait(started["run_id"])
    assert_run(finished, fixture("get_run"))
    assert set(finished["details"]["output"]) == {*HOPS, "Transfer1Result", "Transfer2Result"}
    result = finished["details"]["output"]["Transfer2Result"]
    assert_like(result, fixture("get_run")["details"]["output"]["HelloResult"], open_at=("details",))
    assert (result["details"]["DATA_TYPE"], result["details"]["event_list"][0]["code"]) == ("task", "STARTED")


def test_input_is_validated_as_the_service_does(service: Service) -> None:
    schema = {
        "type": "object",
        "properties": {"bool": {"type": "boolean"}, "n": {"type": "integer"}},
        "required": ["n"],
    }
    flow = service.flow(service.deploy(schema=schema))
    assert flow.validate_run({"bool": True, "n": 1}).data == fixture("validate_run")
    expected = fixture("validate_run", "invalid_input_payload")
    for call in (flow.validate_run, flow.run_flow):
        error = refusal(lambda call=call: call({"bool": "not-a-boolean", "n": 1}))
        assert error.http_status == 400
        assert_like(error.raw_json, expected)
        assert error.raw_json["error"] == expected["error"]
    two = refusal(lambda: flow.validate_run({"bool": 1}))
    assert two.raw_json["error"]["message"] == "Input failed schema validation with 2 errors."


def test_tags_are_normalized_and_checked(service: Service) -> None:
    flow_id = service.deploy()
    run = service.flow(flow_id).run_flow({}, label="L", tags=["  run \n 1217 ", "e21062"])
    assert run["tags"] == ["run 1217", "e21062"]
    assert refusal(lambda: service.flow(flow_id).run_flow({}, tags=[1])).http_status == 422  # type: ignore[list-item]


def test_an_update_does_not_change_flow_runs_that_have_started(service: Service) -> None:
    flow_id = service.deploy(COMPUTE)
    run_id = service.start(flow_id)
    service.client.update_flow(flow_id, definition=PASS, input_schema={"type": "object"})
    reply = service.client.get_run_definition(run_id)
    assert_like(reply.data, fixture("get_run_definition"), open_at=("definition",))
    assert (reply["flow_id"], reply["definition"], reply["input_schema"]) == (flow_id, COMPUTE, {})
    service.client.cancel_run(run_id)
