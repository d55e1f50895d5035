"""The engine: what a flow run does, when it polls, what it writes to its log."""

from __future__ import annotations

import json
from typing import Any

import pytest

from flowspec import definition as definitions
from flowspec.inputs import Places, input_document
from flowspec.plan import plan_all
from flowspec.stages import Stage
from remote.sandbox.flows.interpreter import DATA_LIMIT, size
from remote.sandbox.flows.runs import FlowRun
from tests.flows_bench import CATCH, STOP, Bench, action
from tests.flows_fakes import COLLECTIONS, ENDPOINT, FUNCTION

TRANSFER = "https://transfer.actions.globus.org/transfer"


@pytest.fixture
def bench() -> Bench:
    return Bench()


def codes(run: FlowRun) -> list[str]:
    return [entry["code"] for entry in run.log]


def test_pass_choice_expression_and_end(bench: Bench) -> None:
    run = bench.run(
        {
            "A": {"Type": "Pass", "Result": {"x": 1}, "ResultPath": "$.a", "Next": "B"},
            "B": {"Type": "ExpressionEval", "Parameters": {"y.=": "a.x + n"}, "ResultPath": "$.b", "Next": "C"},
            "C": {
                "Type": "Choice",
                "Choices": [{"Variable": "$.b.y", "NumericEquals": 3, "Next": "D"}],
                "Default": "E",
            },
            "D": {"Type": "Pass", "Parameters": {"id.$": "$._context.run_id"}, "ResultPath": "$.d.e", "End": True},
            "E": {"Type": "Fail"},
        },
        {"n": 2},
    )
    output = {"n": 2, "a": {"x": 1}, "b": {"y": 3}, "d": {"e": {"id": "run-id"}}}
    assert run.status == "SUCCEEDED"
    assert run.details["code"] == "FlowSucceeded"
    assert run.details["output"] == output
    assert codes(run) == [
        *("FlowStarted", "PassStarted", "PassCompleted", "ExpressionEvalStarted", "ExpressionEvalCompleted"),
        *("ChoiceStarted", "ChoiceCompleted", "PassStarted", "PassCompleted", "FlowSucceeded"),
    ]
    assert run.log[-1]["details"] == {"output": output}
    assert run.log[2]["details"] == {"state_name": "A", "state_type": "Pass", "output": {"x": 1}}


def test_without_result_path_the_whole_state_is_replaced(bench: Bench) -> None:
    run = bench.run(
        {"A": {"Type": "Pass", "Result": {"x": 1}, "Next": "B"}, "B": {"Type": "Pass", "End": True}}, {"n": 2}
    )
    assert run.details["output"] == {"x": 1}


def test_fail_shows_error_and_cause_from_the_state(bench: Bench) -> None:
    run = bench.run({"A": {"Type": "Fail", "Error": "Bad", "CausePath": "$.why"}}, {"why": {"missing": [7]}})
    assert run.status == "FAILED"
    assert run.details["code"] == "FlowFailed"
    assert run.details["details"] == {"state_name": "A", "exception": "Bad", "cause": '{"missing": [7]}'}


def test_a_missing_path_fails_the_run_and_no_catch_helps(bench: Bench) -> None:
    catch = [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.Error", "Next": "Stop"}]
    run = bench.run({"Fit": action(Parameters={"x.$": "$.nothing"}, Catch=catch), "Stop": STOP})
    assert run.status == "FAILED"
    assert run.details["details"]["exception"] == "States.Runtime"
    assert run.details["details"]["state_name"] == "Fit"


def test_choice_without_match_and_default_fails(bench: Bench) -> None:
    choice = {"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericEquals": 1, "Next": "B"}]}
    run = bench.run({"A": choice, "B": {"Type": "Pass", "End": True}}, {"n": 2})
    assert run.details["details"]["exception"] == "States.NoChoiceMatched"


@pytest.mark.parametrize(
    ("wait", "seconds"),
    [
        ({"Seconds": 100}, 10),
        ({"SecondsPath": "$.s"}, 5),
        ({"Timestamp": "2023-11-14T22:14:20Z"}, 60),  # a moment is not shortened
        ({"TimestampPath": "$.t"}, 0),
    ],
)
def test_wait(wait: dict[str, Any], seconds: float) -> None:
    bench = Bench(speed=10)
    run = bench.start(
        {"A": {"Type": "Wait", **wait, "Next": "B"}, "B": {"Type": "Pass", "End": True}},
        {"s": 50, "t": "2000-01-01T00:00:00Z"},
    )
    bench.go(run, seconds - 0.1)
    assert run.ended is (seconds == 0)
    bench.go(run, seconds)
    assert run.status == "SUCCEEDED"
    assert codes(run)[1:3] == ["WaitStarted", "WaitCompleted"]
    assert run.data == run.body


