from __future__ import annotations

import contextlib
import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowspec import definition
from flowspec.grammar import STATE_TYPES, TOO_DEEP, refusals
from flowspec.lint import DefinitionFileError, lint, lint_schema, parse_json
from flowspec.references import ReferenceSyntaxError, parse_expression, parse_path
from tests.official_shapes import HEAR

GOOD: dict[str, Any] = {
    "Comment": "every state type",
    "StartAt": "Decide",
    "States": {
        "Decide": {
            "Type": "Choice",
            "Choices": [
                {
                    "And": [{"Variable": "$.n", "NumericLessThan": 3}, {"Not": {"Variable": "$.x", "IsNull": True}}],
                    "Next": "Move",
                },
                {"Variable": "$.name", "StringEqualsPath": "$.other['a b'][0]", "Next": "Pause"},
            ],
            "Default": "Stop",
        },
        "Move": {
            "Type": "Action",
            "ActionUrl": "https://transfer.actions.globus.org/transfer",
            "Parameters": {
                "a.$": "$.a.b[0]",
                "DATA.=": "[{'p': x.zfill(2)} for x in names if x]",
                "c": [{"d.$": "$._context.run_id"}],
            },
            "ResultPath": "$.Move",
            "WaitTime": 60,
            "ExceptionOnActionFailure": True,
            "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.Error", "Next": "Stop"}],
            "Next": "Pause",
        },
        "Pause": {"Type": "Wait", "Seconds": 5, "Next": "Say"},
        "Say": {
            "Type": "Action",
            "Handler": {"Type": "ActionProvider", "Url": "https://actions.globus.org/hello_world"},
            "InputPath": "$.words",
            "ResultPath": "$.Say",
            "WaitTime": 60,
            "ExceptionOnActionFailure": False,
            "Next": "Ask",
        },
        "Ask": {
            "Type": "CreateWebInput",
            "Parameters": {"Context": {"Title.=": "str(len(`$.files`)) + ' files of `x`: ' + `$.source['a b']`"}},
            "ResultPath": "$.asked",
            "Next": "Hear",
        },
        "Hear": {
            **HEAR,
            "Catch": [{"ErrorEquals": ["Flows.WebInputExpired"], "ResultPath": "$.Error", "Next": "Stop"}],
            "Next": "Compute",
        },
        "Compute": {"Type": "ExpressionEval", "Parameters": {"y.=": "1 + n"}, "ResultPath": "$.r", "Next": "Done"},
        "Done": {"Type": "Pass", "End": True},
        "Stop": {"Type": "Fail", "Error": "E", "CausePath": "$.Error.Cause"},
    },
}


LESS = "States/Decide/Choices/0/And/0"
OFF = ("https://actions.globus.org/transfer/transfer", "https://actions.automate.globus.org/transfer/ls")


def changed(path: str, value: Any = None, *, drop: bool = False) -> dict[str, Any]:
    """GOOD with one thing changed. Steps of the path are separated by slashes."""
    document: Any = copy.deepcopy(GOOD)
    *way, last = [int(step) if step.isdecimal() else step for step in path.split("/")]
    inner = document
    for step in way:
        inner = inner[step]
    if drop:
        del inner[last]
    else:
        inner[last] = value
    return document


NEVER = changed("States/Move/Catch/0/ErrorEquals", ["ActionUnableToRun", "ActionFailedException"])
del NEVER["States"]["Move"]["ExceptionOnActionFailure"]


def found(document: Any, severity: str) -> list[str]:
    return [f"{f.path}: {f.message}" for f in lint(document) if f.severity == severity]


def test_a_good_definition_has_no_findings() -> None:
    assert lint(GOOD) == []


@pytest.mark.parametrize("flow", [definition.analysis(), definition.transfer()], ids=lambda flow: flow.title)
def test_our_own_definitions_have_no_findings(flow: definition.Definition) -> None:
    assert lint(flow.definition) == []


