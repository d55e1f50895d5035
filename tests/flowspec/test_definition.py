"""The two definitions are clean, their schemas hold, and input documents of plans are valid."""

from __future__ import annotations

import copy

import pytest
from jsonschema import Draft7Validator

from flowspec import definition, inputs
from flowspec.lint import lint
from flowspec.plan import plan_all
from flowspec.stages import Stage

ID = "9656eff2-8105-445c-8501-154dfe1d88e5"
PLACES = inputs.Places(
    dtn_collection=ID, runs="/runs", results="/results", site_collection=ID, top="/top", kit="/top/kit",
    compute=dict.fromkeys((Stage.FIT, Stage.CONVERT, Stage.ANALYZE), (ID, ID)),
)  # fmt: skip


@pytest.fixture
def document():
    return inputs.input_document(plan_all(12, [0, 1]), PLACES, "run0012", "run 12", "frib-12-1-0af3")


@pytest.mark.parametrize("flow", [definition.analysis(), definition.transfer()], ids=lambda flow: flow.title)
def test_the_definitions_are_clean(flow):
    assert lint(flow.definition) == []
    Draft7Validator.check_schema(flow.schema)


def test_the_document_of_a_plan_is_valid(document):
    assert inputs.problems(document, definition.analysis().schema) == []
    assert document["source"]["path"] == "/runs/run0012/"
    assert document["files"] == {"prefix": "run-0012-", "segments": ["00", "01"], "suffix": ".evt"}
    assert document["result"]["path"] == "/results/run-0012-sorted.root"
    assert document["site"]["marker"] == PLACES.cancelled(12, "frib-12-1-0af3")
    assert PLACES.cancelled(12, "frib-12-1-0af3") == "/top/logs/run12/cancelled/frib-12-1-0af3"


def test_every_job_is_told_where_its_attempt_would_be_cancelled():
    states = definition.analysis().definition["States"]
    tasks = [state["Parameters"]["tasks.="] for state in states.values() if "tasks.=" in state.get("Parameters", {})]
    assert len(tasks) == 3
    assert all("'marker': site.marker" in task for task in tasks)


def test_only_the_fit_is_told_which_of_its_segments_are_accepted():
    states = definition.analysis().definition["States"]
    told = [
        name for name, state in states.items() if "'accepted': getattr('accepted', [])" in str(state.get("Parameters"))
    ]
    assert told == ["Fit"]
    plan = plan_all(12, [0, 1, 4])
    document = inputs.input_document(plan, PLACES, "run0012", "run 12", "frib-12-1-0af3", accepted={4, 0, 7})
    assert document["accepted"] == [0, 4]
    assert inputs.problems(document, definition.analysis().schema) == []


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        (("fit", 0), "zero", "input.fit[0]: 'zero' is not of type 'integer'"),
        (("source", "collection"), "here", "input.source.collection: 'here' does not match"),
        (("start",), "sleep", "input.start: 'sleep' is not one of"),
        (("site", "kit"), "relative", "input.site.kit: 'relative' does not match"),
    ],
)
def test_a_fault_is_named_with_its_path(document, path, value, sentence):
    broken = copy.deepcopy(document)
    where = broken
    for step in path[:-1]:
        where = where[step]
    where[path[-1]] = value
    (fault,) = inputs.problems(broken, definition.analysis().schema)
    assert fault.startswith(sentence)


def test_a_missing_key_is_named(document):
    del document["result"]
    assert inputs.problems(document, definition.analysis().schema) == ["input: 'result' is a required property"]


def test_every_stage_has_its_state():
    states = definition.analysis().definition["States"]
    actions = {name for name, state in states.items() if state["Type"] == "Action"}
    assert actions == set(definition.STAGE_OF_STATE)
    assert set(definition.STAGE_OF_STATE.values()) == set(Stage)