def test_unless_asked_for_an_exception_a_failed_action_goes_on_to_next(
    bench: Bench,
) -> None:
    assert "ExceptionOnActionFailure" not in action()
    run = bench.run({"Fit": action()})
    bench.compute.finish(ValueError("no"))
    bench.go(run, 2)
    assert run.status == "SUCCEEDED"
    assert run.data["Fit"]["status"] == "FAILED"


def test_catch_puts_the_error_and_keeps_the_rest(bench: Bench) -> None:
    run = bench.run({"Fit": action(ExceptionOnActionFailure=True, Catch=[CATCH]), "Stop": STOP}, {"n": 1})
    bench.compute.finish(ValueError("no"))
    bench.go(run, 2)
    assert run.data["n"] == 1
    assert run.data["Error"]["Error"] == "ActionFailedException"
    assert json.loads(run.data["Error"]["Cause"])["status"] == "FAILED"
    assert run.details["details"]["exception"] == "FitFailed"
    assert run.details["details"]["cause"] == run.data["Error"]["Cause"]
    assert codes(run)[-3:] == ["ActionFailed", "FailStarted", "FlowFailed"]


def test_a_catch_rule_that_does_not_name_the_error_is_passed_over(bench: Bench) -> None:
    catch = [
        {**CATCH, "ErrorEquals": ["ActionTimeout"]},
        {**CATCH, "ErrorEquals": ["ActionUnableToRun"], "Next": "Other"},
    ]
    states = {"Fit": action(Parameters={}, Catch=catch), "Stop": STOP, "Other": {"Type": "Pass", "End": True}}
    run = bench.run(states)
    assert run.status == "SUCCEEDED"
    assert run.data["Error"]["Error"] == "ActionUnableToRun"
    assert "'tasks'" in run.data["Error"]["Cause"]


@pytest.mark.parametrize(
    ("polling", "intervals"),
    [
        ("real", [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600, 600, 600]),
        ("quick", [1, *[2] * 13]),
    ],
)
def test_polls_double_up_to_ten_minutes_and_speed_divides_them(polling: str, intervals: list[float]) -> None:
    for speed in (1.0, 20.0):
        bench = Bench(speed, polling)
        run = bench.start({"Fit": action(WaitTime=100_000)})
        times = []
        while len(times) < 14:
            due = bench.engine.advance(run)
            assert due is not None
            times.append((due - bench.clock.time) * speed)
            bench.clock.time = due
        assert times == pytest.approx(intervals, rel=1e-3)
        assert codes(run).count("ActionPolled") == 13


@pytest.mark.parametrize("hints", [True, False])
def test_resume_makes_the_next_poll_come_now_unless_hints_are_ignored(hints: bool) -> None:
    bench = Bench(hints=hints)
    run = bench.start({"Fit": action()})
    bench.go(run, 100)
    bench.compute.finish(0)
    bench.go(run)
    assert run.status == "ACTIVE"
    bench.engine.resume(run)
    bench.go(run)
    assert run.status == ("SUCCEEDED" if hints else "ACTIVE")
    bench.go(run, 30)
    assert run.status == "SUCCEEDED"


def test_wait_time_cancels_the_action_and_raises_action_timeout() -> None:
    bench = Bench(speed=100)  # WaitTime is not shortened: the work behind the action is not either
    parameters = {
        "source_endpoint": COLLECTIONS[0],
        "destination_endpoint": COLLECTIONS[1],
        "DATA": [{"source_path": "/a"}],
    }
    bench.transfer.outcome = "ACTIVE"
    run = bench.start(
        {"Fit": action(ActionUrl=TRANSFER, Parameters=parameters, WaitTime=60, Catch=[CATCH]), "Stop": STOP}
    )
    bench.go(run, 59.9)
    assert run.status == "ACTIVE"
    bench.go(run, 0.2)
    assert run.data["Error"]["Error"] == "ActionTimeout"
    assert json.loads(run.data["Error"]["Cause"])["details"]["DATA_TYPE"] == "task"
    assert list(bench.transfer.tasks.values()) == ["FAILED"]
    assert run.status == "FAILED"


def test_an_inactive_action_makes_the_run_inactive_until_it_is_resumed() -> None:
    bench = Bench(hints=False)  # to go on after a consent is no hint
    parameters = {
        "source_endpoint": COLLECTIONS[0],
        "destination_endpoint": COLLECTIONS[1],
        "DATA": [{"source_path": "/a"}],
    }
    bench.transfer.outcome = "INACTIVE"
    run = bench.run({"Move": action(ActionUrl=TRANSFER, Parameters=parameters)})
    assert run.status == "INACTIVE"
    assert run.details["state_name"] == "Move"
    assert run.details["action_statuses"][0]["status"] == "INACTIVE"
    bench.transfer.tasks = dict.fromkeys(bench.transfer.tasks, "SUCCEEDED")
    bench.go(run, 1000)
    assert run.status == "INACTIVE"
    bench.engine.resume(run)
    bench.go(run)
    assert run.status == "SUCCEEDED"