@pytest.mark.parametrize(
    ("document", "where", "what"),
    [
        (changed("StartAt", "Nowhere"), "StartAt", "no such state"),
        (changed("StartAt", drop=True), "StartAt", "missing"),
        (changed("States", {}), "States", "empty"),
        (changed("Version", "1.0"), "Version", "unknown field"),
        (changed("States/Done/Type", "Succeed"), "States.Done.Type", "unknown type 'Succeed'"),
        (changed("States/Move/Next", "Nowhere"), "States.Move.Next", "no state 'Nowhere'"),
        (changed("States/Move/Catch/0/Next", "Gone"), "States.Move.Catch[0].Next", "no state 'Gone'"),
        (changed("States/Decide/Choices/1/Next", "Gone"), "States.Decide.Choices[1].Next", "no state 'Gone'"),
        (changed("States/Decide/Default", "Gone"), "States.Decide.Default", "no state 'Gone'"),
        (changed("States/Done/End", drop=True), "States.Done", "terminal"),
        (changed("States/Done/End", False), "States.Done", "terminal"),
        (changed("States/Move/End", True), "States.Move", "terminal"),
        (changed("States/Move/Parameters", drop=True), "States.Move", "exactly one of Parameters"),
        (changed("States/Move/InputPath", "$.x"), "States.Move", "exactly one of Parameters"),
        (changed("States/Move/Parameters/a.$", "a.b"), "States.Move.Parameters.a.$", "not a JSONPath"),
        (changed("States/Move/Parameters/c/0/d.$", "$.a[*]"), "States.Move.Parameters.c[0].d.$", "not a JSONPath"),
        (changed("States/Move/Parameters/DATA.=", "[x for"), "States.Move.Parameters.DATA.=", "does not parse"),
        (changed("States/Ask/Parameters/a.=", "1 + `a.b`"), "States.Ask.Parameters.a.=", "'a.b' is not a JSONPath"),
        (changed("States/Ask/Parameters/a.=", "1 + `$.a"), "States.Ask.Parameters.a.=", "does not parse"),
        (changed("States/Ask/Parameters", drop=True), "States.Ask.Parameters", "needs Parameters"),
        (changed("States/Ask/Catch", []), "States.Ask.Catch", "no field Catch"),
        (changed("States/Hear/Parameters", {"id": "x"}), "States.Hear.Parameters", "web_input_id"),
        (changed("States/Say/ActionUrl", "https://a.org"), "States.Say", "exclude each other"),
        (changed("States/Say/Handler/Type", "Other"), "States.Say.Handler", "ActionProvider"),
        (changed("States/Say/Handler/Url", "http://a.org"), "States.Say.Handler.Url", "https://"),
        (changed("States/Say/Handler/Url", OFF[0]), "States.Say.Handler", "switched off"),
        (changed("States/Say/Handler", drop=True), "States.Say.ActionUrl", "https://"),
        (NEVER, "States.Move.Catch[0].ErrorEquals", "can never fire"),
        (changed("States/Move/Parameters/DATA.=", "'{}'.format(x)"), "States.Move.Parameters.DATA.=", "refuses"),
        (changed("States/Move/ResultPath", "$._context.x"), "States.Move.ResultPath", "read-only"),
        (changed("States/Move/WaitTime", "60"), "States.Move.WaitTime", "whole number"),
        (changed("States/Move/Retry", []), "States.Move.Retry", "no field Retry"),
        (changed("States/Move/Catch", []), "States.Move.Catch", "at least one"),
        (changed("States/Move/Catch/0/ErrorEquals", []), "States.Move.Catch[0]", "ErrorEquals"),
        (changed("States/Move/ActionUrl", OFF[0]), "States.Move.ActionUrl", "switched off"),
        (changed("States/Move/ActionUrl", OFF[1]), "States.Move.ActionUrl", "switched off"),
        (changed("States/Pause/SecondsPath", "$.s"), "States.Pause", "exactly one"),
        (changed("States/Pause/Seconds", 31_536_001), "States.Pause.Seconds", "from 0 to"),
        (changed("States/Pause/Next", drop=True), "States.Pause.Next", "needs Next"),
        (changed("States/Decide/Choices/0/Next", drop=True), "States.Decide.Choices[0]", "needs Next"),
        (changed("States/Decide/Choices/1/StringLike", "x"), "States.Decide.Choices[1]", "unknown StringLike"),
        (changed("States/Decide/Choices/1/IsNull", True), "States.Decide.Choices[1]", "it has 2"),
        (changed(f"{LESS}/NumericLessThan", "3"), "States.Decide.Choices[0].And[0].NumericLessThan", "int"),
        (changed(f"{LESS}/NumericLessThan", True), "States.Decide.Choices[0].And[0].NumericLessThan", "int"),
        (changed("States/Compute/ResultPath", drop=True), "States.Compute.ResultPath", "needs ResultPath"),
        (changed("States/Stop/Cause", "both"), "States.Stop", "exclude each other"),
        (changed("States/Done", {"Type": "Pass", "Next": "Done"}), "States.Done", "no way"),
    ],
)  # fmt: skip
def test_errors_name_the_place(document: dict[str, Any], where: str, what: str) -> None:
    errors = found(document, "error")
    assert any(text.startswith(f"{where}: ") and what in text for text in errors), errors


