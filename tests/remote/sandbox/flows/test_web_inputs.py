"""A flow run asks people, and goes on with what they choose: the routes of globus_sdk's FlowsClient."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.flows_server import GROUP, OTHER, OWNER, URN, Service, assert_like, fixture, refusal
from tests.official_shapes import HEAR
from tests.waiting import until

QUESTION = {
    "InputType": "Selection",
    "Context": {
        "PresentationStyle": "Table",
        "Title.=": "'Go on with ' + `$.name` + '?'",
        "Rows": [{"Field": "files", "Value.=": "str(len(`$.files`))"}],
    },
    "Options": [
        {"Value": "yes", "Label": "Go on", "Description": "Send them."},
        {"Value": "no", "Label": "Stop"},
    ],
    "RespondentUrns": [URN + OWNER],
    "ViewerUrns": [URN + OTHER],
}
ASKING = {
    "StartAt": "Ask",
    "States": {
        "Ask": {"Type": "CreateWebInput", "Parameters": QUESTION, "ResultPath": "$.asked", "Next": "Hear"},
        "Hear": {**HEAR, "Next": "Judge"},
        "Judge": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.heard.response", "StringEquals": "yes", "Next": "Done"}],
            "Default": "Stop",
        },
        "Done": {"Type": "Pass", "End": True},
        "Stop": {"Type": "Fail", "Error": "Stopped", "Cause": "not approved"},
    },
}
BODY = {"name": "e21062", "files": [1, 2]}


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    running = Service()
    yield running
    running.close()


def asking(service: Service, question: dict[str, Any] = QUESTION) -> str:
    definition = {**ASKING, "States": {**ASKING["States"], "Ask": ASKING["States"]["Ask"] | {"Parameters": question}}}
    return service.start(service.deploy(definition), BODY, label="asks")


def blocked(service: Service, run: str) -> str:
    """The id of the web input for which it waits."""
    return until(lambda: service.client.get_run(run)["blocking_web_input_id"])


@pytest.mark.parametrize(("label", "status"), [("Go on", "SUCCEEDED"), ("Stop", "FAILED")])
def test_the_flow_run_goes_on_with_the_option_that_is_chosen(service: Service, label: str, status: str) -> None:
    run = asking(service)
    asked = blocked(service, run)
    shown = service.client.get_web_input(asked).data
    assert_like(shown, fixture("get_web_input", "table_context"))
    assert shown["context"] == {
        "title": "Go on with e21062?",
        "presentation_style": "table",
        "rows": [{"field": "files", "value": "2"}],
    }
    option = {option["label"]: option["option_id"] for option in shown["options"]}[label]
    assert service.client.respond_to_web_input(asked, option).data == fixture("respond_to_web_input")
    ended = service.wait(run, status)
    assert ended["blocking_web_input_id"] is None
    assert_like(service.client.get_web_input(asked).data, fixture("get_web_input", "closed"), open_at=("context",))
    again = refusal(lambda: service.client.respond_to_web_input(asked, option))
    assert (again.http_status, again.code) == (409, "STATE_CONFLICT")


def test_web_inputs_are_listed_for_those_who_have_a_role(service: Service) -> None:
    run = asking(service)
    asked = blocked(service, run)
    found = service.client.list_web_inputs(filter_states="open", filter_run_ids=run).data
    assert_like(found, fixture("list_web_inputs"))
    assert [summary["id"] for summary in found["web_input_summaries"]] == [asked]
    assert found["web_input_summaries"][0]["user_roles"] == ["respondent"]
    closed = service.client.list_web_inputs(filter_states="closed", filter_run_ids=run)
    assert closed["web_input_summaries"] == []
    other = service.client.list_web_inputs(filter_roles="viewer", filter_run_ids=run, orderby="closed_timestamp ASC")
    assert other["web_input_summaries"] == []


def test_who_has_no_role_does_not_see_it_and_a_viewer_does_not_answer(service: Service) -> None:
    asked = blocked(service, asking(service))
    option = service.client.get_web_input(asked)["options"][0]["option_id"]
    invalid = refusal(lambda: service.client.respond_to_web_input(asked, "yes"))
    assert (invalid.http_status, invalid.code) == (422, "UNPROCESSABLE_ENTITY")
    try:
        service.identity = OTHER
        viewer = refusal(lambda: service.client.respond_to_web_input(asked, option))
        assert (viewer.http_status, viewer.code) == (403, "FORBIDDEN")
        service.identity = GROUP.rpartition(":")[2]
        nobody = refusal(lambda: service.client.get_web_input(asked))
        assert (nobody.http_status, nobody.code) == (404, "NOT_FOUND")
    finally:
        service.identity = OWNER


def test_a_cancelled_flow_run_closes_its_web_input(service: Service) -> None:
    run = asking(service)
    asked = blocked(service, run)
    cancelled = service.client.cancel_run(run)
    assert (cancelled["status"], cancelled["blocking_web_input_id"]) == ("FAILED", None)
    assert service.client.get_web_input(asked)["status"] == "closed"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"InputType": "Text"}, "InputType"),
        ({"Options": []}, "Options is missing"),
        ({"Options": [{"Label": "Go on"}]}, "Value and Label"),
        ({"RespondentUrns": None}, "RespondentUrns is missing"),
        ({"Context": {"PresentationStyle": "Text", "Title": "x"}}, "Rows or Text"),
        ({"Context": {"PresentationStyle": "Table", "Title": "x", "Rows": ["x"]}}, "a row"),
        ({"Context": "x"}, "Context is missing"),
    ],
)
def test_a_question_that_is_none_fails_the_flow_run(service: Service, change: dict[str, Any], why: str) -> None:
    ended = service.wait(asking(service, {**QUESTION, **change}), "FAILED")
    assert why in ended["details"]["details"]["cause"]


def test_a_web_input_that_is_not_there_fails_the_flow_run(service: Service) -> None:
    hear = {**HEAR, "Parameters": {"web_input_id": "none"}, "End": True}
    ended = service.wait(service.start(service.deploy({"StartAt": "Hear", "States": {"Hear": hear}})), "FAILED")
    assert "no web input 'none'" in ended["details"]["details"]["cause"]