def test_cancel_ends_the_run_as_failed_and_cancels_its_action(bench: Bench) -> None:
    parameters = {
        "source_endpoint": COLLECTIONS[0],
        "destination_endpoint": COLLECTIONS[1],
        "DATA": [{"source_path": "/a"}],
    }
    bench.transfer.outcome = "ACTIVE"
    run = bench.run({"Move": action(ActionUrl=TRANSFER, Parameters=parameters)})
    bench.engine.cancel(run)
    assert (run.status, run.details["code"], run.completed) == ("FAILED", "FlowCanceled", bench.clock.time)
    assert list(bench.transfer.tasks.values()) == ["FAILED"]
    entries = len(run.log)
    bench.engine.cancel(run)
    assert bench.engine.advance(run) is None
    assert len(run.log) == entries


def test_results_that_outgrow_the_state_fail_the_run_whatever_is_caught(bench: Bench) -> None:
    run = bench.run({"Fit": action(Catch=[{**CATCH, "ErrorEquals": ["States.ALL"]}]), "Stop": STOP})
    bench.compute.finish("x" * (DATA_LIMIT // 2))
    bench.go(run, 2)
    failure = run.details["details"]
    assert run.status == "FAILED"
    assert failure["exception"] == "States.DataLimitExceeded"
    assert "after state 'Fit' put its result at '$.Fit'; the limit is 200000 bytes" in failure["cause"]


def test_the_limit_counts_the_input_and_is_exact(bench: Bench) -> None:
    end = {"A": {"Type": "Pass", "End": True}}
    overhead = size({"x": ""})
    fits = bench.run(end, {"x": "é" * ((DATA_LIMIT - overhead) // 2)})
    too_large = bench.run(end, {"x": "é" * ((DATA_LIMIT - overhead) // 2) + "xy"})
    assert fits.status == "SUCCEEDED"
    assert too_large.details["details"]["exception"] == "States.DataLimitExceeded"


def test_a_loop_of_pass_states_ends_and_lets_others_in(bench: Bench) -> None:
    run = bench.start({"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Pass", "Next": "A"}})
    assert bench.engine.advance(run) == bench.clock.time
    assert len(run.log) < 200
    bench.go(run)
    assert run.status == "FAILED"
    assert "log entries" in run.details["details"]["cause"]


def test_private_values_are_in_no_log(bench: Bench) -> None:
    parameters = {"endpoint_id": ENDPOINT, "tasks": [], "secret": "HIDDEN", "__Private_Parameters": ["secret"]}
    run = bench.run({"Fit": action(Parameters=parameters)}, {"_private_key": "HIDDEN"})
    assert "HIDDEN" not in json.dumps([run.log, run.details])


def test_the_pipeline_definition_runs_stage_by_stage(bench: Bench) -> None:
    """The project's own definition with an input as the planner makes it (segments 0 and 7)."""
    flow = definitions.analysis()
    run = FlowRun(
        "run-id", "flow-id", "t", 0.0, flow.definition, {}, "urn:globus:auth:identity:me", 0.0, pipeline_input()
    )
    bench.engine.start(run)
    bench.go(run)
    for stage, replies in (("Fit", [0, 0]), ("Convert", [0, 0]), ("Analyze", [{"rc": 0}])):
        assert run.state == stage
        bench.compute.finish(*replies)
        bench.go(run, 1)
    assert run.status == "SUCCEEDED", run.details
    first, last = bench.transfer.documents.values()
    assert [item["source_path"] for item in first["DATA"]] == [
        "/runs/run1217/run-1217-00.evt",
        "/runs/run1217/run-1217-07.evt",
    ]
    assert first["sync_level"] == 3
    assert len(last["DATA"]) == 1
    assert [kwargs.get("segment") for _, _, _, kwargs in bench.compute.calls] == [0, 7, 0, 7, None]


def pipeline_input() -> dict[str, Any]:
    compute = dict.fromkeys((Stage.FIT, Stage.CONVERT, Stage.ANALYZE), (ENDPOINT, FUNCTION))
    places = Places(COLLECTIONS[0], "/runs", "/results", COLLECTIONS[1], "/site", "/site/kit", compute)
    return input_document(plan_all(1217, [0, 7]), places, "run1217", "run 1217, attempt 1", "frib-1217-1-0af3")