@pytest.mark.parametrize(
    ("document", "where", "what"),
    [
        (changed("States/Move/WaitTime", drop=True), "States.Move.WaitTime", "300 s"),
        (changed("States/Move/ResultPath", drop=True), "States.Move.ResultPath", "whole state"),
        (changed("States/Move/ExceptionOnActionFailure", drop=True), "States.Move.Exception", "goes on to Next"),
        (changed("States/Move/Parameters/DATA.=", "max(x)"), "States.Move.Parameters.DATA.=", "a function max()"),
        (changed("States/Hear/Catch/0/ErrorEquals", ["ActionTimeout"]), "States.Hear.Catch[0].Err", "WebInputExpired"),
        (changed("States/Move/Catch/0/ResultPath", drop=True), "States.Move.Catch[0].ResultPath", "whole state"),
        (changed("States/Move/Catch/0/ErrorEquals", ["Timeout"]), "States.Move.Catch[0].ErrorEquals", "'Timeout'"),
        (changed("States/Extra", {"Type": "Pass", "End": True}), "States.Extra", "no state leads here"),
    ],
)
def test_warnings_do_not_make_the_service_refuse(document: dict[str, Any], where: str, what: str) -> None:
    warnings = found(document, "warning")
    assert any(text.startswith(where) and what in text for text in warnings), warnings
    assert refusals(document) == []


def test_errors_come_first() -> None:
    document = changed("States/Extra", {"Type": "Pass", "End": True})
    document["States"]["Move"]["Next"] = "Nowhere"
    severities = [f.severity for f in lint(document)]
    assert severities[0] == "error"
    assert severities == sorted(severities)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.sampled_from(["States/Move", "States/Decide", "States/Pause", "States/Stop", "StartAt", "States"]), json_values
)
def test_lint_survives_any_json(path: str, value: Any) -> None:
    assert lint(changed(path, value))


@given(
    st.sampled_from(["Next", "Catch", "Choices", "Parameters", "Type", "ResultPath", "ErrorEquals", "Default", "End"]),
    json_values,
)
def test_lint_survives_any_field(field: str, value: Any) -> None:
    for state in GOOD["States"]:
        lint(changed(f"States/{state}/{field}", value))


FIELDS = (
    *("StartAt", "States", "Type", "Next", "End", "Choices", "Default", "Catch", "ErrorEquals", "ResultPath"),
    *("Parameters", "a.$", "b.=", "ActionUrl", "WaitTime", "ExceptionOnActionFailure", "Seconds", "SecondsPath"),
    *("Variable", "And", "Not", "NumericEquals", "StringEqualsPath", "IsNull", "Comment", "Error", "Handler", "Url"),
    *("InputPath", "Cause"),
)
WORDS = ("Move", "Pass", "Action", "Choice", "$.a", "$['x", "x for", "1+", "States.ALL", "", "\ud800", "\0", "$.a[0]")
foreign_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.sampled_from(WORDS)
    | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(
    st.fixed_dictionaries({"StartAt": foreign_values, "States": foreign_values})
    | st.fixed_dictionaries(
        {
            "StartAt": st.just("Move"),
            "States": st.dictionaries(
                st.sampled_from(["Move", "Pass"]),
                st.builds(
                    lambda kind, fields: {**fields, "Type": kind},
                    st.sampled_from(STATE_TYPES),
                    st.dictionaries(st.sampled_from(FIELDS), foreign_values, max_size=6),
                ),
            ),
        }
    )
)
def test_lint_survives_definitions_with_any_type_in_every_place(document: Any) -> None:
    assert all(str(finding) for finding in lint(document))


