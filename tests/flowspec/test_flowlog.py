"""Following a flow run through log entries in the shapes that the service gives."""

from __future__ import annotations

import json
from types import SimpleNamespace

from flowspec import flowlog
from flowspec.progress import Says
from flowspec.stages import Stage

GROUP = "tg_7d3bb2c5-3e7b-4bd8-a3b5-0ee9a0a1b6d2"


def entry(code, time="2026-11-23T03:00:00+00:00", description="", **details):
    return SimpleNamespace(code=code, time=time, description=description, details=details)


STARTED = entry("ActionStarted", state_name="Fit", state_type="Action", input={})
POLLED = entry("ActionPolled", state_name="Fit", output={"action_id": GROUP, "status": "ACTIVE"})
COMPLETED = entry("ActionCompleted", state_name="Fit", output={"action_id": GROUP, "status": "SUCCEEDED"})


def test_a_stage_from_start_to_end():
    visits = flowlog.follow({}, [entry("FlowStarted", input={}), STARTED, POLLED])
    assert visits[Stage.FIT].says is Says.RUNNING
    assert visits[Stage.FIT].action == GROUP
    visits = flowlog.follow(visits, [COMPLETED])
    assert visits[Stage.FIT].says is Says.DONE
    assert flowlog.load(flowlog.dump(visits)) == visits


def test_a_failed_transfer_tells_its_fatal_error():
    fatal = {"code": "FILE_NOT_FOUND", "description": "no such file"}
    output = {"action_id": "a", "status": "FAILED", "details": {"task_id": "a", "fatal_error": fatal}}
    visits = flowlog.follow({}, [entry("ActionCompleted", state_name="Transfer", output=output)])
    assert visits[Stage.TRANSFER].says is Says.FAILED
    assert visits[Stage.TRANSFER].cause == "FILE_NOT_FOUND: no such file"


def test_an_exception_with_a_cause_in_json():
    failed = entry(
        "ActionFailed", state_name="Fit", exception="ActionTimeout", cause='{"status": "ACTIVE", "details": {}}'
    )
    visits = flowlog.follow({}, [STARTED, failed])
    assert visits[Stage.FIT].says is Says.FAILED
    assert visits[Stage.FIT].cause.startswith("ActionTimeout:")


def test_an_action_that_failed_before_it_was_polled_is_known_by_its_cause():
    cause = json.dumps({"action_id": "tg_group", "status": "FAILED", "details": {"description": "2 of 2 tasks failed"}})
    failed = entry("ActionFailed", state_name="Fit", exception="ActionFailedException", cause=cause)
    visits = flowlog.follow({}, [STARTED, failed])
    assert visits[Stage.FIT].action == "tg_group"
    assert visits[Stage.FIT].cause == "ActionFailedException: 2 of 2 tasks failed"


def test_unknown_codes_and_states_are_passed_over():
    assert flowlog.follow({}, [entry("ChoiceStarted", state_name="StartWhere"), entry("Never"), entry("")]) == {}


def test_the_action_id_may_come_from_the_flow_run_itself():
    visits = flowlog.follow({}, [STARTED])
    assert visits[Stage.FIT].action is None
    details = {"action_statuses": [{"state_name": "Fit", "action_id": GROUP}, {"state_name": "Other"}]}
    assert flowlog.with_actions(visits, details)[Stage.FIT].action == GROUP


def test_the_cause_of_a_failed_flow_run():
    entries = [STARTED, entry("FlowFailed", exception="States.Runtime", cause="the path '$.x' could not be found")]
    assert flowlog.outcome_cause(entries) == "States.Runtime: the path '$.x' could not be found"
    assert flowlog.outcome_cause([STARTED]) == ""


def test_a_long_cause_is_shortened():
    assert len(flowlog.action_cause({"details": {"description": "x" * 5000}})) == flowlog.CAUSE_LENGTH