def nested(key: str) -> dict[str, Any]:
    deep: dict[str, Any] = {}
    for _ in range(5000):
        deep = {key: deep}
    return deep


@pytest.mark.parametrize("path", ["States/Move/Parameters/c", "States/Decide/Choices/0/And/0"])
def test_what_is_nested_too_deeply_is_an_error_and_not_a_crash(path: str) -> None:
    document = changed(path, nested("Not"))
    assert found(document, "error") == [f": {TOO_DEEP}"]
    assert [f.message for f in lint_schema(nested("not"))] == [TOO_DEEP]


def test_an_index_of_many_digits_is_no_path() -> None:
    with pytest.raises(ReferenceSyntaxError):
        parse_path(f"$.a[{'9' * 5000}]")


@pytest.mark.parametrize(
    ("schema", "where", "what"),
    [
        ({"type": "objekt"}, "type", "objekt"),
        ({"properties": {"a": {"minLength": "3"}}}, "properties.a.minLength", "'3'"),
        ({"$schema": {}}, "$schema", "address"),
        ({"$schema": 1.5}, "$schema", "address"),
        ([], "", "object"),
    ],
)
def test_an_input_schema_that_is_none_is_told_with_its_place(schema: Any, where: str, what: str) -> None:
    (finding,) = lint_schema(schema)
    assert (finding.severity, finding.path) == ("error", where)
    assert what in finding.message


@given(st.dictionaries(st.sampled_from(["$schema", "type", "items", "properties", "$ref", "$id"]), foreign_values))
def test_lint_survives_any_schema(schema: Any) -> None:
    assert all(str(finding) for finding in lint_schema(schema))


@given(st.lists(st.integers(0, 99) | st.from_regex(r"[A-Za-z_][A-Za-z_0-9-]{0,8}", fullmatch=True)))
def test_paths_are_read_as_they_are_written(steps: list[str | int]) -> None:
    dotted = "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    bracketed = "$" + "".join(f"[{step}]" if isinstance(step, int) else f"['{step}']" for step in steps)
    assert parse_path(dotted) == parse_path(bracketed) == tuple(steps)


@given(st.text(max_size=40))
def test_any_text_is_an_expression_or_a_clear_error(text: str) -> None:
    with contextlib.suppress(ReferenceSyntaxError):  # any other exception fails the test
        parse_expression(text)


def test_a_definition_is_read_from_the_bytes_of_a_file() -> None:
    assert parse_json(json.dumps(GOOD).encode(), Path("definition.json")) == GOOD


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b'{"StartAt": "A",\n  "States": {,}}', "line 2, column 14"),
        (b'{"a": 1}\n\xff', "line 2: not UTF-8"),
        (b"[1]", "expected a JSON object, found list"),
        (b'{"States": {"A": 1, "A": 2}}', "'A' occurs twice"),
        (b'{"a": NaN}', "NaN is not JSON"),
        (b"", "line 1, column 1"),
        (b"[" * 100_000, "recursion"),
    ],
)
def test_a_file_that_does_not_parse_is_named_with_the_place(content: bytes, what: str) -> None:
    with pytest.raises(DefinitionFileError) as caught:
        parse_json(content, Path("broken.json"))
    assert str(caught.value).startswith("broken.json: ")
    assert what in str(caught.value)


@given(st.binary(max_size=60))
def test_any_bytes_are_an_object_or_a_clear_error(content: bytes) -> None:
    with contextlib.suppress(DefinitionFileError):
        assert isinstance(parse_json(content, Path("mine.json")), dict)
